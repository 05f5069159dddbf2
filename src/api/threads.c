/* /threads: conversations and their rows; their state is in state.c. */
#include "api/route.h"

#include "agent/thread_remove.h"
#include "shape/shape.h"
#include "store/checkpoints.h"

struct thread_body {
    struct str thread_id, metadata;
    bool do_nothing;
};

static enum err reply_thread(struct call *call, const struct thread *thread)
{
    shape_thread(call_json(call, 200), thread);
    return OK;
}

static enum err not_found(struct call *call)
{
    return call_fail(call, 404, "Thread with ID %.*s not found", STR_ARG(call->params[0]));
}

/* ---- create ---- */

static enum err create_apply(struct tx *tx, struct call *call)
{
    const struct thread_body *body = call->data;
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
    };
    struct thread existing;
    enum err err = thread_get(tx, thread.tenant, thread.thread_id, call->arena, &existing);

    if (!err)
        return body->do_nothing ? reply_thread(call, &existing)
                                : call_fail(call, 409, "Thread already exists");
    if (err != ERR_NOT_FOUND)
        return err;
    if (graph_id.len > 2 && graph_id.data[0] == '"')
        thread.graph_id = str_range(graph_id.data + 1, graph_id.len - 2);
    err = thread_insert(tx, &thread);
    return err ? err : reply_thread(call, &thread);
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
        (err = call_get_word(call, "if_exists", existence, &if_exists)))
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
    struct thread thread;
    enum err err = thread_get(tx, call->principal.tenant, call->params[0], call->arena, &thread);

    if (err == ERR_NOT_FOUND)
        return not_found(call);
    return err ? err : reply_thread(call, &thread);
}

static enum err get_prepare(struct call *call)
{
    enum err err = call_param_uuid(call, 0, "thread_id");

    return err ? err : call_then_read(call, get_apply);
}

static enum err patch_apply(struct tx *tx, struct call *call)
{
    const struct thread_body *body = call->data;
    struct thread thread;
    enum err err =
        thread_get_for_update(tx, call->principal.tenant, call->params[0], call->arena, &thread);

    if (err == ERR_NOT_FOUND)
        return not_found(call);
    if (err)
        return err;
    thread.metadata = call_merge(call, thread.metadata, body->metadata);
    thread.updated_us = tx->now_us;
    err = thread_update(tx, &thread);
    if (err)
        return err;
    if (str_eq_nocase(
            http_header_find(call->request->headers, call->request->header_count, "prefer"),
            STR("return=minimal")))
        return call_empty(call, 204);
    return reply_thread(call, &thread);
}

static enum err patch_prepare(struct call *call)
{
    struct thread_body *body = ARENA_NEW(call->arena, struct thread_body);
    enum err err;

    if ((err = call_param_uuid(call, 0, "thread_id")) || (err = call_body_object(call)) ||
        (err = call_get_object(call, "metadata", &body->metadata)))
        return err;
    call->data = body;
    return call_then_write(call, patch_apply);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    enum err err = thread_remove(tx, call->setup->agent, call->principal.tenant, call->params[0]);

    if (err == ERR_NOT_FOUND)
        return not_found(call);
    call_empty(call, 204);
    return err;
}

static enum err delete_prepare(struct call *call)
{
    enum err err = call_param_uuid(call, 0, "thread_id");

    return err ? err : call_then_write(call, delete_apply);
}

/* ---- search ---- */

static enum err filter_read(struct call *call, struct thread_filter *filter)
{
    struct str order = STR_NONE;
    enum err err;

    filter->tenant = call->principal.tenant;
    filter->limit = 10;
    if ((err = call_body_object(call)) ||
        (err = call_get_object(call, "metadata", &filter->metadata)) ||
        (err = call_get_object(call, "values", &filter->values)) ||
        (err = call_get_text(call, "status", &filter->status)) ||
        (err = call_get_int(call, "limit", 1, 1000, &filter->limit)) ||
        (err = call_get_int(call, "offset", 0, INT64_MAX, &filter->offset)) ||
        (err = call_get_text(call, "sort_by", &filter->sort_by)) ||
        (err = call_get_text(call, "sort_order", &order)))
        return err;
    if (json_type(json_get(call->body, "ids")) == JSON_ARRAY)
        filter->ids = json_raw(call->body_text, STR("ids"));
    filter->ascending = str_eq(order, STR("asc"));
    return OK;
}

static enum err search_apply(struct tx *tx, struct call *call)
{
    const struct thread_filter *filter = call->data;
    struct thread *found;
    struct json_writer *json;
    size_t count;
    int64_t total;
    enum err err = thread_search(tx, filter, call->arena, &found, &count);

    if (err || (err = thread_count(tx, filter, &total)))
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = 0; i < count; i++)
        shape_thread(json, &found[i]);
    json_end_array(json);
    call_page(call, total, filter->offset, count);
    return OK;
}

static enum err search_prepare(struct call *call)
{
    struct thread_filter *filter = ARENA_NEW(call->arena, struct thread_filter);
    enum err err = filter_read(call, filter);

    call->data = filter;
    return err ? err : call_then_read(call, search_apply);
}

static enum err count_apply(struct tx *tx, struct call *call)
{
    int64_t total = 0;
    enum err err = thread_count(tx, call->data, &total);

    json_i64_out(call_json(call, 200), total);
    return err;
}

static enum err count_prepare(struct call *call)
{
    struct thread_filter *filter = ARENA_NEW(call->arena, struct thread_filter);
    enum err err = filter_read(call, filter);

    call->data = filter;
    return err ? err : call_then_read(call, count_apply);
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
    thread.metadata =
        call_merge(call, thread.metadata,
                   arena_printf(call->arena, "{\"thread_id\":\"%.*s\"}", STR_ARG(*new_id)));
    thread.thread_id = *new_id;
    thread.status = THREAD_IDLE;
    thread.head_state = STR_NONE; /* names the old thread: asked for anew */
    thread.created_us = tx->now_us;
    thread.updated_us = tx->now_us;
    if ((err = thread_insert(tx, &thread)) ||
        (err = checkpoints_copy(tx, tenant, call->params[0], *new_id)))
        return err;
    return reply_thread(call, &thread);
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
    {HTTP_POST, "/threads", create_prepare, ROUTE_IDEMPOTENT, "Create a thread"},
    {HTTP_POST, "/threads/search", search_prepare, 0, "Search threads"},
    {HTTP_POST, "/threads/count", count_prepare, 0, "Count threads"},
    {HTTP_GET, "/threads/{thread_id}", get_prepare, 0, "Get a thread"},
    {HTTP_PATCH, "/threads/{thread_id}", patch_prepare, 0, "Change a thread's metadata"},
    {HTTP_DELETE, "/threads/{thread_id}", delete_prepare, 0,
     "Delete a thread with its runs and state"},
    {HTTP_POST, "/threads/{thread_id}/copy", copy_prepare, ROUTE_IDEMPOTENT,
     "Copy a thread with its state"},
};

const struct route_list routes_threads = {routes, ARRAY_LEN(routes)};
