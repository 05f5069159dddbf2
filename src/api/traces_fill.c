/* traces_fill.c -- what of a span has to be loaded to show it. */
#include "api/traces_priv.h"
#include "store/datasets.h"
#include "store/shares.h"
#include "store/span_values.h"
#include "trace/feedback_stats.h"

#define STATS_BYTES_MAX MIB

static enum err values_fill(struct tx *tx, unsigned fields, struct arena *arena, struct span *span)
{
    struct span_value values[SPAN_FIELD_COUNT];
    unsigned missing = fields & ~span->loaded;
    enum err err;

    if (!missing)
        return OK;
    err = span_values_get(tx, &span->row, missing, arena, values);
    for (size_t i = 0; !err && i < SPAN_FIELD_COUNT; i++)
        if (missing & 1u << i)
            span->values[i] = values[i];
    span->loaded |= err ? 0 : missing;
    return err;
}

static enum err attachments_fill(struct tx *tx, struct arena *arena, struct span *span)
{
    struct span_attachment *attachments = NULL;
    enum err err =
        span_attachments_get(tx, &span->row, false, arena, &attachments, &span->attachment_count);

    span->attachments = attachments;
    return err;
}

struct str traces_feedback_stats(const struct feedback_rows *rows, enum feedback_stats_form form,
                                 struct arena *arena)
{
    struct feedback_stats stats;
    struct json_writer json;
    struct buf out;

    if (rows->count == 0)
        return STR_NONE;
    feedback_stats_init(&stats, arena);
    for (size_t i = 0; i < rows->count; i++)
        feedback_stats_add(&stats, &rows->list[i]);
    buf_init(&out, STATS_BYTES_MAX);
    json_writer_init(&json, &out);
    feedback_stats_write(&stats, form, &json);
    return buf_keep(&out, arena);
}

enum err traces_dataset_fill(struct tx *tx, struct span *span)
{
    struct uuid_text id;

    return examples_have_run(tx, span->row.tenant, uuid_write(span->row.span_id, &id),
                             &span->in_dataset);
}

enum err traces_share_fill(struct tx *tx, struct arena *arena, struct span *span)
{
    struct share share;
    enum err err = shares_of(tx, span->row.tenant, span->row.span_id, arena, &share);

    if (!err)
        span->share_token = share.token;
    return err == ERR_NOT_FOUND ? OK : err;
}

enum err traces_fill(struct tx *tx, uint64_t select, struct arena *arena, struct span *span)
{
    struct feedback_rows rows;
    enum err err = values_fill(tx, span_select_fields(select), arena, span);

    if (!err && span_select_attachments(select))
        err = attachments_fill(tx, arena, span);
    if (!err && select & span_select(STR("in_dataset")))
        err = traces_dataset_fill(tx, span);
    if (err || !(select & span_select(STR("feedback_stats"))))
        return err;
    err = feedback_of_span(tx, span->row.tenant, span->row.span_id, arena, &rows);
    if (!err)
        span->feedback_stats = traces_feedback_stats(&rows, FEEDBACK_STATS_V1, arena);
    return err;
}
