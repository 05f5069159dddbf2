/* queues.c -- /annotation-queues: spans that people are to look at. */
#include "store/queues.h"
#include "api/datasets_priv.h"
#include "api/named.h"
#include "api/route.h"
#include "api/traces_priv.h"
#include "store/spans.h"

#define PAGE_MAX 100
#define ADD_MAX 1000
#define BODY_BYTES_MAX (64 * KIB)

static enum err not_found(struct call *call, enum err err)
{
    return err == ERR_NOT_FOUND ? call_fail(call, 404, "Annotation queue not found") : err;
}

static void queue_write(struct json_writer *json, const struct queue_row *q)
{
    struct uuid_text tenant_id;
    struct str key, value;
    size_t at = 0;

    json_begin_object(json);
    json_put_str(json, "id", q->queue_id);
    json_put_str(json, "tenant_id", trace_tenant_id(q->tenant, &tenant_id));
    json_put_str(json, "name", q->name);
    json_put_time(json, "created_at", q->created_us);
    json_put_time(json, "updated_at", q->updated_us);
    while (json_raw_next(q->body, &at, &key, &value)) {
        json_key_raw(json, key);
        json_raw_out(json, value);
    }
    json_end_object(json);
}

static enum err reply_one(struct tx *tx, struct call *call, struct str queue_id)
{
    struct queue_row queue;
    enum err err = queues_get(tx, call->principal.tenant, queue_id, tx->arena, &queue);

    if (err)
        return not_found(call, err);
    queue_write(call_json(call, 200), &queue);
    return OK;
}

/* ---- list, get ---- */

static enum err list_apply(struct tx *tx, struct call *call)
{
    struct queue_rows found;
    struct json_writer *json;
    enum err err = queues_search(tx, call->data, tx->arena, &found);

    if (err)
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = 0; i < found.count; i++)
        queue_write(json, &found.list[i]);
    json_end_array(json);
    return OK;
}

static enum err list_prepare(struct call *call)
{
    struct named_filter *f = ARENA_NEW(call->arena, struct named_filter);
    enum err err = named_filter_read(call, "ids", f);

    call->data = f;
    return err ? err : call_then_read(call, list_apply);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    return reply_one(tx, call, call->params[0]);
}

static enum err get_prepare(struct call *call)
{
    return named_then_read(call, "queue_id", get_apply);
}

/* ---- create, change, delete ---- */

static bool is_own(struct str key)
{
    static const char *const own[] = {"id", "tenant_id", "name", "created_at", "updated_at", NULL};

    return str_is_one_of(key, own);
}

/* Everything the body says beside what the row knows is kept as it came. */
static enum err body_read(struct call *call, struct queue_row *queue)
{
    struct buf mine, all;
    enum err err = named_name_read(call, &queue->name);

    if (err)
        return err;
    buf_init(&mine, BODY_BYTES_MAX);
    buf_init(&all, BODY_BYTES_MAX);
    json_without(&mine, call->body_text, is_own);
    json_merge(&all, queue->body, buf_str(&mine));
    queue->body = arena_str(call->arena, buf_str(&all));
    if (mine.failed || all.failed)
        err = ERR_LIMIT;
    buf_release(&mine);
    buf_release(&all);
    return err;
}

static enum err create_apply(struct tx *tx, struct call *call)
{
    struct queue_row *queue = call->data;
    enum err err = queues_insert(tx, queue);

    if (err == ERR_CONFLICT)
        call_fail(call, 409, "an annotation queue with this name or id already exists");
    return err ? err : reply_one(tx, call, queue->queue_id);
}

static enum err create_prepare(struct call *call)
{
    struct queue_row *queue = ARENA_NEW(call->arena, struct queue_row);
    enum err err = call_body_object(call);

    queue->tenant = call->principal.tenant;
    queue->body = STR("{\"description\":null,\"rubric_instructions\":null,\"rubric_items\":null}");
    if (err || (err = body_read(call, queue)) || (err = named_id_read(call, &queue->queue_id)))
        return err;
    call->data = queue;
    return call_then_write(call, create_apply);
}

static enum err change_apply(struct tx *tx, struct call *call)
{
    struct queue_row queue;
    enum err err = queues_get(tx, call->principal.tenant, call->params[0], call->arena, &queue);

    if (err)
        return not_found(call, err);
    if ((err = body_read(call, &queue)))
        return err;
    err = queues_update(tx, &queue);
    if (err == ERR_CONFLICT)
        call_fail(call, 409, "an annotation queue with this name already exists");
    return err ? err : reply_one(tx, call, queue.queue_id);
}

