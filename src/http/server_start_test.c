/* server_start_test.c -- requests that their owner takes up at the head, while the body still
 * comes; and replies of a length that is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/server_rig.h"

#define POST(path) "POST " path " HTTP/1.1\r\nHost: x\r\n"
#define PIECE_BYTES 65536

static struct rig rig;
static const char piece[PIECE_BYTES];

/* Begins one on a connection of its own, and waits until its owner has it. */
static int begin(struct str bytes)
{
    int fd = rig_connect(&rig), parks = atomic_load(&rig.parks);

    rig_send(fd, bytes);
    rig_wait(&rig.parks, parks + 1);
    return fd;
}

/* The connection goes on behind it. */
static void is_in_step(int fd)
{
    rig_send(fd, STR(RIG_GET("/hello")));
    rig_read_until(fd, "hello");
    close(fd);
}

/* ---- the body ---- */

static void nothing_comes_before_it_is_taken(void **state)
{
    int fd = begin(STR(POST("/start") "Content-Length: 5\r\n\r\nabcde" RIG_GET("/hello")));

    (void)state;
    usleep(20000);
    assert_int_equal(atomic_load(&rig.bytes_seen), 0);
    rig_release(&rig);
    /* What was sent ahead is answered in its turn. */
    struct str answers = rig_read_until(fd, "hello");
    rig_assert_has(answers, "\r\n\r\n5HTTP/1.1 200");
    assert_int_equal(atomic_load(&rig.requests), 1);
    is_in_step(fd);
}

static void chunks_and_no_body_at_all_are_taken(void **state)
{
    int fd = begin(
        STR(POST("/start") "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0;x=y\r\nT: t\r\n\r\n"));

    (void)state;
    rig_release(&rig);
    rig_read_until(fd, "\r\n\r\n3");
    rig_send(fd, STR(POST("/start") "\r\n"));
    rig_wait(&rig.parks, 2);
    rig_release(&rig);
    rig_read_until(fd, "\r\n\r\n3");
    is_in_step(fd);
}

static void a_body_that_is_not_taken_stops_the_client(void **state)
{
    int fd = begin(STR(POST("/start") "Content-Length: 1048576\r\n\r\n"));
    ssize_t left = (ssize_t)MIB, sent;

    (void)state;
    usleep(20000);
    assert_int_equal(atomic_load(&rig.bytes_seen), 0);
    sent = send(fd, piece, sizeof(piece), MSG_NOSIGNAL | MSG_DONTWAIT);
    assert_true(sent > 0);
    left -= sent;
    usleep(20000);
    assert_int_equal(atomic_load(&rig.bytes_seen), 0);
    rig_release(&rig);
    for (; left > 0; left -= sent) {
        sent =
            send(fd, piece, (size_t)left < PIECE_BYTES ? (size_t)left : PIECE_BYTES, MSG_NOSIGNAL);
        assert_true(sent > 0);
    }
    rig_read_until(fd, "\r\n\r\n1048576");
    is_in_step(fd);
}

static void an_answer_may_come_with_the_body(void **state)
{
    int fd = rig_connect(&rig);

    (void)state;
    rig_send(fd, STR(POST("/duplex") "Transfer-Encoding: chunked\r\n\r\n"));
    rig_read_until(fd, "ready ");
    rig_send(fd, STR("3\r\nabc\r\n"));
    rig_read_until(fd, "abc");
    rig_send(fd, STR("3\r\ndef\r\n0\r\n\r\n"));
    rig_read_until(fd, "def\r\n0\r\n\r\n");
    close(fd);
}

/* ---- Expect ---- */

static void expectation_waits_for_the_owner(void **state)
{
    int fd = begin(STR(POST("/start") "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"));

    (void)state;
    assert_true(str_is_empty(rig_read_all(fd, 50)));
    rig_release(&rig);
    rig_read_until(fd, "HTTP/1.1 100 Continue\r\n\r\n");
    rig_send(fd, STR("abc"));
    rig_read_until(fd, "\r\n\r\n3");
    is_in_step(fd);
}

static void who_does_not_wait_is_not_told(void **state)
{
    int fd = rig_connect(&rig);
    struct str answer;

    (void)state;
    rig_send(fd, STR(POST("/duplex") "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc"));
    answer = rig_read_until(fd, "abc");
    assert_false(str_contains(answer, STR("100 Continue")));
    close(fd);
}

/* ---- what goes wrong ---- */

static void a_client_that_leaves_is_told_by_on_gone(void **state)
{
    int fd = begin(STR(POST("/start") "Content-Length: 10\r\n\r\nabc"));

    (void)state;
    rig_release(&rig);
    close(fd);
    rig_wait(&rig.gones, 1);
    assert_int_equal(atomic_load(&rig.aborts), 0);
}

