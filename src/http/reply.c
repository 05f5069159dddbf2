/* reply.c -- replies as bytes: whole, streamed, and the server's own refusals. */
#include <stdio.h>

#include "http/http_metrics.h"
#include "http/server_priv.h"

#define REPLY_HEAD_BYTES_MAX (256 * KIB)

static bool has_no_body(int status)
{
    return status == 204 || status == 304;
}

/* Framing belongs to the server: what an owner says about it is left out. */
static bool is_framing(struct str name)
{
    switch (name.len) {
    case 4:
        return str_eq_nocase(name, STR("date"));
    case 10:
        return str_eq_nocase(name, STR("connection"));
    case 14:
        return str_eq_nocase(name, STR("content-length"));
    case 17:
        return str_eq_nocase(name, STR("transfer-encoding"));
    default:
        return false;
    }
}

/* A value may come from a stranger: what would end the line becomes a space. */
static char *put_text(char *at, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.data[i];

        *at++ = byte == '\r' || byte == '\n' || byte == '\0' ? ' ' : byte;
    }
    return at;
}

static void put_header(struct buf *out, const struct http_header *header)
{
    size_t len = header->name.len + header->value.len + 4;
    char *at = buf_reserve(out, len);

    if (!at)
        return;
    at = put_text(at, header->name);
    *at++ = ':';
    *at++ = ' ';
    at = put_text(at, header->value);
    *at++ = '\r';
    *at++ = '\n';
    buf_added(out, len);
}

static void put_status(struct buf *out, int status)
{
    struct str line = http_status_line(status);

    if (str_is_none(line))
        buf_addf(out, "HTTP/1.1 %d Status\r\n", status);
    else
        buf_add(out, line);
}

struct reply_head {
    int status;
    const struct http_header *headers;
    size_t header_count;
    uint64_t length; /* HTTP_LENGTH_UNKNOWN: a stream */
};

/* The head of a reply in the server's scratch buffer: valid until the next one. */
static struct str write_head(struct connection *c, const struct reply_head *head, bool is_chunked,
                             bool is_http_1_0)
{
    struct buf *out = &c->server->scratch;

    http_count_reply(head->status);
    buf_clear(out);
    put_status(out, head->status);
    buf_add(out, server_date(c->server));
    for (size_t i = 0; i < head->header_count; i++)
        if (!is_framing(head->headers[i].name))
            put_header(out, &head->headers[i]);
    if (head->length != HTTP_LENGTH_UNKNOWN && !has_no_body(head->status)) {
        buf_add(out, STR("Content-Length: "));
        buf_add_i64(out, (int64_t)head->length);
        buf_add(out, STR("\r\n"));
    } else if (is_chunked) {
        buf_add(out, STR("Transfer-Encoding: chunked\r\n"));
    }
    if (!c->keep_alive)
        buf_add(out, STR("Connection: close\r\n"));
    else if (is_http_1_0)
        buf_add(out, STR("Connection: keep-alive\r\n"));
    buf_add(out, STR("\r\n"));
    REQUIRE(!out->failed);
    return buf_str(out);
}

static void decide_keep_alive(struct connection *c)
{
    if (c->server->draining || c->at_end || connection_must_end(c))
        c->keep_alive = false;
}

void http_reply(struct http_exchange *exchange, int status, const struct http_header *headers,
                size_t header_count, struct str body)
{
    struct connection *c = exchange->connection;

    REQUIRE(!exchange->begun && status >= 200 && status < 600);
    if (!c) {
        exchange_free(exchange);
        return;
    }
    connection_enter(c);
    decide_keep_alive(c);
    struct reply_head head = {status, headers, header_count, body.len};
    struct str parts[2] = {write_head(c, &head, false, exchange->is_http_1_0), body};
    bool is_bare = has_no_body(status) || exchange->is_head || body.len == 0;
    connection_write(c, parts, is_bare ? 1 : 2);
    c->exchange = NULL;
    exchange_free(exchange);
    connection_next(c);
    connection_leave(c);
}

static void begin(struct http_exchange *exchange, const struct reply_head *head)
{
    struct connection *c = exchange->connection;
    int status = head->status;

    REQUIRE(!exchange->begun && status >= 200 && status < 600);
    exchange->begun = true;
    exchange->is_bare = has_no_body(status) || exchange->is_head;
    exchange->is_sized = !exchange->is_bare && head->length != HTTP_LENGTH_UNKNOWN;
    exchange->is_chunked = !exchange->is_bare && !exchange->is_sized && !exchange->is_http_1_0;
    exchange->reply_left = exchange->is_sized ? head->length : 0;
    if (!c)
        return;
    connection_enter(c);
    decide_keep_alive(c);
    if (!exchange->is_bare && !exchange->is_sized && !exchange->is_chunked)
        c->keep_alive = false; /* the end of the connection is the end of the body */
    struct str text = write_head(c, head, exchange->is_chunked, exchange->is_http_1_0);
    connection_write(c, &text, 1);
    connection_leave(c);
}