static enum err change_prepare(struct call *call)
{
    return named_then_change(call, "queue_id", change_apply);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    enum err err = queues_delete(tx, call->principal.tenant, call->params[0]);

    if (err)
        return not_found(call, err);
    json_raw_out(call_json(call, 200), STR("{\"message\":\"Annotation queue deleted\"}"));
    return OK;
}

static enum err delete_prepare(struct call *call)
{
    return named_then_write(call, "queue_id", delete_apply);
}

/* ---- items ---- */

struct addition {
    struct uuid ids[ADD_MAX];
    size_t count;
};

static enum err item_write(struct tx *tx, struct call *call, const struct queue_item *item)
{
    struct span_view view = traces_view(call, SPAN_SELECT_ALL);
    struct span_time added;
    struct span_row row;
    struct span span;
    enum err err = spans_get(tx, call->principal.tenant, item->span_id, tx->arena, &row);

    if (!err)
        err = traces_load(tx, &row, SPAN_SELECT_ALL, tx->arena, &span);
    if (err)
        return err;
    span_json_write(&call->json, &span, &view);
    buf_truncate(&call->reply, call->reply.len - 1); /* its closing brace */
    json_put_str(&call->json, "queue_run_id", item->item_id);
    json_put_str(&call->json, "added_at", span_time_write(item->added_us, &added));
    json_put_null(&call->json, "last_reviewed_time");
    json_end_object(&call->json);
    return OK;
}

/* Each of these must be there: {run_id} or its id alone. */
static enum err add_apply(struct tx *tx, struct call *call)
{
    const struct addition *add = call->data;
    struct uuid_text text;
    struct queue_row queue;
    bool is_new;
    enum err err = queues_get(tx, call->principal.tenant, call->params[0], tx->arena, &queue);

    if (err)
        return not_found(call, err);
    for (size_t i = 0; !err && i < add->count; i++) {
        struct span_row row;

        err = spans_get(tx, queue.tenant, add->ids[i], tx->arena, &row);
        if (err == ERR_NOT_FOUND)
            call_fail(call, 404, "Run %.*s not found", STR_ARG(uuid_write(add->ids[i], &text)));
        if (!err)
            err = queue_items_add(tx, queue.tenant, queue.queue_id, add->ids[i], &is_new);
    }
    if (!err)
        json_raw_out(call_json(call, 200), STR("{\"message\":\"Runs added\"}"));
    return err;
}

static enum err add_prepare(struct call *call)
{
    struct addition *add = ARENA_NEW(call->arena, struct addition);
    enum err err = call_param_uuid(call, 0, "queue_id");

    if (err || (err = call_body_any(call)))
        return err;
    if (json_type(call->body) != JSON_ARRAY)
        return call_fail(call, 422, "the body must be an array of run ids");
    for (size_t i = 0; i < json_count(call->body); i++) {
        const struct json *item = json_item(call->body, i);
        struct str id = json_type(item) == JSON_OBJECT ? json_string(json_get(item, "run_id"))
                                                       : json_string(item);

        if (add->count == ADD_MAX || uuid_parse_loose(id, &add->ids[add->count++]))
            return call_fail(call, 422,
                             "the body must be an array of at most %d run ids, or of "
                             "objects with run_id",
                             ADD_MAX);
    }
    call->data = add;
    return call_then_write(call, add_apply);
}

struct item_page {
    int64_t limit, offset;
    bool only_one;
};

/* A span that is gone is passed over; a page is never shorter for that alone. */
static enum err items_apply(struct tx *tx, struct call *call)
{
    const struct item_page *page = call->data;
    struct queue_items found;
    struct queue_row queue;
    enum err err = queues_get(tx, call->principal.tenant, call->params[0], tx->arena, &queue);

    if (err)
        return not_found(call, err);
    if ((err = queue_items_list(tx, &queue, page->limit, page->offset, tx->arena, &found)))
        return err;
    if (page->only_one && found.count == 0)
        return call_fail(call, 404, "There is no run at this index of the queue");
    call_json(call, 200);
    if (!page->only_one)
        json_begin_array(&call->json);
    for (size_t i = 0; !err && i < found.count; i++) {
        err = item_write(tx, call, &found.list[i]);
        if (err == ERR_NOT_FOUND && !page->only_one)
            err = OK;
    }
    if (!page->only_one)
        json_end_array(&call->json);
    return err == ERR_NOT_FOUND ? call_fail(call, 404, "Run not found") : err;
}

