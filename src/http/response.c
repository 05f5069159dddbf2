/* response.c -- what comes back. Everything in it is the receiver's choice, so everything has a
 * limit, and a connection is kept only if its bytes ended exactly where the response did. */
#include "http/detour_priv.h"

/* The request's last byte has gone: from here on the first byte of the answer is waited for. An
 * interim response may have come before. */
void send_on_drain(struct http_send *send)
{
    struct loop *loop = send->client->config.loop;

    if (send->phase != SEND_WAIT || send->first_byte_until_ms)
        return;
    send->phase_us = loop_mono_us(loop);
    send->first_byte_until_ms = loop_mono_ms(loop) + send->request.budget.first_byte_ms;
    if (!send->head)
        send_set_deadline(send, send->first_byte_until_ms);
}

/* From its first byte on: many sends wait, and few heads are being read. */
static void begin_answer(struct http_send *send)
{
    struct http_client *client = send->client;

    send->result.phases.first_byte_us = loop_mono_us(client->config.loop) - send->phase_us;
    send->has_bytes = true;
    send->head = head_take(&client->heads);
    send->parser.on_body = send_on_body;
    send->parser.limits = &client->parser_limits;
    parser_begin(&send->parser, true, send->head);
    send->parser.no_body = str_eq(send->request.method, STR("HEAD"));
    send_set_deadline(send, INT64_MAX);
}

static void copy_headers(struct http_send *send)
{
    const struct head *head = send->head;
    struct str text = arena_str(&send->arena, buf_str(&head->text));
    struct http_header *headers = arena_alloc(&send->arena, head->count * sizeof(*headers));

    for (size_t i = 0; i < head->count; i++) {
        const struct head_field *field = &head->fields[i];

        headers[i].name = str_range(text.data + field->name_at, field->name_len);
        headers[i].value = str_trim(str_range(text.data + field->value_at, field->value_len));
    }
    send->result.headers = headers;
    send->result.header_count = head->count;
}

static void begin_body(struct http_send *send, const struct parser_facts *facts)
{
    struct loop *loop = send->client->config.loop;
    const struct http_budget *budget = &send->request.budget;

    send->result.status = facts->status;
    /* A 204 or 304 that announces a body may be followed by one, which would be read as the next
     * response. */
    bool is_odd = (facts->status == 204 || facts->status == 304) && facts->content_length > 0;
    send->may_reuse = facts->keep_alive && facts->minor == 1 && !is_odd;
    copy_headers(send);
    head_give(&send->client->heads, send->head);
    send->head = NULL;
    send->phase = SEND_BODY;
    send->body_start_ms = loop_mono_ms(loop);
    send->total_until_ms = send->body_start_ms + budget->body_ms;
    send_set_deadline(send, send->body_start_ms + RATE_CHECK_MS);
}

/* All of the request once more, with another token. */
static void begin_again(struct http_send *send)
{
    link_close(send->link, true);
    send->link = NULL;
    head_give(&send->client->heads, send->head);
    send->head = NULL;
    send->has_bytes = send->result.reused = false;
    send->interim_count = 0;
    send_begin(send);
}

/* False: it must not go on. */
static bool head_complete(struct http_send *send)
{
    struct parser_facts facts = parser_facts(&send->parser);

    if (facts.major != 1) {
        send_finish(send, HTTP_BAD_RESPONSE, "the response is not HTTP/1.1", false);
        return false;
    }
    if (facts.status == 101 || facts.status < 100) {
        send_finish(send, HTTP_BAD_RESPONSE, "the response has an impossible status", false);
        return false;
    }
    if (oauth_refreshes(send, facts.status)) {
        begin_again(send);
        return false;
    }
    if (facts.status >= 200) {
        begin_body(send, &facts);
        return true;
    }
    if (facts.has_coding || (facts.has_length && facts.content_length > 0)) {
        send_finish(send, HTTP_BAD_RESPONSE, "an interim response announces a body", false);
        return false;
    }
    if (++send->interim_count > INTERIM_MAX) {
        send_finish(send, HTTP_BAD_RESPONSE, "too many interim responses", false);
        return false;
    }
    return true;
}

/* After an interim response the wait for the real one goes on, under the same deadline; if the
 * request has not gone yet, under that of the whole. */
