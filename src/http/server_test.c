/* server_test.c -- the server over loopback: what it answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/server_rig.h"

static struct rig rig;

static size_t count_parts(struct str text, struct str part)
{
    size_t count = 0;

    for (size_t at = str_find(text, part); at < text.len; at = str_find(text, part)) {
        text = str_from(text, at + part.len);
        count++;
    }
    return count;
}

/* ---- answers ---- */

static void answers_with_length_and_date(void **state)
{
    struct str answer = rig_ask(&rig, STR(RIG_GET("/hello")));

    (void)state;
    rig_assert_status(answer, "HTTP/1.1 200 OK\r\n");
    rig_assert_has(answer, "\r\nContent-Length: 5\r\n");
    rig_assert_has(answer, "\r\nDate: ");
    rig_assert_has(answer, " GMT\r\n");
    rig_assert_has(answer, "\r\n\r\nhello");
}

static void header_values_cannot_split_a_reply(void **state)
{
    (void)state;
    rig_assert_has(rig_ask(&rig, STR(RIG_GET("/hello"))), "X-Echo: a  Injected: b\r\n");
}

static void keeps_the_connection(void **state)
{
    int fd = rig_connect(&rig);

    (void)state;
    for (int i = 0; i < 3; i++) {
        rig_send(fd, STR(RIG_GET("/hello")));
        rig_read_until(fd, "hello");
    }
    close(fd);
    assert_int_equal(atomic_load(&rig.requests), 3);
}

