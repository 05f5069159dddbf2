/* The way of a call: from the request through its stages to the reply. */
#include "api/access.h"
#include "api/call_priv.h"
#include "api/request_log.h"
#include "api/takes.h"
#include "api/user_app.h"

#include "base/log.h"
#include "base/mem.h"

/* Room is made by people. */
#define FULL_RETRY_S 5

static void call_go(struct call *call, enum err err);

enum err call_then_read(struct call *call, call_tx_step step)
{
    call->next = CALL_READ;
    call->tx_step = step;
    return OK;
}

enum err call_then_write(struct call *call, call_tx_step step)
{
    call->next = CALL_WRITE;
    call->tx_step = step;
    return OK;
}

enum err call_then_ask(struct call *call, call_step step)
{
    call->next = CALL_ASK;
    call->step = step;
    return OK;
}

enum err call_then_stream(struct call *call)
{
    call->next = CALL_STREAM;
    return OK;
}

enum err call_then_take(struct call *call, void (*take)(struct call *call))
{
    call->next = CALL_TAKE;
    call->take = take;
    return OK;
}

static void on_refreshed(struct key_refresh *refresh)
{
    call_reply(CONTAINER_OF(refresh, struct call, refresh));
}

static void refresh_take(struct call *call)
{
    call->refresh.reply_to = http_exchange_loop(call->exchange);
    call->refresh.done = on_refreshed;
    call->setup->refresh_keys(call->setup->keys_context, &call->refresh);
}

enum err call_then_refresh(struct call *call)
{
    return call_then_take(call, refresh_take);
}

enum err call_then_park(struct call *call)
{
    call->next = CALL_PARK;
    return OK;
}

void call_resume(struct call *call, call_step step)
{
    enum err err;

    call->next = CALL_REPLY;
    log_set_request(call->request_id);
    err = step(call);
    log_set_request(STR_NONE);
    call_go(call, err);
}

/* ---- the end ---- */

static void call_release(struct call *call)
{
    if (call->release)
        call->release(call);
    call->release = NULL;
    gate_leave(call->setup->ingest, call->gate_bytes);
    call->gate_bytes = 0;
}

void call_free(struct call *call)
{
    call_release(call);
    spending_end(call);
    buf_release(&call->reply);
    key_set_unref(call->keys);
    call->keys = NULL;
}

void call_reply(struct call *call)
{
    struct http_header headers[REPLY_HEADERS_MAX];
    size_t count = reply_headers(call, headers);
    struct http_exchange *exchange = call->exchange;

    request_log_reply(call);
    /* The call lives in the exchange's arena: what it owns goes first, its bytes stay until the
     * reply has them. */
    call_release(call);
    spending_end(call);
    key_set_unref(call->keys);
    call->keys = NULL;
    struct buf body = call->reply;

    http_reply(exchange, call->status, headers, count, buf_str(&body));
    buf_release(&body);
}

void call_begin(struct call *call, struct str content_type)
{
    struct http_header headers[REPLY_HEADERS_MAX + 2] = {
        {STR("content-type"), content_type},
        {STR("cache-control"), STR("no-cache")},
    };

    call->status = 200;
    buf_clear(&call->reply);
    request_log_reply(call);
    http_begin(call->exchange, 200, headers, 2 + reply_headers(call, headers + 2));
}

/* ---- stages ---- */

static enum err tx_run(struct tx *tx, struct call *call)
{
    bool refused;
    enum err err = access_enforce(tx, call, &refused);

    if (err || refused)
        return err;
    if (tx->is_write && !str_is_none(call->idempotency_key))
        return idempotent_apply(tx, call, call->running);
    return call->running(tx, call);
}

static enum err tx_apply(struct tx *tx, struct store_work *work)
{
    struct call *call = CONTAINER_OF(work, struct call, work);
    enum err err;

    call->next = CALL_REPLY;
    call->header_count = 0;
    log_set_request(call->request_id);
    err = tx_run(tx, call);
    log_set_request(STR_NONE);
    return err;
}

static void tx_done(struct store_work *work, enum err err)
{
    struct call *call = CONTAINER_OF(work, struct call, work);

    call->transactions += !err;
    call_go(call, err);
}

static void store_go(struct call *call, bool is_write)
{
    call->running =
        call->tx_step; /* a repetition runs the same step, whatever that says comes next */
    call->work.apply = tx_apply;
    call->work.done = tx_done;
    call->work.reply_to = http_exchange_loop(call->exchange);
    call->work.class = STORE_REPLY;
    if (is_write)
        store_write(call->setup->store, &call->work);
    else
        store_read(call->setup->store, &call->work);
}

static void ask_resume(struct message *message)
{
    struct call *call = CONTAINER_OF(message, struct call, ask.message);

    call_resume(call, call->step);
}

/* On the main loop: the answer's bytes end with this call, so they are copied; the arena is the
 * call's, and the call is parked here. */
static void on_answer(struct agent_ask *ask, enum err err, struct str answer, struct str state)
{
    struct call *call = CONTAINER_OF(ask, struct call, ask.ask);

    call->ask_err = err;
    call->ask_answer = arena_str(call->arena, answer);
    call->ask_state = arena_str(call->arena, state);
    call->ask.message.deliver = ask_resume;
    loop_post(http_exchange_loop(call->exchange), &call->ask.message);
}

