/* Calls of the user's own app. One belongs to its net loop; what it asks of the worker outlives the
 * exchange if the client leaves, until the last event has come. */
#include "api/user_app.h"

#include "agent/app_request.h"
#include "api/call_priv.h"
#include "api/request_log.h"
#include "base/list.h"
#include "base/mem.h"
#include "format/header.h"
#include "http/websocket.h"

#define PENDING_BYTES_MAX (256 * KIB) /* unsent bytes beyond which the app is given no credit */
#define FIELDS_MAX (1 * MIB)
#define HEADERS_MAX 100 /* of an answer; more are left out */
#define SEEN_HEADER "x-runbell-app"
#define SEEN_TENANT ".app" /* no workspace's name */

struct user_app_calls {
    struct list all;
};

struct user_app_call {
    struct list node;
    struct app_request request;
    struct arena arena; /* the request's texts */
    struct timer timeout;
    struct http_exchange *exchange; /* NULL: ended */
    struct call *call;              /* NULL: its answer has begun */
    size_t owed_bytes;              /* of credit */
};

/* ---- which requests ---- */

struct str user_app_token(const struct loopback *loopback, struct arena *arena)
{
    const struct loopback_caller app = {.tenant = STR(SEEN_TENANT), .user = STR_NONE};

    return loopback_token(loopback, &app, arena);
}

static bool is_seen(const struct api_setup *setup, struct http_exchange *exchange)
{
    const struct http_request *request = http_exchange_request(exchange);
    struct str token = http_header_find(request->headers, request->header_count, SEEN_HEADER);
    struct loopback_caller caller;

    return !str_is_none(token) &&
           loopback_admits(setup->loopback, token, http_exchange_arena(exchange), &caller) &&
           str_eq(caller.tenant, STR(SEEN_TENANT));
}

static bool is_wrapped(const struct route *route)
{
    return !(route->flags & ROUTE_AT_ROOT) &&
           (route->flags >> 16 != ACCESS_OPERATOR || route->permission == PERMIT_ANYONE);
}

static bool is_below(struct str path, struct str prefix)
{
    struct str rest = str_from(path, prefix.len);

    return str_starts(path, prefix) && (rest.len == 0 || rest.data[0] == '/');
}

static enum err app_prepare(struct call *call);

const struct route *user_app_route(const struct api_setup *setup, struct http_exchange *exchange)
{
    /* The route behind the app asks who calls, and counts the call. */
    static const struct route wrapped = {HTTP_OTHER,    "/",           app_prepare,
                                         PERMIT_ANYONE, ROUTE_AT_ROOT, ""};
    static const struct route open = {HTTP_OTHER, "/", app_prepare, PERMIT_ANYONE, 0, ""};
    static const struct route guarded = {
        HTTP_OTHER, "/", app_prepare, PERMIT_RUN, ROUTE_ASKS(ACCESS_APP), ""};
    /* The app may have a route of its own in place of the built-in one. */
    static const struct route guarded_twice = {
        HTTP_OTHER, "/", app_prepare, PERMIT_READ, ROUTE_ASKS(ACCESS_APP) | ROUTE_AT_ROOT, ""};
    const struct http_request *request = http_exchange_request(exchange);
    struct str params[CALL_PARAMS_MAX];
    const struct route *route;
    bool path_exists;

    if (!plugin_is_there(&setup->agent->plugins.app) || websocket_is_asked(request) ||
        (request->method == HTTP_OPTIONS &&
         !str_is_none(http_header_find(request->headers, request->header_count,
                                       "access-control-request-method"))) ||
        !is_below(request->path, setup->mount_prefix) || is_seen(setup, exchange))
        return NULL;
    route = route_find(setup, request, params, &path_exists);
    if (route && !is_wrapped(route))
        return NULL;
    if (!setup->agent->app_is_guarded || (route && route->permission == PERMIT_ANYONE))
        return route || path_exists ? &wrapped : &open;
    return route || path_exists ? &guarded_twice : &guarded;
}