static void wait_again(struct http_send *send)
{
    head_give(&send->client->heads, send->head);
    send->head = NULL;
    send_set_deadline(send, send->first_byte_until_ms ? send->first_byte_until_ms : INT64_MAX);
}

static void message_complete(struct http_send *send, bool surplus)
{
    bool is_sent = stream_pending_bytes(send->link->stream) == 0;

    send_finish(send, HTTP_ANSWERED, "answered", send->may_reuse && !surplus && is_sent);
}

static void parse_failed(struct http_send *send)
{
    if (send->phase == SEND_BODY) {
        send->result.body_truncated = true;
        send_finish(send, HTTP_ANSWERED, "the response body is malformed", false);
    } else if (send->parser.fault == FAULT_SYNTAX) {
        send_finish(send, HTTP_BAD_RESPONSE, "the response is not HTTP/1.1", false);
    } else {
        send_finish(send, HTTP_BAD_RESPONSE, "the response head is too large", false);
    }
}

void send_on_body(struct parser *parser, struct str piece)
{
    struct http_send *send = CONTAINER_OF(parser, struct http_send, parser);
    size_t room = send->body.max - send->body.len;

    send->body_seen += piece.len;
    if (send->request.on_piece && send->result.status / 100 == 2) {
        send->request.on_piece(send->context, &send->result, piece);
        return;
    }
    if (piece.len > room)
        send->result.body_truncated = true;
    buf_add(&send->body, str_first(piece, room));
}

void send_on_read(struct http_send *send, struct str bytes)
{
    if (send->phase == SEND_TUNNEL) {
        tunnel_on_read(send, bytes);
        return;
    }
    if (send->phase != SEND_WAIT && send->phase != SEND_BODY)
        return;
    if (send->phase == SEND_WAIT && !send->head)
        begin_answer(send);
    for (;;) {
        enum parser_step step = parser_feed(&send->parser, &bytes);

        if (send->result.body_truncated) {
            send_finish(send, HTTP_ANSWERED, "answered", false);
            return;
        }
        if (step == PARSER_MORE) {
            if (bytes.len == 0)
                return;
        } else if (step == PARSER_HEAD) {
            if (!head_complete(send))
                return;
        } else if (step == PARSER_END && send->phase == SEND_WAIT) {
            wait_again(send);
            if (bytes.len == 0)
                return;
            begin_answer(send);
        } else if (step == PARSER_END) {
            message_complete(send, bytes.len > 0);
            return;
        } else {
            parse_failed(send);
            return;
        }
    }
}

/* ---- the connection ends ---- */

static void retry_on_fresh_link(struct http_send *send)
{
    link_close(send->link, true);
    send->link = NULL;
    send->result.reused = false;
    send->result.resent = true;
    send_connect_next(send);
}

static void end_in_body(struct http_send *send, enum stream_end end)
{
    if (end == STREAM_EOF && parser_finish(&send->parser) == PARSER_END) {
        send_finish(send, HTTP_ANSWERED, "answered", false);
        return;
    }
    send->result.body_truncated = true;
    send_finish(send, HTTP_ANSWERED, "the response body was cut off", false);
}

static const char *words_without_answer(enum stream_end end)
{
    return end == STREAM_EOF ? "connection closed before the response"
                             : "connection reset before the response";
}

void send_on_end(struct http_send *send, enum stream_end end, const char *why)
{
    if (send->phase == SEND_BODY)
        end_in_body(send, end);
    else if (send->phase == SEND_TUNNEL)
        send_finish(send, HTTP_NO_CONNECTION, "the proxy closed the connection", false);
    else if (send->phase == SEND_TLS)
        send_finish(send, HTTP_TLS_FAILED,
                    end == STREAM_TLS ? why : "reset during the TLS handshake", false);
    else if (send->has_bytes)
        send_finish(send, HTTP_BAD_RESPONSE, "the response was cut off within its head", false);
    else if (send->link->has_served && send->request.reuse == HTTP_REUSE)
        retry_on_fresh_link(send);
    else if (end == STREAM_TLS)
        send_finish(send, HTTP_TLS_FAILED, why, false);
    else
        send_finish(send, HTTP_NO_CONNECTION, words_without_answer(end), false);
}
