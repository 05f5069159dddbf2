/* server_rig.c -- see server_rig.h. */
#include "http/server_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "io/real_world.h"

#define WAIT_MS 5000

/* ---- the handler ---- */

static bool path_is(struct http_exchange *exchange, const char *path)
{
    return str_eq(http_exchange_request(exchange)->path, str_of(path));
}

static void on_gone(struct http_exchange *exchange)
{
    struct rig *rig = http_exchange_data(exchange);

    atomic_fetch_add(&rig->gones, 1);
}

static void park(struct rig *rig, struct http_exchange *exchange)
{
    assert_true(rig->parked_count < RIG_PARKED_MAX);
    http_exchange_set_data(exchange, rig);
    http_exchange_on_gone(exchange, on_gone);
    rig->parked[rig->parked_count++] = exchange;
    atomic_fetch_add(&rig->parks, 1);
}

static void on_piece(struct http_exchange *exchange, struct str piece)
{
    struct rig *rig = http_exchange_data(exchange);

    atomic_fetch_add(&rig->bytes_seen, piece.len);
    if (path_is(exchange, "/slow-sink") && atomic_load(&rig->parks) == 0) {
        http_body_pause(exchange);
        park(rig, exchange);
    }
}

static void reply_with_number(struct http_exchange *exchange, size_t number)
{
    struct str text = arena_printf(http_exchange_arena(exchange), "%zu", number);

    http_reply(exchange, 200, NULL, 0, text);
}

/* ---- taken up at the head ---- */

static void on_gone_ended(struct http_exchange *exchange)
{
    on_gone(exchange);
    http_break(exchange);
}

static void on_start_whole(struct http_exchange *exchange)
{
    struct rig *rig = http_exchange_data(exchange);

    reply_with_number(exchange, atomic_load(&rig->bytes_seen));
}

static void take(struct http_exchange *exchange)
{
    if (http_exchange_is_gone(exchange)) {
        http_break(exchange);
        return;
    }
    http_exchange_on_gone(exchange, on_gone_ended);
    http_continue(exchange);
    http_body_take(exchange, on_piece, on_start_whole);
}

static void on_start(struct http_exchange *exchange)
{
    park(http_exchange_data(exchange), exchange);
}

static void on_duplex_piece(struct http_exchange *exchange, struct str piece)
{
    on_piece(exchange, piece);
    http_write(exchange, piece);
}

static void on_duplex(struct http_exchange *exchange)
{
    http_exchange_on_gone(exchange, on_gone_ended);
    http_begin(exchange, 200, NULL, 0);
    http_write(exchange, STR("ready "));
    http_body_take(exchange, on_duplex_piece, http_end);
}

static bool on_head(void *context, struct http_exchange *exchange, struct http_plan *plan)
{
    struct rig *rig = context;

    if (path_is(exchange, "/start") || path_is(exchange, "/duplex")) {
        plan->on_start = path_is(exchange, "/start") ? on_start : on_duplex;
        plan->body_bytes_max = MIB;
        http_exchange_set_data(exchange, rig);
        return true;
    }
    if (path_is(exchange, "/early")) {
        http_reply(exchange, 404, NULL, 0, STR("early"));
        return false;
    }
    if (path_is(exchange, "/tiny"))
        plan->body_bytes_max = 10;
    if (path_is(exchange, "/count") || path_is(exchange, "/slow-sink")) {
        plan->on_body = on_piece;
        http_exchange_set_data(exchange, rig);
    }
    return true;
}

static void reply_sized(struct http_exchange *exchange)
{
    bool is_short = !str_is_none(http_exchange_request(exchange)->query);

    http_begin_sized(exchange, 200, NULL, 0, is_short ? 9 : 5);
    http_write(exchange, STR("hel"));
    http_write(exchange, STR("lo"));
    http_end(exchange);
}

