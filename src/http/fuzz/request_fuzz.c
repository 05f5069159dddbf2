/* request_fuzz.c -- arbitrary bytes into the real connection code. The first byte says in how large
 * pieces, the second what the owner and the other end do; the path's first letter says how it is
 * answered. */
#include "http/fuzz/fake_stream.h"
#include "http/server_priv.h"
#include "io/real_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PARKED_MAX 64

static struct http_exchange *parked[PARKED_MAX];
static size_t parked_count;
static size_t seen_bytes, limit_bytes;

static char letter_of(struct http_exchange *exchange)
{
    struct str path = http_exchange_request(exchange)->path;

    return path.len > 1 ? path.data[1] : 'h';
}

static void on_piece(struct http_exchange *exchange, struct str piece)
{
    seen_bytes += piece.len;
    REQUIRE(seen_bytes <= limit_bytes);
    if (letter_of(exchange) == 'r')
        http_reply(exchange, 400, NULL, 0, STR("enough"));
    else if (letter_of(exchange) == 'x')
        http_begin(exchange, 200, NULL, 0), http_break(exchange);
    else if (letter_of(exchange) == 'p')
        http_body_pause(exchange), http_body_resume(exchange);
}

/* ---- taken up at the head: at most one is under way ---- */

static struct http_exchange *started;
static bool is_taken;

static void on_started_gone(struct http_exchange *exchange)
{
    REQUIRE(exchange == started && http_exchange_is_gone(exchange));
    started = NULL;
    http_break(exchange);
}

static void on_started_whole(struct http_exchange *exchange)
{
    REQUIRE(exchange == started);
    started = NULL;
    if (letter_of(exchange) == 'd')
        http_end(exchange);
    else
        http_reply(exchange, 200, NULL, 0, STR("whole"));
}

static void on_started_piece(struct http_exchange *exchange, struct str piece)
{
    seen_bytes += piece.len;
    REQUIRE(exchange == started && seen_bytes <= limit_bytes);
    if (letter_of(exchange) == 'd') {
        http_write(exchange, piece);
    } else if (letter_of(exchange) == 'i') {
        http_body_pause(exchange), http_body_resume(exchange);
    } else if (letter_of(exchange) == 'n') {
        started = NULL;
        http_reply(exchange, 400, NULL, 0, STR("enough"));
    }
}

static void take_started(void)
{
    is_taken = true;
    http_continue(started);
    http_body_take(started, on_started_piece, on_started_whole);
}

static void on_start(struct http_exchange *exchange)
{
    REQUIRE(!started);
    started = exchange;
    is_taken = false;
    http_exchange_on_gone(exchange, on_started_gone);
    if (letter_of(exchange) == 'd')
        http_begin(exchange, 200, NULL, 0);
    if (letter_of(exchange) != 'l')
        take_started();
}

static bool on_head(void *context, struct http_exchange *exchange, struct http_plan *plan)
{
    (void)context;
    seen_bytes = 0;
    limit_bytes = 4096;
    if (letter_of(exchange) == 'e') {
        http_reply(exchange, 404, NULL, 0, STR("early"));
        return false;
    }
    if (letter_of(exchange) == 't')
        plan->body_bytes_max = limit_bytes = 10;
    if (strchr("bdinl", letter_of(exchange)))
        plan->on_start = on_start;
    if (strchr("crxpt", letter_of(exchange)))
        plan->on_body = on_piece;
    return true;
}

static void on_gone(struct http_exchange *exchange)
{
    REQUIRE(http_exchange_is_gone(exchange));
}

static void on_request(void *context, struct http_exchange *exchange)
{
    const struct http_request *request = http_exchange_request(exchange);

    (void)context;
    REQUIRE(request->body.len <= 4096 && request->header_count <= HTTP_HEADERS_MAX);
    if (letter_of(exchange) == 'k' && parked_count < PARKED_MAX) {
        http_exchange_on_gone(exchange, on_gone);
        parked[parked_count++] = exchange;
    } else if (letter_of(exchange) == 's') {
        http_begin(exchange, 200, request->headers, request->header_count);
        http_exchange_shed(exchange);
        http_write(exchange, STR("streamed"));
        http_end(exchange);
    } else {
        http_reply(exchange, 200, request->headers, request->header_count, request->body);
    }
}

static struct http_server *server_new(struct loop *loop)
{
    struct http_server_config config = {
        .loop = loop,
        .limits = http_limits_default,
        .handler = {.on_head = on_head, .on_request = on_request},
    };

    config.limits.header_bytes_max = 1024;
    config.limits.body_bytes_max = 4096;
    return http_server_new(&config);
}

/* A parked call ends while its client waits, or after it has left: at most one is under way. */
static void end_parked(void)
{
    while (parked_count)
        http_reply(parked[--parked_count], 202, NULL, 0, STR("late"));
    if (started && !is_taken)
        take_started();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct loop *loop;
    struct fake_stream fake = {.stream.ops = &fake_ops};

    if (size < 2)
        return 0;
    if (!loop)
        loop = world_loop_new(real_world_new(), "fuzz");
    struct http_server *server = server_new(loop);
    struct str bytes = str_range((const char *)data + 2, size - 2);
    size_t half = data[1] & 1 ? bytes.len / 2 : bytes.len;
    size_t step = data[0] ? data[0] : size;

    fake.pending = data[1] & 2 ? PENDING_BYTES_MAX + 1 : 0;
    connection_accept(server, &fake.stream);
    fake_feed(&fake, str_first(bytes, half), step);
    fake.pending = 0;
    if (!fake.closed && data[1] & 4)
        fake.stream.events->on_drain(fake.stream.context);
    if (!fake.closed && data[1] & 8)
        end_parked();
    fake_feed(&fake, str_from(bytes, half), step);
    if (!fake.closed && data[1] & 16)
        fake.stream.events->on_end(fake.stream.context, data[1] & 32 ? STREAM_EOF : STREAM_RESET,
                                   "end");
    end_parked();
    http_server_free(server);
    REQUIRE(fake.closed);
    if (started)
        http_break(started);
    started = NULL;
    end_parked();
    return 0;
}
