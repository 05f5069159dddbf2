/* exchange.c -- one HTTP request and its answer on a loop of its own: remote_send of remote.h. */
#include "app/cli/remote.h"

#include <signal.h>

#include "http/parser.h"
#include "http/tls.h"
#include "io/loop.h"
#include "io/stream.h"

#define SILENCE_MS 30000
#define CONNECT_MS 10000
#define HEAD_BYTES_MAX (64 * KIB)

struct exchange {
    struct loop *loop;
    const struct remote_request *request;
    struct remote_answer *answer;
    struct url url;
    struct arena arena;
    struct stream *stream;
    struct tls_client *tls;
    struct timer timer;
    struct parser parser;
    struct head_pool heads;
    struct head *head;
    bool is_over, is_connected;
};

static const struct parser_limits limits = {.head_bytes_max = HEAD_BYTES_MAX,
                                            .chunk_excess_max = MIB};

static void finish(struct exchange *x, const char *why)
{
    if (x->is_over)
        return;
    x->is_over = true;
    x->answer->why = why;
    x->answer->is_complete = !why;
    loop_stop(x->loop);
}

static void on_timer(struct timer *timer)
{
    struct exchange *x = CONTAINER_OF(timer, struct exchange, timer);

    finish(x, x->is_connected ? "no answer came in time" : "no connection in time");
}

static void wait(struct exchange *x)
{
    int64_t silence_ms = x->request->silence_ms ? x->request->silence_ms : SILENCE_MS;

    timer_start(&x->timer, x->is_connected ? silence_ms : CONNECT_MS);
}

/* ---- the answer ---- */

static void on_body(struct parser *parser, struct str piece)
{
    struct exchange *x = CONTAINER_OF(parser, struct exchange, parser);

    if (x->is_over)
        return;
    if (x->request->on_piece && x->answer->status / 100 == 2) {
        if (!x->request->on_piece(x->request->context, piece))
            finish(x, NULL);
        return;
    }
    buf_add(&x->answer->body, piece);
    if (x->answer->body.failed)
        finish(x, "the answer is too large");
}

static void begin_message(struct exchange *x)
{
    x->head = head_take(&x->heads);
    x->parser.on_body = on_body;
    x->parser.limits = &limits;
    parser_begin(&x->parser, true, x->head);
    x->parser.no_body = str_eq(x->request->method, STR("HEAD"));
}

static void on_head(struct exchange *x)
{
    int status = parser_facts(&x->parser).status;

    head_give(&x->heads, x->head);
    x->head = NULL;
    if (status >= 200)
        x->answer->status = status;
}

static void on_read(void *context, struct str bytes)
{
    struct exchange *x = context;
    bool has_more = true;

    wait(x);
    while (has_more && !x->is_over) {
        switch (parser_feed(&x->parser, &bytes)) {
        case PARSER_MORE:
            has_more = false;
            break;
        case PARSER_HEAD:
            on_head(x);
            break;
        case PARSER_END:
            if (x->answer->status)
                finish(x, NULL);
            else
                begin_message(x); /* it was 1xx */
            break;
        case PARSER_BAD:
            finish(x, "the answer is not HTTP/1.1");
            break;
        }
    }
}

static void on_end(void *context, enum stream_end end, const char *why)
{
    struct exchange *x = context;

    if (x->is_over)
        return;
    if (end == STREAM_EOF && x->answer->status && parser_finish(&x->parser) == PARSER_END)
        finish(x, NULL);
    else
        finish(x, end == STREAM_EOF ? "the connection ended before the answer did" : why);
}

/* ---- the request ---- */

static bool has_header(const struct remote_request *request, const char *name)
{
    return !str_is_none(http_header_find(request->headers, request->header_count, name));
}

static void write_request(struct exchange *x, struct buf *out)
{
    const struct remote_request *request = x->request;

    buf_addf(out, "%.*s %.*s HTTP/1.1\r\nHost: ", STR_ARG(request->method), STR_ARG(x->url.target));
    url_write_host(out, &x->url);
    buf_addf(out, "\r\nConnection: close\r\nContent-Length: %zu\r\n", request->body.len);
    if (!has_header(request, "user-agent"))
        buf_add_cstr(out, "User-Agent: runbell/" RUNBELL_VERSION "\r\n");
    for (size_t i = 0; i < request->header_count; i++)
        buf_addf(out, "%.*s: %.*s\r\n", STR_ARG(request->headers[i].name),
                 STR_ARG(request->headers[i].value));
    buf_add_cstr(out, "\r\n");
}