static void ask_go(struct call *call)
{
    call->ask.ask.on_answer = on_answer;
    dispatch_ask(call->setup->dispatch, &call->ask);
}

static void error_reply(struct call *call, enum err err)
{
    if (call->status >= 400 || call->is_undone)
        return;
    call->err = err;
    if (err == ERR_AGAIN &&
        (store_is_full(call->setup->store) || blob_store_is_full(call->setup->blobs))) {
        call->retry_after_s = FULL_RETRY_S;
        call_fail(call, 503,
                  "the server's disk is full: nothing can be stored until there is room; send "
                  "it again later");
    } else if (err == ERR_IO && call->route && call->route->flags & ROUTE_AGAIN) {
        call_fail(call, 503, "%s", reply_words(err));
    } else {
        call_fail(call, call_status_of(err), "%s", reply_words(err));
    }
}

/* Runs the stage that the last one asked for; each ends here again. */
static void call_go(struct call *call, enum err err)
{
    if (err) {
        error_reply(call, err);
        call->next = CALL_REPLY;
    }
    if (call->next != CALL_WAIT)
        call_wait_leave(call);
    switch (call->next) {
    case CALL_REPLY:
        if (call->splice_count > 0)
            splice_start(call);
        else
            call_reply(call);
        break;
    case CALL_READ:
    case CALL_WRITE:
        store_go(call, call->next == CALL_WRITE);
        break;
    case CALL_ASK:
        ask_go(call);
        break;
    case CALL_WAIT:
        call_wait_start(call);
        break;
    case CALL_STREAM:
        run_stream_start(call);
        break;
    case CALL_FEED:
        feed_start(call);
        break;
    case CALL_TAKE:
        call->take(call);
        break;
    case CALL_PARK:
        break;
    }
}

void call_read_start(struct call *call)
{
    store_go(call, false);
}

/* ---- the start ---- */

static enum err params_decode(struct call *call)
{
    for (size_t i = 0; i < CALL_PARAMS_MAX && !str_is_none(call->params[i]); i++)
        if (path_segment_decode(call->arena, call->params[i], &call->params[i])) {
            call_fail(call, 422, "the path is not well-formed percent-encoded UTF-8");
            return ERR_INVALID;
        }
    return OK;
}

static enum err call_prepare(struct call *call)
{
    const struct http_request *request = call->request;
    const char *why;
    enum err err;

    if (gateway_takes(call))
        return gateway_prepare(call);
    if ((err = params_decode(call)))
        return err;
    if (query_parse(call->arena, request->query, &call->query, &why)) {
        call_fail(call, 422, "the query string: %s", why);
        return ERR_INVALID;
    }
    if (call->route->flags & ROUTE_IDEMPOTENT)
        call->idempotency_key =
            http_header_find(request->headers, request->header_count, "idempotency-key");
    if (call->idempotency_key.len > 255) {
        call_fail(call, 422, "Idempotency-Key: must not be longer than 255 characters");
        return ERR_INVALID;
    }
    if ((err = takes_check(call)))
        return err;
    return access_is_asked(call) ? access_begin(call) : call->route->prepare(call);
}

static struct call *call_new(struct api *api, const struct api_setup *setup,
                             struct http_exchange *exchange)
{
    struct arena *arena = http_exchange_arena(exchange);
    struct call *call = ARENA_NEW(arena, struct call);

    call->api = api;
    call->setup = setup;
    call->exchange = exchange;
    call->request = http_exchange_request(exchange);
    call->arena = arena;
    buf_init(&call->reply, REPLY_BYTES_MAX);
    http_exchange_set_data(exchange, call);
    request_log_begin(call);
    return call;
}

bool call_open(struct api *api, const struct api_setup *setup, struct http_exchange *exchange)
{
    struct call *call = call_new(api, setup, exchange);

    call->route = user_app_route(setup, exchange);
    if (!call->route && call->request->method == HTTP_OPTIONS && !setup->gateway)
        return true;
    if (!call->route)
        call->route = route_find(setup, call->request, call->params, &call->path_exists);
    gateway_route(call);
    if (!call->route || !call_admit(call))
        return true;
    call_reply(call);
    return false;
}

static void method_refuse(struct call *call)
{
    /* In the words of the path's own errors; but no route of it is taken. */
    struct str allowed = route_methods(call->setup, call->request, call->arena, &call->route);

    call_fail(call, 405, "this path does not take %.*s", STR_ARG(call->request->method_text));
    call_header(call, "allow", allowed);
    call->route = NULL;
}

void call_start(struct http_exchange *exchange)
{
    struct call *call = http_exchange_data(exchange);
    enum err err;

    if (call->route) {
        log_set_request(call->request_id);
        err = call_prepare(call);
        log_set_request(STR_NONE);
        call_go(call, err);
        return;
    }
    if (call->request->method == HTTP_OPTIONS)
        call_empty(call, 204);
    else if (call->path_exists)
        method_refuse(call);
    else
        call_fail(call, 404, "Not Found");
    call_reply(call);
}
