/* fetch.c -- see fetch.h. */
#include "http/fetch_priv.h"

#include <stdio.h>

#include "base/mem.h"

#define INTERIM_MAX 8
/* Of a request: more than a server's http.header_bytes_max and its upstream_headers allow. */
#define HEAD_BYTES_MAX (4 * MIB)

/* ---- the end ---- */

static void let_go(struct fetch *fetch, bool reusable)
{
    struct fetch_link *link = fetch->link;

    timer_stop(&fetch->timer);
    fetch_let_go_connecting(fetch);
    if (fetch->head)
        head_give(&fetch->client->heads, fetch->head);
    fetch->head = NULL;
    fetch->link = NULL;
    if (link && reusable)
        fetch_link_keep(link);
    else if (link)
        fetch_link_close(link, true);
}

static void fetch_free(struct fetch *fetch)
{
    list_remove(&fetch->node);
    arena_release(&fetch->arena);
    mem_free(fetch);
}

void fetch_enter(struct fetch *fetch)
{
    fetch->depth++;
}

void fetch_leave(struct fetch *fetch)
{
    if (--fetch->depth == 0 && fetch->is_dead)
        fetch_free(fetch);
}

void fetch_finish(struct fetch *fetch, enum fetch_end end, const char *why, bool reusable)
{
    if (fetch->is_dead)
        return;
    fetch_enter(fetch);
    let_go(fetch, reusable);
    fetch->is_dead = true;
    fetch->phase = FETCH_OVER;
    fetch->events->on_end(fetch->context, end, why);
    fetch_leave(fetch);
}

void fetch_cancel(struct fetch *fetch)
{
    if (fetch->is_dead)
        return;
    fetch_enter(fetch);
    let_go(fetch, false);
    fetch->is_dead = true;
    fetch->phase = FETCH_OVER;
    fetch_leave(fetch);
}

static void on_timer(struct timer *timer)
{
    struct fetch *fetch = CONTAINER_OF(timer, struct fetch, timer);

    if (fetch->phase == FETCH_CONNECTING && fetch->connecting) {
        connecting_cancel(fetch->connecting);
        fetch->connecting = NULL;
        fetch->why = "connect timed out";
        fetch_connect_next(fetch);
    } else if (fetch->phase == FETCH_CONNECTING) {
        fetch_finish(fetch, FETCH_UNREACHABLE, "the name lookup timed out", false);
    } else if (fetch->phase == FETCH_TLS) {
        fetch_finish(fetch, FETCH_UNREACHABLE, "the TLS handshake timed out", false);
    } else {
        fetch_finish(fetch, fetch->phase == FETCH_HEAD ? FETCH_LOST : FETCH_CUT,
                     "no whole answer in time", false);
    }
}

/* ---- the request ---- */

static void put_host(struct buf *out, const struct fetch_origin *origin)
{
    bool is_ipv6 = str_find_char(origin->host, ':') < origin->host.len;

    buf_addf(out, "Host: %s%.*s%s", is_ipv6 ? "[" : "", STR_ARG(origin->host), is_ipv6 ? "]" : "");
    if (origin->port != (origin->https ? 443 : 80))
        buf_addf(out, ":%u", (unsigned)origin->port);
    buf_add(out, STR("\r\n"));
}

static void put_head(struct buf *out, const struct fetch *fetch)
{
    const struct fetch_request *request = &fetch->request;

    buf_addf(out, "%.*s %.*s HTTP/1.1\r\n", STR_ARG(request->method), STR_ARG(request->target));
    put_host(out, &fetch->client->config.origin);
    for (size_t i = 0; i < request->header_count; i++)
        buf_addf(out, "%.*s: %.*s\r\n", STR_ARG(request->headers[i].name),
                 STR_ARG(request->headers[i].value));
    if (request->upgrades)
        buf_add(out, STR("Connection: Upgrade\r\n"));
    if (request->is_chunked)
        buf_add(out, STR("Transfer-Encoding: chunked\r\n"));
    else if (request->has_body)
        buf_addf(out, "Content-Length: %llu\r\n",
                 (unsigned long long)(request->body.len + request->body_more));
    buf_add(out, STR("\r\n"));
}

static void on_body(struct parser *parser, struct str piece)
{
    struct fetch *fetch = CONTAINER_OF(parser, struct fetch, parser);

    if (!fetch->is_dead)
        fetch->events->on_body(fetch->context, piece);
}

static void await_head(struct fetch *fetch)
{
    if (!fetch->head)
        fetch->head = head_take(&fetch->client->heads);
    buf_clear(&fetch->head->text);
    fetch->head->method_len = fetch->head->target_len = fetch->head->count = 0;
    fetch->parser.on_body = on_body;
    fetch->parser.limits = &fetch->client->parser_limits;
    parser_begin(&fetch->parser, true, fetch->head);
    fetch->parser.no_body = str_eq(fetch->request.method, STR("HEAD"));
}