/* ---- the end ---- */

/* Takes the exchange off it; the last event is still to come. */
static struct http_exchange *detach(struct user_app_call *c)
{
    struct http_exchange *exchange = c->exchange;

    c->exchange = NULL;
    timer_stop(&c->timeout);
    list_remove(&c->node);
    return exchange;
}

static void give_up(struct user_app_call *c, int status, struct str why)
{
    struct call *call = c->call;
    struct http_exchange *exchange = detach(c);

    if (!call) {
        http_break(exchange);
        return;
    }
    c->call = NULL;
    call_fail(call, status, "http.app: %.*s", STR_ARG(str_first(why, 1000)));
    call_reply(call);
}

static void call_free_of(struct user_app_call *c)
{
    if (c->call)
        call_free(c->call);
    c->call = NULL;
}

static void on_gone(struct http_exchange *exchange)
{
    struct user_app_call *c = http_exchange_data(exchange);

    app_request_cancel(&c->request);
    call_free_of(c);
    http_break(detach(c));
}

static void on_timeout(struct timer *timer)
{
    struct user_app_call *c = CONTAINER_OF(timer, struct user_app_call, timeout);

    app_request_cancel(&c->request);
    give_up(c, 504, STR("it has not begun to answer in time (runbell.app.timeout_s)"));
}

/* ---- the answer ---- */

/* Of the connection, not of the answer. */
static bool is_left_out(struct str name)
{
    static const char *const ours[] = {"connection", "content-length",    "date",    "keep-alive",
                                       "te",         "transfer-encoding", "upgrade", "trailer"};

    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (str_eq_nocase(name, str_of(ours[i])))
            return true;
    return !header_name_is_valid(name);
}

static size_t headers_read(struct arena *arena, struct str text, struct http_header *headers)
{
    const struct json *list = NULL, *pair;
    struct json_iter iter;
    size_t count = 0;

    if (str_is_none(text) || json_parse(arena, text, &list, NULL))
        return 0;
    iter = json_iter(list);
    while (count < HEADERS_MAX && json_next(&iter, NULL, &pair)) {
        struct http_header header = {json_string(json_item(pair, 0)),
                                     json_string(json_item(pair, 1))};

        if (!is_left_out(header.name) && header_value_is_valid(header.value))
            headers[count++] = header;
    }
    return count;
}

/* What the server says besides, unless the app (or the route behind it) has. */
static size_t headers_join(struct call *call, struct http_header *headers, size_t count)
{
    struct http_header own[REPLY_HEADERS_MAX];
    size_t own_count = reply_headers(call, own), of_app = count;

    for (size_t i = 0; i < own_count; i++) {
        size_t at = 0;

        while (at < of_app && !str_eq_nocase(headers[at].name, own[i].name))
            at++;
        if (at == of_app)
            headers[count++] = own[i];
    }
    return count;
}

static void on_drain(struct http_exchange *exchange)
{
    struct user_app_call *c = http_exchange_data(exchange);

    if (c->owed_bytes == 0)
        return;
    app_request_credit(&c->request, c->owed_bytes);
    c->owed_bytes = 0;
}

static void answer_begin(struct user_app_call *c, int status, struct str text)
{
    struct http_header headers[HEADERS_MAX + REPLY_HEADERS_MAX];
    struct call *call = c->call;
    struct http_exchange *exchange = c->exchange;
    bool is_bare = call->request->method == HTTP_HEAD || status == 204 || status == 304;
    size_t count;

    if (status < 200 || status > 599) {
        app_request_cancel(&c->request);
        give_up(c, 500, STR("its answer has no status from 200 to 599"));
        return;
    }
    call->status = status;
    count = headers_join(call, headers, headers_read(call->arena, text, headers));
    request_log_reply(call);
    timer_stop(&c->timeout);
    call_free_of(c);
    if (is_bare) {
        app_request_credit(&c->request, INT32_MAX); /* its body goes nowhere */
        detach(c);
        http_reply(exchange, status, headers, count, STR(""));
        return;
    }
    http_exchange_on_drain(exchange, on_drain);
    http_begin(exchange, status, headers, count);
}

