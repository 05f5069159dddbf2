/* connection.c -- one client's connection: bytes in, turns, deadlines, the end. */
#include "http/tls.h"

#include "base/mem.h"
#include "http/server_priv.h"

/* ---- the end ---- */

/* Not from inside the parser. */
static void reading_end(struct connection *c)
{
    struct reading *reading = c->reading;

    c->reading = NULL;
    if (reading && reading->head)
        head_give(&c->server->heads, reading->head);
    mem_free(reading);
}

static void held_drop(struct connection *c)
{
    if (c->held)
        buf_release(&c->held->bytes);
    mem_free(c->held);
    c->held = NULL;
}

static size_t held_bytes(const struct connection *c)
{
    return c->held ? c->held->bytes.len - c->held->at : 0;
}

static void connection_free(struct connection *c)
{
    reading_end(c);
    held_drop(c);
    mem_free(c);
}

void connection_close(struct connection *c, bool reset)
{
    struct stream *stream = c->stream;

    if (!stream)
        return;
    REQUIRE(c->depth > 0 && !c->exchange);
    c->stream = NULL;
    timer_stop(&c->timer);
    list_remove(&c->node);
    if (c->counted)
        c->server->connection_count--;
    else
        c->server->refused_count--;
    stream_close(stream, reset);
    server_connection_closed(c->server);
}

void connection_lose(struct connection *c, bool reset, bool tell)
{
    struct http_exchange *exchange = c->exchange;

    if (exchange && c->state == CONNECTION_BODY && !exchange->is_started) {
        request_abort(c);
        exchange = NULL;
    }
    c->exchange = NULL;
    connection_close(c, reset);
    if (!exchange)
        return;
    bool was_gone = exchange->gone;
    exchange->connection = NULL;
    exchange->gone = true;
    if (tell && !was_gone && exchange->on_gone)
        exchange->on_gone(exchange);
}

void connection_end(struct connection *c, bool more_may_come)
{
    bool is_sent = stream_pending_bytes(c->stream) == 0;

    if (is_sent && (!more_may_come || c->at_end)) {
        connection_close(c, false);
        return;
    }
    c->state = CONNECTION_LINGER;
    stream_shutdown(c->stream);
}

/* ---- turns ---- */

bool connection_must_end(const struct connection *c)
{
    return c->state == CONNECTION_BODY && c->body_left > SKIP_BYTES_MAX;
}

void connection_next(struct connection *c)
{
    bool in_body = c->state == CONNECTION_BODY;

    c->body_paused = false;
    if (!c->keep_alive)
        connection_end(c, in_body || held_bytes(c) > 0);
    else if (in_body)
        c->state = CONNECTION_SKIP;
    else if (c->at_end || c->server->draining)
        connection_end(c, false);
    else
        c->state = CONNECTION_IDLE;
}

static void begin_request(struct connection *c)
{
    struct reading *reading = MEM_NEW(struct reading);

    reading->connection = c;
    reading->head = head_take(&c->server->heads);
    reading->parser.on_body = request_on_body;
    reading->parser.limits = &c->server->parser_limits;
    parser_begin(&reading->parser, false, reading->head);
    c->reading = reading;
    c->state = CONNECTION_HEAD;
    c->deadline = DEADLINE_NONE;
}

static void refuse_fault(struct connection *c)
{
    switch ((enum parser_fault)c->reading->parser.fault) {
    case FAULT_LINE_LONG:
        connection_refuse(c, 414, "the request line is too long");
        break;
    case FAULT_HEAD_LONG:
        connection_refuse(c, 431, "the request headers are too large or too many");
        break;
    case FAULT_CHUNK_EXCESS:
        connection_refuse(c, 400, "the chunks carry more than a body");
        break;
    case FAULT_NONE:
    case FAULT_SYNTAX:
        connection_refuse(c, 400, "this is not a valid HTTP/1.1 request");
        break;
    }
}

static void message_complete(struct connection *c)
{
    reading_end(c);
    if (c->state == CONNECTION_BODY) {
        request_complete(c);
        return;
    }
    c->state = CONNECTION_WAIT; /* from SKIP: the turn is over already */
    connection_next(c);
}

