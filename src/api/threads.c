/* /threads: conversations and their rows; their state is in state.c. */
#include "api/spending.h"
#include "api/threads_priv.h"

#include "agent/thread_remove.h"
#include "store/checkpoints.h"

#define TTL_MINUTES_MAX (100.0 * 366 * 24 * 60)
#define US_PER_MINUTE (60.0 * (double)US_PER_SECOND)
#define SUPERSTEPS_MAX 1000

struct thread_body {
    struct str thread_id, metadata;
    bool do_nothing;
    bool has_ttl; /* also when it is to be taken away */
    int64_t ttl_us;
    struct str ttl_strategy;
    struct str supersteps; /* raw JSON array; STR_NONE: none */
};

enum err thread_reply(struct call *call, const struct thread *thread)
{
    shape_thread(call_json(call, 200), thread, NULL);
    return OK;
}

enum err thread_reply_not_found(struct call *call)
{
    return call_fail(call, 404, "Thread with ID %.*s not found", STR_ARG(call->params[0]));
}

/* A number of minutes, or {"ttl": minutes, "strategy": …}; null takes it away. */
static enum err ttl_read(struct call *call, struct thread_body *body)
{
    const struct json *ttl = json_get(call->body, "ttl"), *minutes = ttl;
    struct str strategy = THREAD_DELETE;

    if (!ttl)
        return OK;
    body->has_ttl = true;
    if (json_is_null(ttl))
        return OK;
    if (json_type(ttl) == JSON_OBJECT) {
        minutes = json_get(ttl, "ttl");
        if (json_get(ttl, "strategy"))
            strategy = json_string(json_get(ttl, "strategy"));
    }
    if (json_type(minutes) != JSON_NUMBER || !(json_double(minutes, 0) > 0) ||
        json_double(minutes, 0) > TTL_MINUTES_MAX) {
        call_fail(call, 422, "ttl: must be a number of minutes, or {\"ttl\": minutes}");
        return ERR_INVALID;
    }
    if (!str_eq(strategy, THREAD_DELETE) && !str_eq(strategy, THREAD_KEEP_LATEST)) {
        call_fail(call, 422, "ttl.strategy: must be delete or keep_latest");
        return ERR_INVALID;
    }
    body->ttl_us = (int64_t)(json_double(minutes, 0) * US_PER_MINUTE);
    body->ttl_strategy = strategy;
    return OK;
}

/* ---- create ---- */

static struct thread thread_new(struct tx *tx, struct call *call, const struct thread_body *body)
{
    const struct thread_life *life = &call->setup->agent->thread_life;
    struct str graph_id =
        str_is_none(body->metadata) ? STR_NONE : json_raw(body->metadata, STR("graph_id"));
    struct thread thread = {
        .tenant = call->principal.tenant,
        .thread_id = body->thread_id,
        .status = THREAD_IDLE,
        .metadata = str_is_none(body->metadata) ? STR("{}") : body->metadata,
        .config = STR("{}"),
        .interrupts = STR("{}"),
        .created_us = tx->now_us,
        .updated_us = tx->now_us,
        .ttl_us = body->has_ttl ? body->ttl_us : life->ttl_us,
        .ttl_strategy = body->has_ttl ? body->ttl_strategy : life->strategy,
    };

    if (graph_id.len > 2 && graph_id.data[0] == '"')
        thread.graph_id = str_range(graph_id.data + 1, graph_id.len - 2);
    return thread;
}

static enum err create_apply(struct tx *tx, struct call *call)
{
    const struct thread_body *body = call->data;
    struct thread *thread = ARENA_NEW(call->arena, struct thread);
    struct thread existing;
    enum err err;

    *thread = thread_new(tx, call, body);
    err = thread_get(tx, thread->tenant, thread->thread_id, call->arena, &existing);
    if (!err)
        return body->do_nothing && access_admits(call, ACCESS_OF_THREADS, existing.metadata)
                   ? thread_reply(call, &existing)
                   : call_fail(call, 409, "Thread already exists");
    if (err != ERR_NOT_FOUND)
        return err;
    if (!str_is_none(body->supersteps) && str_is_none(thread->graph_id))
        return call_fail(call, 400, "Thread %.*s has no graph ID", STR_ARG(body->thread_id));
    if (!str_is_none(body->supersteps) &&
        (err = call_need_graph(call, "metadata.graph_id", thread->graph_id)))
        return err;
    if ((err = spending_thread(tx, call)) || (err = thread_insert(tx, thread)))
        return err;
    return str_is_none(body->supersteps) ? thread_reply(call, thread)
                                         : state_supersteps(call, thread, body->supersteps);
}

