/* rule_action.c -- see rule_action.h. */
#include "rule/rule_action.h"

#include "store/datasets.h"
#include "store/feedback.h"
#include "store/kept_traces.h"
#include "store/queues.h"
#include "store/span_values.h"

#define OUTCOMES_BYTES_MAX (64 * KIB)

struct doing {
    struct tx *tx;
    const struct rule_entry *entry;
    const struct span_row *span;
    struct json_writer json;
};

/* `key` and `value` of the payload; why: STR_NONE if it was done. */
static void outcome_out(struct doing *d, const char *action, struct str why, const char *key,
                        struct str value)
{
    bool is_done = str_is_none(why);

    json_key(&d->json, action);
    json_begin_object(&d->json);
    json_put_str(&d->json, "outcome", is_done ? STR("success") : STR("error"));
    json_key(&d->json, "payload");
    json_begin_object(&d->json);
    json_put_str(&d->json, is_done ? key : "error", is_done ? value : why);
    json_end_object(&d->json);
    json_end_object(&d->json);
}

static enum err add_to_queue(struct doing *d)
{
    struct str queue_id = d->entry->spec.queue_id, why = STR_NONE;
    struct queue_row queue;
    bool is_new;
    enum err err = queues_get(d->tx, d->entry->row.tenant, queue_id, d->tx->arena, &queue);

    if (err == ERR_NOT_FOUND)
        why = STR("the annotation queue is gone");
    else if (err ||
             (err = queue_items_add(d->tx, queue.tenant, queue_id, d->span->span_id, &is_new)))
        return err;
    outcome_out(d, "add_to_annotation_queue", why, "queue_id", queue_id);
    return OK;
}

/* ---- into a dataset ---- */

/* Inputs and outputs of examples are objects. */
static struct str as_object(struct arena *arena, const char *key, struct str value)
{
    struct str trimmed = str_trim(value);

    if (str_is_none(value) || str_starts(trimmed, STR("{")))
        return trimmed;
    return arena_concat(arena,
                        (struct str[]){STR("{\""), str_of(key), STR("\":"), trimmed, STR("}")}, 5);
}

/* The last one that somebody said; STR_NONE: none. */
static enum err correction_find(struct doing *d, struct str *correction)
{
    struct feedback_rows rows;
    enum err err =
        feedback_of_span(d->tx, d->entry->row.tenant, d->span->span_id, d->tx->arena, &rows);

    *correction = STR_NONE;
    for (size_t i = 0; !err && i < rows.count; i++)
        if (!str_is_none(rows.list[i].correction))
            *correction = rows.list[i].correction;
    return err;
}

/* *why: it cannot be one. */
static enum err example_make(struct doing *d, struct example_row *example, struct str *why)
{
    const unsigned fields = 1u << SPAN_INPUTS | 1u << SPAN_OUTPUTS;
    struct span_value values[SPAN_FIELD_COUNT];
    struct str correction = STR_NONE;
    enum err err = span_values_get(d->tx, d->span, fields, d->tx->arena, values);

    if (!err && d->entry->spec.prefers_correction)
        err = correction_find(d, &correction);
    if (err)
        return err;
    if (!str_is_none(values[SPAN_INPUTS].blob_key) ||
        (str_is_none(correction) && !str_is_none(values[SPAN_OUTPUTS].blob_key))) {
        *why = STR("its inputs or outputs are larger than 128 KiB");
        return OK;
    }
    example->inputs = as_object(d->tx->arena, "input", values[SPAN_INPUTS].bytes);
    if (str_is_none(example->inputs))
        example->inputs = STR("{}");
    example->outputs = as_object(d->tx->arena, "output",
                                 str_is_none(correction) ? values[SPAN_OUTPUTS].bytes : correction);
    return OK;
}

static enum err add_to_dataset(struct doing *d)
{
    struct uuid_text id_text, run_text;
    struct str why = STR_NONE;
    struct example_row example = {
        .tenant = d->entry->row.tenant,
        .example_id = uuid_write(uuid_v4(d->tx->rng), &id_text),
        .dataset_id = d->entry->spec.dataset_id,
        .name = d->span->name,
        .metadata = STR("{\"dataset_split\":[\"base\"]}"),
        .source_run_id = uuid_write(d->span->span_id, &run_text),
    };
    struct dataset_row dataset;
    enum err err = datasets_get(d->tx, example.tenant, example.dataset_id, d->tx->arena, &dataset);

    if (err == ERR_NOT_FOUND)
        why = STR("the dataset is gone");
    else if (!err)
        err = example_make(d, &example, &why);
    if (!err && str_is_none(why))
        err = examples_insert(d->tx, &example);
    if (err == ERR_LIMIT)
        why = STR("the dataset is full");
    if (err && err != ERR_NOT_FOUND && err != ERR_LIMIT)
        return err;
    outcome_out(d, "add_to_dataset", why, "example_id", example.example_id);
    return OK;
}

static enum err keep_trace(struct doing *d)
{
    struct uuid_text text;
    enum err err = kept_traces_add(d->tx, d->entry->row.tenant, d->span->trace_id);

    if (!err)
        outcome_out(d, "extend_only", STR_NONE, "trace_id", uuid_write(d->span->trace_id, &text));
    return err;
}

enum err rule_actions_do(struct tx *tx, const struct rule_entry *entry,
                         const struct rule_match *match, struct str *outcomes)
{
    const struct rule_spec *spec = &entry->spec;
    struct doing d = {.tx = tx, .entry = entry, .span = &match->span};
    enum err err = OK;
    struct buf out;

    *outcomes = STR_NONE;
    if (str_is_none(spec->queue_id) && str_is_none(spec->dataset_id) && !spec->keeps_traces)
        return OK;
    buf_init(&out, OUTCOMES_BYTES_MAX);
    json_writer_init(&d.json, &out);
    json_begin_object(&d.json);
    if (!str_is_none(spec->queue_id))
        err = add_to_queue(&d);
    if (!err && !str_is_none(spec->dataset_id))
        err = add_to_dataset(&d);
    if (!err && spec->keeps_traces)
        err = keep_trace(&d);
    json_end_object(&d.json);
    *outcomes = arena_str(tx->arena, buf_str(&out));
    buf_release(&out);
    return err;
}
