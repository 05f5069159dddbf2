/* /assistants: a graph with a configuration, under a name. */
#include "api/assistants_priv.h"
#include "api/search.h"

#include "agent/run_cancel.h"
#include "agent/thread_remove.h"
#include "shape/shape.h"

#define NAME_PART_BYTES_MAX 4096 /* of a search: LIKE of SQLite takes 50,000 bytes */
#define DELETE_PAGE 100          /* threads or runs that one transaction of a delete takes along */

struct assistant_body {
    struct assistant assistant; /* STR_NONE: not given */
    bool drops_description;     /* null: taken away, where there is one */
    bool do_nothing;            /* if_exists */
};

static enum err reply_assistant(struct call *call, const struct assistant *assistant)
{
    shape_assistant(call_json(call, 200), assistant);
    return OK;
}

static enum err body_read(struct call *call, struct assistant_body *body)
{
    struct assistant *a = &body->assistant;
    static const char *const existence[] = {"raise", "do_nothing", NULL};
    const struct json *description;
    struct str if_exists = STR_NONE;
    struct request_error error;
    enum err err;

    if ((err = call_body_object(call)) || (err = call_get_text(call, "graph_id", &a->graph_id)) ||
        (err = call_get_uuid(call, "assistant_id", &a->assistant_id)) ||
        (err = call_get_object(call, "config", &a->config)) ||
        (err = call_get_object(call, "metadata", &a->metadata)) ||
        (err = call_get_text(call, "name", &a->name)) ||
        (err = call_get_text(call, "description", &a->description)) ||
        (err = call_get_word(call, "if_exists", existence, &if_exists)))
        return err;
    if (run_config_check(json_get(call->body, "config"), &error))
        return call_refuse(call, error.text);
    description = json_get(call->body, "description");
    body->drops_description = description && json_is_null(description);
    if (json_get(call->body, "context"))
        a->context = json_raw(call->body_text, STR("context"));
    body->do_nothing = str_eq(if_exists, STR("do_nothing"));
    return str_is_none(a->graph_id) || call->setup->compat_js
               ? OK
               : call_need_graph(call, "graph_id", a->graph_id);
}

static struct str or_empty(struct str object)
{
    return str_is_none(object) || str_eq(object, STR("null")) ? STR("{}") : object;
}

/* ---- create ---- */

static enum err create_apply(struct tx *tx, struct call *call)
{
    struct assistant_body *body = call->data;
    struct assistant *a = &body->assistant;
    struct assistant existing;
    enum err err = assistant_get(tx, a->tenant, a->assistant_id, call->arena, &existing);

    if (!err)
        return body->do_nothing && access_admits(call, ACCESS_OF_ASSISTANTS, existing.metadata)
                   ? reply_assistant(call, &existing)
                   : call_fail(call, 409, "Assistant already exists");
    if (err != ERR_NOT_FOUND)
        return err;
    a->created_us = tx->now_us;
    a->updated_us = tx->now_us;
    err = assistant_insert(tx, a);
    return err ? err : reply_assistant(call, a);
}

static enum err create_prepare(struct call *call)
{
    struct assistant_body *body = ARENA_NEW(call->arena, struct assistant_body);
    struct assistant *a = &body->assistant;
    enum err err = body_read(call, body);

    if (err)
        return err;
    if (str_is_none(a->graph_id)) {
        call_fail(call, 422, "graph_id: is required");
        return ERR_INVALID;
    }
    if (str_is_none(a->assistant_id))
        a->assistant_id = call_new_id(call);
    a->tenant = call->principal.tenant;
    a->config = or_empty(a->config);
    a->context = or_empty(a->context);
    a->metadata = or_empty(a->metadata);
    a->name = str_is_none(a->name) ? STR("Untitled") : a->name;
    a->version = 1;
    call->data = body;
    return call_then_write(call, create_apply);
}

/* ---- get, patch, delete ---- */

enum err assistant_of_path(struct tx *tx, struct call *call, struct assistant *assistant)
{
    enum err err = assistant_resolve(tx, call->setup->agent, call->principal.tenant,
                                     call->params[0], call->arena, assistant);

    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "Assistant not found");
    return err;
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct assistant assistant;
    enum err err = assistant_of_path(tx, call, &assistant);

    return err ? err : reply_assistant(call, &assistant);
}

