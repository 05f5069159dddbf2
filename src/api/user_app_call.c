/* One request to the user's own app: its body goes there as it comes, its answer comes back as it
 * is made, and each side waits for the other.
 *
 * A request for a WebSocket goes on in user_app_socket.c once the app has accepted it. */
#include "api/user_app_priv.h"

#include "api/request_log.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "format/header.h"
#include "format/header_text.h"

#define PENDING_BYTES_MAX (256 * KIB) /* unsent bytes beyond which the app is given no credit */
#define FIELDS_MAX (16 * MIB)         /* headers of http.header_bytes_max, as JSON */
#define HEAD_BYTES_MAX (64 * KIB)     /* of an answer's headers together */

struct user_app_calls {
    struct list all;
};

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
    static const char *const ours[] = {"connection",
                                       "content-length",
                                       "date",
                                       "keep-alive",
                                       "te",
                                       "transfer-encoding",
                                       "upgrade",
                                       "trailer",
                                       "sec-websocket-accept",
                                       "sec-websocket-extensions"};

    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (str_eq_nocase(name, str_of(ours[i])))
            return true;
    return !header_name_is_valid(name);
}

static void headers_read(struct arena *arena, struct str text, struct app_answer_head *head)
{
    const struct json *list = NULL, *pair;
    struct json_iter iter;

    if (str_is_none(text) || json_parse(arena, text, &list, NULL))
        return;
    iter = json_iter(list);
    while (head->count < APP_HEADERS_MAX && json_next(&iter, NULL, &pair)) {
        struct http_header header = {json_string(json_item(pair, 0)),
                                     json_string(json_item(pair, 1))};

        if (str_eq_nocase(header.name, STR("content-length")))
            head->length = header.value;
        if (is_left_out(header.name) || header_text_read(arena, header.value, &header.value))
            continue;
        head->headers[head->count++] = header;
        head->bytes += header.name.len + header.value.len;
    }
}

/* What the server says besides, unless the app (or the route behind it) has. */
static void headers_join(struct call *call, struct app_answer_head *head)
{
    struct http_header own[REPLY_HEADERS_MAX];
    size_t own_count = reply_headers(call, own), of_app = head->count;

    for (size_t i = 0; i < own_count; i++) {
        size_t at = 0;

        while (at < of_app && !str_eq_nocase(head->headers[at].name, own[i].name))
            at++;
        if (at == of_app)
            head->headers[head->count++] = own[i];
    }
}

static void on_drain(struct http_exchange *exchange)
{
    struct user_app_call *c = http_exchange_data(exchange);

    if (c->owed_bytes == 0)
        return;
    app_request_credit(&c->request, c->owed_bytes);
    c->owed_bytes = 0;
}

static void refuse_answer(struct user_app_call *c, const char *why)
{
    app_request_cancel(&c->request);
    give_up(c, 500, str_of(why));
}

/* A length that is none is left out, as if it had not been said. */
static bool read_length(struct str text, uint64_t *length)
{
    int64_t value;

    if (text.len == 0 || text.data[0] < '0' || text.data[0] > '9' || str_to_i64(text, &value))
        return false;
    *length = (uint64_t)value;
    return true;
}

static void answer_begin(struct user_app_call *c, int status, struct str text)
{
    struct app_answer_head head = {.length = STR_NONE};
    struct call *call = c->call;
    struct http_exchange *exchange = c->exchange;
    bool is_socket = status == 101 && user_app_socket_is_asked(call);
    bool is_bare = call->request->method == HTTP_HEAD || status == 204 || status == 304;

    headers_read(call->arena, text, &head);
    if (!is_socket && (status < 200 || status > 599)) {
        refuse_answer(c, "its answer has no status from 200 to 599");
        return;
    }
    if (head.bytes > HEAD_BYTES_MAX) {
        refuse_answer(c, "the headers of its answer are larger than 64 KiB");
        return;
    }
    if (is_socket) {
        user_app_socket_begin(c, &head);
        return;
    }
    call->status = status;
    headers_join(call, &head);
    c->is_sized = read_length(head.length, &c->left_bytes);
    http_exchange_on_drain(exchange, on_drain);
    if (c->is_sized)
        http_begin_sized(exchange, status, head.headers, head.count, c->left_bytes);
    else
        http_begin(exchange, status, head.headers, head.count);
    request_log_reply(call);
    timer_stop(&c->timeout);
    call_free_of(c);
    if (is_bare) {
        app_request_credit(&c->request, INT32_MAX); /* its body goes nowhere */
        c->left_bytes = 0;
        http_end(detach(c));
    }
}