static enum err items_prepare(struct call *call)
{
    struct item_page *page = ARENA_NEW(call->arena, struct item_page);
    enum err err = call_param_uuid(call, 0, "queue_id");

    page->limit = PAGE_MAX;
    call->data = page;
    if (err || (err = call_query_int(call, "limit", 1, PAGE_MAX, &page->limit)) ||
        (err = call_query_int(call, "offset", 0, INT32_MAX, &page->offset)))
        return err;
    if (str_starts(query_get(&call->query, "status"), STR("completed")))
        page->offset = INT32_MAX; /* nothing is ever marked as reviewed */
    return call_then_read(call, items_apply);
}

static enum err item_prepare(struct call *call)
{
    struct item_page *page = ARENA_NEW(call->arena, struct item_page);
    enum err err = call_param_uuid(call, 0, "queue_id");

    *page = (struct item_page){.limit = 1, .only_one = true};
    call->data = page;
    if (!err && (str_to_i64(call->params[1], &page->offset) || page->offset < 0))
        return call_fail(call, 422, "index: must be a whole number from 0");
    return err ? err : call_then_read(call, items_apply);
}

static enum err size_apply(struct tx *tx, struct call *call)
{
    struct queue_row queue;
    int64_t count = 0;
    struct json_writer *json;
    enum err err = queues_get(tx, call->principal.tenant, call->params[0], tx->arena, &queue);

    if (err)
        return not_found(call, err);
    if ((err = queue_items_count(tx, &queue, &count)))
        return err;
    json = call_json(call, 200);
    json_begin_object(json);
    json_put_i64(json, "size", count);
    json_end_object(json);
    return OK;
}

static enum err size_prepare(struct call *call)
{
    return named_then_read(call, "queue_id", size_apply);
}

static enum err remove_apply(struct tx *tx, struct call *call)
{
    const struct uuid *id = call->data;
    struct queue_row queue;
    enum err err = queues_get(tx, call->principal.tenant, call->params[0], tx->arena, &queue);

    if (err)
        return not_found(call, err);
    err = queue_items_delete(tx, queue.tenant, queue.queue_id, *id);
    if (err == ERR_NOT_FOUND)
        return call_fail(call, 404, "Run not found in this queue");
    if (!err)
        json_raw_out(call_json(call, 200), STR("{\"message\":\"Run removed\"}"));
    return err;
}

static enum err remove_prepare(struct call *call)
{
    struct uuid *id = ARENA_NEW(call->arena, struct uuid);
    enum err err = call_param_uuid(call, 0, "queue_id");

    if (!err && uuid_parse_loose(call->params[1], id))
        return call_fail(call, 422, "queue_run_id: must be a UUID");
    call->data = id;
    return err ? err : call_then_write(call, remove_apply);
}

#define ALL "/annotation-queues"
#define ONE ALL "/{queue_id}"

static const struct route routes[] = {
    {HTTP_GET, ALL, list_prepare, PERMIT_READ, ROUTE_TRACES, "List annotation queues"},
    {HTTP_POST, ALL, create_prepare, PERMIT_RUN, ROUTE_TRACES, "Create an annotation queue"},
    {HTTP_GET, ONE, get_prepare, PERMIT_READ, ROUTE_TRACES, "Get an annotation queue"},
    {HTTP_PATCH, ONE, change_prepare, PERMIT_RUN, ROUTE_TRACES, "Change an annotation queue"},
    {HTTP_DELETE, ONE, delete_prepare, PERMIT_EDIT, ROUTE_TRACES, "Delete an annotation queue"},
    {HTTP_POST, ONE "/runs", add_prepare, PERMIT_RUN, ROUTE_TRACES, "Add runs to a queue"},
    {HTTP_POST, ONE "/runs/by-key", add_prepare, PERMIT_RUN, ROUTE_TRACES,
     "Add runs to a queue, by their keys"},
    {HTTP_GET, ONE "/runs", items_prepare, PERMIT_READ, ROUTE_TRACES, "List a queue's runs"},
    {HTTP_GET, ONE "/run/{index}", item_prepare, PERMIT_READ, ROUTE_TRACES,
     "The run at a place of a queue"},
    {HTTP_GET, ONE "/size", size_prepare, PERMIT_READ, ROUTE_TRACES, "How many runs a queue has"},
    {HTTP_DELETE, ONE "/runs/{queue_run_id}", remove_prepare, PERMIT_RUN, ROUTE_TRACES,
     "Remove a run from a queue"},
};

const struct route_list routes_queues = {routes, ARRAY_LEN(routes)};
