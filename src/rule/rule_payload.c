/* rule_payload.c -- see rule_payload.h. */
#include "rule/rule_payload.h"

#include "auth/link.h"
#include "blob/blob.h"
#include "store/span_values.h"
#include "trace/feedback_stats.h"
#include "trace/span_json.h"

#define RUN_BYTES_MAX (64 * MIB)
#define STATS_BYTES_MAX (1 * MIB)
#define ALL_FIELDS ((1u << SPAN_FIELD_COUNT) - 1)

static struct str stats_text(struct feedback_rows *const *feedback, size_t count,
                             struct arena *arena)
{
    struct feedback_stats stats;
    struct json_writer json;
    struct str text;
    struct buf out;

    feedback_stats_init(&stats, arena);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < feedback[i]->count; k++)
            feedback_stats_add(&stats, &feedback[i]->list[k]);
    buf_init(&out, STATS_BYTES_MAX);
    json_writer_init(&json, &out);
    feedback_stats_write(&stats, FEEDBACK_STATS_V1, &json);
    text = buf_keep(&out, arena);
    return str_is_none(text) ? STR("{}") : text;
}

/* Keys that receivers of the documented sample read and the API does not show come first. */
struct linking {
    struct keyring *keyring;
    const struct rule_links *links;
    int64_t now_us;
};

static void write_link(const struct span_view *view, const struct span *span,
                       const struct span_link *link, struct buf *out)
{
    const struct linking *linking = view->context;

    if (blob_link(linking->links->blobs, link->blob_key, link->mime_type, linking->now_us, out))
        return;
    buf_add(out, linking->links->base_url);
    buf_add(out, STR("/blobs/"));
    link_write(linking->keyring,
               &(struct link){.tenant = span->row.tenant,
                              .span_id = span->row.span_id,
                              .name = link->name,
                              .expires_us = link_end_us(linking->now_us)},
               out);
}

static struct str run_text(const struct span *span, const struct linking *linking,
                           struct arena *arena)
{
    /* The documented body says nothing of the trace's other spans. */
    const uint64_t not_told = span_select(STR("trace_min_max_start_time"));
    struct uuid_text tenant_text;
    const struct span_view view = {.tenant_id = trace_tenant_id(span->row.tenant, &tenant_text),
                                   .select = SPAN_SELECT_ALL & ~not_told,
                                   .write_link = linking->keyring ? write_link : NULL,
                                   .context = (void *)(uintptr_t)linking};
    struct json_writer json;
    struct buf out;

    buf_init(&out, RUN_BYTES_MAX);
    json_writer_init(&json, &out);
    span_json_write(&json, span, &view);
    return buf_keep(&out, arena);
}

/* What stands in its row is linked like what lies in the blob store. */
static void make_light(struct span *span)
{
    static const enum span_field fields[] = {SPAN_INPUTS, SPAN_OUTPUTS};

    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct span_value *value = &span->values[fields[i]];

        if (value->bytes.len > RULE_INLINE_BYTES_MAX)
            *value = (struct span_value){.blob_key = STR("row"), .size = value->size};
    }
}

enum err rule_payload_run(struct tx *tx, const struct span_row *row, const struct rule_place *place,
                          struct arena *arena, struct str *run, struct feedback_rows **feedback)
{
    const struct linking linking = {tx->keyring, place->links, tx->now_us};
    struct span span = {.row = *row, .project_id = place->project_id, .loaded = ALL_FIELDS};
    enum err err = span_values_get(tx, row, ALL_FIELDS, arena, span.values);

    *feedback = ARENA_NEW(arena, struct feedback_rows);
    if (!err)
        err = feedback_of_span(tx, row->tenant, row->span_id, arena, *feedback);
    if (err)
        return err;
    if (linking.keyring)
        make_light(&span);
    /* Without any it is null here, as the documented body says it. */
    span.feedback_stats = (*feedback)->count ? stats_text(feedback, 1, arena) : STR("null");
    *run = run_text(&span, &linking, arena);
    return str_is_none(*run) ? ERR_LIMIT : OK;
}

void rule_payload_write(struct buf *out, const struct rule_letter *letter, struct arena *arena)
{
    struct json_writer json;

    json_writer_init(&json, out);
    json_begin_object(&json);
    json_put_str(&json, "rule_id", letter->window->rule_id);
    json_put_time(&json, "start_time", letter->window->start_us);
    json_put_time(&json, "end_time", letter->window->end_us);
    json_key(&json, "runs");
    json_begin_array(&json);
    for (size_t i = 0; i < letter->count; i++)
        json_raw_out(&json, letter->runs[i]);
    json_end_array(&json);
    json_put_raw(&json, "feedback_stats", stats_text(letter->feedback, letter->count, arena));
    json_end_object(&json);
}