static enum err get_prepare(struct call *call)
{
    return call_then_read(call, get_apply);
}

static enum err patch_apply(struct tx *tx, struct call *call)
{
    const struct assistant_body *body = call->data;
    const struct assistant *patch = &body->assistant;
    struct assistant a;
    enum err err = assistant_of_path(tx, call, &a);

    if (err || (err = assistant_next_version(tx, a.tenant, a.assistant_id, &a.version)))
        return err;
    a.graph_id = str_is_none(patch->graph_id) ? a.graph_id : patch->graph_id;
    a.config = str_is_none(patch->config) ? a.config : patch->config;
    a.context = str_is_none(patch->context) ? a.context : patch->context;
    a.name = str_is_none(patch->name) ? a.name : patch->name;
    if (body->drops_description || !str_is_none(patch->description))
        a.description = patch->description;
    a.metadata = call_merge(call, a.metadata, patch->metadata);
    a.updated_us = tx->now_us;
    err = assistant_update(tx, &a);
    return err ? err : reply_assistant(call, &a);
}

static enum err patch_prepare(struct call *call)
{
    struct assistant_body *body = ARENA_NEW(call->arena, struct assistant_body);
    enum err err = body_read(call, body);

    call->data = body;
    return err ? err : call_then_write(call, patch_apply);
}

/* The threads that say they are this assistant's; *more: there may be others. */
static enum err delete_threads(struct tx *tx, struct call *call, const struct assistant *a,
                               bool *more)
{
    const struct thread_filter filter = {
        .tenant = a->tenant,
        .metadata =
            arena_printf(tx->arena, "{\"assistant_id\":\"%.*s\"}", STR_ARG(a->assistant_id)),
        .admitted = call->access.filters[ACCESS_OF_THREADS],
        .limit = DELETE_PAGE,
    };
    struct thread *found;
    size_t count = 0;
    enum err err = thread_search(tx, &filter, tx->arena, &found, &count);

    for (size_t i = 0; !err && i < count; i++)
        err = thread_remove(tx, call->setup->agent, a->tenant, found[i].thread_id);
    *more = count == DELETE_PAGE;
    return err;
}

/* What its runs left on their threads stays. */
static enum err delete_runs(struct tx *tx, struct call *call, const struct assistant *a, bool *more)
{
    struct runs found = {0};
    enum err err =
        run_list_of_assistant(tx, a->tenant, a->assistant_id, DELETE_PAGE, tx->arena, &found);

    for (size_t i = 0; !err && i < found.count; i++) {
        const struct run *run = &found.list[i];

        err = run_end_by_delete(tx, call->setup->agent, run);
        if (!err)
            err = run_delete(tx, run->tenant, run->run_id);
        err = err == ERR_NOT_FOUND ? OK : err; /* it was rolled back */
    }
    *more = found.count == DELETE_PAGE;
    return err;
}

/* In pieces: the assistant itself goes with the last one. */
static enum err delete_apply(struct tx *tx, struct call *call)
{
    const bool *takes_threads = call->data;
    struct json_writer *json;
    struct assistant a;
    bool more = false;
    enum err err = assistant_of_path(tx, call, &a);

    if (!err && *takes_threads)
        err = delete_threads(tx, call, &a, &more);
    if (!err && !more)
        err = delete_runs(tx, call, &a, &more);
    if (!err && more)
        return call_then_write(call, delete_apply);
    if (err || (err = assistant_delete(tx, a.tenant, a.assistant_id)))
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    json_str_out(json, a.assistant_id);
    json_end_array(json);
    return OK;
}

static enum err delete_prepare(struct call *call)
{
    bool *takes_threads = ARENA_NEW(call->arena, bool);
    enum err err = call_query_bool(call, "delete_threads", takes_threads);

    call->data = takes_threads;
    return err ? err : call_then_write(call, delete_apply);
}

/* ---- versions ---- */

static enum err versions_apply(struct tx *tx, struct call *call)
{
    struct assistant_versions *which = call->data;
    struct json_writer *json;
    struct assistant a, *found;
    size_t count;
    enum err err = assistant_of_path(tx, call, &a);

