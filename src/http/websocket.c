/* WebSocket over an upgraded exchange: handshake, messages, pings, the close. */
#include "http/websocket.h"

#include "base/mem.h"
#include "crypto/base64.h"
#include "crypto/sha256.h"
#include "http/exchange_priv.h"

#define KEY_BYTES 16
#define HEADERS_MAX 128
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455, 1.3 */
#define CLOSE_WAIT_MS 5000                          /* for the client's answer to our close */
#define PENDING_MAX (256 * KIB) /* of what it has not taken: then it is not read */

struct websocket {
    struct http_exchange *exchange;
    struct websocket_config config;
    struct websocket_reader reader;
    struct timer timer; /* pings; after our close: the end of waiting */
    bool heard;         /* something came since the last ping */
    bool is_closing;    /* we have sent a close */
    bool is_paused;     /* by the owner */
    bool is_full;       /* until it has taken what waits for it */
    bool is_busy;       /* bytes are being read: memory goes behind that */
};

/* ---- the handshake ---- */

static struct str header_of(const struct http_request *request, const char *name)
{
    return http_header_find(request->headers, request->header_count, name);
}

/* Is `word` in a comma-separated list, in any letter case? */
static bool list_has(struct str list, struct str word)
{
    struct str piece;

    while (str_split(&list, ',', &piece))
        if (str_eq_nocase(str_trim(piece), word))
            return true;
    return false;
}

bool websocket_is_asked(const struct http_request *request)
{
    return list_has(header_of(request, "upgrade"), STR("websocket"));
}

const char *websocket_refusal(const struct http_request *request, int *status)
{
    struct str key = header_of(request, "sec-websocket-key");
    char bytes[KEY_BYTES];
    size_t len;

    *status = 400;
    if (request->method != HTTP_GET || !websocket_is_asked(request) ||
        !list_has(header_of(request, "connection"), STR("upgrade")))
        return "a WebSocket is asked for by GET with \"Connection: Upgrade\"";
    if (!str_eq(header_of(request, "sec-websocket-version"), STR("13"))) {
        *status = 426;
        return "Sec-WebSocket-Version: only 13 is spoken here";
    }
    if (base64_decode(key, bytes, sizeof(bytes), &len) || len != KEY_BYTES)
        return "Sec-WebSocket-Key: must be 16 bytes in base64";
    return NULL;
}

static struct str accept_value(const struct http_request *request, struct buf *out)
{
    uint8_t digest[SHA1_BYTES];
    char text[64];
    struct str key = header_of(request, "sec-websocket-key");
    int len = snprintf(text, sizeof(text), "%.*s%s", STR_ARG(key), GUID);

    REQUIRE(len > 0 && (size_t)len < sizeof(text));
    sha1_of(str_range(text, (size_t)len), digest);
    base64_write(out, str_range((const char *)digest, sizeof(digest)));
    return buf_str(out);
}

/* ---- the end ---- */

static void release(struct websocket *ws)
{
    timer_stop(&ws->timer);
    websocket_reader_release(&ws->reader);
    mem_free(ws);
}

/* The connection ends; the owner is told unless it was the one who wanted it. */
static void end(struct websocket *ws, int code, bool tell)
{
    struct http_exchange *exchange = ws->exchange;
    const struct websocket_events *events = ws->config.events;
    void *context = ws->config.context;

    if (!exchange)
        return;
    ws->exchange = NULL;
    http_end(exchange);
    timer_stop(&ws->timer);
    if (!ws->is_busy)
        release(ws);
    if (tell)
        events->on_close(context, code);
}

static void frame_send(struct websocket *ws, enum websocket_opcode opcode, struct str payload)
{
    unsigned char head[WEBSOCKET_HEAD_MAX];
    size_t len = websocket_head_write(head, opcode, payload.len);

    http_write(ws->exchange, str_range((const char *)head, len));
    if (payload.len > 0)
        http_write(ws->exchange, payload);
}

static void close_send(struct websocket *ws, int code, struct str reason)
{
    char payload[WEBSOCKET_CONTROL_MAX];
    struct str text = str_first(reason, sizeof(payload) - 2);

    while (!str_is_utf8(text))
        text.len--;
    payload[0] = (char)(code >> 8);
    payload[1] = (char)code;
    if (text.len > 0)
        memcpy(payload + 2, text.data, text.len);
    frame_send(ws, WEBSOCKET_CLOSE,
               str_range(payload, code == WEBSOCKET_NO_CODE ? 0 : 2 + text.len));
}

void websocket_close(struct websocket *ws, int code, struct str reason)
{
    if (ws->is_closing || !ws->exchange)
        return;
    ws->is_closing = true;
    close_send(ws, code, reason);
    websocket_resume(ws); /* its answer is to be read */
    timer_start(&ws->timer, CLOSE_WAIT_MS);
}

void websocket_free(struct websocket *ws)
{
    end(ws, 0, false);
}

/* ---- what comes ---- */