void fetch_send(struct fetch *fetch)
{
    struct buf head;
    struct str parts[2];

    fetch->phase = FETCH_HEAD;
    fetch->body_left = fetch->request.is_chunked ? 1 : fetch->request.body_more;
    fetch->has_bytes = false;
    timer_stop(&fetch->timer);
    if (fetch->request.all_ms > 0)
        timer_start(&fetch->timer, fetch->request.all_ms);
    await_head(fetch);
    buf_init(&head, HEAD_BYTES_MAX);
    put_head(&head, fetch);
    REQUIRE(!head.failed);
    parts[0] = buf_str(&head);
    parts[1] = fetch->request.body;
    stream_write(fetch->link->stream, parts, parts[1].len > 0 ? 2 : 1);
    buf_release(&head);
    fetch_on_drain(fetch);
}

static bool takes_body(const struct fetch *fetch)
{
    return fetch->phase == FETCH_HEAD || fetch->phase == FETCH_BODY;
}

/* More may be written: of the body, or after a 101. */
void fetch_on_drain(struct fetch *fetch)
{
    if (!fetch->is_dead && fetch->events->on_drain &&
        (fetch->phase == FETCH_RAW || (takes_body(fetch) && fetch->body_left > 0)))
        fetch->events->on_drain(fetch->context);
}

/* ---- the answer ---- */

static void copy_headers(struct fetch *fetch)
{
    const struct head *head = fetch->head;
    struct str text = arena_str(&fetch->arena, buf_str(&head->text));
    struct http_header *headers = ARENA_ARRAY(&fetch->arena, struct http_header, head->count + 1);

    for (size_t i = 0; i < head->count; i++) {
        const struct head_field *field = &head->fields[i];

        headers[i].name = str_range(text.data + field->name_at, field->name_len);
        headers[i].value = str_trim(str_range(text.data + field->value_at, field->value_len));
    }
    fetch->answer.headers = headers;
    fetch->answer.header_count = head->count;
}

/* The real head, after interim ones. */
static void tell_head(struct fetch *fetch, const struct parser_facts *facts)
{
    bool is_odd = (facts->status == 204 || facts->status == 304) && facts->content_length > 0;

    fetch->answer.status = facts->status;
    fetch->answer.has_length = facts->has_length;
    fetch->answer.length = facts->content_length;
    fetch->may_reuse = facts->keep_alive && facts->minor == 1 && !is_odd;
    copy_headers(fetch);
    head_give(&fetch->client->heads, fetch->head);
    fetch->head = NULL;
    fetch->phase = facts->status == 101 ? FETCH_RAW : FETCH_BODY;
    fetch->events->on_head(fetch->context, &fetch->answer);
}

static void head_complete(struct fetch *fetch)
{
    struct parser_facts facts = parser_facts(&fetch->parser);
    bool is_final = facts.status >= 200 || (facts.status == 101 && fetch->request.upgrades);

    if (facts.major != 1 || facts.status < 100 || facts.status > 599 ||
        (facts.status == 101 && !fetch->request.upgrades))
        fetch_finish(fetch, FETCH_LOST, "the answer is not HTTP/1.1", false);
    else if (is_final)
        tell_head(fetch, &facts);
    else if (++fetch->interim_count > INTERIM_MAX)
        fetch_finish(fetch, FETCH_LOST, "too many interim answers", false);
    else if (facts.status == 100 && fetch->events->on_continue)
        fetch->events->on_continue(fetch->context);
}

static void message_complete(struct fetch *fetch, bool surplus)
{
    bool is_sent = stream_pending_bytes(fetch->link->stream) == 0 && fetch->body_left == 0;

    if (fetch->phase == FETCH_HEAD)
        await_head(fetch); /* it was an interim one */
    else
        fetch_finish(fetch, FETCH_DONE, "answered", fetch->may_reuse && !surplus && is_sent);
}

static void parse_failed(struct fetch *fetch)
{
    if (fetch->phase == FETCH_BODY)
        fetch_finish(fetch, FETCH_CUT, "the answer's body is malformed", false);
    else
        fetch_finish(fetch, FETCH_LOST,
                     fetch->parser.fault == FAULT_SYNTAX ? "the answer is not HTTP/1.1"
                                                         : "the answer's head is too large",
                     false);
}

static void parse_on(struct fetch *fetch, struct str bytes)
{
    bool goes_on = true;

    while (goes_on && !fetch->is_dead) {
        if (fetch->phase == FETCH_RAW) {
            if (bytes.len > 0)
                fetch->events->on_body(fetch->context, bytes);
            return;
        }
        enum parser_step step = parser_feed(&fetch->parser, &bytes);

        if (fetch->is_dead)
            return;
        goes_on = bytes.len > 0 || step == PARSER_HEAD;
        if (step == PARSER_HEAD)
            head_complete(fetch);
        else if (step == PARSER_END)
            message_complete(fetch, bytes.len > 0);
        else if (step == PARSER_BAD)
            parse_failed(fetch);
    }
}

void fetch_on_read(struct fetch *fetch, struct str bytes)
{
    if (fetch->phase != FETCH_HEAD && fetch->phase != FETCH_BODY && fetch->phase != FETCH_RAW)
        return;
    fetch->has_bytes = true;
    fetch_enter(fetch);
    parse_on(fetch, bytes);
    fetch_leave(fetch);
}

