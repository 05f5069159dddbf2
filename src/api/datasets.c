/* datasets.c -- /datasets: sets of examples, and what they were at which time. */
#include "api/datasets_priv.h"
#include "api/named.h"
#include "api/route.h"
#include "trace/span.h"

static const char *const data_types[] = {"kv", "llm", "chat", NULL};

bool datasets_type_is_known(struct str data_type)
{
    return str_is_one_of(data_type, data_types);
}

enum err datasets_not_found(struct call *call, enum err err)
{
    return err == ERR_NOT_FOUND ? call_fail(call, 404, "Dataset not found") : err;
}

/* ---- the query ---- */

enum err datasets_query_object(struct call *call, const char *key, struct str *text)
{
    struct str value = query_get(&call->query, key);
    const struct json *json;

    if (str_is_empty(value))
        return OK;
    if (json_parse(call->arena, value, &json, NULL) || json_type(json) != JSON_OBJECT) {
        call_fail(call, 422, "%s: must be a JSON object", key);
        return ERR_INVALID;
    }
    *text = value;
    return OK;
}

/* ---- as it is shown ---- */

void datasets_write(struct json_writer *json, const struct dataset_row *d)
{
    struct uuid_text tenant_id;

    json_begin_object(json);
    json_put_str(json, "id", d->dataset_id);
    json_put_str(json, "tenant_id", trace_tenant_id(d->tenant, &tenant_id));
    json_put_str(json, "name", d->name);
    json_put_str(json, "description", d->description);
    json_put_str(json, "data_type", d->data_type);
    json_put_raw(json, "metadata", d->metadata);
    json_put_raw(json, "inputs_schema_definition", d->inputs_schema);
    json_put_raw(json, "outputs_schema_definition", d->outputs_schema);
    json_put_i64(json, "example_count", d->example_count);
    json_put_time(json, "created_at", d->created_us);
    json_put_time(json, "modified_at", d->modified_us);
    json_end_object(json);
}

enum err datasets_reply(struct tx *tx, struct call *call, struct str dataset_id)
{
    struct dataset_row dataset;
    enum err err = datasets_get(tx, call->principal.tenant, dataset_id, tx->arena, &dataset);

    if (err)
        return datasets_not_found(call, err);
    datasets_write(call_json(call, 200), &dataset);
    return OK;
}

/* ---- list, get ---- */

static enum err list_apply(struct tx *tx, struct call *call)
{
    struct dataset_rows found;
    struct json_writer *json;
    enum err err = datasets_search(tx, call->data, tx->arena, &found);

    if (err)
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = 0; i < found.count; i++)
        datasets_write(json, &found.list[i]);
    json_end_array(json);
    return OK;
}

static enum err list_prepare(struct call *call)
{
    struct dataset_filter *f = ARENA_NEW(call->arena, struct dataset_filter);
    enum err err = named_filter_read(call, "id", &f->named);

    f->data_type = query_get(&call->query, "data_type");
    call->data = f;
    if (err || (err = datasets_query_object(call, "metadata", &f->metadata)))
        return err;
    return call_then_read(call, list_apply);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    return datasets_reply(tx, call, call->params[0]);
}

enum err datasets_one_prepare(struct call *call)
{
    return named_then_read(call, "dataset_id", get_apply);
}

/* ---- create, change, delete ---- */

/* What the body says replaces what stands in the row. */
static enum err body_read(struct call *call, struct dataset_row *row)
{
    const struct json *metadata = json_get(json_get(call->body, "extra"), "metadata");
    enum err err;

    if ((err = named_name_read(call, &row->name)) ||
        (err = call_get_text(call, "description", &row->description)) ||
        (err = call_get_word(call, "data_type", data_types, &row->data_type)) ||
        (err = call_get_object(call, "inputs_schema_definition", &row->inputs_schema)) ||
        (err = call_get_object(call, "outputs_schema_definition", &row->outputs_schema)))
        return err;
    if (json_type(metadata) == JSON_OBJECT)
        row->metadata = json_raw(json_raw(call->body_text, STR("extra")), STR("metadata"));
    return call_get_object(call, "metadata", &row->metadata);
}