static void answer_go_on(struct user_app_call *c, struct str piece)
{
    if (c->is_sized && piece.len > c->left_bytes) {
        log_error("app", "http.app: an answer is longer than its Content-Length says");
        app_request_cancel(&c->request);
        http_break(detach(c));
        return;
    }
    c->left_bytes -= c->is_sized ? piece.len : 0;
    http_write(c->exchange, piece);
    c->owed_bytes += piece.len;
    if (c->exchange && http_pending_bytes(c->exchange) <= PENDING_BYTES_MAX)
        on_drain(c->exchange);
}

/* ---- the body ---- */

static void on_piece(struct http_exchange *exchange, struct str piece)
{
    struct user_app_call *c = http_exchange_data(exchange);

    c->given_bytes += piece.len;
    app_request_body(&c->request, piece, false);
    if (c->given_bytes > APP_CREDIT_BYTES)
        http_body_pause(exchange);
}

static void wait_anew(struct user_app_call *c)
{
    if (c->call)
        timer_start(&c->timeout, c->timeout_ms);
}

static void on_whole(struct http_exchange *exchange)
{
    struct user_app_call *c = http_exchange_data(exchange);

    wait_anew(c);
    if (http_body_length(exchange) > 0)
        app_request_body(&c->request, STR(""), true);
}

/* The app is at work on a body as long as it takes more of it. */
static void on_taken(struct user_app_call *c, int count)
{
    size_t bytes = (size_t)count;

    c->given_bytes -= bytes < c->given_bytes ? bytes : c->given_bytes;
    wait_anew(c);
    if (c->given_bytes <= APP_CREDIT_BYTES / 2)
        http_body_resume(c->exchange);
}

void user_app_call_free(struct user_app_call *c)
{
    arena_release(&c->arena);
    mem_free(c);
}

static void on_event(struct app_request *request, const struct app_event *event)
{
    struct user_app_call *c = CONTAINER_OF(request, struct user_app_call, request);

    bool is_last = event->kind == APP_END || event->kind == APP_FAILED || event->kind == APP_CLOSED;

    c->is_answered = is_last;
    if (c->ws) {
        user_app_socket_on_event(c, event);
    } else if (c->exchange) {
        switch (event->kind) {
        case APP_TAKEN:
            on_taken(c, event->status);
            break;
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
        case APP_TEXT: /* of no WebSocket */
        case APP_BINARY:
            break;
        case APP_CLOSED:
            give_up(c, 500, STR("it closed a WebSocket that it had not accepted"));
            break;
        }
    }
    if (is_last && !c->ws)
        user_app_call_free(c);
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
    if (http_body_length(call->exchange) > 0)
        json_put_bool(&json, "body", true);
    if (user_app_socket_is_asked(call))
        json_put_bool(&json, "socket", true);
    json_key(&json, "headers");
    json_begin_array(&json);
    for (size_t i = 0; i < request->header_count; i++) {
        if (str_eq_nocase(request->headers[i].name, STR(SEEN_HEADER)))
            continue;
        json_begin_array(&json);
        json_str_out(&json, request->headers[i].name);
        json_str_out(&json, header_text_of(arena, request->headers[i].value));
        json_end_array(&json);
    }
    json_end_array(&json);
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

void user_app_take(struct call *call)
{
    struct user_app_call *c;
    struct loop *loop = http_exchange_loop(call->exchange);

    if (http_exchange_is_gone(call->exchange)) { /* while it was asked who calls */
        struct http_exchange *exchange = call->exchange;

        call_free(call);
        http_break(exchange);
        return;
    }
    c = MEM_NEW(struct user_app_call);
    arena_init(&c->arena);
    c->call = call;
    c->exchange = call->exchange;
    c->request = (struct app_request){
        .loop = loop,
        .language = call->setup->agent->plugins.app.language,
        .fields = fields_write(call, &c->arena),
        .on_event = on_event,
    };
    c->timeout_ms = call->setup->agent->app_timeout_ms;
    timer_init(&c->timeout, loop, on_timeout);
    timer_start(&c->timeout, c->timeout_ms);
    list_push(&api_user_apps(call->api)->all, &c->node);
    http_exchange_set_data(call->exchange, c);
    http_exchange_on_gone(call->exchange, on_gone);
    app_request_start(call->setup->dispatch, &c->request);
    http_continue(call->exchange);
    http_body_take(c->exchange, on_piece, on_whole);
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

        if (c->ws) {
            user_app_socket_break(c);
            continue;
        }
        app_request_cancel(&c->request);
        give_up(c, 503, STR("the server stops"));
    }
}

void user_app_calls_free(struct user_app_calls *calls)
{
    mem_free(calls);
}
