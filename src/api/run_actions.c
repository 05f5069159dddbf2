/* What can be done with runs that exist: list, get, delete, join, follow, cancel. */
#include "api/runs_priv.h"
#include "api/search.h"

#include "agent/run_cancel.h"
#include "agent/run_request.h"
#include "shape/shape.h"
#include "store/checkpoints.h"
#include "store/threads.h"

#define CANCEL_MAX 1000

/* The ids of the path: with a thread, or (routes under /runs) without. */
struct run_path {
    struct str thread_id; /* STR_NONE: any */
    struct str run_id;
};

static enum err path_read(struct call *call, struct run_path *path)
{
    bool has_thread = !str_is_none(call->params[1]);
    enum err err;

    if (has_thread && (err = call_param_uuid(call, 0, "thread_id")))
        return err;
    err = call_param_uuid(call, has_thread ? 1 : 0, "run_id");
    path->thread_id = has_thread ? call->params[0] : STR_NONE;
    path->run_id = call->params[has_thread ? 1 : 0];
    return err;
}

static enum err run_load(struct tx *tx, struct call *call, const struct run_path *path,
                         struct run *run)
{
    enum err err =
        run_get(tx, call->principal.tenant, path->thread_id, path->run_id, call->arena, run);

    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "Run not found");
    return err;
}

/* A run that no path names: is its thread there for the caller? */
static enum err run_check(struct tx *tx, struct call *call, const struct run *run)
{
    struct str metadata = run->metadata;
    enum err err = thread_get_metadata(tx, run->tenant, run->thread_id, tx->arena, &metadata);

    if (err && err != ERR_NOT_FOUND)
        return err;
    if (access_admits(call, ACCESS_OF_THREADS, metadata))
        return OK;
    call_fail(call, 404, "Run not found");
    return ERR_NOT_FOUND;
}

/* ---- list and get ---- */

struct list_call {
    struct run_filter filter;
    const struct json *select;
};

static enum err list_apply(struct tx *tx, struct call *call)
{
    const struct list_call *list = call->data;
    const struct run_filter *filter = &list->filter;
    struct json_writer *json;
    struct picker picker;
    struct thread thread;
    struct runs found;
    enum err err = thread_get(tx, filter->tenant, filter->thread_id, call->arena, &thread);

    if (err == ERR_NOT_FOUND)
        return call_fail(call, 404, "Thread with ID %.*s not found", STR_ARG(call->params[0]));
    if (err || (err = run_list(tx, filter, call->arena, &found)))
        return err;
    json = call_json(call, 200);
    picker_init(&picker, json, list->select);
    json_begin_array(json);
    for (size_t i = 0; i < found.count; i++) {
        shape_run(picker_begin(&picker), &found.list[i]);
        picker_end(&picker);
    }
    json_end_array(json);
    picker_release(&picker);
    return OK;
}

enum err run_list_prepare(struct call *call)
{
    static const char *const statuses[] = {"pending", "running",     "success", "error",
                                           "timeout", "interrupted", NULL};
    static const char *const members[] = {
        "run_id", "thread_id", "assistant_id",       "created_at",    "updated_at",
        "status", "metadata",  "multitask_strategy", "cancel_reason", "langsmith_session_name",
        "kwargs", NULL};
    struct list_call *list = ARENA_NEW(call->arena, struct list_call);
    struct run_filter *filter = &list->filter;
    enum err err;

    filter->tenant = call->principal.tenant;
    filter->limit = 10;
    filter->status = query_get(&call->query, "status");
    call->data = list;
    if ((err = call_param_uuid(call, 0, "thread_id")) ||
        (err = call_query_word(call, "status", statuses)) ||
        (err = search_query_names(call, "select", &list->select)) ||
        (err = search_select_check(call, list->select, members, NULL)) ||
        (err = call_query_int(call, "limit", 1, 1000, &filter->limit)) ||
        (err = call_query_int(call, "offset", 0, INT64_MAX, &filter->offset)))
        return err;
    filter->thread_id = call->params[0];
    return call_then_read(call, list_apply);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct run run;
    enum err err = run_load(tx, call, call->data, &run);

    if (!err)
        shape_run(call_json(call, 200), &run);
    return err;
}

enum err run_get_prepare(struct call *call)
{
    struct run_path *path = ARENA_NEW(call->arena, struct run_path);
    enum err err = path_read(call, path);

    call->data = path;
    return err ? err : call_then_read(call, get_apply);
}

/* ---- delete ---- */

/* A live run is cancelled first, so that it has its event. */
static enum err delete_apply(struct tx *tx, struct call *call)
{
    struct run run;
    enum err err = run_load(tx, call, call->data, &run);