static enum err create_apply(struct tx *tx, struct call *call)
{
    struct dataset_row *row = call->data;
    enum err err = datasets_insert(tx, row);

    if (err == ERR_CONFLICT) {
        call_fail(call, 409, "a dataset with the name \"%.*s\" or this id already exists",
                  STR_ARG(str_first(row->name, 100)));
        return err;
    }
    return err ? err : datasets_reply(tx, call, row->dataset_id);
}

static enum err create_prepare(struct call *call)
{
    struct dataset_row *row = ARENA_NEW(call->arena, struct dataset_row);
    enum err err = call_body_object(call);

    *row = (struct dataset_row){.tenant = call->principal.tenant, .data_type = STR("kv")};
    if (err || (err = body_read(call, row)) || (err = named_id_read(call, &row->dataset_id)))
        return err;
    call->data = row;
    return call_then_write(call, create_apply);
}

static enum err change_apply(struct tx *tx, struct call *call)
{
    struct dataset_row row;
    enum err err = datasets_get(tx, call->principal.tenant, call->params[0], tx->arena, &row);

    if (err)
        return datasets_not_found(call, err);
    if ((err = body_read(call, &row)))
        return err;
    err = datasets_update(tx, &row);
    if (err == ERR_CONFLICT)
        call_fail(call, 409, "a dataset with this name already exists");
    return err ? err : datasets_reply(tx, call, row.dataset_id);
}

static enum err change_prepare(struct call *call)
{
    return named_then_change(call, "dataset_id", change_apply);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    enum err err = datasets_delete(tx, call->principal.tenant, call->params[0]);

    if (err)
        return datasets_not_found(call, err);
    json_raw_out(call_json(call, 200), STR("{\"message\":\"Dataset deleted\"}"));
    return OK;
}

static enum err delete_prepare(struct call *call)
{
    return named_then_write(call, "dataset_id", delete_apply);
}

/* ---- what is not done ---- */

static enum err similar_apply(struct tx *tx, struct call *call)
{
    struct dataset_row dataset;
    enum err err = datasets_get(tx, call->principal.tenant, call->params[0], tx->arena, &dataset);

    if (err)
        return datasets_not_found(call, err);
    return call_fail(call, 422,
                     "similar examples are not searched by this server, which has no vectors of "
                     "them: list examples with filter, metadata or splits");
}

static enum err similar_prepare(struct call *call)
{
    return named_then_read(call, "dataset_id", similar_apply);
}

#define ONE "/datasets/{dataset_id}"

static const struct route routes[] = {
    {HTTP_GET, "/datasets", list_prepare, PERMIT_READ, ROUTE_TRACES, "List datasets"},
    {HTTP_POST, "/datasets", create_prepare, PERMIT_RUN, ROUTE_TRACES, "Create a dataset"},
    {HTTP_GET, ONE, datasets_one_prepare, PERMIT_READ, ROUTE_TRACES, "Get a dataset"},
    {HTTP_PATCH, ONE, change_prepare, PERMIT_RUN, ROUTE_TRACES, "Change a dataset"},
    {HTTP_DELETE, ONE, delete_prepare, PERMIT_EDIT, ROUTE_TRACES,
     "Delete a dataset and its examples"},
    {HTTP_POST, ONE "/index", similar_prepare, PERMIT_READ, ROUTE_TRACES,
     "Index a dataset for similar examples: refused"},
    {HTTP_POST, ONE "/search", similar_prepare, PERMIT_READ, ROUTE_TRACES,
     "Search similar examples: refused"},
};

const struct route_list routes_datasets = {routes, ARRAY_LEN(routes)};