/* [{"updates": [{"as_node": …, "values": …, "command": …}]}] */
static enum err supersteps_read(struct call *call, struct thread_body *body)
{
    const struct json *steps = json_get(call->body, "supersteps"), *step, *update;
    struct json_iter outer = json_iter(steps), inner;

    if (json_is_absent(steps) || (json_type(steps) == JSON_ARRAY && json_count(steps) == 0))
        return OK;
    if (json_type(steps) != JSON_ARRAY || json_count(steps) > SUPERSTEPS_MAX) {
        call_fail(call, 422, "supersteps: must be an array of at most %d", SUPERSTEPS_MAX);
        return ERR_INVALID;
    }
    while (json_next(&outer, NULL, &step)) {
        inner = json_iter(json_get(step, "updates"));
        if (json_count(json_get(step, "updates")) == 0) {
            call_fail(call, 422, "supersteps: each must have \"updates\", an array");
            return ERR_INVALID;
        }
        while (json_next(&inner, NULL, &update)) {
            if (json_type(json_get(update, "as_node")) == JSON_STRING)
                continue;
            call_fail(call, 422, "supersteps: each update must have \"as_node\", a node's name");
            return ERR_INVALID;
        }
    }
    body->supersteps = json_raw(call->body_text, STR("supersteps"));
    return OK;
}

static enum err create_prepare(struct call *call)
{
    struct thread_body *body = ARENA_NEW(call->arena, struct thread_body);
    static const char *const existence[] = {"raise", "do_nothing", NULL};
    struct str if_exists = STR_NONE;
    enum err err;

    if ((err = call_body_object(call)) ||
        (err = call_get_uuid(call, "thread_id", &body->thread_id)) ||
        (err = call_get_object(call, "metadata", &body->metadata)) ||
        (err = call_get_word(call, "if_exists", existence, &if_exists)) ||
        (err = ttl_read(call, body)) || (err = supersteps_read(call, body)))
        return err;
    body->do_nothing = str_eq(if_exists, STR("do_nothing"));
    if (str_is_none(body->thread_id))
        body->thread_id = call_new_id(call);
    call->data = body;
    return call_then_write(call, create_apply);
}

/* ---- get, patch, delete ---- */

static enum err get_apply(struct tx *tx, struct call *call)
{
    const struct thread_extras *extras = call->data;
    struct thread thread;
    enum err err = thread_get(tx, call->principal.tenant, call->params[0], call->arena, &thread);

    if (err == ERR_NOT_FOUND)
        return thread_reply_not_found(call);
    if (!err)
        shape_thread(call_json(call, 200), &thread, extras);
    return err;
}

static enum err get_prepare(struct call *call)
{
    struct thread_extras *extras = ARENA_NEW(call->arena, struct thread_extras);
    const struct json *include = NULL;
    enum err err;

    call->data = extras;
    if ((err = call_param_uuid(call, 0, "thread_id")) ||
        (err = search_query_names(call, "include", &include)))
        return err;
    for (size_t i = 0; i < json_count(include); i++)
        extras->ttl = extras->ttl || str_eq(json_string(json_item(include, i)), STR("ttl"));
    return call_then_read(call, get_apply);
}

static enum err patch_apply(struct tx *tx, struct call *call)
{
    const struct thread_body *body = call->data;
    struct thread thread;
    enum err err =
        thread_get_for_update(tx, call->principal.tenant, call->params[0], call->arena, &thread);

    if (err == ERR_NOT_FOUND) /* in the documented words, which are not those of GET */
        return call_fail(call, 404, "Thread not found");
    if (err)
        return err;
    thread.metadata = call_merge(call, thread.metadata, body->metadata);
    thread.updated_us = tx->now_us;
    if (body->has_ttl) {
        thread.ttl_us = body->ttl_us;
        thread.ttl_strategy = body->ttl_strategy;
    }
    err = thread_update(tx, &thread);
    if (err)
        return err;
    if (str_eq_nocase(
            http_header_find(call->request->headers, call->request->header_count, "prefer"),
            STR("return=minimal")))
        return call_empty(call, 204);
    return thread_reply(call, &thread);
}

static enum err patch_prepare(struct call *call)
{
    struct thread_body *body = ARENA_NEW(call->arena, struct thread_body);
    enum err err;

