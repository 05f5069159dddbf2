/* outgoing.c -- a request as bytes. Nothing in it may end a line: what could is refused before any
 * byte leaves. */
#include "format/header.h"
#include "http/client_priv.h"

/* These belong to the client. Accept-Encoding too: nothing is ever decompressed. */
static const struct str own_names[] = {
    {"host", 4},        {"content-length", 14}, {"transfer-encoding", 17},
    {"connection", 10}, {"upgrade", 7},         {"expect", 6},
    {"te", 2},          {"trailer", 7},         {"accept-encoding", 15},
};

static bool is_own(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(own_names); i++)
        if (own_names[i].len == name.len && str_eq_nocase(own_names[i], name))
            return true;
    return false;
}

/* No way out of the loop before its end: so the compiler looks at sixteen bytes at a time. */
static bool is_value(struct str text)
{
    unsigned char bad = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];

        bad |= (unsigned char)((c < 0x20 && c != '\t') || c == 0x7f);
    }
    return !bad;
}

static bool is_target(struct str text)
{
    unsigned char bad = 0;

    for (size_t i = 0; i < text.len; i++)
        bad |= (unsigned char)((unsigned char)(text.data[i] - 0x21) >= 0x7f - 0x21);
    return !bad && text.len > 0 && text.data[0] == '/';
}

bool outgoing_is_valid(const struct http_client_request *request)
{
    if (!header_name_is_valid(request->method) || !is_target(request->target) || request->port == 0)
        return false;
    for (size_t i = 0; i < request->header_count; i++)
        if (!header_name_is_valid(request->headers[i].name) || !is_value(request->headers[i].value))
            return false;
    return true;
}

static void put_host(struct buf *out, const struct http_client_request *request)
{
    uint16_t usual = request->https ? 443 : 80;
    bool is_ipv6 = str_find_char(request->host, ':') < request->host.len;

    buf_add(out, is_ipv6 ? STR("Host: [") : STR("Host: "));
    buf_add(out, request->host);
    if (is_ipv6)
        buf_add_char(out, ']');
    if (request->port != usual) {
        buf_add_char(out, ':');
        buf_add_i64(out, request->port);
    }
    buf_add(out, STR("\r\n"));
}

/* A method that usually has a body says how long it is, even if it is empty. */
static bool needs_length(const struct http_client_request *request)
{
    return request->body.len > 0 ||
           !(str_eq(request->method, STR("GET")) || str_eq(request->method, STR("HEAD")));
}

static void put_field(struct buf *out, struct str name, struct str value)
{
    size_t len = name.len + value.len + 4;
    char *at = buf_reserve(out, len);

    if (!at)
        return;
    str_put(&at, name);
    str_put(&at, STR(": "));
    str_put(&at, value);
    str_put(&at, STR("\r\n"));
    buf_added(out, len);
}

static struct str write_head(const struct http_send *send)
{
    const struct http_client_request *request = &send->request;
    struct buf *out = &send->client->scratch;
    bool has_bearer = !str_is_none(send->bearer);

    buf_clear(out);
    buf_add(out, request->method);
    buf_add_char(out, ' ');
    buf_add(out, request->target);
    buf_add(out, STR(" HTTP/1.1\r\n"));
    put_host(out, request);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];

        if (!is_own(header->name) &&
            !(has_bearer && str_eq_nocase(header->name, STR("Authorization"))))
            put_field(out, header->name, header->value);
    }
    if (has_bearer)
        put_field(out, STR("Authorization"), send->bearer);
    if (needs_length(request)) {
        buf_add(out, STR("Content-Length: "));
        buf_add_i64(out, (int64_t)request->body.len);
        buf_add(out, STR("\r\n"));
    }
    buf_add(out, STR("\r\n"));
    REQUIRE(!out->failed);
    return buf_str(out);
}

void send_write_request(struct http_send *send)
{
    struct str parts[2] = {write_head(send), send->request.body};

    send->phase = SEND_WAIT;
    send->has_bytes = false;
    send->first_byte_until_ms = 0;
    stream_write(send->link->stream, parts, parts[1].len ? 2 : 1);
    if (stream_pending_bytes(send->link->stream) == 0)
        send_on_drain(send);
    else
        send_set_deadline(send, INT64_MAX);
}
