/* tunnel.c -- through the configured proxy: CONNECT, and what it says. What comes behind its answer
 * belongs to the receiver, who has nothing to say yet: a single byte there ends the connection. */
#include "http/detour_priv.h"

static void put_authority(struct buf *out, const struct http_client_request *request)
{
    bool is_ipv6 = str_find_char(request->host, ':') < request->host.len;

    buf_add(out, is_ipv6 ? STR("[") : STR(""));
    buf_add(out, request->host);
    buf_add(out, is_ipv6 ? STR("]:") : STR(":"));
    buf_add_i64(out, request->port);
}

static struct str write_connect(struct http_send *send)
{
    const struct http_proxy *proxy = send->client->config.proxy;
    struct buf *out = &send->client->scratch;

    buf_clear(out);
    buf_add(out, STR("CONNECT "));
    put_authority(out, &send->request);
    buf_add(out, STR(" HTTP/1.1\r\nHost: "));
    put_authority(out, &send->request);
    if (!str_is_none(proxy->authorization)) {
        buf_add(out, STR("\r\nProxy-Authorization: "));
        buf_add(out, proxy->authorization);
    }
    buf_add(out, STR("\r\n\r\n"));
    REQUIRE(!out->failed);
    return buf_str(out);
}

void tunnel_begin(struct http_send *send)
{
    struct http_client *client = send->client;
    struct str request = write_connect(send);

    send->phase = SEND_TUNNEL;
    send_set_deadline(send, send->connect_until_ms);
    send->head = head_take(&client->heads);
    send->parser.limits = &client->parser_limits;
    parser_begin(&send->parser, true, send->head);
    send->parser.no_body = true;
    stream_start(send->link->stream);
    stream_write(send->link->stream, &request, 1);
}

/* Says whose fault it is: not the receiver's. */
static const char *words_of(int status)
{
    if (status == 407)
        return "the proxy wants other credentials (407)";
    if (status == 403)
        return "the proxy does not allow this receiver (403)";
    if (status >= 500 && status <= 599)
        return "the proxy could not reach the receiver";
    return "the proxy did not make a tunnel";
}

void tunnel_on_read(struct http_send *send, struct str bytes)
{
    enum parser_step step = parser_feed(&send->parser, &bytes);
    int status;

    if (step == PARSER_HEAD) {
        status = parser_facts(&send->parser).status;
        if (status < 200 || status > 299) {
            send_finish(send, HTTP_NO_CONNECTION, words_of(status), false);
            return;
        }
        step = parser_feed(&send->parser, &bytes);
    }
    if (step == PARSER_MORE && bytes.len == 0)
        return;
    if (step != PARSER_END || bytes.len > 0) {
        send_finish(send, HTTP_NO_CONNECTION, "the proxy's answer is not HTTP", false);
        return;
    }
    head_give(&send->client->heads, send->head);
    send->head = NULL;
    send_use_link(send);
}