static void reply_where(struct http_exchange *exchange)
{
    const struct http_request *request = http_exchange_request(exchange);
    struct str text = arena_printf(http_exchange_arena(exchange), "%.*s %.*s [%.*s] %d",
                                   STR_ARG(request->method_text), STR_ARG(request->path),
                                   STR_ARG(request->query), (int)request->method);

    http_reply(exchange, 200, NULL, 0, text);
}

static void reply_large(struct http_exchange *exchange)
{
    size_t len = 8 * MIB;
    char *text = arena_alloc(http_exchange_arena(exchange), len);

    memset(text, 'x', len);
    http_reply(exchange, 200, NULL, 0, str_range(text, len));
}

static void begin_stream(struct rig *rig, struct http_exchange *exchange)
{
    const struct http_header type = {STR("Content-Type"), STR("text/event-stream")};

    http_begin(exchange, 200, &type, 1);
    http_write(exchange, STR("one"));
    if (path_is(exchange, "/live")) {
        http_exchange_shed(exchange);
        park(rig, exchange);
        return;
    }
    if (path_is(exchange, "/break")) {
        http_break(exchange);
        return;
    }
    http_write(exchange, STR("two"));
    http_write(exchange, STR("three"));
    http_end(exchange);
}

static void on_request(void *context, struct http_exchange *exchange)
{
    struct rig *rig = context;
    const struct http_header unsafe = {STR("X-Echo"), STR("a\r\nInjected: b")};

    atomic_fetch_add(&rig->requests, 1);
    if (path_is(exchange, "/echo"))
        http_reply(exchange, 200, NULL, 0, http_exchange_request(exchange)->body);
    else if (path_is(exchange, "/where") || path_is(exchange, "*"))
        reply_where(exchange);
    else if (path_is(exchange, "/park"))
        park(rig, exchange);
    else if (path_is(exchange, "/large"))
        reply_large(exchange);
    else if (path_is(exchange, "/stream") || path_is(exchange, "/live") ||
             path_is(exchange, "/break"))
        begin_stream(rig, exchange);
    else if (path_is(exchange, "/count") || path_is(exchange, "/slow-sink"))
        reply_with_number(exchange, atomic_load(&rig->bytes_seen));
    else if (path_is(exchange, "/sized"))
        reply_sized(exchange);
    else if (path_is(exchange, "/nothing"))
        http_reply(exchange, 204, NULL, 0, STR("not sent"));
    else
        http_reply(exchange, 200, &unsafe, 1, STR("hello"));
}

static void on_abort(void *context, struct http_exchange *exchange)
{
    struct rig *rig = context;

    (void)exchange;
    atomic_fetch_add(&rig->aborts, 1);
}

/* ---- the rig ---- */

struct errand {
    struct message message;
    struct rig *rig;
    void (*call)(struct rig *rig);
    sem_t done;
};

static void run_errand(struct message *message)
{
    struct errand *errand = CONTAINER_OF(message, struct errand, message);

    errand->call(errand->rig);
    sem_post(&errand->done);
}

void rig_call(struct rig *rig, void (*call)(struct rig *rig))
{
    struct errand errand = {.message.deliver = run_errand, .rig = rig, .call = call};

    sem_init(&errand.done, 0, 0);
    loop_post(rig->loop, &errand.message);
    sem_wait(&errand.done);
    sem_destroy(&errand.done);
}

void rig_start(struct rig *rig)
{
    struct address address = {.family = ADDRESS_IPV4, .bytes = {127, 0, 0, 1}};
    struct address bound;
    const char *why = NULL;

    if (rig->limits.header_bytes_max == 0)
        rig->limits = http_limits_default;
    rig->world = real_world_new();
    rig->loop = world_loop_new(rig->world, "rig");
    assert_int_equal(listen_socket_open(rig->world, address, &rig->socket, &bound, &why), OK);
    rig->port = bound.port;
    struct http_server_config config = {
        .loop = rig->loop,
        .socket = rig->socket,
        .limits = rig->limits,
        .handler = {on_head, on_request, on_abort, rig},
        .tls = rig->tls,
    };
    rig->server = http_server_new(&config);
    loop_start(rig->loop);
}