    if (err == ERR_NOT_FOUND)
        return call_fail(call, 404, "Assistant \"%.*s\" not found.",
                         STR_ARG(str_first(call->params[0], 64)));
    if (err)
        return err;
    which->assistant_id = a.assistant_id;
    if ((err = assistant_list_versions(tx, which, call->arena, &found, &count)))
        return err;
    if (count == 0)
        return call_fail(call, 404, "Assistant \"%.*s\" not found.",
                         STR_ARG(str_first(call->params[0], 64)));
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = 0; i < count; i++)
        shape_assistant(json, &found[i]);
    json_end_array(json);
    return OK;
}

static enum err versions_prepare(struct call *call)
{
    struct assistant_versions *which = ARENA_NEW(call->arena, struct assistant_versions);
    enum err err;

    which->tenant = call->principal.tenant;
    which->limit = 10;
    call->data = which;
    if ((err = call_body_object(call)) ||
        (err = call_get_int(call, "limit", 1, 1000, &which->limit)) ||
        (err = call_get_int(call, "offset", 0, INT64_MAX, &which->offset)) ||
        (err = call_get_object(call, "metadata", &which->metadata)))
        return err;
    return call_then_read(call, versions_apply);
}

static enum err latest_apply(struct tx *tx, struct call *call)
{
    const int64_t *version = call->data;
    struct assistant a, chosen;
    enum err err = assistant_of_path(tx, call, &a);

    if (err)
        return err;
    err = assistant_get_version(tx, a.tenant, a.assistant_id, *version, call->arena, &chosen);
    if (err == ERR_NOT_FOUND)
        return call_fail(call, 404, "Assistant version not found");
    if (err)
        return err;
    chosen.created_us = a.created_us;
    chosen.updated_us = tx->now_us;
    err = assistant_set_version(tx, &chosen);
    return err ? err : reply_assistant(call, &chosen);
}

/* The documentation has the version in the query, the clients send it in the body. */
static enum err latest_prepare(struct call *call)
{
    int64_t *version = ARENA_NEW(call->arena, int64_t);
    enum err err;

    call->data = version;
    if ((err = call_body_object(call)) ||
        (err = call_get_int(call, "version", 1, INT64_MAX, version)) ||
        (*version == 0 && (err = call_query_int(call, "version", 1, INT64_MAX, version))))
        return err;
    if (*version > 0)
        return call_then_write(call, latest_apply);
    call_fail(call, 422, "version: is required: the number of a version of the assistant");
    return ERR_INVALID;
}

/* ---- search ---- */

struct search_call {
    struct search search;
    struct assistant_filter filter;
};

static enum err filter_read(struct call *call, struct search_call *search)
{
    static const char *const orders[] = {"assistant_id", "graph_id",   "name",
                                         "created_at",   "updated_at", NULL};
    static const char *const members[] = {"assistant_id", "graph_id", "name",       "description",
                                          "config",       "context",  "created_at", "updated_at",
                                          "metadata",     "version",  NULL};
    struct assistant_filter *filter = &search->filter;
    enum err err;

    filter->tenant = call->principal.tenant;
    filter->admitted = call->access.filters[ACCESS_OF_ASSISTANTS];
    if ((err = call_body_object(call)) ||
        (err = search_read(call, orders, members, &search->search)) ||
        (err = call_get_object(call, "metadata", &filter->metadata)) ||
        (err = call_get_text(call, "graph_id", &filter->graph_id)) ||
        (err = call_get_text(call, "name", &filter->name)))
        return err;
    if (!str_is_none(filter->name) && filter->name.len > NAME_PART_BYTES_MAX) {
        call_fail(call, 422, "name: must be at most %d bytes", NAME_PART_BYTES_MAX);
        return ERR_INVALID;
    }
    filter->limit = search->search.limit;
    filter->offset = search->search.offset;
    filter->sort_by = search->search.sort_by;
    filter->ascending = search->search.ascending;
    return OK;
}

