/* /assistants: a graph with a configuration, under a name. */
#include "api/route.h"

#include "agent/run_create.h"
#include "shape/shape.h"

struct assistant_body {
    struct assistant assistant; /* STR_NONE: not given */
    bool do_nothing;            /* if_exists */
};

static enum err reply_assistant(struct call *call, const struct assistant *assistant)
{
    shape_assistant(call_json(call, 200), assistant);
    return OK;
}

static enum err not_found(struct call *call)
{
    return call_fail(call, 404, "Assistant not found");
}

static enum err body_read(struct call *call, struct assistant_body *body)
{
    struct assistant *a = &body->assistant;
    static const char *const existence[] = {"raise", "do_nothing", NULL};
    struct str if_exists = STR_NONE;
    enum err err;

    if ((err = call_body_object(call)) || (err = call_get_text(call, "graph_id", &a->graph_id)) ||
        (err = call_get_uuid(call, "assistant_id", &a->assistant_id)) ||
        (err = call_get_object(call, "config", &a->config)) ||
        (err = call_get_object(call, "metadata", &a->metadata)) ||
        (err = call_get_text(call, "name", &a->name)) ||
        (err = call_get_text(call, "description", &a->description)) ||
        (err = call_get_word(call, "if_exists", existence, &if_exists)))
        return err;
    if (json_get(call->body, "context"))
        a->context = json_raw(call->body_text, STR("context"));
    body->do_nothing = str_eq(if_exists, STR("do_nothing"));
    if (!str_is_none(a->graph_id) && !graphs_find(&call->setup->agent->graphs, a->graph_id)) {
        call_fail(call, 404, "graph_id: there is no graph \"%.*s\"",
                  STR_ARG(str_first(a->graph_id, 64)));
        return ERR_NOT_FOUND;
    }
    return OK;
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
        return body->do_nothing ? reply_assistant(call, &existing)
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

/* The one named in the path, by id or by graph. */
static enum err path_assistant(struct tx *tx, struct call *call, struct assistant *assistant)
{
    return assistant_resolve(tx, call->setup->agent, call->principal.tenant, call->params[0],
                             call->arena, assistant);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct assistant assistant;
    enum err err = path_assistant(tx, call, &assistant);

    if (err == ERR_NOT_FOUND)
        return not_found(call);
    return err ? err : reply_assistant(call, &assistant);
}

static enum err get_prepare(struct call *call)
{
    return call_then_read(call, get_apply);
}

static enum err patch_apply(struct tx *tx, struct call *call)
{
    const struct assistant *patch = &((struct assistant_body *)call->data)->assistant;
    struct assistant a;
    enum err err = path_assistant(tx, call, &a);

    if (err == ERR_NOT_FOUND)
        return not_found(call);
    if (err || (err = assistant_next_version(tx, a.tenant, a.assistant_id, &a.version)))
        return err;
    a.graph_id = str_is_none(patch->graph_id) ? a.graph_id : patch->graph_id;
    a.config = str_is_none(patch->config) ? a.config : patch->config;
    a.context = str_is_none(patch->context) ? a.context : patch->context;
    a.name = str_is_none(patch->name) ? a.name : patch->name;
    a.description = str_is_none(patch->description) ? a.description : patch->description;
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

static enum err delete_apply(struct tx *tx, struct call *call)
{
    struct assistant a;
    struct json_writer *json;
    enum err err = path_assistant(tx, call, &a);

    if (!err)
        err = assistant_delete(tx, a.tenant, a.assistant_id);
    if (err == ERR_NOT_FOUND)
        return not_found(call);
    json = call_json(call, 200);
    json_begin_array(json);
    json_str_out(json, a.assistant_id);
    json_end_array(json);
    return err;
}

static enum err delete_prepare(struct call *call)
{
    return call_then_write(call, delete_apply);
}

/* ---- search ---- */

static enum err filter_read(struct call *call, struct assistant_filter *filter)
{
    struct str order = STR_NONE;
    enum err err;

    filter->tenant = call->principal.tenant;
    filter->limit = 10;
    if ((err = call_body_object(call)) ||
        (err = call_get_object(call, "metadata", &filter->metadata)) ||
        (err = call_get_text(call, "graph_id", &filter->graph_id)) ||
        (err = call_get_text(call, "name", &filter->name)) ||
        (err = call_get_int(call, "limit", 1, 1000, &filter->limit)) ||
        (err = call_get_int(call, "offset", 0, INT64_MAX, &filter->offset)) ||
        (err = call_get_text(call, "sort_by", &filter->sort_by)) ||
        (err = call_get_text(call, "sort_order", &order)))
        return err;
    filter->ascending = str_eq(order, STR("asc"));
    return OK;
}

static enum err search_apply(struct tx *tx, struct call *call)
{
    const struct assistant_filter *filter = call->data;
    struct assistant *found;
    struct json_writer *json;
    size_t count;
    int64_t total;
    enum err err = assistant_search(tx, filter, call->arena, &found, &count);