    if ((err = call_param_uuid(call, 0, "thread_id")) || (err = call_body_object(call)) ||
        (err = call_get_object(call, "metadata", &body->metadata)) || (err = ttl_read(call, body)))
        return err;
    call->data = body;
    return call_then_write(call, patch_apply);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    enum err err = thread_remove(tx, call->setup->agent, call->principal.tenant, call->params[0]);

    if (err == ERR_NOT_FOUND)
        return thread_reply_not_found(call);
    call_empty(call, 204);
    return err;
}

static enum err delete_prepare(struct call *call)
{
    enum err err = call_param_uuid(call, 0, "thread_id");

    return err ? err : call_then_write(call, delete_apply);
}

/* ---- copy ---- */

static enum err copy_apply(struct tx *tx, struct call *call)
{
    struct str *new_id = call->data;
    struct str tenant = call->principal.tenant;
    struct thread thread;
    enum err err = thread_get(tx, tenant, call->params[0], call->arena, &thread);

    if (err == ERR_NOT_FOUND)
        return call_fail(call, 409, "Thread not found");
    if (err)
        return err;
    thread.metadata = call_merge(call, thread.metadata, call->access.metadata);
    thread.metadata =
        call_merge(call, thread.metadata,
                   arena_printf(call->arena, "{\"thread_id\":\"%.*s\"}", STR_ARG(*new_id)));
    thread.thread_id = *new_id;
    thread.status = THREAD_IDLE;
    thread.head_state = STR_NONE; /* names the old thread: asked for anew */
    thread.created_us = tx->now_us;
    thread.updated_us = tx->now_us;
    if ((err = spending_thread(tx, call)) || (err = thread_insert(tx, &thread)) ||
        (err = checkpoints_copy(tx, tenant, call->params[0], *new_id)))
        return err;
    return thread_reply(call, &thread);
}

static enum err copy_prepare(struct call *call)
{
    struct str *new_id = ARENA_NEW(call->arena, struct str);
    enum err err = call_param_uuid(call, 0, "thread_id");

    *new_id = call_new_id(call);
    call->data = new_id;
    return err ? err : call_then_write(call, copy_apply);
}

static const struct route routes[] = {
    {HTTP_POST, "/threads", create_prepare, PERMIT_RUN,
     ROUTE_IDEMPOTENT | ROUTE_ASKS(ACCESS_THREADS_CREATE), "Create a thread"},
    {HTTP_POST, "/threads/search", thread_search_prepare, PERMIT_READ,
     ROUTE_ASKS(ACCESS_THREADS_SEARCH), "Search threads"},
    {HTTP_POST, "/threads/count", thread_count_prepare, PERMIT_READ,
     ROUTE_ASKS(ACCESS_THREADS_SEARCH), "Count threads"},
    {HTTP_POST, "/threads/prune", thread_prune_prepare, PERMIT_RUN,
     ROUTE_ASKS(ACCESS_THREADS_DELETE), "Delete threads, or all but their last state"},
    {HTTP_GET, "/threads/{thread_id}", get_prepare, PERMIT_READ, ROUTE_ASKS(ACCESS_THREADS_READ),
     "Get a thread"},
    {HTTP_PATCH, "/threads/{thread_id}", patch_prepare, PERMIT_RUN,
     ROUTE_ASKS(ACCESS_THREADS_UPDATE), "Change a thread's metadata or time to live"},
    {HTTP_DELETE, "/threads/{thread_id}", delete_prepare, PERMIT_RUN,
     ROUTE_ASKS(ACCESS_THREADS_DELETE), "Delete a thread with its runs and state"},
    {HTTP_POST, "/threads/{thread_id}/copy", copy_prepare, PERMIT_RUN,
     ROUTE_IDEMPOTENT | ROUTE_ASKS(ACCESS_THREADS_COPY), "Copy a thread with its state"},
    {HTTP_GET, "/threads/{thread_id}/stream", thread_stream_prepare, PERMIT_READ,
     ROUTE_FOLLOWS | ROUTE_ASKS(ACCESS_THREADS_READ), "Follow all runs of a thread"},
    {HTTP_GET, "/threads/{thread_id}/storage", thread_storage_prepare, PERMIT_READ,
     ROUTE_ASKS(ACCESS_THREADS_READ), "How many bytes a thread takes in the store"},
};

const struct route_list routes_threads = {routes, ARRAY_LEN(routes)};