static enum err search_apply(struct tx *tx, struct call *call)
{
    const struct search_call *search = call->data;
    const struct assistant_filter *filter = &search->filter;
    struct assistant *found;
    struct json_writer *json;
    struct picker picker;
    size_t count;
    int64_t total;
    enum err err = assistant_search(tx, filter, call->arena, &found, &count);

    if (err || (err = assistant_count(tx, filter, &total)))
        return err;
    json = call_json(call, 200);
    picker_init(&picker, json, search->search.select);
    json_begin_array(json);
    for (size_t i = 0; i < count; i++) {
        shape_assistant(picker_begin(&picker), &found[i]);
        picker_end(&picker);
    }
    json_end_array(json);
    picker_release(&picker);
    call_page(call, total, filter->offset, count);
    return OK;
}

static enum err search_prepare(struct call *call)
{
    struct search_call *search = ARENA_NEW(call->arena, struct search_call);
    enum err err = filter_read(call, search);

    call->data = search;
    return err ? err : call_then_read(call, search_apply);
}

static enum err count_apply(struct tx *tx, struct call *call)
{
    const struct search_call *search = call->data;
    int64_t total = 0;
    enum err err = assistant_count(tx, &search->filter, &total);

    json_i64_out(call_json(call, 200), total);
    return err;
}

static enum err count_prepare(struct call *call)
{
    struct search_call *search = ARENA_NEW(call->arena, struct search_call);
    enum err err = filter_read(call, search);

    call->data = search;
    return err ? err : call_then_read(call, count_apply);
}

static const struct route routes[] = {
    {HTTP_POST, "/assistants", create_prepare, PERMIT_EDIT,
     ROUTE_IDEMPOTENT | ROUTE_ASKS(ACCESS_ASSISTANTS_CREATE), "Create an assistant"},
    {HTTP_POST, "/assistants/search", search_prepare, PERMIT_READ,
     ROUTE_ASKS(ACCESS_ASSISTANTS_SEARCH), "Search assistants"},
    {HTTP_POST, "/assistants/count", count_prepare, PERMIT_READ,
     ROUTE_ASKS(ACCESS_ASSISTANTS_SEARCH), "Count assistants"},
    {HTTP_GET, "/assistants/{assistant_id}", get_prepare, PERMIT_READ,
     ROUTE_ASKS(ACCESS_ASSISTANTS_READ), "Get an assistant"},
    {HTTP_PATCH, "/assistants/{assistant_id}", patch_prepare, PERMIT_EDIT,
     ROUTE_ASKS(ACCESS_ASSISTANTS_UPDATE), "Change an assistant; makes a new version"},
    {HTTP_DELETE, "/assistants/{assistant_id}", delete_prepare, PERMIT_EDIT,
     ROUTE_ASKS(ACCESS_ASSISTANTS_DELETE), "Delete an assistant"},
    {HTTP_POST, "/assistants/{assistant_id}/versions", versions_prepare, PERMIT_READ,
     ROUTE_ASKS(ACCESS_ASSISTANTS_READ), "The assistant's versions, newest first"},
    {HTTP_POST, "/assistants/{assistant_id}/latest", latest_prepare, PERMIT_EDIT,
     ROUTE_ASKS(ACCESS_ASSISTANTS_UPDATE), "Make a version the current one"},
    {HTTP_GET, "/assistants/{assistant_id}/graph", assistant_graph_prepare, PERMIT_READ,
     ROUTE_ASKS(ACCESS_ASSISTANTS_READ), "Draw the graph"},
    {HTTP_GET, "/assistants/{assistant_id}/schemas", assistant_schemas_prepare, PERMIT_READ,
     ROUTE_ASKS(ACCESS_ASSISTANTS_READ), "JSON Schemas of the graph"},
    {HTTP_GET, "/assistants/{assistant_id}/subgraphs", assistant_subgraphs_prepare, PERMIT_READ,
     ROUTE_ASKS(ACCESS_ASSISTANTS_READ), "Subgraphs"},
    {HTTP_GET, "/assistants/{assistant_id}/subgraphs/{namespace}", assistant_subgraphs_prepare,
     PERMIT_READ, ROUTE_ASKS(ACCESS_ASSISTANTS_READ), "One subgraph"},
};

const struct route_list routes_assistants = {routes, ARRAY_LEN(routes)};