/* False: nothing more can be done with the input now. */
static bool parse_on(struct connection *c, struct str *input)
{
    enum parser_step step = parser_feed(&c->reading->parser, input);

    /* The owner may have ended the exchange, or the connection, while it was given a piece of the
     * body. */
    if (!c->stream || c->state == CONNECTION_LINGER)
        return c->stream;
    if (c->state == CONNECTION_BODY && c->body_over) {
        connection_refuse(c, 413, "the body is too large");
        return true;
    }
    switch (step) {
    case PARSER_MORE:
        return input->len > 0;
    case PARSER_HEAD:
        request_read_head(c);
        return true;
    case PARSER_END:
        message_complete(c);
        return true;
    case PARSER_BAD:
        if (c->state == CONNECTION_SKIP)
            connection_close(c, false);
        else
            refuse_fault(c);
        return true;
    }
    return false;
}

static bool upgraded_take(struct connection *c, struct str *input)
{
    struct str bytes = *input;

    *input = str_from(*input, input->len);
    if (bytes.len > 0 && c->exchange)
        c->exchange->on_body(c->exchange, bytes);
    return false;
}

static bool take_turn(struct connection *c, struct str *input)
{
    switch ((enum connection_state)c->state) {
    case CONNECTION_IDLE:
        if (input->len == 0 || stream_pending_bytes(c->stream) > PENDING_BYTES_MAX)
            return false;
        begin_request(c);
        return true;
    case CONNECTION_BODY:
        return !c->body_paused && parse_on(c, input);
    case CONNECTION_HEAD:
    case CONNECTION_SKIP:
        return parse_on(c, input);
    case CONNECTION_LINGER:
        *input = str_from(*input, input->len);
        return false;
    case CONNECTION_UPGRADED:
        return !c->body_paused && upgraded_take(c, input);
    case CONNECTION_WAIT:
        return false;
    }
    return false;
}

static void consume(struct connection *c, struct str *input)
{
    while (c->stream && take_turn(c, input))
        continue;
}

static void consume_held(struct connection *c)
{
    struct str rest = str_from(buf_str(&c->held->bytes), c->held->at);
    size_t len = rest.len;

    consume(c, &rest);
    c->held->at += len - rest.len;
    if (held_bytes(c) == 0)
        held_drop(c);
}

/* ---- deadlines ---- */

static void set_deadline(struct connection *c, enum deadline_kind kind, int64_t delay_ms)
{
    int64_t now_ms = loop_mono_ms(c->server->config.loop);

    c->deadline = (uint8_t)kind;
    c->deadline_ms = kind == DEADLINE_NONE ? NEVER_MS : now_ms + delay_ms;
    if (kind != DEADLINE_NONE && (!timer_is_running(&c->timer) || c->timer.due_ms > c->deadline_ms))
        timer_start(&c->timer, delay_ms);
}

void connection_rest(struct connection *c)
{
    if (stream_pending_bytes(c->stream) == 0)
        timer_stop(&c->timer);
}

static void update_deadline(struct connection *c)
{
    const struct http_limits *limits = &c->server->config.limits;

    if (stream_pending_bytes(c->stream) > 0) {
        if (c->deadline != DEADLINE_WRITE) {
            c->sent_mark = c->written_bytes - stream_pending_bytes(c->stream);
            set_deadline(c, DEADLINE_WRITE, limits->write_timeout_ms);
        }
        return;
    }
    switch ((enum connection_state)c->state) {
    case CONNECTION_IDLE:
        set_deadline(c, DEADLINE_IDLE, limits->idle_timeout_ms);
        break;
    case CONNECTION_HEAD: /* not moved by further bytes: a slow head has one deadline */
        if (c->deadline != DEADLINE_HEAD)
            set_deadline(c, DEADLINE_HEAD, limits->header_timeout_ms);
        break;
    case CONNECTION_BODY:
    case CONNECTION_SKIP:
        set_deadline(c, c->body_paused ? DEADLINE_NONE : DEADLINE_BODY, limits->body_timeout_ms);
        break;
    case CONNECTION_WAIT:
    case CONNECTION_UPGRADED:
        set_deadline(c, DEADLINE_NONE, 0);
        break;
    case CONNECTION_LINGER:
        if (c->deadline != DEADLINE_LINGER)
            set_deadline(c, DEADLINE_LINGER, LINGER_MS);
        break;
    }
}

static void check_write_progress(struct connection *c)
{
    uint64_t sent = c->written_bytes - stream_pending_bytes(c->stream);

    if (sent == c->sent_mark)
        connection_lose(c, true, true);
    else
        c->deadline = DEADLINE_NONE; /* connection_leave sets it anew */
}

