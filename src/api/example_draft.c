/* example_draft.c -- what clients say of examples, and how it gets into the store. */
#include "api/datasets_priv.h"
#include "store/span_values.h"
#include "store/spans.h"
#include "trace/span_parse.h"

#define METADATA_BYTES_MAX MIB

struct reading {
    struct arena *arena;
    const struct json *json;
    struct str text;
    struct str *why;
};

static enum err refuse(const struct reading *r, const char *key, const char *words)
{
    *r->why = arena_printf(r->arena, "%s: %s", key, words);
    return ERR_INVALID;
}

static bool has(const struct reading *r, const char *key)
{
    return !json_is_absent(json_get(r->json, key));
}

static enum err read_object(const struct reading *r, const char *key, struct str *value)
{
    if (!has(r, key))
        return OK;
    if (json_type(json_get(r->json, key)) != JSON_OBJECT)
        return refuse(r, key, "must be an object");
    *value = json_raw(r->text, str_of(key));
    return OK;
}

static enum err read_uuid(const struct reading *r, const char *key, struct str *value)
{
    struct uuid_text text;
    struct uuid id;

    if (!has(r, key))
        return OK;
    if (uuid_parse_loose(json_string(json_get(r->json, key)), &id))
        return refuse(r, key, "must be a UUID");
    *value = arena_str(r->arena, uuid_write(id, &text));
    return OK;
}

/* "train" or ["train", "test"]. */
static enum err read_splits(const struct reading *r, struct str *splits)
{
    const struct json *value = json_get(r->json, "split");
    struct str text = json_raw(r->text, STR("split"));

    if (!has(r, "split"))
        return OK;
    if (json_type(value) == JSON_STRING) {
        *splits = arena_concat(r->arena, (struct str[]){STR("["), text, STR("]")}, 3);
        return OK;
    }
    for (size_t i = 0; i < json_count(value); i++)
        if (json_type(json_item(value, i)) != JSON_STRING)
            return refuse(r, "split", "must be a text or an array of texts");
    if (json_type(value) != JSON_ARRAY)
        return refuse(r, "split", "must be a text or an array of texts");
    *splits = text;
    return OK;
}

enum err example_draft_read(struct arena *arena, struct str text, struct example_draft *draft,
                            struct str *why)
{
    struct reading r = {.arena = arena, .text = text, .why = why};
    enum err err;

    if (json_parse(arena, text, &r.json, NULL) || json_type(r.json) != JSON_OBJECT)
        return refuse(&r, "an example", "must be a JSON object");
    if (has(&r, "name"))
        draft->name = json_string(json_get(r.json, "name"));
    draft->takes_source = json_bool(json_get(r.json, "use_source_run_io"), false);
    if (has(&r, "created_at") &&
        span_parse_time(json_get(r.json, "created_at"), &draft->created_us))
        return refuse(&r, "created_at", "must be a time");
    if (json_count(json_get(r.json, "attachments")) > 0)
        return refuse(&r, "attachments",
                      "are sent as parts {id}.attachment.{name} of a multipart body, to "
                      "/v1/platform/datasets/{dataset_id}/examples");
    draft->source_attachments = json_get(r.json, "use_source_run_attachments");
    if ((err = read_object(&r, "inputs", &draft->inputs)) ||
        (err = read_object(&r, "outputs", &draft->outputs)) ||
        (err = read_object(&r, "metadata", &draft->metadata)) ||
        (err = read_uuid(&r, "id", &draft->example_id)) ||
        (err = read_uuid(&r, "dataset_id", &draft->dataset_id)) ||
        (err = read_uuid(&r, "source_run_id", &draft->source_run_id)))
        return err;
    return read_splits(&r, &draft->splits);
}

/* ---- into rows ---- */

/* The metadata with its splits: those said, else those that stand in it, else those of before. */
static struct str metadata_of(struct arena *arena, const struct example_draft *draft,
                              struct str before)
{
    struct str splits = draft->splits, all = draft->metadata;
    struct str base = str_is_none(all) ? before : all;

    if (str_is_none(splits) && !str_is_none(all))
        splits = json_raw(all, STR("dataset_split"));
    if (str_is_none(splits) && !str_is_none(before))
        splits = json_raw(before, STR("dataset_split"));
    if (str_is_none(splits))
        splits = STR("[\"base\"]");
    return json_with(arena, base, STR("dataset_split"), splits, 2 * METADATA_BYTES_MAX);
}

/* Inputs and outputs of the run it was made from. */
static enum err take_values(struct tx *tx, struct call *call, struct example_row *row)
{
    const unsigned fields = 1u << SPAN_INPUTS | 1u << SPAN_OUTPUTS;
    struct span_value values[SPAN_FIELD_COUNT];
    struct span_row span;
    struct uuid id;
    enum err err;