    if (err || (err = run_end_by_delete(tx, call->setup->agent, &run)) ||
        (err = checkpoints_delete_run(tx, run.tenant, run.run_id)))
        return err;
    err = run_delete(tx, run.tenant, run.run_id);
    call_empty(call, 204);
    return err == ERR_NOT_FOUND ? OK : err; /* it was rolled back */
}

enum err run_delete_prepare(struct call *call)
{
    struct run_path *path = ARENA_NEW(call->arena, struct run_path);
    enum err err = path_read(call, path);

    call->data = path;
    return err ? err : call_then_write(call, delete_apply);
}

/* ---- join ---- */

static enum err join_apply(struct tx *tx, struct call *call)
{
    const struct run_path *path = call->data;
    struct run run;
    enum err err = run_load(tx, call, path, &run);

    if (err)
        return err;
    run_locate(call, &run, "join");
    call->stream.run_id = run.run_id;
    return call_then_stream(call);
}

/* To follow a run is to read; to take it along when leaving is more. */
static enum err cancel_on_disconnect_read(struct call *call)
{
    enum err err =
        call_query_bool(call, "cancel_on_disconnect", &call->stream.cancel_on_disconnect);

    return err || !call->stream.cancel_on_disconnect ? err : call_need(call, PERMIT_RUN);
}

enum err run_join_prepare(struct call *call)
{
    struct run_path *path = ARENA_NEW(call->arena, struct run_path);
    enum err err;

    call->data = path;
    if ((err = path_read(call, path)) || (err = cancel_on_disconnect_read(call)))
        return err;
    call->stream.wait = true;
    return call_then_read(call, join_apply);
}

/* Last-Event-ID is exclusive; "-1", "-" and "0-0" mean from the beginning. */
static enum err last_event_id(struct call *call)
{
    struct str text =
        http_header_find(call->request->headers, call->request->header_count, "last-event-id");

    call->stream.start = READER_LIVE;
    if (str_is_empty(text))
        return OK;
    call->stream.start = READER_ALL;
    if (str_eq(text, STR("-")) || str_eq(text, STR("0-0")) || str_eq(text, STR("-1")))
        return OK;
    if (str_to_i64(text, &call->stream.after_id) || call->stream.after_id < 0) {
        call_fail(call, 422, "Last-Event-ID: must be the id of an event of this stream, or -1");
        return ERR_INVALID;
    }
    call->stream.start = READER_AFTER;
    return OK;
}

/* An unknown run is an event in the stream, not a status: clients of this route expect a stream. */
static enum err follow_apply(struct tx *tx, struct call *call)
{
    const struct run_path *path = call->data;
    struct run run;
    enum err err =
        run_get(tx, call->principal.tenant, path->thread_id, path->run_id, call->arena, &run);

    if (err && err != ERR_NOT_FOUND)
        return err;
    call->stream.run_id = path->run_id;
    call->stream.quiet = str_is_none(path->thread_id);
    if (err) /* an id that no run has */
        call->stream.run_id = arena_printf(call->arena, "%.*s?", STR_ARG(path->run_id));
    else
        run_locate(call, &run, "stream");
    return call_then_stream(call);
}

static enum err modes_read(struct call *call)
{
    struct json_iter iter;
    const struct json *mode;
    enum err err = search_query_names(call, "stream_mode", &call->stream.modes);

    iter = json_iter(call->stream.modes);
    while (!err && json_next(&iter, NULL, &mode))
        if (!run_stream_mode_is_known(json_string(mode)))
            err = call_refuse(call, "stream_mode: is none of " RUN_STREAM_MODES);
    return err;
}

enum err run_join_stream_prepare(struct call *call)
{
    struct run_path *path = ARENA_NEW(call->arena, struct run_path);
    enum err err;

    call->data = path;
    if ((err = path_read(call, path)) || (err = last_event_id(call)) || (err = modes_read(call)) ||
        (err = cancel_on_disconnect_read(call)))
        return err;
    return call_then_read(call, follow_apply);
}

/* ---- cancel ---- */

struct cancel_call {
    struct run_path path;
    struct str action;
    bool wait;
    const struct json *run_ids;
    struct str thread_id, status;
};

static enum err action_read(struct call *call, struct str *action)
{
    struct str given = query_get(&call->query, "action");

    *action = str_is_empty(given) ? STR("interrupt") : given;
    if (str_eq(*action, STR("interrupt")) || str_eq(*action, STR("rollback")))
        return OK;
    call_fail(call, 422, "action: must be interrupt or rollback");
    return ERR_INVALID;
}

