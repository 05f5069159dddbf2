/* /runs and /threads/…/runs: creating runs (in the background, streamed, waited for, in batches).
 * What happens to them afterwards is in run_actions.c. */
#include "api/call_priv.h"
#include "api/runs_priv.h"

#include "agent/run_create.h"
#include "delivery/target.h"
#include "format/traceparent.h"
#include "shape/shape.h"
#include "store/store_metrics.h"

#define BATCH_MAX 1000

enum create_mode { CREATE_BACKGROUND, CREATE_STREAM, CREATE_WAIT };

struct create_call {
    enum create_mode mode;
    struct run_new *runs;
    size_t count;
};

/* ---- checks before the database ---- */

enum err run_webhook_check(struct call *call, struct str webhook)
{
    const struct api_setup *setup = call->setup;
    struct url url;
    struct str why;

    if (str_is_none(webhook) || setup->agent->webhooks_disabled)
        return OK;
    if (!target_check(setup->webhook_rules, setup->egress, call->arena, webhook, &url, &why))
        return OK;
    metric_add(&store_ingest_events, ingest_series(call->principal.tenant, INGEST_REFUSED), 1);
    call_fail(call, 422, "webhook: %.*s", STR_ARG(why));
    return ERR_INVALID;
}

/* Production refuses both at once: which one counts would be a guess. */
static enum err context_check(struct call *call, const struct json *body)
{
    const struct json *configurable = json_get(json_get(body, "config"), "configurable");
    const struct json *context = json_get(body, "context");

    if (call->setup->compat_js || json_count(configurable) == 0 ||
        json_type(configurable) != JSON_OBJECT || json_count(context) == 0)
        return OK;
    call_fail(
        call, 400,
        "Cannot specify both configurable and context. Prefer setting context alone. Context was "
        "introduced in LangGraph 0.6.0 and is the long term planned replacement for "
        "configurable.");
    return ERR_INVALID;
}

/* "*" stands for any text; names of headers have no letter case. */
static bool fits(struct str name, struct str pattern)
{
    struct str rest = pattern, piece = STR("");
    bool is_first = true;

    while (str_split(&rest, '*', &piece)) {
        while (!is_first && name.len > 0 && !str_starts_nocase(name, piece))
            name = str_from(name, 1);
        if (!str_starts_nocase(name, piece))
            return false;
        name = str_from(name, piece.len);
        is_first = false;
    }
    return name.len == 0 || str_ends(pattern, STR("*"));
}

static bool fits_any(struct str name, const struct str *patterns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fits(name, patterns[i]))
            return true;
    return false;
}

static bool is_copied(const struct api_copied_headers *rules, struct str name)
{
    static const struct str secret[] = {
        {"x-api-key", 9}, {"x-tenant-id", 11}, {"x-service-key", 13}, {"x-runbell-app", 13}};

    if (fits_any(name, secret, ARRAY_LEN(secret)) ||
        fits_any(name, rules->excludes, rules->exclude_count))
        return false;
    if (rules->include_count > 0)
        return fits_any(name, rules->includes, rules->include_count);
    return str_starts_nocase(name, STR("x-")) || str_eq_nocase(name, STR("user-agent"));
}

/* The request's headers that become members of config.configurable, in lower case. */
struct str call_headers(struct call *call)
{
    const struct http_request *request = call->request;
    struct json_writer json;
    struct buf out;
    struct str text;