    if (str_is_none(row->source_run_id) || uuid_parse(row->source_run_id, &id))
        return call_refuse(call, "source_run_id: is missing, and use_source_run_io asks for it");
    err = spans_get(tx, row->tenant, id, tx->arena, &span);
    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "source_run_id: Run not found");
    if (err || (err = span_values_get(tx, &span, fields, tx->arena, values)))
        return err;
    if (!str_is_none(values[SPAN_INPUTS].blob_key) || !str_is_none(values[SPAN_OUTPUTS].blob_key))
        return call_refuse(call, "use_source_run_io: the run's inputs or outputs are larger than "
                                 "128 KiB: send them with the example");
    row->inputs = values[SPAN_INPUTS].bytes;
    row->outputs = values[SPAN_OUTPUTS].bytes;
    return OK;
}

static enum err dataset_is_there(struct tx *tx, struct call *call, struct str dataset_id)
{
    struct dataset_row dataset;
    enum err err = datasets_get(tx, call->principal.tenant, dataset_id, tx->arena, &dataset);

    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "Dataset not found");
    return err;
}

static enum err insert_one(struct tx *tx, struct call *call, const struct example_draft *draft)
{
    struct example_row row = {
        .tenant = call->principal.tenant,
        .example_id = draft->example_id,
        .dataset_id = draft->dataset_id,
        .name = str_is_none(draft->name) ? str_first(draft->example_id, 8) : draft->name,
        .inputs = draft->inputs,
        .outputs = draft->outputs,
        .metadata = metadata_of(tx->arena, draft, STR_NONE),
        .source_run_id = draft->source_run_id,
        .attachments = STR_NONE,
        .created_us = draft->created_us,
    };
    enum err err = draft->takes_source ? take_values(tx, call, &row) : OK;

    if (!err)
        err = example_attachments_apply(tx, call, draft, &row);
    if (err)
        return err;
    if (str_is_none(row.inputs))
        return call_refuse(call, "inputs: is missing; it must be an object");
    if (str_is_none(row.metadata))
        return call_refuse(call, "metadata: must have at most 2 MiB");
    err = examples_insert(tx, &row);
    if (err == ERR_CONFLICT)
        call_fail(call, 409, "id: an example with the id %.*s already exists",
                  STR_ARG(row.example_id));
    if (err == ERR_LIMIT)
        call_fail(call, 429, "this dataset has %d examples, the most it can have",
                  EXAMPLES_OF_DATASET_MAX);
    return err;
}

enum err example_drafts_insert(struct tx *tx, struct call *call,
                               const struct example_drafts *drafts)
{
    enum err err = OK;

    for (size_t i = 0; !err && i < drafts->count; i++) {
        const struct example_draft *draft = &drafts->list[i];

        if (i == 0 || !str_eq(draft->dataset_id, drafts->list[i - 1].dataset_id))
            err = dataset_is_there(tx, call, draft->dataset_id);
        if (!err)
            err = insert_one(tx, call, draft);
    }
    return err;
}

static enum err update_one(struct tx *tx, struct call *call, const struct example_draft *draft)
{
    struct example_row row;
    enum err err = examples_get(tx, call->principal.tenant, draft->example_id, 0, tx->arena, &row);

    if (!err && !str_is_none(draft->dataset_id) && !str_eq(draft->dataset_id, row.dataset_id))
        err = ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "Example not found");
    if (err)
        return err;
    row.name = str_is_none(draft->name) ? row.name : draft->name;
    row.inputs = str_is_none(draft->inputs) ? row.inputs : draft->inputs;
    row.outputs = str_is_none(draft->outputs) ? row.outputs : draft->outputs;
    row.metadata = metadata_of(tx->arena, draft, row.metadata);
    if (str_is_none(row.metadata))
        return call_refuse(call, "metadata: must have at most 2 MiB");
    err = example_attachments_apply(tx, call, draft, &row);
    return err ? err : examples_update(tx, &row);
}

enum err example_drafts_update(struct tx *tx, struct call *call,
                               const struct example_drafts *drafts)
{
    enum err err = OK;

    for (size_t i = 0; !err && i < drafts->count; i++)
        err = update_one(tx, call, &drafts->list[i]);
    return err;
}

enum err example_drafts_upsert(struct tx *tx, struct call *call,
                               const struct example_drafts *drafts)
{
    enum err err = OK;

    for (size_t i = 0; !err && i < drafts->count; i++) {
        struct example_drafts one = {&drafts->list[i], 1};
        struct example_row row;

        err = examples_get(tx, call->principal.tenant, one.list->example_id, 0, tx->arena, &row);
        if (err && err != ERR_NOT_FOUND)
            return err;
        err = err ? example_drafts_insert(tx, call, &one) : example_drafts_update(tx, call, &one);
    }
    return err;
}
