/* dataset_shares.c -- /datasets/{id}/share, and what is read under its token: /public/{token}/…, a
 * dataset, its examples and its experiments, for whoever has it. */
#include "api/datasets_priv.h"
#include "api/named.h"
#include "api/route.h"
#include "store/projects.h"
#include "store/shares.h"
#include "trace/project_json.h"

#define PAGE_MAX 100

/* ---- the token ---- */

static void share_write(struct json_writer *json, struct str dataset_id, struct str token)
{
    json_begin_object(json);
    json_put_str(json, "dataset_id", dataset_id);
    json_put_str(json, "share_token", token);
    json_end_object(json);
}

/* The dataset of parameter 0. ERR_NOT_FOUND: the reply is filled. */
static enum err find(struct tx *tx, struct call *call, struct share *share)
{
    struct dataset_row dataset;
    enum err err = datasets_get(tx, call->principal.tenant, call->params[0], tx->arena, &dataset);

    *share = (struct share){.tenant = call->principal.tenant, .token = STR_NONE};
    if (!err && uuid_parse_loose(dataset.dataset_id, &share->id))
        err = ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "Dataset not found");
    return err;
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct share share, found;
    enum err err = find(tx, call, &share);

    if (err)
        return err;
    err = shares_of(tx, share.tenant, share.id, tx->arena, &found);
    if (err == ERR_NOT_FOUND)
        return call_fail(call, 404, "this dataset is not shared");
    if (!err)
        share_write(call_json(call, 200), call->params[0], found.token);
    return err;
}

/* One that is shared keeps its token, unless another is asked for. */
static enum err put_apply(struct tx *tx, struct call *call)
{
    struct str asked = STR_NONE;
    struct share share, found;
    enum err err = find(tx, call, &share);

    if (err || (err = call_get_uuid(call, "share_token", &asked)))
        return err;
    err = shares_of(tx, share.tenant, share.id, tx->arena, &found);
    if (err && err != ERR_NOT_FOUND)
        return err;
    share.token = !str_is_none(asked) ? asked : err ? call_new_id(call) : found.token;
    err = err || !str_eq(share.token, found.token) ? shares_put(tx, &share) : OK;
    if (err == ERR_CONFLICT)
        call_fail(call, 409, "share_token: it is in use; send another, or none");
    if (!err)
        share_write(call_json(call, 200), call->params[0], share.token);
    return err;
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    struct share share;
    enum err err = find(tx, call, &share);

    if (err)
        return err;
    err = shares_delete(tx, share.tenant, share.id);
    if (err && err != ERR_NOT_FOUND)
        return err;
    json_raw_out(call_json(call, 200), STR("{\"message\":\"Dataset is not shared\"}"));
    return OK;
}

static enum err get_prepare(struct call *call)
{
    return named_then_read(call, "dataset_id", get_apply);
}

static enum err put_prepare(struct call *call)
{
    return named_then_change(call, "dataset_id", put_apply);
}

static enum err delete_prepare(struct call *call)
{
    return named_then_write(call, "dataset_id", delete_apply);
}

/* ---- for whoever has it ---- */

/* The shared dataset of the token in the path. ERR_NOT_FOUND: the reply is filled. */
static enum err shared(struct tx *tx, struct call *call, struct dataset_row *dataset)
{
    struct uuid_text text;
    struct share share;
    struct uuid token;
    enum err err = uuid_parse_loose(call->params[0], &token) ? ERR_NOT_FOUND : OK;

    if (!err)
        err = shares_of_token(tx, uuid_write(token, &text), tx->arena, &share);
    if (!err)
        err = datasets_get(tx, share.tenant, uuid_write(share.id, &text), tx->arena, dataset);
    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "there is no dataset shared under this token");
    return err;
}

static enum err dataset_apply(struct tx *tx, struct call *call)
{
    struct dataset_row dataset;
    enum err err = shared(tx, call, &dataset);

    if (!err)
        datasets_write(call_json(call, 200), &dataset);
    return err;
}

static enum err dataset_prepare(struct call *call)
{
    return call_then_read(call, dataset_apply);
}

static enum err examples_apply(struct tx *tx, struct call *call)
{
    struct example_filter *filter = call->data;
    struct dataset_row dataset;
    enum err err = shared(tx, call, &dataset);

    if (err)
        return err;
    filter->tenant = dataset.tenant;
    filter->dataset_id = dataset.dataset_id;
    return examples_list(tx, call, filter);
}

static enum err examples_prepare(struct call *call)
{
    struct example_filter *filter = ARENA_NEW(call->arena, struct example_filter);
    enum err err = examples_filter_read(call, filter);

    call->data = filter;
    return err ? err : call_then_read(call, examples_apply);
}

static enum err projects_apply(struct tx *tx, struct call *call)
{
    struct project_filter filter = *(const struct project_filter *)call->data;
    struct dataset_row dataset;
    struct project_rows found;
    enum err err = shared(tx, call, &dataset);

    if (err)
        return err;
    filter.tenant = dataset.tenant;
    filter.reference_dataset_id = dataset.dataset_id;
    if ((err = projects_search(tx, &filter, tx->arena, &found)))
        return err;
    json_begin_array(call_json(call, 200));
    for (size_t i = 0; i < found.count; i++)
        project_json_write(&call->json, &found.list[i], STR_NONE);
    json_end_array(&call->json);
    return OK;
}

static enum err projects_prepare(struct call *call)
{
    struct project_filter *filter = ARENA_NEW(call->arena, struct project_filter);
    enum err err;

    *filter = (struct project_filter){
        .name = query_get(&call->query, "name"),
        .name_contains = query_get(&call->query, "name_contains"),
        .metadata = STR_NONE,
        .limit = PAGE_MAX,
    };
    call->data = filter;
    if ((err = call_query_int(call, "limit", 1, PAGE_MAX, &filter->limit)) ||
        (err = call_query_int(call, "offset", 0, INT32_MAX, &filter->offset)))
        return err;
    return call_then_read(call, projects_apply);
}

#define SHARE "/datasets/{dataset_id}/share"
#define PUBLIC "/public/{token}"

static const struct route routes[] = {
    {HTTP_GET, SHARE, get_prepare, PERMIT_READ, ROUTE_TRACES,
     "The token a dataset is shared under"},
    {HTTP_PUT, SHARE, put_prepare, PERMIT_RUN, ROUTE_TRACES, "Share a dataset"},
    {HTTP_DELETE, SHARE, delete_prepare, PERMIT_RUN, ROUTE_TRACES, "Share a dataset no longer"},
    {HTTP_GET, PUBLIC "/datasets", dataset_prepare, PERMIT_ANYONE, ROUTE_TRACES,
     "The shared dataset"},
    {HTTP_GET, PUBLIC "/d", dataset_prepare, PERMIT_ANYONE, ROUTE_TRACES,
     "The shared dataset, where share links lead"},
    {HTTP_GET, PUBLIC "/examples", examples_prepare, PERMIT_ANYONE, ROUTE_TRACES,
     "Examples of the shared dataset"},
    {HTTP_GET, PUBLIC "/datasets/sessions", projects_prepare, PERMIT_ANYONE, ROUTE_TRACES,
     "Experiments with the shared dataset"},
};

const struct route_list routes_dataset_shares = {routes, ARRAY_LEN(routes)};
