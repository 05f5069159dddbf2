/* Bodies of POST /runs/batch, and parts by name: whatever comes, what is gathered is well-formed.
 */
#include "trace/span_batch.h"

#include "format/dotted_order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_draft(const struct span_draft *draft)
{
    const struct span_change *change = &draft->change;
    struct dotted_order order;

    if (change->given & SPAN_HAS_ORDER) {
        REQUIRE(dotted_order_parse(change->dotted_order, &order) == OK);
        REQUIRE(uuid_eq(order.span_id, change->span_id));
        REQUIRE(uuid_eq(order.trace_id, change->trace_id));
    }
    if (change->given & SPAN_HAS_TYPE)
        REQUIRE(change->type != SPAN_TYPE_NONE);
    if (change->given & SPAN_HAS_THREAD)
        REQUIRE(str_find_char(change->thread_id, '\0') == change->thread_id.len);
    for (size_t i = 0; i < SPAN_FIELD_COUNT; i++)
        REQUIRE(!(change->given & SPAN_HAS_FIELD(i)) || change->values[i].bytes.len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_range((const char *)data, size), why;
    struct str name = str_first(text, str_find_char(text, '\n'));
    struct span_part part;
    struct span_batch batch;

    span_batch_init(&batch);
    if (span_part_parse(name, &part)) {
        (void)!span_batch_add_batch(&batch, text, &why);
    } else {
        struct str value = str_from(text, name.len + 1);
        char *copy = arena_cstr(&batch.arena, value);

        span_batch_add_part(&batch, name, &part, STR("text/plain"),
                            (struct span_value){.bytes = str_range(copy, value.len)});
    }
    for (const struct span_batch_entry *entry = batch.first; entry; entry = entry->next)
        for (size_t i = 0; i < SPAN_LAYER_COUNT; i++)
            check_draft(&entry->drafts[i]);
    span_batch_release(&batch);
    return 0;
}