    buf_init(&out, MIB);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    for (size_t i = 0; i < request->header_count; i++) {
        struct str name = request->headers[i].name;
        char *lower;

        if (!is_copied(&call->setup->copied_headers, name))
            continue;
        lower = arena_cstr(call->arena, name);
        for (char *c = lower; *c; c++)
            *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + ('a' - 'A') : *c);
        json_put_str(&json, lower, request->headers[i].value);
    }
    json_end_object(&json);
    text = arena_str(call->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

/* Of several none counts, as the standard says. */
struct str call_traceparent(struct call *call)
{
    const struct http_request *request = call->request;
    struct traceparent parent;
    struct str found = STR_NONE;
    size_t count = 0;

    for (size_t i = 0; i < request->header_count; i++) {
        if (!str_eq_nocase(request->headers[i].name, STR("traceparent")))
            continue;
        found = request->headers[i].value;
        count++;
    }
    if (count != 1 || traceparent_parse(found, &parent))
        return STR_NONE;
    return str_first(found, TRACEPARENT_CHARS);
}

/* What auth handlers said of it. */
static void access_take(const struct call *call, size_t item, struct run_new *new_run)
{
    const struct str *of_items = call->access.assistant_filters;

    new_run->user = call->principal.user;
    new_run->thread_filter = call->access.filters[ACCESS_OF_THREADS];
    new_run->assistant_filter = of_items ? of_items[item] : STR_NONE;
}

/* The run with this number in the body. */
static enum err request_read(struct call *call, struct str text, const struct json *body,
                             size_t item, struct run_new *new_run)
{
    struct run_request *request = ARENA_NEW(call->arena, struct run_request);
    struct request_error error;
    enum err err;

    if (run_request_parse(call->arena, text, body, request, &error))
        return call_refuse(call, error.text);
    if ((err = run_webhook_check(call, request->webhook)) || (err = context_check(call, body)))
        return err;
    if (call->setup->compat_js && !json_get(body, "multitask_strategy"))
        request->multitask_strategy = STR("reject");
    *new_run = (struct run_new){
        .tenant = call->principal.tenant,
        .thread_id = call->params[0],
        .run_id = call_new_id(call),
        .fresh_thread_id = call_new_id(call),
        .headers = call_headers(call),
        .traceparent = call_traceparent(call),
        .request = request,
        .payers = call_payers(call),
    };
    access_take(call, item, new_run);
    return OK;
}

/* ---- the transaction ---- */

void run_locate(struct call *call, const struct run *run, const char *follow)
{
    struct str base = run->temporary && str_is_none(call->params[0])
                          ? arena_printf(call->arena, "/runs/%.*s", STR_ARG(run->run_id))
                          : arena_printf(call->arena, "/threads/%.*s/runs/%.*s",
                                         STR_ARG(run->thread_id), STR_ARG(run->run_id));

    call_header(call, "content-location", base);
    if (follow && !call->setup->compat_js)
        call_header(call, "location",
                    arena_printf(call->arena, "%.*s/threads/%.*s/runs/%.*s/%s",
                                 STR_ARG(call->setup->mount_prefix), STR_ARG(run->thread_id),
                                 STR_ARG(run->run_id), follow));
}

static enum err create_failed(struct call *call, enum err err, const struct request_error *error)
{
    if (error->text[0] == '\0')
        return err;
    /* The dev server says the same of a busy thread and of a missing one. */
    if (call->setup->compat_js && !error->retry_after_s &&
        !str_starts(str_of(error->text), STR("No assistant"))) {
        call_fail_as(call, 422, RUN_BUSY_TEXT);
        return err;
    }
    call_fail(call, error->retry_after_s ? 429 : call_status_of(err), "%s", error->text);
    call->retry_after_s = error->retry_after_s;
    return err;
}

static enum err create_one(struct tx *tx, struct call *call)
{
    const struct create_call *create = call->data;
    const struct run_request *request = create->runs[0].request;
    struct request_error error;
    struct run run;
    enum err err = run_create(tx, call->setup->agent, &create->runs[0], call->arena, &run, &error);

    if (err)
        return create_failed(call, err, &error);
    if (create->mode == CREATE_BACKGROUND) {
        run_locate(call, &run, NULL);
        shape_run(call_json(call, 200), &run);
        return OK;
    }
    run_locate(call, &run, create->mode == CREATE_STREAM ? "stream" : "join");
    call->status = 200;
    call->stream = (struct call_stream){
        .run_id = run.run_id,
        .start = READER_ALL,
        .wait = create->mode == CREATE_WAIT,
        .cancel_on_disconnect = request->cancel_on_disconnect,
    };
    return call_then_stream(call);
}

enum err runs_tool_create(struct tx *tx, struct call *call, struct create_call *create,
                          struct str assistant_id)
{
    struct create_call made = *create;
    struct run_request request = *create->runs[0].request;
    struct run_new new_run = create->runs[0];
    void *data = call->data;
    enum err err;

    request.assistant_id = assistant_id;
    new_run.request = &request;
    made.runs = &new_run;
    call->data = &made;
    err = create_one(tx, call);
    call->data = data;
    return err;
}

/* All or none: the first that cannot be made undoes the others. */
static enum err create_batch(struct tx *tx, struct call *call)
{
    const struct create_call *create = call->data;
    struct json_writer *json = call_json(call, 200);
    enum err err;

    json_begin_array(json);
    for (size_t i = 0; i < create->count; i++) {
        struct request_error error;
        struct run run;

        err = run_create(tx, call->setup->agent, &create->runs[i], call->arena, &run, &error);
        if (err)
            return create_failed(call, err, &error);
        shape_run(json, &run);
    }
    json_end_array(json);
    return OK;
}

/* ---- routes ---- */

static enum err create_prepare(struct call *call, enum create_mode mode)
{
    struct create_call *create = ARENA_NEW(call->arena, struct create_call);
    enum err err;

    if (call->setup->gateway) /* of a path that two APIs share */
        return gateway_prepare(call);
    create->mode = mode;
    call->stream.wait =
        mode == CREATE_WAIT; /* also of a repetition that follows the first one's run */
    create->count = 1;
    create->runs = ARENA_NEW(call->arena, struct run_new);
    call->data = create;
    if (!str_is_none(call->params[0]) && (err = call_param_uuid(call, 0, "thread_id")))
        return err;
    if ((err = call_body_object(call)) ||
        (err = request_read(call, call->body_text, call->body, 0, create->runs)))
        return err;
    return call_then_write(call, create_one);
}

enum err runs_create_prepare(struct call *call)
{
    return create_prepare(call, CREATE_BACKGROUND);
}

enum err runs_tool_read(struct call *call, struct str text, struct create_call **create)
{
    struct create_call *c = ARENA_NEW(call->arena, struct create_call);
    const struct json *body;

    c->mode = CREATE_WAIT;
    c->count = 1;
    c->runs = ARENA_NEW(call->arena, struct run_new);
    *create = c;
    if (json_parse(call->arena, text, &body, NULL))
        return call_refuse(call, "the message is too large");
    return request_read(call, text, body, 0, c->runs);
}

static enum err stream_prepare(struct call *call)
{
    return create_prepare(call, CREATE_STREAM);
}

static enum err wait_prepare(struct call *call)
{
    return create_prepare(call, CREATE_WAIT);
}

enum err runs_batch_prepare(struct call *call)
{
    struct create_call *create = ARENA_NEW(call->arena, struct create_call);
    size_t position = 0, count;
    struct str key, text;
    enum err err = call_body_any(call);

    if (err)
        return err;
    if (call->setup->gateway)
        return gateway_prepare(call);
    count = json_count(call->body);
    if (json_type(call->body) != JSON_ARRAY || count < 1 || count > BATCH_MAX) {
        call_fail(call, 422, "the body must be an array of 1 to %d runs", BATCH_MAX);
        return ERR_INVALID;
    }
    create->runs = ARENA_ARRAY(call->arena, struct run_new, count);
    for (size_t i = 0; i < count && json_raw_next(call->body_text, &position, &key, &text); i++) {
        if ((err = request_read(call, text, json_item(call->body, i), i, &create->runs[i])))
            return err;
    }
    create->count = count;
    call->data = create;
    return call_then_write(call, create_batch);
}

static const struct route routes[] = {
    {HTTP_POST, "/threads/{thread_id}/runs", runs_create_prepare, PERMIT_RUN,
     ROUTE_IDEMPOTENT | ROUTE_ASKS(ACCESS_RUNS_CREATE), "Create a run"},
    {HTTP_POST, "/threads/{thread_id}/runs/stream", stream_prepare, PERMIT_RUN,
     ROUTE_IDEMPOTENT | ROUTE_FOLLOWS | ROUTE_ASKS(ACCESS_RUNS_CREATE),
     "Create a run and stream its events"},
    {HTTP_POST, "/threads/{thread_id}/runs/wait", wait_prepare, PERMIT_RUN,
     ROUTE_IDEMPOTENT | ROUTE_FOLLOWS | ROUTE_ASKS(ACCESS_RUNS_CREATE),
     "Create a run and wait for its result"},
    {HTTP_POST, "/runs/stream", stream_prepare, PERMIT_RUN,
     ROUTE_IDEMPOTENT | ROUTE_FOLLOWS | ROUTE_ASKS(ACCESS_RUNS_CREATE),
     "Create a stateless run and stream its events"},
    {HTTP_POST, "/runs/wait", wait_prepare, PERMIT_RUN,
     ROUTE_IDEMPOTENT | ROUTE_FOLLOWS | ROUTE_ASKS(ACCESS_RUNS_CREATE),
     "Create a stateless run and wait for its result"},
    {HTTP_GET, "/threads/{thread_id}/runs", run_list_prepare, PERMIT_READ,
     ROUTE_ASKS(ACCESS_THREADS_READ), "The thread's runs, newest first"},
    {HTTP_GET, "/threads/{thread_id}/runs/{run_id}", run_get_prepare, PERMIT_READ,
     ROUTE_ASKS(ACCESS_THREADS_READ), "Get a run"},
    {HTTP_DELETE, "/threads/{thread_id}/runs/{run_id}", run_delete_prepare, PERMIT_RUN,
     ROUTE_ASKS(ACCESS_THREADS_DELETE), "Delete a run and its checkpoints"},
    {HTTP_GET, "/threads/{thread_id}/runs/{run_id}/join", run_join_prepare, PERMIT_READ,
     ROUTE_FOLLOWS | ROUTE_ASKS(ACCESS_THREADS_READ), "Wait for a run's result"},
    {HTTP_GET, "/threads/{thread_id}/runs/{run_id}/stream", run_join_stream_prepare, PERMIT_READ,
     ROUTE_FOLLOWS | ROUTE_ASKS(ACCESS_RUNS_FOLLOW), "Follow a run's events"},
    {HTTP_GET, "/runs/{run_id}/stream", run_join_stream_prepare, PERMIT_READ,
     ROUTE_FOLLOWS | ROUTE_ASKS(ACCESS_RUNS_FOLLOW), "Follow a run's events"},
    {HTTP_GET, "/runs/{run_id}/join", run_join_prepare, PERMIT_READ,
     ROUTE_FOLLOWS | ROUTE_ASKS(ACCESS_THREADS_READ), "Wait for a run's result"},
    {HTTP_POST, "/threads/{thread_id}/runs/{run_id}/cancel", run_cancel_prepare, PERMIT_RUN,
     ROUTE_ASKS(ACCESS_THREADS_UPDATE), "Cancel a run"},
    {HTTP_POST, "/runs/cancel", run_cancel_many_prepare, PERMIT_RUN,
     ROUTE_ASKS(ACCESS_THREADS_UPDATE), "Cancel several runs"},
};

const struct route_list routes_runs = {routes, ARRAY_LEN(routes)};