static void update_reading(struct websocket *ws)
{
    if (!ws->exchange)
        return;
    if (ws->is_paused || ws->is_full)
        http_body_pause(ws->exchange);
    else
        http_body_resume(ws->exchange);
}

/* False: nothing more is to be read. */
static bool item_take(struct websocket *ws, const struct websocket_item *item)
{
    switch (item->opcode) {
    case WEBSOCKET_TEXT:
        if (!ws->is_closing)
            ws->config.events->on_message(ws->config.context, item->payload);
        break;
    case WEBSOCKET_BINARY:
        if (!ws->config.events->on_binary)
            websocket_close(ws, WEBSOCKET_UNSUPPORTED, STR("messages are JSON text"));
        else if (!ws->is_closing)
            ws->config.events->on_binary(ws->config.context, item->payload);
        break;
    case WEBSOCKET_PING:
        if (!ws->is_closing)
            frame_send(ws, WEBSOCKET_PONG, item->payload);
        break;
    case WEBSOCKET_CLOSE:
        if (!ws->is_closing)
            close_send(ws, item->code, STR(""));
        end(ws, item->code, true);
        return false;
    case WEBSOCKET_PONG:
    case WEBSOCKET_CONTINUATION:
        break;
    }
    return ws->exchange;
}

static void on_bytes(struct http_exchange *exchange, struct str bytes)
{
    struct websocket *ws = http_exchange_data(exchange);
    struct websocket_item item;
    bool goes_on = true;
    enum err err = OK;
    int code = 0;

    ws->heard = true;
    ws->is_busy = true;
    while (goes_on && !(err = websocket_reader_next(&ws->reader, &bytes, &item, &code)))
        goes_on = item_take(ws, &item);
    if (err == ERR_INVALID && ws->exchange) {
        if (!ws->is_closing)
            close_send(ws, code, STR(""));
        end(ws, code, true);
    }
    ws->is_busy = false;
    if (!ws->exchange) {
        release(ws);
    } else if (http_pending_bytes(ws->exchange) > PENDING_MAX) {
        ws->is_full = true;
        update_reading(ws);
    }
}

static void on_gone(struct http_exchange *exchange)
{
    end(http_exchange_data(exchange), WEBSOCKET_ABNORMAL, true);
}

static void on_drain(struct http_exchange *exchange)
{
    struct websocket *ws = http_exchange_data(exchange);

    if (ws->is_full) {
        ws->is_full = false;
        ws->heard = true;
        update_reading(ws); /* what comes is read behind this */
    }
    ws->config.events->on_drain(ws->config.context);
}

static void on_timer(struct timer *timer)
{
    struct websocket *ws = CONTAINER_OF(timer, struct websocket, timer);

    if (ws->is_closing || (!ws->heard && !ws->is_paused && !ws->is_full)) {
        end(ws, WEBSOCKET_ABNORMAL, true);
        return;
    }
    ws->heard = false;
    frame_send(ws, WEBSOCKET_PING, STR(""));
    timer_start(&ws->timer, ws->config.ping_ms);
}

/* ---- the start ---- */

struct websocket *websocket_accept(struct http_exchange *exchange,
                                   const struct websocket_config *config)
{
    struct websocket *ws = MEM_NEW(struct websocket);
    struct buf accept;

    ws->exchange = exchange;
    ws->config = *config;
    ws->heard = true;
    websocket_reader_init(&ws->reader, config->message_bytes_max);
    timer_init(&ws->timer, http_exchange_loop(exchange), on_timer);
    timer_start(&ws->timer, config->ping_ms);
    http_exchange_set_data(exchange, ws);
    http_exchange_on_gone(exchange, on_gone);
    http_exchange_on_drain(exchange, on_drain);
    buf_init(&accept, 64);
    struct str value = accept_value(http_exchange_request(exchange), &accept);
    struct http_header headers[HEADERS_MAX] = {{STR("Upgrade"), STR("websocket")},
                                               {STR("Sec-WebSocket-Accept"), value}};
    size_t count = 2;

    for (size_t i = 0; i < config->header_count && count < HEADERS_MAX; i++)
        headers[count++] = config->headers[i];
    ws->config.headers = NULL; /* they were borrowed */
    http_upgrade(exchange, headers, count, on_bytes);
    buf_release(&accept);
    return ws;
}

void websocket_send(struct websocket *ws, struct str text)
{
    if (ws->exchange && !ws->is_closing)
        frame_send(ws, WEBSOCKET_TEXT, text);
}

void websocket_send_binary(struct websocket *ws, struct str bytes)
{
    if (ws->exchange && !ws->is_closing)
        frame_send(ws, WEBSOCKET_BINARY, bytes);
}

void websocket_pause(struct websocket *ws)
{
    ws->is_paused = true;
    update_reading(ws);
}

void websocket_resume(struct websocket *ws)
{
    if (!ws->is_paused)
        return;
    ws->is_paused = false;
    ws->heard = true;
    update_reading(ws);
}

size_t websocket_pending_bytes(const struct websocket *ws)
{
    return ws->exchange ? http_pending_bytes(ws->exchange) : 0;
}
