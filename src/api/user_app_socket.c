/* A WebSocket of the user's own app: messages go to the worker as they come, not more than the app
 * takes, and its messages to the client, not more than that takes.
 *
 *   open ──the client closes or leaves──▶ the app is told; the worker lets go of it
 *    └────the app closes, or ends────────▶ goodbye to the client, whose answer is waited for */
#include "api/user_app_priv.h"

#include "api/request_log.h"
#include "base/mem.h"

#define MESSAGE_BYTES_MAX (16 * MIB) /* a server of ASGI has as much */
#define PENDING_BYTES_MAX (256 * KIB)
#define PING_MS 20000

bool user_app_socket_is_asked(const struct call *call)
{
    int status;

    return !(call->route->flags & ROUTE_AT_ROOT) &&
           call->setup->agent->plugins.app.language == GRAPH_PYTHON &&
           !websocket_refusal(call->request, &status);
}

/* ---- what comes from the client ---- */

static void give(struct user_app_call *c, struct str message, bool is_text)
{
    c->given_bytes += message.len;
    app_request_message(&c->request, message, is_text);
    if (c->given_bytes > APP_CREDIT_BYTES)
        websocket_pause(c->ws);
}

static void on_message(void *context, struct str text)
{
    give(context, text, true);
}

static void on_binary(void *context, struct str bytes)
{
    give(context, bytes, false);
}

static void on_drain(void *context)
{
    struct user_app_call *c = context;

    if (c->owed_bytes == 0)
        return;
    app_request_credit(&c->request, c->owed_bytes);
    c->owed_bytes = 0;
}

static void on_close(void *context, int code)
{
    struct user_app_call *c = context;

    c->ws = NULL;
    list_remove(&c->node);
    if (c->is_answered) {
        user_app_call_free(c);
        return;
    }
    app_request_close(&c->request, code);
    app_request_cancel(&c->request);
}

static const struct websocket_events socket_events = {
    .on_message = on_message, .on_binary = on_binary, .on_drain = on_drain, .on_close = on_close};

void user_app_socket_begin(struct user_app_call *c, const struct app_answer_head *head)
{
    struct http_exchange *exchange = c->exchange;

    timer_stop(&c->timeout);
    c->call->status = 101;
    request_log_reply(c->call);
    c->exchange = NULL;
    c->given_bytes = 0;
    c->ws = websocket_accept(exchange, &(struct websocket_config){
                                           .message_bytes_max = MESSAGE_BYTES_MAX,
                                           .ping_ms = PING_MS,
                                           .events = &socket_events,
                                           .context = c,
                                           .headers = head->headers,
                                           .header_count = head->count,
                                       });
    call_free(c->call);
    c->call = NULL;
    http_exchange_shed(exchange);
}

/* ---- what comes from the app ---- */

static void pass_on(struct user_app_call *c, const struct app_event *event)
{
    if (event->kind == APP_TEXT && !str_is_utf8(event->bytes)) {
        websocket_close(c->ws, WEBSOCKET_INTERNAL, STR(""));
        return;
    }
    c->owed_bytes += event->bytes.len;
    if (event->kind == APP_TEXT)
        websocket_send(c->ws, event->bytes);
    else
        websocket_send_binary(c->ws, event->bytes);
    if (websocket_pending_bytes(c->ws) <= PENDING_BYTES_MAX)
        on_drain(c);
}

/* Codes that may be sent; the others are made up by libraries, or no code at all. */
static bool is_code(int code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != WEBSOCKET_NO_CODE &&
            code != WEBSOCKET_ABNORMAL) ||
           (code >= 3000 && code <= 4999);
}

static void on_taken(struct user_app_call *c, size_t bytes)
{
    c->given_bytes -= bytes < c->given_bytes ? bytes : c->given_bytes;
    if (c->given_bytes <= APP_CREDIT_BYTES / 2)
        websocket_resume(c->ws);
}

void user_app_socket_on_event(struct user_app_call *c, const struct app_event *event)
{
    switch (event->kind) {
    case APP_TAKEN:
        on_taken(c, (size_t)event->status);
        break;
    case APP_TEXT:
    case APP_BINARY:
        pass_on(c, event);
        break;
    case APP_CLOSED:
        websocket_close(c->ws, is_code(event->status) ? event->status : WEBSOCKET_INTERNAL,
                        event->bytes);
        break;
    case APP_END: /* it has returned without a close */
        websocket_close(c->ws, WEBSOCKET_NORMAL, STR(""));
        break;
    case APP_FAILED:
        websocket_close(c->ws, WEBSOCKET_INTERNAL, STR(""));
        break;
    case APP_HEAD:
    case APP_CHUNK:
        break;
    }
}

void user_app_socket_break(struct user_app_call *c)
{
    struct websocket *ws = c->ws;

    c->ws = NULL;
    list_remove(&c->node);
    websocket_close(ws, WEBSOCKET_RESTART, STR("the server stops"));
    websocket_free(ws);
    if (c->is_answered) {
        user_app_call_free(c);
        return;
    }
    app_request_close(&c->request, WEBSOCKET_RESTART);
    app_request_cancel(&c->request);
}
