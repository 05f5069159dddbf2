/* Bodies of OTLP, as protobuf and as JSON: whatever comes, every span is told as a run that reads
 * back, or as a problem. */
#include "trace/otlp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_span(void *context, const struct otlp_span *span)
{
    otlp_run_add(context, span, STR("fuzz"));
}

static void check(enum err (*read)(struct otlp_reader *r, struct str body), struct str body)
{
    struct span_batch batch;
    struct arena arena;
    struct otlp_reader reader = {.arena = &arena, .on_span = on_span, .context = &batch};
    enum err err;

    arena_init(&arena);
    span_batch_init(&batch);
    err = read(&reader, body);
    REQUIRE(!err || !str_is_none(reader.why));
    REQUIRE(batch.entry_count + batch.problem_count <= reader.span_count * 2);
    for (const struct span_batch_entry *entry = batch.first; entry; entry = entry->next) {
        const struct span_draft *draft = &entry->drafts[SPAN_POST];
        const struct json *root;

        REQUIRE(draft->is_said || entry->is_bad[SPAN_POST]);
        for (size_t i = 0; i < SPAN_FIELD_COUNT; i++)
            if (draft->change.given & SPAN_HAS_FIELD(i))
                REQUIRE(json_parse(&arena, draft->change.values[i].bytes, &root, NULL) == OK);
    }
    span_batch_release(&batch);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = str_range((const char *)data, size);

    check(otlp_read_protobuf, body);
    check(otlp_read_json, body);
    return 0;
}