static void free_server(struct rig *rig)
{
    http_server_free(rig->server);
    for (size_t i = 0; i < rig->parked_count; i++)
        http_reply(rig->parked[i], 200, NULL, 0, STR("nobody hears this"));
}

void rig_stop(struct rig *rig)
{
    rig_release(rig);
    rig_call(rig, free_server);
    loop_stop(rig->loop);
    loop_free(rig->loop);
    listen_socket_close(rig->socket);
    real_world_free(rig->world);
}

int rig_setup(void **state)
{
    struct rig *rig = *state;

    *rig = (struct rig){0};
    rig_start(rig);
    return 0;
}

int rig_teardown(void **state)
{
    rig_stop(*state);
    return 0;
}

static void release(struct rig *rig)
{
    for (size_t i = 0; i < rig->parked_count; i++) {
        struct http_exchange *exchange = rig->parked[i];

        if (path_is(exchange, "/start"))
            take(exchange);
        else if (path_is(exchange, "/slow-sink"))
            http_body_resume(exchange);
        else if (path_is(exchange, "/park"))
            http_reply(exchange, 200, NULL, 0, STR("released"));
        else
            http_end(exchange); /* shed: its path is gone */
    }
    rig->parked_count = 0;
}

void rig_release(struct rig *rig)
{
    rig_call(rig, release);
}

void rig_wait(atomic_int *counter, int wanted)
{
    for (int waited_ms = 0; atomic_load(counter) < wanted; waited_ms++) {
        assert_true(waited_ms < WAIT_MS);
        usleep(1000);
    }
}

/* ---- a blocking client ---- */

int rig_connect(const struct rig *rig)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(rig->port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

void rig_send(int fd, struct str bytes)
{
    while (bytes.len) {
        ssize_t sent = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);

        if (sent < 0) /* the server has had enough: what it said can still be read */
            return;
        bytes = str_from(bytes, (size_t)sent);
    }
}

static char text[9 * MIB];

/* -1: nothing within wait_ms; 0: the end or a reset. */
static ssize_t read_some(int fd, size_t at, int wait_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    if (poll(&poll_fd, 1, wait_ms) <= 0)
        return -1;
    ssize_t len = recv(fd, text + at, sizeof(text) - 1 - at, 0);
    return len < 0 ? 0 : len;
}

struct str rig_read_all(int fd, int wait_ms)
{
    size_t len = 0;
    ssize_t more;

    while ((more = read_some(fd, len, wait_ms)) > 0)
        len += (size_t)more;
    text[len] = '\0';
    return str_range(text, len);
}

struct str rig_read_until(int fd, const char *part)
{
    size_t len = 0;

    for (;;) {
        ssize_t more = read_some(fd, len, WAIT_MS);

        if (more <= 0)
            fail_msg("\"%s\" did not come after \"%.*s\"", part, (int)len, text);
        len += (size_t)more;
        if (str_contains(str_range(text, len), str_of(part)))
            return str_range(text, len);
    }
}

bool rig_is_closed(int fd, int wait_ms)
{
    for (;;) {
        ssize_t more = read_some(fd, 0, wait_ms);

        if (more <= 0)
            return more == 0;
    }
}

struct str rig_ask(const struct rig *rig, struct str bytes)
{
    int fd = rig_connect(rig);

    rig_send(fd, bytes);
    struct str answer = rig_read_all(fd, 300);
    close(fd);
    return answer;
}

void rig_assert_status(struct str answer, const char *status)
{
    if (!str_starts(answer, str_of(status)))
        fail_msg("expected \"%s\", got \"%.*s\"", status, STR_ARG(answer));
}

void rig_assert_has(struct str answer, const char *part)
{
    if (!str_contains(answer, str_of(part)))
        fail_msg("expected \"%s\" in \"%.*s\"", part, STR_ARG(answer));
}