static void one_that_left_before_is_noticed_when_the_body_is_taken(void **state)
{
    int fd = begin(STR(POST("/start") "Content-Length: 10\r\n\r\nabc"));

    (void)state;
    close(fd);
    rig_release(&rig);
    rig_wait(&rig.gones, 1);
}

static void a_chunk_that_breaks_the_rules_is_refused_and_told(void **state)
{
    int fd = begin(STR(POST("/start") "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n"));

    (void)state;
    rig_release(&rig);
    rig_read_until(fd, "HTTP/1.1 400");
    rig_wait(&rig.gones, 1);
    assert_int_equal(atomic_load(&rig.aborts), 0);
    close(fd);
}

static void chunks_beyond_the_limit_are_refused_and_told(void **state)
{
    int fd = begin(STR(POST("/start") "Transfer-Encoding: chunked\r\n\r\n200000\r\n"));

    (void)state;
    rig_release(&rig);
    for (int i = 0; i < 17; i++)
        (void)!send(fd, piece, sizeof(piece), MSG_NOSIGNAL);
    rig_read_until(fd, "HTTP/1.1 413");
    rig_wait(&rig.gones, 1);
    close(fd);
}

static void a_length_beyond_the_limit_never_starts(void **state)
{
    struct str answer = rig_ask(&rig, STR(POST("/start") "Content-Length: 1048577\r\n\r\n"));

    (void)state;
    rig_assert_status(answer, "HTTP/1.1 413");
    assert_int_equal(atomic_load(&rig.parks), 0);
    assert_int_equal(atomic_load(&rig.aborts), 1);
}

static void a_body_that_breaks_in_an_answer_resets_it(void **state)
{
    int fd = rig_connect(&rig);

    (void)state;
    rig_send(fd, STR(POST("/duplex") "Transfer-Encoding: chunked\r\n\r\n"));
    rig_read_until(fd, "ready ");
    rig_send(fd, STR("nonsense"));
    rig_wait(&rig.gones, 1);
    assert_true(rig_is_closed(fd, 2000));
    close(fd);
}

/* ---- replies with a length ---- */

static void a_sized_reply_has_its_length(void **state)
{
    struct str answer = rig_ask(&rig, STR(RIG_GET("/sized") RIG_GET("/hello")));

    (void)state;
    rig_assert_has(answer, "\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n");
    assert_false(str_contains(answer, STR("chunked")));
    answer = rig_ask(&rig, STR("GET /sized HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    rig_assert_has(answer, "Connection: keep-alive\r\n");
    answer = rig_ask(&rig, STR("HEAD /sized HTTP/1.1\r\nHost: x\r\n\r\n" RIG_GET("/hello")));
    rig_assert_has(answer, "\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\n");
}

static void a_sized_reply_that_ends_early_is_seen_as_broken(void **state)
{
    int fd = rig_connect(&rig);
    char byte;

    (void)state;
    rig_send(fd, STR(RIG_GET("/sized?short") RIG_GET("/hello")));
    while (recv(fd, &byte, 1, 0) > 0)
        continue;
    close(fd);
    assert_int_equal(atomic_load(&rig.requests), 1);
}

#define TEST(name, sentence)                                                                       \
    {                                                                                              \
        sentence, name, rig_setup, rig_teardown, &rig                                              \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_comes_before_it_is_taken, "nothing of a body comes before it is taken"),
        TEST(chunks_and_no_body_at_all_are_taken, "chunks, and no body at all, are taken"),
        TEST(a_body_that_is_not_taken_stops_the_client,
             "a body that is not taken stops its client"),
        TEST(an_answer_may_come_with_the_body, "an answer may come while the body does"),
        TEST(expectation_waits_for_the_owner, "100 Continue waits for the owner's word"),
        TEST(who_does_not_wait_is_not_told, "who does not wait for 100 Continue does not get it"),
        TEST(a_client_that_leaves_is_told_by_on_gone, "a client that leaves midway is told"),
        TEST(one_that_left_before_is_noticed_when_the_body_is_taken,
             "one that left before is noticed when the body is taken"),
        TEST(a_chunk_that_breaks_the_rules_is_refused_and_told,
             "a chunk that breaks the rules is refused, and its owner told"),
        TEST(chunks_beyond_the_limit_are_refused_and_told,
             "chunks beyond the limit are refused, and their owner told"),
        TEST(a_length_beyond_the_limit_never_starts, "a length beyond the limit never starts"),
        TEST(a_body_that_breaks_in_an_answer_resets_it,
             "a body that breaks while it is answered resets the connection"),
        TEST(a_sized_reply_has_its_length, "a sized reply has its length, for HEAD too"),
        TEST(a_sized_reply_that_ends_early_is_seen_as_broken,
             "a sized reply that ends early is seen as broken"),
    };

    return cmocka_run_group_tests_name("http/server_start", tests, NULL, NULL);
}