static void end_in_body(struct fetch *fetch, enum stream_end end)
{
    fetch_enter(fetch);
    if (end == STREAM_EOF && parser_finish(&fetch->parser) == PARSER_END)
        fetch_finish(fetch, FETCH_DONE, "answered", false);
    else
        fetch_finish(fetch, FETCH_CUT, "the answer was cut off", false);
    fetch_leave(fetch);
}

void fetch_on_end(struct fetch *fetch, enum stream_end end, const char *why)
{
    bool was_kept = fetch->link->has_served;

    if (fetch->phase == FETCH_RAW)
        fetch_finish(fetch, FETCH_DONE, "ended", false);
    else if (fetch->phase == FETCH_BODY)
        end_in_body(fetch, end);
    else if (fetch->phase == FETCH_TLS)
        fetch_finish(fetch, FETCH_UNREACHABLE,
                     end == STREAM_TLS ? why : "reset during the TLS handshake", false);
    else if (was_kept && !fetch->has_bytes) {
        fetch_link_close(fetch->link, true);
        fetch->link = NULL;
        fetch_connect(fetch, true);
    } else {
        fetch_finish(fetch, FETCH_LOST, "the connection ended before the answer", false);
    }
}

/* ---- what the owner does ---- */

struct fetch *fetch_start(struct fetch_client *client, const struct fetch_request *request,
                          const struct fetch_events *events, void *context)
{
    struct fetch *fetch = MEM_NEW(struct fetch);
    bool comes_later = request->body_more > 0 || request->is_chunked;
    bool is_harmless = str_eq(request->method, STR("GET")) ||
                       str_eq(request->method, STR("HEAD")) || request->is_repeatable;

    REQUIRE(!comes_later || (request->has_body && !request->is_repeatable));
    REQUIRE(!request->is_chunked || (request->body.len == 0 && request->body_more == 0));
    REQUIRE(!client->config.origin.https || client->config.tls);
    fetch->client = client;
    fetch->request = *request;
    fetch->events = events;
    fetch->context = context;
    arena_init(&fetch->arena);
    timer_init(&fetch->timer, client->config.loop, on_timer);
    list_push(&client->fetches, &fetch->node);
    fetch_connect(fetch, !is_harmless || comes_later || request->upgrades);
    return fetch;
}

void fetch_pause(struct fetch *fetch)
{
    if (fetch->link && (fetch->phase == FETCH_BODY || fetch->phase == FETCH_RAW))
        stream_pause(fetch->link->stream);
}

void fetch_resume(struct fetch *fetch)
{
    if (fetch->link && (fetch->phase == FETCH_BODY || fetch->phase == FETCH_RAW))
        stream_start(fetch->link->stream);
}

static void write_chunk(struct fetch *fetch, struct str bytes)
{
    char size[24];
    int len = snprintf(size, sizeof(size), "%zx\r\n", bytes.len);
    struct str parts[3] = {str_range(size, (size_t)len), bytes, STR("\r\n")};

    REQUIRE(fetch->body_left > 0);
    stream_write(fetch->link->stream, parts, 3);
}

void fetch_write(struct fetch *fetch, struct str bytes)
{
    if (!fetch->link || bytes.len == 0)
        return;
    if (fetch->phase == FETCH_RAW) {
        stream_write(fetch->link->stream, &bytes, 1);
    } else if (takes_body(fetch) && fetch->request.is_chunked) {
        write_chunk(fetch, bytes);
    } else if (takes_body(fetch)) {
        REQUIRE(bytes.len <= fetch->body_left);
        fetch->body_left -= bytes.len;
        stream_write(fetch->link->stream, &bytes, 1);
    }
}

void fetch_write_end(struct fetch *fetch)
{
    if (!fetch->link || !takes_body(fetch))
        return;
    REQUIRE(fetch->request.is_chunked && fetch->body_left > 0);
    fetch->body_left = 0;
    stream_write(fetch->link->stream, &STR("0\r\n\r\n"), 1);
}

size_t fetch_pending_bytes(const struct fetch *fetch)
{
    return fetch->link ? stream_pending_bytes(fetch->link->stream) : 0;
}

/* ---- the client ---- */

struct fetch_client *fetch_client_new(const struct fetch_client_config *config)
{
    struct fetch_client *client = MEM_NEW(struct fetch_client);

    REQUIRE(config->header_bytes_max > 0 && config->connect_ms > 0);
    client->config = *config;
    client->heads.text_bytes_max = config->header_bytes_max;
    client->parser_limits = (struct parser_limits){.head_bytes_max = config->header_bytes_max,
                                                   .chunk_excess_max = config->header_bytes_max};
    list_init(&client->fetches);
    fetch_links_init(client);
    return client;
}

void fetch_client_free(struct fetch_client *client)
{
    if (!client)
        return;
    while (!list_is_empty(&client->fetches))
        fetch_cancel(LIST_ITEM(client->fetches.next, struct fetch, node));
    fetch_links_release(client);
    head_pool_release(&client->heads);
    mem_free(client);
}