static void answer_go_on(struct user_app_call *c, struct str piece)
{
    http_write(c->exchange, piece);
    c->owed_bytes += piece.len;
    if (c->exchange && http_pending_bytes(c->exchange) <= PENDING_BYTES_MAX)
        on_drain(c->exchange);
}

static void on_event(struct app_request *request, const struct app_event *event)
{
    struct user_app_call *c = CONTAINER_OF(request, struct user_app_call, request);

    if (c->exchange) {
        switch (event->kind) {
        case APP_HEAD:
            if (c->call)
                answer_begin(c, event->status, event->bytes);
            break;
        case APP_CHUNK:
            if (!c->call)
                answer_go_on(c, event->bytes);
            break;
        case APP_END:
            if (c->call)
                give_up(c, 500, STR("it ended without an answer"));
            else
                http_end(detach(c));
            break;
        case APP_FAILED:
            give_up(c, event->status, event->bytes);
            break;
        }
    }
    if (event->kind != APP_END && event->kind != APP_FAILED)
        return;
    arena_release(&c->arena);
    mem_free(c);
}

/* ---- the request ---- */

static struct str fields_write(struct call *call, struct arena *arena)
{
    const struct http_request *request = call->request;
    struct address_text peer;
    struct json_writer json;
    struct str text;
    struct buf out;

    buf_init(&out, FIELDS_MAX);
    json_writer_init(&json, &out);
    json.comma_due = true;
    json_put_str(&json, "method", request->method_text);
    json_put_str(&json, "path", request->path);
    json_put_str(&json, "query", str_is_none(request->query) ? STR("") : request->query);
    json_put_str(&json, "peer", address_write(&request->peer, &peer));
    if (!str_is_none(call->principal.user))
        json_put_raw(&json, "user", call->principal.user);
    json_key(&json, "headers");
    json_begin_array(&json);
    for (size_t i = 0; i < request->header_count; i++) {
        if (str_eq_nocase(request->headers[i].name, STR(SEEN_HEADER)))
            continue;
        json_begin_array(&json);
        json_str_out(&json, request->headers[i].name);
        json_str_out(&json, request->headers[i].value);
        json_end_array(&json);
    }
    json_end_array(&json);
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static void app_take(struct call *call)
{
    struct user_app_call *c = MEM_NEW(struct user_app_call);
    struct loop *loop = http_exchange_loop(call->exchange);

    arena_init(&c->arena);
    c->call = call;
    c->exchange = call->exchange;
    c->request = (struct app_request){
        .loop = loop,
        .language = call->setup->agent->plugins.app.language,
        .fields = fields_write(call, &c->arena),
        .body = arena_str(&c->arena, call->request->body),
        .on_event = on_event,
    };
    timer_init(&c->timeout, loop, on_timeout);
    timer_start(&c->timeout, call->setup->agent->app_timeout_ms);
    list_push(&api_user_apps(call->api)->all, &c->node);
    http_exchange_set_data(call->exchange, c);
    http_exchange_on_gone(call->exchange, on_gone);
    app_request_start(call->setup->dispatch, &c->request);
}

static enum err app_prepare(struct call *call)
{
    return call_then_take(call, app_take);
}

/* ---- life ---- */

struct user_app_calls *user_app_calls_new(void)
{
    struct user_app_calls *calls = MEM_NEW(struct user_app_calls);

    list_init(&calls->all);
    return calls;
}

void user_app_calls_drain(struct user_app_calls *calls)
{
    while (!list_is_empty(&calls->all)) {
        struct user_app_call *c = LIST_ITEM(calls->all.next, struct user_app_call, node);

        app_request_cancel(&c->request);
        give_up(c, 503, STR("the server stops"));
    }
}

void user_app_calls_free(struct user_app_calls *calls)
{
    mem_free(calls);
}
