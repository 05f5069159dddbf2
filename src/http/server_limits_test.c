/* server_limits_test.c -- the server over loopback: clients that leave, limits, the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/server_rig.h"

static struct rig rig;

static int start_with_short_limits(void **state)
{
    (void)state;
    rig = (struct rig){.limits = {.header_bytes_max = 2 * KIB,
                                  .body_bytes_max = 64 * KIB,
                                  .connections_max = 3,
                                  .header_timeout_ms = 200,
                                  .body_timeout_ms = 200,
                                  .idle_timeout_ms = 300,
                                  .write_timeout_ms = 300}};
    rig_start(&rig);
    return 0;
}

/* ---- clients that leave ---- */

static void notices_a_waiting_client_that_leaves(void **state)
{
    int fd = rig_connect(&rig);

    (void)state;
    rig_send(fd, STR(RIG_GET("/park")));
    rig_wait(&rig.parks, 1);
    assert_int_equal(atomic_load(&rig.gones), 0);
    close(fd);
    rig_wait(&rig.gones, 1);
}

static void notices_a_client_that_leaves_a_stream(void **state)
{
    int fd = rig_connect(&rig);

    (void)state;
    rig_send(fd, STR(RIG_GET("/live")));
    rig_read_until(fd, "one");
    close(fd);
    rig_wait(&rig.gones, 1);
}

static void notices_a_reset(void **state)
{
    struct linger linger = {1, 0};
    int fd = rig_connect(&rig);

    (void)state;
    rig_send(fd, STR(RIG_GET("/park")));
    rig_wait(&rig.parks, 1);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(fd);
    rig_wait(&rig.gones, 1);
}

static void a_half_closed_client_counts_as_gone_but_gets_its_reply(void **state)
{
    int fd = rig_connect(&rig);

    (void)state;
    rig_send(fd, STR(RIG_GET("/park")));
    shutdown(fd, SHUT_WR);
    rig_wait(&rig.gones, 1);
    rig_release(&rig);
    rig_assert_has(rig_read_all(fd, 5000), "released");
    close(fd);
}

static void a_client_that_leaves_within_a_body_aborts_it(void **state)
{
    int fd = rig_connect(&rig);

    (void)state;
    rig_send(fd, STR("POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123"));
    close(fd);
    rig_wait(&rig.aborts, 1);
    assert_int_equal(atomic_load(&rig.requests), 0);
}

static void a_broken_reply_is_seen_as_broken(void **state)
{
    struct str answer = rig_ask(&rig, STR(RIG_GET("/break")));

    (void)state;
    assert_false(str_contains(answer, STR("0\r\n\r\n")));
}