void http_begin(struct http_exchange *exchange, int status, const struct http_header *headers,
                size_t header_count)
{
    begin(exchange, &(struct reply_head){status, headers, header_count, HTTP_LENGTH_UNKNOWN});
}

void http_begin_sized(struct http_exchange *exchange, int status, const struct http_header *headers,
                      size_t header_count, uint64_t length)
{
    REQUIRE(length != HTTP_LENGTH_UNKNOWN);
    begin(exchange, &(struct reply_head){status, headers, header_count, length});
}

void http_upgrade(struct http_exchange *exchange, const struct http_header *headers,
                  size_t header_count,
                  void (*on_bytes)(struct http_exchange *exchange, struct str bytes))
{
    struct connection *c = exchange->connection;
    struct buf *out;

    REQUIRE(!exchange->begun);
    exchange->begun = true;
    exchange->on_body = on_bytes;
    if (!c)
        return;
    REQUIRE(c->state == CONNECTION_WAIT);
    connection_enter(c);
    c->keep_alive = c->body_paused = false;
    c->state = CONNECTION_UPGRADED;
    http_count_reply(101);
    out = &c->server->scratch;
    buf_clear(out);
    buf_add(out, STR("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"));
    for (size_t i = 0; i < header_count; i++)
        put_header(out, &headers[i]);
    buf_add(out, STR("\r\n"));
    connection_write(c, &(struct str){out->data, out->len}, 1);
    connection_leave(c);
}

void http_write(struct http_exchange *exchange, struct str bytes)
{
    struct connection *c = exchange->connection;
    char size[24];

    REQUIRE(exchange->begun);
    if (exchange->is_sized) {
        REQUIRE(bytes.len <= exchange->reply_left);
        exchange->reply_left -= bytes.len;
    }
    if (!c || exchange->is_bare || str_is_empty(bytes))
        return;
    connection_enter(c);
    if (exchange->is_chunked) {
        int len = snprintf(size, sizeof(size), "%zx\r\n", bytes.len);
        struct str parts[3] = {str_range(size, (size_t)len), bytes, STR("\r\n")};

        connection_write(c, parts, 3);
    } else {
        connection_write(c, &bytes, 1);
    }
    connection_leave(c);
}

size_t http_pending_bytes(const struct http_exchange *exchange)
{
    const struct connection *c = exchange->connection;

    return c && c->stream ? stream_pending_bytes(c->stream) : 0;
}

void http_end(struct http_exchange *exchange)
{
    struct connection *c = exchange->connection;

    REQUIRE(exchange->begun);
    if (!c) {
        exchange_free(exchange);
        return;
    }
    if (exchange->reply_left > 0) {
        http_break(exchange);
        return;
    }
    connection_enter(c);
    if (exchange->is_chunked)
        connection_write(c, &STR("0\r\n\r\n"), 1);
    if (connection_must_end(c))
        c->keep_alive = false;
    c->exchange = NULL;
    exchange_free(exchange);
    connection_next(c);
    connection_leave(c);
}

void http_break(struct http_exchange *exchange)
{
    struct connection *c = exchange->connection;

    if (c) {
        connection_enter(c);
        c->exchange = NULL;
        connection_close(c, true);
        connection_leave(c);
    }
    exchange_free(exchange);
}

void connection_refuse(struct connection *c, int status, const char *detail)
{
    struct http_exchange *exchange = c->exchange;
    bool is_head = exchange && exchange->is_head;
    bool is_http_1_0 = exchange && exchange->is_http_1_0;
    bool begun = exchange && exchange->begun;
    char text[160];

    if (exchange)
        request_abort(c);
    if (begun) { /* an error cannot be said any more within another reply */
        connection_close(c, true);
        return;
    }
    const struct http_header headers[] = {
        {STR("Content-Type"), STR("application/json")},
        {STR("Retry-After"), STR("1")},
    };
    int len = snprintf(text, sizeof(text), "{\"detail\": \"%s\"}", detail);
    c->keep_alive = false;
    struct reply_head head = {status, headers, status == 503 ? 2 : 1, (size_t)len};
    struct str parts[2] = {write_head(c, &head, false, is_http_1_0), str_range(text, (size_t)len)};
    connection_write(c, parts, is_head ? 1 : 2);
    c->state = CONNECTION_BODY; /* whatever it was: the rest of the request is not read */
    c->body_left = UINT64_MAX;
    connection_next(c);
}
