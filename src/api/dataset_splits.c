/* dataset_splits.c -- /datasets/{id}/splits: the parts into which a dataset's examples are put.
 * They stand in the metadata of each example, as dataset_split. */
#include "api/datasets_priv.h"
#include "api/named.h"
#include "api/route.h"

#define SPLITS_MAX 1000
#define LIST_BYTES_MAX (64 * KIB)
#define SPLIT_EXAMPLES_MAX 10000

static enum err splits_apply(struct tx *tx, struct call *call)
{
    struct example_filter filter = {.tenant = call->principal.tenant,
                                    .dataset_id = call->params[0]};
    struct str *names = ARENA_ARRAY(tx->arena, struct str, SPLITS_MAX);
    struct dataset_row dataset;
    struct json_writer *json;
    size_t count = 0;
    enum err err = datasets_get(tx, call->principal.tenant, call->params[0], tx->arena, &dataset);

    if (err)
        return datasets_not_found(call, err);
    if ((err = datasets_as_of(tx, call, filter.tenant, filter.dataset_id, &filter.as_of_us)) ||
        (err = examples_splits(tx, &filter, tx->arena, names, SPLITS_MAX, &count)))
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = 0; i < count; i++)
        json_str_out(json, names[i]);
    json_end_array(json);
    return OK;
}

static enum err splits_prepare(struct call *call)
{
    return named_then_read(call, "dataset_id", splits_apply);
}

/* ---- they are changed ---- */

struct split_change {
    struct str name;
    bool removes;
    const struct json *ids;
};

/* The list without the name, or with it at its end. */
static struct str splits_changed(struct arena *arena, const struct json *list,
                                 const struct split_change *change)
{
    struct json_writer json;
    struct buf out;

    buf_init(&out, LIST_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_array(&json);
    for (size_t i = 0; i < json_count(list); i++)
        if (!str_eq(json_string(json_item(list, i)), change->name))
            json_str_out(&json, json_string(json_item(list, i)));
    if (!change->removes)
        json_str_out(&json, change->name);
    json_end_array(&json);
    return buf_keep(&out, arena);
}

static enum err split_change_one(struct tx *tx, struct call *call, struct str id)
{
    const struct split_change *change = call->data;
    const struct json *metadata = NULL;
    struct example_row row;
    struct example_draft draft = {.example_id = id, .dataset_id = call->params[0]};
    enum err err = examples_get(tx, call->principal.tenant, id, 0, tx->arena, &row);

    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "examples: there is no example %.*s in this dataset", STR_ARG(id));
    if (err || (err = json_parse(tx->arena, row.metadata, &metadata, NULL)))
        return err;
    draft.splits = splits_changed(tx->arena, json_get(metadata, "dataset_split"), change);
    return example_drafts_update(tx, call, &(struct example_drafts){&draft, 1});
}

static enum err split_apply(struct tx *tx, struct call *call)
{
    const struct split_change *change = call->data;
    struct json_writer *json;
    struct dataset_row dataset;
    enum err err = datasets_get(tx, call->principal.tenant, call->params[0], tx->arena, &dataset);

    if (err)
        return datasets_not_found(call, err);
    for (size_t i = 0; !err && i < json_count(change->ids); i++)
        err = split_change_one(tx, call, json_string(json_item(change->ids, i)));
    if (err)
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = 0; i < json_count(change->ids); i++)
        json_str_out(json, json_string(json_item(change->ids, i)));
    json_end_array(json);
    return OK;
}

static enum err split_prepare(struct call *call)
{
    struct split_change *change = ARENA_NEW(call->arena, struct split_change);
    enum err err = call_param_uuid(call, 0, "dataset_id");

    change->name = STR_NONE;
    call->data = change;
    if (err || (err = call_body_object(call)) ||
        (err = call_get_text(call, "split_name", &change->name)))
        return err;
    if (change->name.len == 0 || change->name.len > 256)
        return call_fail(call, 422, "split_name: must be a text of 1 to 256 bytes");
    change->removes = json_bool(json_get(call->body, "remove"), false);
    change->ids = json_get(call->body, "examples");
    if (json_type(change->ids) != JSON_ARRAY || json_count(change->ids) > SPLIT_EXAMPLES_MAX)
        return call_fail(call, 422, "examples: must be an array of at most %d ids of examples",
                         SPLIT_EXAMPLES_MAX);
    for (size_t i = 0; i < json_count(change->ids); i++)
        if (!uuid_is_valid(json_string(json_item(change->ids, i))))
            return call_fail(call, 422, "examples[%zu]: must be a UUID", i);
    return call_then_write(call, split_apply);
}

#define SPLITS "/datasets/{dataset_id}/splits"

static const struct route routes[] = {
    {HTTP_GET, SPLITS, splits_prepare, PERMIT_READ, ROUTE_TRACES, "A dataset's splits"},
    {HTTP_PUT, SPLITS, split_prepare, PERMIT_RUN, ROUTE_TRACES,
     "Put examples into a split, or take them out"},
};

const struct route_list routes_dataset_splits = {routes, ARRAY_LEN(routes)};