static void a_large_reply_waits_for_a_slow_reader(void **state)
{
    int fd = rig_connect(&rig);

    (void)state;
    rig_send(fd, STR("GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    usleep(200000);
    struct str answer = rig_read_all(fd, 5000);
    assert_true(answer.len > 8 * MIB);
    assert_int_equal(answer.data[answer.len - 1], 'x');
    close(fd);
}

/* ---- limits ---- */

static void a_slow_head_is_answered_408(void **state)
{
    int fd = rig_connect(&rig);

    (void)state;
    for (int i = 0; i < 20; i++) { /* each byte in time, the head never */
        rig_send(fd, str_first(str_from(STR(RIG_GET("/hello")), (size_t)i), 1));
        usleep(20000);
    }
    struct str answer = rig_read_all(fd, 20); /* it has come while the bytes still did */
    rig_assert_status(answer, "HTTP/1.1 408 Request Timeout\r\n");
    rig_assert_has(answer, "{\"detail\": \"");
    rig_assert_has(answer, "Content-Type: application/json\r\n");
    close(fd);
}

static void a_slow_body_is_answered_408(void **state)
{
    int fd = rig_connect(&rig);

    (void)state;
    rig_send(fd, STR("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123"));
    rig_assert_status(rig_read_all(fd, 3000), "HTTP/1.1 408 Request Timeout\r\n");
    close(fd);
    rig_wait(&rig.aborts, 1);
}

static void an_idle_connection_is_closed(void **state)
{
    int fd = rig_connect(&rig);

    (void)state;
    rig_send(fd, STR(RIG_GET("/hello")));
    rig_read_until(fd, "hello");
    assert_true(rig_is_closed(fd, 2000));
    close(fd);
}

static void a_connection_without_a_request_is_closed(void **state)
{
    int fd = rig_connect(&rig);

    (void)state;
    rig_send(fd, STR("\r\n"));
    assert_int_equal(rig_read_all(fd, 5000).len, 0);
    assert_true(rig_is_closed(fd, 100));
    close(fd);
}

static void a_reply_nobody_reads_is_reset(void **state)
{
    int fd = rig_connect(&rig);
    struct http_server_stats stats;

    (void)state;
    rig_send(fd, STR(RIG_GET("/large")));
    for (int i = 0; i < 3000; i++) {
        usleep(1000);
        stats = http_server_stats(rig.server);
        if (i > 100 && stats.connections == 0)
            break;
    }
    assert_int_equal(stats.connections, 0);
    close(fd);
}

static void a_connection_too_many_gets_503(void **state)
{
    int fds[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        fds[i] = rig_connect(&rig);
        rig_send(fds[i], STR(RIG_GET("/park")));
    }
    rig_wait(&rig.parks, 3);
    struct str answer = rig_ask(&rig, STR(RIG_GET("/hello")));
    rig_assert_status(answer, "HTTP/1.1 503 Service Unavailable\r\n");
    rig_assert_has(answer, "\r\nRetry-After: 1\r\n");
    rig_assert_has(answer, "\"detail\"");
    rig_release(&rig);
    for (int i = 0; i < 3; i++) {
        rig_read_until(fds[i], "released");
        close(fds[i]);
    }
    for (int i = 0; i < 5000 && http_server_stats(rig.server).connections > 0; i++)
        usleep(1000);
    rig_assert_has(rig_ask(&rig, STR(RIG_GET("/hello"))), "hello");
}

/* ---- the end ---- */

static void on_drained(void *context)
{
    struct rig *drained = context;

    atomic_fetch_add(&drained->drained, 1);
}

static void drain(struct rig *to_drain)
{
    http_server_drain(to_drain->server, 400, on_drained, to_drain);
}

static void a_drain_lets_calls_finish_and_says_close(void **state)
{
    int idle = rig_connect(&rig);
    int busy = rig_connect(&rig);

    (void)state;
    rig_send(idle, STR(RIG_GET("/hello")));
    rig_read_until(idle, "hello");
    rig_send(busy, STR(RIG_GET("/park")));
    rig_wait(&rig.parks, 1);
    rig_call(&rig, drain);
    assert_true(rig_is_closed(idle, 1000));
    assert_int_equal(atomic_load(&rig.drained), 0);
    rig_release(&rig);
    rig_assert_has(rig_read_all(busy, 1000), "Connection: close\r\n");
    rig_wait(&rig.drained, 1);
    close(idle);
    close(busy);
}

static void a_drain_ends_at_its_deadline(void **state)
{
    int fd = rig_connect(&rig);

    (void)state;
    rig_send(fd, STR(RIG_GET("/live")));
    rig_read_until(fd, "one");
    rig_call(&rig, drain);
    rig_wait(&rig.drained, 1);
    assert_int_equal(atomic_load(&rig.gones), 1);
    assert_true(rig_is_closed(fd, 100));
    close(fd);
    assert_int_equal(http_server_stats(rig.server).connections, 0);
}

static void a_drain_of_an_idle_server_is_immediate(void **state)
{
    (void)state;
    rig_call(&rig, drain);
    rig_wait(&rig.drained, 1);
}

#define TEST(name, sentence)                                                                       \
    {                                                                                              \
        sentence, name, rig_setup, rig_teardown, &rig                                              \
    }
#define SHORT(name, sentence)                                                                      \
    {                                                                                              \
        sentence, name, start_with_short_limits, rig_teardown, &rig                                \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(notices_a_waiting_client_that_leaves, "a waiting client that leaves is noticed"),
        TEST(notices_a_client_that_leaves_a_stream, "a client that leaves a stream is noticed"),
        TEST(notices_a_reset, "a client that resets is noticed"),
        TEST(a_half_closed_client_counts_as_gone_but_gets_its_reply,
             "a half-closed client counts as gone but gets its reply"),
        TEST(a_client_that_leaves_within_a_body_aborts_it,
             "a client that leaves within a body aborts it"),
        TEST(a_broken_reply_is_seen_as_broken, "a broken reply has no proper end"),
        TEST(a_large_reply_waits_for_a_slow_reader, "a large last reply waits for a slow reader"),
        SHORT(a_slow_head_is_answered_408, "a head that trickles is answered 408"),
        SHORT(a_slow_body_is_answered_408, "a body that stalls is answered 408 and aborted"),
        SHORT(an_idle_connection_is_closed, "an idle connection is closed"),
        SHORT(a_connection_without_a_request_is_closed,
              "a connection that sends only line ends is closed silently"),
        SHORT(a_reply_nobody_reads_is_reset, "a reply that nobody reads is given up"),
        SHORT(a_connection_too_many_gets_503, "a connection too many gets 503"),
        TEST(a_drain_lets_calls_finish_and_says_close,
             "a drain lets calls finish and closes idle connections"),
        TEST(a_drain_ends_at_its_deadline, "a drain ends at its deadline"),
        TEST(a_drain_of_an_idle_server_is_immediate, "a drain of an idle server is immediate"),
    };

    return cmocka_run_group_tests_name("http/server limits", tests, NULL, NULL);
}