    if (err || (err = assistant_count(tx, filter, &total)))
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = 0; i < count; i++)
        shape_assistant(json, &found[i]);
    json_end_array(json);
    call_page(call, total, filter->offset, count);
    return OK;
}

static enum err search_prepare(struct call *call)
{
    struct assistant_filter *filter = ARENA_NEW(call->arena, struct assistant_filter);
    enum err err = filter_read(call, filter);

    call->data = filter;
    return err ? err : call_then_read(call, search_apply);
}

static enum err count_apply(struct tx *tx, struct call *call)
{
    int64_t total;
    enum err err = assistant_count(tx, call->data, &total);

    json_i64_out(call_json(call, 200), err ? 0 : total);
    return err;
}

static enum err count_prepare(struct call *call)
{
    struct assistant_filter *filter = ARENA_NEW(call->arena, struct assistant_filter);
    enum err err = filter_read(call, filter);

    call->data = filter;
    return err ? err : call_then_read(call, count_apply);
}

/* ---- the graph behind it ---- */

static enum err ask_apply(struct tx *tx, struct call *call)
{
    struct assistant a;
    enum err err = path_assistant(tx, call, &a);

    if (err == ERR_NOT_FOUND)
        return not_found(call);
    if (err)
        return err;
    call->ask.ask.tenant = a.tenant;
    call->ask.ask.graph_id = a.graph_id;
    call->ask.ask.config = a.config;
    return call_then_ask(call, call_reply_answer);
}

static enum err graph_prepare(struct call *call)
{
    struct str xray = query_get(&call->query, "xray");
    int64_t depth = 0;
    bool flag = false;

    if (!str_is_empty(xray) && str_to_i64(xray, &depth) && str_to_bool(xray, &flag)) {
        call_fail(call, 422, "xray: must be true, false or a depth");
        return ERR_INVALID;
    }
    call->ask.ask.kind = ASK_GRAPH_DRAW;
    call->ask.ask.fields = depth > 0
                               ? arena_printf(call->arena, "\"xray\":%lld", (long long)depth)
                               : arena_printf(call->arena, "\"xray\":%s", flag ? "true" : "false");
    return call_then_read(call, ask_apply);
}

static enum err schemas_prepare(struct call *call)
{
    call->ask.ask.kind = ASK_GRAPH_SCHEMAS;
    return call_then_read(call, ask_apply);
}

static enum err subgraphs_prepare(struct call *call)
{
    struct json_writer json;
    bool recurse = false;
    struct buf out;
    enum err err = call_query_bool(call, "recurse", &recurse);

    if (err)
        return err;
    buf_init(&out, 64 * KIB);
    json_writer_init(&json, &out);
    json_put_bool(&json, "recurse", recurse);
    if (!str_is_none(call->params[1]))
        json_put_str(&json, "namespace", call->params[1]);
    call->ask.ask.kind = ASK_GRAPH_SUBGRAPHS;
    call->ask.ask.fields = arena_str(call->arena, buf_str(&out));
    buf_release(&out);
    return call_then_read(call, ask_apply);
}

static const struct route routes[] = {
    {HTTP_POST, "/assistants", create_prepare, ROUTE_IDEMPOTENT, "Create an assistant"},
    {HTTP_POST, "/assistants/search", search_prepare, 0, "Search assistants"},
    {HTTP_POST, "/assistants/count", count_prepare, 0, "Count assistants"},
    {HTTP_GET, "/assistants/{assistant_id}", get_prepare, 0, "Get an assistant"},
    {HTTP_PATCH, "/assistants/{assistant_id}", patch_prepare, 0,
     "Change an assistant; makes a new version"},
    {HTTP_DELETE, "/assistants/{assistant_id}", delete_prepare, 0, "Delete an assistant"},
    {HTTP_GET, "/assistants/{assistant_id}/graph", graph_prepare, 0, "Draw the graph"},
    {HTTP_GET, "/assistants/{assistant_id}/schemas", schemas_prepare, 0,
     "JSON Schemas of the graph"},
    {HTTP_GET, "/assistants/{assistant_id}/subgraphs", subgraphs_prepare, 0, "Subgraphs"},
    {HTTP_GET, "/assistants/{assistant_id}/subgraphs/{namespace}", subgraphs_prepare, 0,
     "One subgraph"},
};

const struct route_list routes_assistants = {routes, ARRAY_LEN(routes)};