static enum err cancel_apply(struct tx *tx, struct call *call)
{
    const struct cancel_call *cancel = call->data;
    struct run run;
    enum err err = run_load(tx, call, &cancel->path, &run);

    if (err || (err = run_cancel(tx, call->setup->agent, &run, cancel->action)))
        return err;
    if (!cancel->wait)
        return call_empty(call, 202);
    run_locate(call, &run, "join");
    if (!str_eq(run.status, RUN_RUNNING))
        return call_empty(call, 204);
    call->stream = (struct call_stream){.run_id = run.run_id, .wait = true, .empty_end = true};
    return call_then_stream(call);
}

enum err run_cancel_prepare(struct call *call)
{
    struct cancel_call *cancel = ARENA_NEW(call->arena, struct cancel_call);
    enum err err;

    call->data = cancel;
    if ((err = path_read(call, &cancel->path)) || (err = action_read(call, &cancel->action)) ||
        (err = call_query_bool(call, "wait", &cancel->wait)))
        return err;
    return call_then_write(call, cancel_apply);
}

/* Those that there are; 404 if that is none of them. */
static enum err cancel_ids(struct tx *tx, struct call *call, const struct cancel_call *cancel)
{
    struct json_iter iter = json_iter(cancel->run_ids);
    const struct json *item;
    size_t missing = 0;
    enum err err = OK;

    while (!err && json_next(&iter, NULL, &item)) {
        struct run_path path = {.thread_id = cancel->thread_id};
        struct uuid_text text;
        struct uuid id = {0};
        struct run run;

        REQUIRE(!uuid_parse(json_string(item), &id)); /* run_ids_read has seen to that */
        path.run_id = uuid_write(id, &text);
        err = run_load(tx, call, &path, &run);
        if (!err)
            err = run_check(tx, call, &run);
        if (!err)
            err = run_cancel(tx, call->setup->agent, &run, cancel->action);
        if (err != ERR_NOT_FOUND)
            continue;
        missing++;
        err = OK;
    }
    if (err || (missing > 0 && missing == json_count(cancel->run_ids)))
        return err;
    return call_empty(call, 204);
}

/* "run_ids": an array of ids. */
static enum err run_ids_read(struct call *call, struct cancel_call *cancel)
{
    const struct json *ids = json_get(call->body, "run_ids"), *id;
    struct json_iter iter = json_iter(ids);
    struct uuid parsed;

    if (json_is_absent(ids))
        return OK;
    if (json_type(ids) != JSON_ARRAY)
        return call_refuse(call, "run_ids: must be an array of UUIDs");
    while (json_next(&iter, NULL, &id))
        if (json_type(id) != JSON_STRING || uuid_parse(json_string(id), &parsed))
            return call_refuse(call, "run_ids: every item must be a UUID");
    cancel->run_ids = ids;
    return OK;
}

static enum err cancel_many_apply(struct tx *tx, struct call *call)
{
    const struct cancel_call *cancel = call->data;
    const struct run_filter filter = {
        .tenant = call->principal.tenant,
        .status = cancel->status,
        .admitted = call->access.filters[ACCESS_OF_THREADS],
        .limit = CANCEL_MAX,
    };
    struct runs found = {0};
    size_t count = 0;
    enum err err;

    call_empty(call, 204);
    if (cancel->run_ids)
        return cancel_ids(tx, call, cancel);
    do {
        err = run_list_by_status(tx, &filter, tx->arena, &found);
        count += found.count;
        for (size_t i = 0; !err && i < found.count; i++)
            err = run_cancel(tx, call->setup->agent, &found.list[i], cancel->action);
    } while (!err && found.count == CANCEL_MAX);
    if (!err && count == 0)
        return call_fail(call, 404, "No runs found to cancel.");
    return err;
}

enum err run_cancel_many_prepare(struct call *call)
{
    static const char *const statuses[] = {"pending", "running", "all", NULL};
    struct cancel_call *cancel = ARENA_NEW(call->arena, struct cancel_call);
    enum err err;

    call->data = cancel;
    if ((err = action_read(call, &cancel->action)) || (err = call_body_object(call)) ||
        (err = call_get_uuid(call, "thread_id", &cancel->thread_id)) ||
        (err = call_get_word(call, "status", statuses, &cancel->status)) ||
        (err = run_ids_read(call, cancel)))
        return err;
    if (!cancel->run_ids && str_is_none(cancel->status)) {
        call_fail(call, 422, "give run_ids with a thread_id, or status: pending, running or all");
        return ERR_INVALID;
    }
    return call_then_write(call, cancel_many_apply);
}