static void closes_when_asked(void **state)
{
    int fd = rig_connect(&rig);

    (void)state;
    rig_send(fd, STR("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    rig_assert_has(rig_read_all(fd, 5000), "Connection: close\r\n");
    assert_true(rig_is_closed(fd, 100));
    close(fd);
}

static void speaks_http_1_0(void **state)
{
    (void)state;
    rig_assert_has(rig_ask(&rig, STR("GET /hello HTTP/1.0\r\n\r\n")), "Connection: close\r\n");
    rig_assert_has(rig_ask(&rig, STR("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")),
                   "Connection: keep-alive\r\n");
    struct str streamed = rig_ask(&rig, STR("GET /stream HTTP/1.0\r\n\r\n"));
    rig_assert_has(streamed, "\r\n\r\nonetwothree");
    assert_false(str_contains(streamed, STR("chunked")));
}

static void answers_a_pipeline_in_order(void **state)
{
    struct str answer = rig_ask(
        &rig, STR(RIG_GET("/where?1") RIG_GET("/where?2") RIG_GET("/hello") RIG_GET("/where?3")));

    (void)state;
    assert_int_equal(count_parts(answer, STR("HTTP/1.1 200")), 4);
    assert_true(str_find(answer, STR("[1]")) < str_find(answer, STR("[2]")));
    assert_true(str_find(answer, STR("[2]")) < str_find(answer, STR("hello")));
    assert_true(str_find(answer, STR("hello")) < str_find(answer, STR("[3]")));
}

static void a_parked_call_holds_the_pipeline(void **state)
{
    int fd = rig_connect(&rig);

    (void)state;
    rig_send(fd, STR(RIG_GET("/park") RIG_GET("/hello") RIG_GET("/park") RIG_GET("/where?last")));
    rig_wait(&rig.parks, 1);
    assert_int_equal(atomic_load(&rig.requests), 1);
    rig_release(&rig);
    rig_wait(&rig.parks, 2);
    rig_release(&rig);
    struct str answer = rig_read_until(fd, "[last]");
    assert_true(str_find(answer, STR("released")) < str_find(answer, STR("hello")));
    assert_int_equal(count_parts(answer, STR("released")), 2);
    close(fd);
}

static void takes_a_request_byte_by_byte(void **state)
{
    struct str request = STR("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    int fd = rig_connect(&rig);

    (void)state;
    for (size_t i = 0; i < request.len; i++) {
        rig_send(fd, str_range(request.data + i, 1));
        usleep(200);
    }
    rig_read_until(fd, "\r\n\r\nabc");
    close(fd);
}

static void takes_chunked_bodies(void **state)
{
    (void)state;
    rig_assert_has(
        rig_ask(&rig,
                STR("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "3;ext=1\r\nabc\r\n4\r\ndefg\r\n0\r\nTrailer: t\r\n\r\n" RIG_GET("/hello"))),
        "\r\n\r\nabcdefgHTTP/1.1 200");
}

static void takes_bodies_larger_than_any_buffer(void **state)
{
    static char body[MIB];
    int fd = rig_connect(&rig);

    (void)state;
    memset(body, 'b', sizeof(body));
    rig_send(fd, STR("POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: "
                     "1048576\r\n\r\n"));
    rig_send(fd, str_range(body, sizeof(body)));
    struct str answer = rig_read_all(fd, 5000);
    size_t head = str_find(answer, STR("\r\n\r\n")) + 4;
    assert_int_equal(answer.len - head, sizeof(body));
    assert_memory_equal(answer.data + head, body, sizeof(body));
    close(fd);
}

static void streams_replies_in_chunks(void **state)
{
    (void)state;
    rig_assert_has(
        rig_ask(&rig, STR(RIG_GET("/stream"))),
        "Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n");
}

static void head_gets_no_body(void **state)
{
    struct str answer =
        rig_ask(&rig, STR("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n"
                          "HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n" RIG_GET("/nothing")));

    (void)state;
    rig_assert_has(answer, "Content-Length: 5\r\n");
    rig_assert_has(answer, "\r\n\r\nHTTP/1.1 200 OK\r\n");
    rig_assert_has(answer, "\r\n\r\nHTTP/1.1 204 No Content\r\n");
    assert_true(str_ends(answer, STR("\r\n\r\n")));
    assert_false(str_contains(answer, STR("onetwo")));
}

static void asks_for_the_body_when_expected(void **state)
{
    int fd = rig_connect(&rig);

    (void)state;
    rig_send(
        fd,
        STR("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
    rig_assert_status(rig_read_until(fd, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    rig_send(fd, STR("ok"));
    rig_assert_has(rig_read_until(fd, "ok"), "HTTP/1.1 200");
    close(fd);
}

static void refuses_an_expected_body_without_reading_it(void **state)
{
    int fd = rig_connect(&rig);

    (void)state;
    rig_send(fd, STR("POST /early HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: "
                     "9\r\n\r\n"));
    rig_assert_has(rig_read_until(fd, "early"), "HTTP/1.1 404 Not Found\r\n");
    assert_true(rig_is_closed(fd, 3000));
    close(fd);
}

static void an_early_answer_keeps_the_connection_over_a_small_body(void **state)
{
    (void)state;
    rig_assert_has(
        rig_ask(&rig,
                STR("POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345" RIG_GET(
                    "/hello"))),
        "earlyHTTP/1.1 200 OK");
}

static void an_early_answer_reaches_a_client_that_goes_on_sending(void **state)
{
    static char piece[64 * KIB];
    int fd = rig_connect(&rig);

    (void)state;
    rig_send(fd, STR("POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n"));
    for (int i = 0; i < 50; i++) /* a connection that is simply closed would fail here */
        assert_true(send(fd, piece, sizeof(piece), MSG_NOSIGNAL) > 0);
    rig_assert_has(rig_read_all(fd, 3000), "HTTP/1.1 404 Not Found\r\n");
    close(fd);
}

static void gives_a_streamed_body_piece_by_piece(void **state)
{
    (void)state;
    rig_assert_has(
        rig_ask(&rig, STR("POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n123456")),
        "\r\n\r\n6");
}

static void a_paused_body_stops_the_client(void **state)
{
    static char piece[MIB];
    int fd = rig_connect(&rig);
    ssize_t sent = 0;
    ssize_t total = 0;

    (void)state;
    rig_send(fd, STR("POST /slow-sink HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n"));
    rig_send(fd, STR("first"));
    rig_wait(&rig.parks, 1);
    for (int i = 0; i < 200; i++) {
        sent = send(fd, piece, sizeof(piece), MSG_NOSIGNAL | MSG_DONTWAIT);
        total += sent > 0 ? sent : 0;
        usleep(500);
    }
    assert_true(sent < 0); /* the kernel's buffers are full */
    assert_true(atomic_load(&rig.bytes_seen) < 200 * KIB);
    for (ssize_t left = 50000000 - 5 - total; left > 0; left -= sent) {
        if (left == 50000000 - 5 - total)
            rig_release(&rig);
        sent = send(fd, piece, (size_t)left < sizeof(piece) ? (size_t)left : sizeof(piece),
                    MSG_NOSIGNAL);
        assert_true(sent > 0);
    }
    rig_read_until(fd, "\r\n\r\n50000000");
    close(fd);
}

#define TEST(name, sentence)                                                                       \
    {                                                                                              \
        sentence, name, rig_setup, rig_teardown, &rig                                              \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_with_length_and_date, "a reply has a length and a date"),
        TEST(header_values_cannot_split_a_reply, "a header value cannot split a reply"),
        TEST(keeps_the_connection, "a connection serves many requests"),
        TEST(closes_when_asked, "Connection: close is honoured"),
        TEST(speaks_http_1_0, "HTTP/1.0 gets no chunks, and keep-alive only when asked for"),
        TEST(answers_a_pipeline_in_order, "a pipeline is answered in order"),
        TEST(a_parked_call_holds_the_pipeline,
             "a parked call holds what is behind it in the pipeline"),
        TEST(takes_a_request_byte_by_byte, "a request may come byte by byte"),
        TEST(takes_chunked_bodies, "a chunked body with extensions and trailers is read exactly"),
        TEST(takes_bodies_larger_than_any_buffer, "a body larger than any buffer comes back whole"),
        TEST(streams_replies_in_chunks, "a streamed reply is chunked"),
        TEST(head_gets_no_body, "HEAD and 204 get no body"),
        TEST(asks_for_the_body_when_expected,
             "Expect: 100-continue is answered when the body is wanted"),
        TEST(refuses_an_expected_body_without_reading_it,
             "an expected body that is not wanted is not asked for"),
        TEST(an_early_answer_keeps_the_connection_over_a_small_body,
             "an early answer keeps the connection over a small body"),
        TEST(an_early_answer_reaches_a_client_that_goes_on_sending,
             "an early answer reaches a client that goes on sending"),
        TEST(gives_a_streamed_body_piece_by_piece, "a streamed body comes in pieces"),
        TEST(a_paused_body_stops_the_client, "a paused body stops the client and loses nothing"),
    };

    return cmocka_run_group_tests_name("http/server", tests, NULL, NULL);
}