static void on_deadline(struct connection *c)
{
    switch ((enum deadline_kind)c->deadline) {
    case DEADLINE_NONE:
        break;
    case DEADLINE_WRITE:
        check_write_progress(c);
        break;
    case DEADLINE_HEAD:
        if (c->reading->head->text.len == 0) /* line ends after the last request, no more */
            connection_close(c, false);
        else
            connection_refuse(c, 408, "the request headers took too long");
        break;
    case DEADLINE_BODY:
        if (c->state == CONNECTION_BODY)
            connection_refuse(c, 408, "the request body took too long");
        else
            connection_close(c, false);
        break;
    case DEADLINE_IDLE:
    case DEADLINE_LINGER:
        connection_close(c, false);
        break;
    }
}

static void on_timer(struct timer *timer)
{
    struct connection *c = CONTAINER_OF(timer, struct connection, timer);
    int64_t now_ms = loop_mono_ms(c->server->config.loop);

    if (c->deadline_ms == NEVER_MS)
        return;
    if (now_ms < c->deadline_ms) {
        timer_start(&c->timer, c->deadline_ms - now_ms);
        return;
    }
    connection_enter(c);
    on_deadline(c);
    connection_leave(c);
}

/* ---- coming and going ---- */

static void update_reading(struct connection *c)
{
    bool is_paused =
        c->body_paused && (c->state == CONNECTION_BODY || c->state == CONNECTION_UPGRADED);
    bool wanted = !is_paused && held_bytes(c) < HELD_BYTES_MAX && !c->at_end;

    if (wanted == c->is_reading)
        return;
    c->is_reading = wanted;
    if (wanted)
        stream_start(c->stream);
    else
        stream_pause(c->stream);
}

void connection_enter(struct connection *c)
{
    c->depth++;
}

void connection_leave(struct connection *c)
{
    REQUIRE(c->depth > 0);
    if (c->depth == 1 && c->stream && c->state != CONNECTION_WAIT && c->held)
        consume_held(c);
    if (--c->depth > 0)
        return;
    if (!c->stream) {
        connection_free(c);
        return;
    }
    update_reading(c);
    update_deadline(c);
}

void connection_write(struct connection *c, const struct str *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        c->written_bytes += parts[i].len;
    stream_write(c->stream, parts, count);
}

static void hold(struct connection *c, struct str bytes)
{
    if (!c->held) {
        c->held = MEM_NEW(struct held);
        buf_init(&c->held->bytes, HELD_BYTES_MAX + MIB);
    }
    buf_add(&c->held->bytes, bytes);
    if (c->held->bytes.failed)
        connection_lose(c, true, true);
}

static void on_read(void *context, struct str bytes)
{
    struct connection *c = context;

    connection_enter(c);
    if (!c->held)
        consume(c, &bytes);
    if (c->stream && bytes.len)
        hold(c, bytes);
    connection_leave(c);
}

/* The client has sent its last byte. For a waiting or streaming exchange that counts as leaving:
 * HTTP clients keep their side open until they have their answer. Should it be one of the few that
 * do not, the reply still goes out if the owner makes one. */
static void on_eof(struct connection *c)
{
    struct http_exchange *exchange = c->exchange;

    c->at_end = true;
    c->is_reading = false;
    if (c->state == CONNECTION_IDLE) {
        connection_end(c, false);
        return;
    }
    if (c->state != CONNECTION_WAIT) {
        connection_lose(c, false, true);
        return;
    }
    exchange->gone = true;
    held_drop(c);
    if (exchange->on_gone)
        exchange->on_gone(exchange);
}

static void on_end(void *context, enum stream_end end, const char *why)
{
    struct connection *c = context;

    (void)why;
    connection_enter(c);
    if (end == STREAM_EOF)
        on_eof(c);
    else
        connection_lose(c, true, true);
    connection_leave(c);
}

static void on_drain(void *context)
{
    struct connection *c = context;

    connection_enter(c);
    c->deadline = DEADLINE_NONE;
    if (c->exchange && c->exchange->on_drain)
        c->exchange->on_drain(c->exchange);
    connection_leave(c);
}

static const struct stream_events events = {on_read, on_end, on_drain};

void connection_accept(struct http_server *server, struct stream *stream)
{
    struct connection *c = MEM_NEW(struct connection);

    if (server->config.tls)
        stream = tls_server_wrap(server->config.tls, stream);
    c->server = server;
    c->stream = stream;
    timer_init(&c->timer, server->config.loop, on_timer);
    list_push(&server->connections, &c->node);
    stream_set_events(stream, &events, c);

    connection_enter(c);
    c->counted = server->connection_count < server->config.limits.connections_max;
    if (c->counted) {
        server->connection_count++;
    } else {
        server->refused_count++;
        connection_refuse(c, 503, "too many connections");
    }
    connection_leave(c);
}
