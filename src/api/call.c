/* The way of a call: from the request through its stages to the reply. */
#include "api/call_priv.h"

#include "base/log.h"
#include "base/mem.h"

#define KEY_NEEDED "an API key is needed: send it in the header X-Api-Key"

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

enum err call_then_park(struct call *call)
{
    call->next = CALL_PARK;
    return OK;
}

void call_resume(struct call *call, call_step step)
{
    call->next = CALL_REPLY;
    call_go(call, step(call));
}

/* ---- the end ---- */

static void call_release(struct call *call)
{
    if (call->release)
        call->release(call);
    call->release = NULL;
}

void call_free(struct call *call)
{
    call_release(call);
    buf_release(&call->reply);
    key_set_unref(call->keys);
    call->keys = NULL;
}

void call_reply(struct call *call)
{
    struct http_header headers[CALL_HEADERS_MAX + 8];
    size_t count = reply_headers(call, headers);
    struct http_exchange *exchange = call->exchange;

    /* The call lives in the exchange's arena: what it owns goes first, its bytes stay until the
     * reply has them. */
    call_release(call);
    key_set_unref(call->keys);
    call->keys = NULL;
    struct buf body = call->reply;

    http_reply(exchange, call->status, headers, count, buf_str(&body));
    buf_release(&body);
}

/* ---- stages ---- */

static enum err tx_apply(struct tx *tx, struct store_work *work)
{
    struct call *call = CONTAINER_OF(work, struct call, work);

    call->next = CALL_REPLY;
    call->header_count = 0;
    if (tx->is_write && !str_is_none(call->idempotency_key))
        return idempotent_apply(tx, call, call->running);
    return call->running(tx, call);
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
    if (call->status >= 400)
        return;
    if (err == ERR_IO)
        log_error("api", "%.*s %.*s failed: %s", STR_ARG(call->request->method_text),
                  STR_ARG(call->request->path), err_name(err));
    call_fail(call, call_status_of(err), "%s", reply_words(err));
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

static enum err params_decode(struct call *call, const struct str *raw)
{
    for (size_t i = 0; i < CALL_PARAMS_MAX && !str_is_none(raw[i]); i++)
        if (path_segment_decode(call->arena, raw[i], &call->params[i])) {
            call_fail(call, 422, "the path is not well-formed percent-encoded UTF-8");
            return ERR_INVALID;
        }
    return OK;
}

/* X-Api-Key, or Authorization: Bearer. */
static struct str key_given(const struct http_request *request)
{
    struct str key = http_header_find(request->headers, request->header_count, "x-api-key");
    struct str bearer = http_header_find(request->headers, request->header_count, "authorization");

    if (str_is_none(key) && str_starts_nocase(bearer, STR("bearer ")))
        key = str_trim(str_from(bearer, 7));
    return key;
}

static enum err admit(const struct api_setup *setup, const struct key_set *keys, struct str key,
                      struct principal *principal)
{
    *principal = (struct principal){.key_id = STR_NONE};
    if (loopback_admits(setup->loopback, key, &principal->tenant))
        return OK;
    return key_set_admit(keys, key, principal);
}

enum err call_identify(struct call *call)
{
    if (call->keys)
        return OK;
    call->keys = call->setup->keys(call->setup->keys_context);
    if (call->route->flags & ROUTE_PUBLIC) {
        call->principal.tenant = TENANT_DEFAULT;
        return OK;
    }
    if (admit(call->setup, call->keys, key_given(call->request), &call->principal)) {
        call_fail(call, 401, KEY_NEEDED);
        return ERR_DENIED;
    }
    return OK;
}

static enum err call_prepare(struct call *call, const struct str *raw_params)
{
    const struct http_request *request = call->request;
    const char *why;
    enum err err;

    if ((err = params_decode(call, raw_params)) || (err = call_identify(call)))
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
    return call->route->prepare(call);
}

struct call *call_new(struct api *api, const struct api_setup *setup,
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
    return call;
}

bool call_admits(struct api *api, const struct api_setup *setup, struct http_exchange *exchange,
                 const struct route **found)
{
    const struct http_request *request = http_exchange_request(exchange);
    struct str raw[CALL_PARAMS_MAX] = {{0}};
    struct key_set *keys;
    const struct route *route = NULL;
    struct principal principal;
    struct call *call;
    bool path_exists, admits;

    if (request->method != HTTP_OPTIONS)
        route = route_find(setup, request, raw, &path_exists);
    *found = route;
    if (!route || route->flags & ROUTE_PUBLIC)
        return true;
    keys = setup->keys(setup->keys_context);
    admits = !admit(setup, keys, key_given(request), &principal);
    key_set_unref(keys);
    if (admits)
        return true;
    call = call_new(api, setup, exchange);
    call_fail(call, 401, KEY_NEEDED);
    call_reply(call);
    return false;
}

void call_start(struct api *api, const struct api_setup *setup, struct http_exchange *exchange)
{
    struct str raw[CALL_PARAMS_MAX] = {{0}};
    struct call *received = http_exchange_data(exchange);
    struct call *call = received ? received : call_new(api, setup, exchange);
    const struct http_request *request = call->request;
    bool path_exists;

    if (request->method == HTTP_OPTIONS) {
        call_empty(call, 204);
        call_reply(call);
        return;
    }
    call->route = route_find(setup, request, raw, &path_exists);
    if (!call->route) {
        if (path_exists)
            call_fail(call, 405, "this path does not take %.*s", STR_ARG(request->method_text));
        else
            call_fail(call, 404, "Not Found");
        call_reply(call);
        return;
    }
    call_go(call, call_prepare(call, raw));
}