static const struct stream_events events = {on_read, on_end, NULL};

static void on_connected(void *context, enum err err, const char *why, struct stream *stream)
{
    struct exchange *x = context;
    struct str parts[2];
    struct buf head;

    if (err) {
        finish(x, why);
        return;
    }
    if (x->is_over) {
        stream_close(stream, true);
        return;
    }
    x->is_connected = true;
    x->stream = x->tls ? tls_client_wrap(x->tls, stream, x->url.host, NULL, NULL, NULL) : stream;
    stream_set_events(x->stream, &events, x);
    begin_message(x);
    buf_init(&head, MIB);
    write_request(x, &head);
    parts[0] = buf_str(&head);
    parts[1] = x->request->body;
    stream_write(x->stream, parts, parts[1].len ? 2 : 1);
    buf_release(&head);
    stream_start(x->stream);
    wait(x);
}

static void on_resolved(void *context, enum err err, const struct address *addresses, size_t count)
{
    struct exchange *x = context;
    struct address to;

    if (err || count == 0) {
        finish(x, err == ERR_NOT_FOUND ? "there is no such host" : "the name was not resolved");
        return;
    }
    to = addresses[0];
    for (size_t i = 1; i < count && to.family != ADDRESS_IPV4; i++)
        to = addresses[i];
    to.port = x->url.port;
    loop_connect(x->loop, to, on_connected, x);
}

static void begin(struct exchange *x)
{
    struct address to;

    wait(x);
    if (str_eq(x->url.host, STR("localhost")))
        x->url.host = STR("127.0.0.1");
    if (address_parse_ip(x->url.host, &to))
        (void)loop_resolve(x->loop, x->url.host, CONNECT_MS, on_resolved, x);
    else {
        to.port = x->url.port;
        loop_connect(x->loop, to, on_connected, x);
    }
}

/* ---- all ---- */

static bool prepare(struct exchange *x)
{
    const char *ca_file = getenv("RUNBELL_CA_FILE"), *why = NULL;

    if (url_parse(&x->arena, x->request->url, &x->url, &why) || x->url.is_relative) {
        x->answer->why = why ? why : "a whole URL is needed: http://…";
        return false;
    }
    if (x->url.scheme_is_https && tls_client_new(ca_file, &x->tls, &why)) {
        x->answer->why = why;
        return false;
    }
    if (x->tls && x->request->skips_verify)
        tls_client_trust_all(x->tls);
    return true;
}

static void on_signal(void *context, int number)
{
    struct exchange *x = context;

    (void)number;
    x->answer->is_ended = true;
    finish(x, NULL);
}

static void set_mask(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    REQUIRE(sigprocmask(how, &set, NULL) == 0);
}

void remote_hold_signals(void)
{
    set_mask(SIG_BLOCK);
}

/* What was held comes now, and ends the loop. */
static void take_signals(struct exchange *x)
{
    loop_on_signal(x->loop, SIGINT, on_signal, x);
    loop_on_signal(x->loop, SIGTERM, on_signal, x);
    set_mask(SIG_UNBLOCK);
}

void remote_send(struct world *world, const struct remote_request *request,
                 struct remote_answer *answer)
{
    struct exchange x = {.request = request, .answer = answer};

    *answer = (struct remote_answer){0};
    buf_init(&answer->body, REMOTE_BODY_BYTES_MAX);
    arena_init(&x.arena);
    x.heads.text_bytes_max = HEAD_BYTES_MAX;
    if (prepare(&x)) {
        x.loop = world_loop_new(world, "remote");
        timer_init(&x.timer, x.loop, on_timer);
        if (request->ends_by_hand)
            take_signals(&x);
        begin(&x);
        loop_run(x.loop);
        if (request->ends_by_hand && !answer->is_ended)
            remote_hold_signals();
        timer_stop(&x.timer);
        if (x.stream)
            stream_close(x.stream, true);
        loop_free(x.loop);
    }
    if (x.head)
        head_give(&x.heads, x.head);
    head_pool_release(&x.heads);
    if (x.tls)
        tls_client_free(x.tls);
    arena_release(&x.arena);
}
