/* client_hostile_test.c -- receivers that misbehave. Whatever they do, the send ends in bounded
 * time with the right outcome, the connection is kept only if it is clean, and the next send to a
 * good receiver works. */
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "http/client_rig.h"

enum ending { KEEPS, CLOSES, RESETS, HALF_CLOSES, TRICKLES };

#define BYTES(literal)                                                                             \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }
#define HEAD "HTTP/1.1 200 OK\r\n"

struct personality {
    const char *sentence;
    struct str says;
    struct str repeats; /* so many times after that */
    int times;
    enum ending ending; /* TRICKLES: the repeats come 20 ms apart */
    enum http_outcome outcome;
    int status;
    bool truncated;
    bool kept; /* the connection is in the pool afterwards */
};

/* Answered, and the connection is kept. */
#define KEPT(words, code, bytes)                                                                   \
    {                                                                                              \
        .sentence = words, .says = BYTES(bytes), .status = code, .kept = true                      \
    }
/* Answered, and the connection is not used again. */
#define USED_UP(words, code, bytes)                                                                \
    {                                                                                              \
        .sentence = words, .says = BYTES(bytes), .status = code                                    \
    }
/* Answered, but the body is not whole. */
#define CUT(words, how, bytes)                                                                     \
    {                                                                                              \
        .sentence = words, .says = BYTES(bytes), .ending = how, .status = 200, .truncated = true   \
    }
#define BAD(words, bytes)                                                                          \
    {                                                                                              \
        .sentence = words, .says = BYTES(bytes), .outcome = HTTP_BAD_RESPONSE                      \
    }
#define ENDS(words, how, result, code, bytes)                                                      \
    {                                                                                              \
        .sentence = words, .says = BYTES(bytes), .ending = how, .outcome = result, .status = code  \
    }
#define FLOOD(words, bytes, again, number, how, result, code)                                      \
    {                                                                                              \
        .sentence = words, .says = BYTES(bytes), .repeats = BYTES(again), .times = number,         \
        .ending = how, .outcome = result, .status = code, .truncated = code > 0                    \
    }

static const struct personality table[] = {
    /* good ones, so that the rest means something */
    KEPT("a length", 200, HEAD "Content-Length: 2\r\n\r\nok"),
    KEPT("chunks", 200, HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    KEPT("no body at all", 204, "HTTP/1.1 204 No Content\r\n\r\n"),
    KEPT("a length of zero", 202, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"),
    KEPT("no reason phrase", 200, "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"),
    ENDS("a body up to the end", CLOSES, HTTP_ANSWERED, 200, HEAD "\r\nok"),
    USED_UP("HTTP/1.0", 200, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    USED_UP("HTTP/1.0 with keep-alive", 200,
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"),
    USED_UP("Connection: close", 200, HEAD "Connection: close\r\nContent-Length: 2\r\n\r\nok"),
    KEPT("a redirect, which is not followed", 302,
         "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
    KEPT("early hints first", 200,
         "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" HEAD "Content-Length: 2\r\n\r\nok"),
    KEPT("an unassigned status", 799, "HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n"),
    /* surplus and ambiguity: answered, never kept */
    USED_UP("a surplus byte", 200, HEAD "Content-Length: 2\r\n\r\nok!"),
    USED_UP("a second response", 200,
            HEAD "Content-Length: 2\r\n\r\nok" HEAD "Content-Length: 2\r\n\r\nno"),
    USED_UP("a surplus byte after chunks", 200,
            HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n!"),
    USED_UP("204 with a body", 204, "HTTP/1.1 204 No Content\r\n\r\nbody"),
    USED_UP("204 with a length", 204, "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n"),
    USED_UP("304 with a length", 304, "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n"),
    ENDS("an unknown transfer coding", CLOSES, HTTP_ANSWERED, 200,
         HEAD "Transfer-Encoding: gzip\r\n\r\nok"),
    ENDS("chunks that are not last", CLOSES, HTTP_ANSWERED, 200,
         HEAD "Transfer-Encoding: chunked, gzip\r\n\r\nok"),
    ENDS("a half-close behind a whole response", HALF_CLOSES, HTTP_ANSWERED, 200,
         HEAD "Content-Length: 2\r\n\r\nok"),
    KEPT("a gzip bomb, which stays packed", 200,
         HEAD "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"),
    /* conflicts in the head */
    BAD("a length and chunks",
        HEAD "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    BAD("chunks and a length",
        HEAD "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    BAD("two lengths", HEAD "Content-Length: 2\r\nContent-Length: 3\r\n\r\nok"),
    BAD("a negative length", HEAD "Content-Length: -2\r\n\r\nok"),
    BAD("a length beyond 64 bits", HEAD "Content-Length: 99999999999999999999\r\n\r\nok"),
    BAD("a folded header", HEAD "X: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
    BAD("bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    BAD("a NUL in a header", HEAD "X: a\0b\r\nContent-Length: 0\r\n\r\n"),
    BAD("a bare carriage return", HEAD "X: a\rb\r\nContent-Length: 0\r\n\r\n"),
    BAD("a header without a colon", HEAD "nonsense\r\n\r\n"),
    /* not HTTP/1.1 */
    BAD("garbage", "\xff\xfe\x00garbage"),
    BAD("an SSH banner", "SSH-2.0-OpenSSH_9.2\r\n"),
    BAD("an SMTP banner", "220 mail.example ESMTP\r\n"),
    ENDS("a page without a head", CLOSES, HTTP_BAD_RESPONSE, 0, "<html>hello</html>"),
    BAD("HTTP/2 frames", "\x00\x00\x12\x04\x00\x00\x00\x00\x00"),
    BAD("HTTP/2 in words", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ENDS("a TLS alert", CLOSES, HTTP_BAD_RESPONSE, 0, "\x15\x03\x01\x00\x02\x02\x46"),
    BAD("a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"),
    BAD("a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"),
    BAD("a status below 100", "HTTP/1.1 099 OK\r\n\r\n"),
    BAD("a switch of protocols",
        "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw"),
    BAD("a switch of protocols, and what was asked for",
        "HTTP/1.1 101 Switching\r\n\r\n" HEAD "Content-Length: 2\r\n\r\nok"),
    BAD("an interim response with chunks",
        "HTTP/1.1 103 Hints\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" HEAD
        "Content-Length: 0\r\n\r\n"),
    BAD("an interim response with an unknown coding",
        "HTTP/1.1 199 OK\r\nTransfer-Encoding: odd\r\n\r\n"),
    BAD("an interim response with a body",
        "HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\nok" HEAD "Content-Length: 0\r\n\r\n"),
    /* too much */
    FLOOD("a flood of interim responses", "", "HTTP/1.1 100 Continue\r\n\r\n", 5000, CLOSES,
          HTTP_BAD_RESPONSE, 0),
    FLOOD("nine interim responses", "", "HTTP/1.1 102 Processing\r\n\r\n", 9, KEEPS,
          HTTP_BAD_RESPONSE, 0),
    FLOOD("an interim response with an endless body",
          "HTTP/1.1 199 OK\r\nTransfer-Encoding: odd\r\n\r\n", "0123456789abcdef", 20000, CLOSES,
          HTTP_BAD_RESPONSE, 0),
    FLOOD("an endless status line", "HTTP/1.1 200 ", "OK", 20000, CLOSES, HTTP_BAD_RESPONSE, 0),
    FLOOD("an endless header name", HEAD, "nn", 20000, CLOSES, HTTP_BAD_RESPONSE, 0),
    FLOOD("an endless header value", HEAD "X: ", "vv", 20000, CLOSES, HTTP_BAD_RESPONSE, 0),
    FLOOD("endless blanks before a value", HEAD "X:", "  ", 20000, CLOSES, HTTP_BAD_RESPONSE, 0),
    FLOOD("more than 100 headers", HEAD, "a:\r\n", 101, KEEPS, HTTP_BAD_RESPONSE, 0),
    FLOOD("endless line ends before the head", "", "\r\n\r\n", 20000, CLOSES, HTTP_BAD_RESPONSE, 0),
    FLOOD("an endless body up to the end", HEAD "\r\n", "0123456789abcdef", 200000, CLOSES,
          HTTP_ANSWERED, 200),
    FLOOD("a body longer than the excerpt", HEAD "Content-Length: 3200000\r\n\r\n",
          "0123456789abcdef", 200000, KEEPS, HTTP_ANSWERED, 200),
    FLOOD("endless chunks", HEAD "Transfer-Encoding: chunked\r\n\r\n", "10\r\n0123456789abcdef\r\n",
          200000, CLOSES, HTTP_ANSWERED, 200),
    FLOOD("a flood of chunk extensions", HEAD "Transfer-Encoding: chunked\r\n\r\n1;", "eeee", 20000,
          CLOSES, HTTP_ANSWERED, 200),
    FLOOD("a flood of trailers", HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n", "T: t\r\n", 20000,
          CLOSES, HTTP_ANSWERED, 200),
    CUT("a malformed chunk", KEEPS, HEAD "Transfer-Encoding: chunked\r\n\r\nxyz\r\n"),
    CUT("a chunk longer than its size", KEEPS,
        HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n"),
    /* too slow */
    ENDS("silence", KEEPS, HTTP_TIMED_OUT, 0, ""),
    ENDS("silence after an interim response", KEEPS, HTTP_TIMED_OUT, 0,
         "HTTP/1.1 100 Continue\r\n\r\n"),
    ENDS("silence within the head", KEEPS, HTTP_TIMED_OUT, 0, "HTTP/1.1 200 OK\r\nX: "),
    FLOOD("a head that trickles", HEAD "X: ", "v", 100, TRICKLES, HTTP_TIMED_OUT, 0),
    FLOOD("interim responses that trickle", "", "HTTP/1.1 100 Continue\r\n\r\n", 8, KEEPS,
          HTTP_TIMED_OUT, 0),
    FLOOD("a body that trickles", HEAD "Content-Length: 1000\r\n\r\n", "b", 100, TRICKLES,
          HTTP_ANSWERED, 200),
    CUT("a body that never comes", KEEPS, HEAD "Content-Length: 1000\r\n\r\n"),
    CUT("a body whose connection stays open", KEEPS, HEAD "\r\nok"),
    /* the end */
    ENDS("a close instead of an answer", CLOSES, HTTP_NO_CONNECTION, 0, ""),
    ENDS("a reset instead of an answer", RESETS, HTTP_NO_CONNECTION, 0, ""),
    ENDS("a half-close instead of an answer", HALF_CLOSES, HTTP_NO_CONNECTION, 0, ""),
    CUT("a reset instead of the end of a body", RESETS, HEAD "\r\nok"),
    CUT("a close within the body", CLOSES, HEAD "Content-Length: 9\r\n\r\nok"),
    CUT("a close within chunks", CLOSES, HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"),
    ENDS("a close after an interim response", CLOSES, HTTP_BAD_RESPONSE, 0,
         "HTTP/1.1 100 Continue\r\n\r\n"),
};

static struct client_rig rig;

static void act(struct receiver *receiver, int fd)
{
    const struct personality *personality = receiver->script;
    struct buf all;

    if (!receiver_read(receiver, fd))
        return;
    receiver_write(fd, personality->says);
    buf_init(&all, 16 * MIB);
    for (int i = 0; i < personality->times && !atomic_load(&receiver->stopping); i++) {
        if (personality->ending != TRICKLES) {
            buf_add(&all, personality->repeats);
            continue;
        }
        usleep(20000);
        receiver_write(fd, personality->repeats);
    }
    receiver_write(fd, buf_str(&all));
    buf_release(&all);
    if (personality->ending == RESETS) {
        usleep(2000); /* so that the bytes arrive before the reset */
        receiver_reset_on_close(fd);
    }
    if (personality->ending == HALF_CLOSES)
        shutdown(fd, SHUT_WR);
    if (personality->ending != CLOSES && personality->ending != RESETS)
        receiver_hold(receiver, fd);
}

static void meet(void **state)
{
    const struct personality *personality = *state;
    struct receiver receiver = {.serve = act, .script = personality};

    receiver_start(&receiver);
    struct http_result result = client_rig_post(&rig, receiver.port)->result;
    if (personality->ending == HALF_CLOSES) /* the end comes behind the answer */
        client_rig_wait_idle(&rig, personality->kept);
    struct http_client_stats stats = client_rig_stats(&rig);
    receiver_stop(&receiver);

    if (result.outcome != personality->outcome)
        fail_msg("outcome %d, %s", (int)result.outcome, result.why);
    assert_int_equal(result.status, personality->status);
    assert_int_equal(result.body_truncated, personality->truncated);
    assert_true(result.body.len <= 64 * KIB);
    assert_int_equal(stats.connections_busy, 0);
    assert_int_equal(stats.connections_idle, personality->kept);
    assert_true(result.phases.total_us < 1500000);
    assert_int_equal(atomic_load(&receiver.connections), 1);
    client_rig_wait_idle(&rig, 0); /* a kept connection ends with its receiver */
}

/* ---- cut off at each byte ---- */

struct cut {
    struct str response;
    size_t at;
    bool resets;
};

static void act_cut(struct receiver *receiver, int fd)
{
    const struct cut *cut = receiver->script;

    if (!receiver_read(receiver, fd))
        return;
    receiver_write(fd, str_first(cut->response, cut->at));
    if (cut->resets) {
        usleep(2000); /* so that the bytes arrive before the reset */
        receiver_reset_on_close(fd);
    }
}

static void every_cut_has_its_outcome(void **state)
{
    static const char response[] =
        HEAD "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: t\r\n\r\n";
    struct cut cut = {.response = str_range(response, sizeof(response) - 1)};
    size_t head_len = str_find(cut.response, STR("\r\n\r\n")) + 4;

    (void)state;
    for (size_t i = 0; i < 2 * cut.response.len; i++) {
        struct receiver receiver = {.serve = act_cut, .script = &cut};

        cut.at = i / 2;
        cut.resets = i % 2;
        receiver_start(&receiver);
        struct http_result result = client_rig_post(&rig, receiver.port)->result;
        receiver_stop(&receiver);
        if (cut.at == 0)
            assert_int_equal(result.outcome, HTTP_NO_CONNECTION);
        else if (cut.at < head_len)
            assert_int_equal(result.outcome, HTTP_BAD_RESPONSE);
        else
            assert_int_equal(result.outcome, HTTP_ANSWERED);
        assert_int_equal(result.body_truncated, result.outcome == HTTP_ANSWERED);
    }
    assert_int_equal(client_rig_stats(&rig).connections_busy, 0);
}

/* ---- an interim response while the request is on its way ---- */

#define LARGE_BYTES (32 * MIB) /* more than the sockets hold */

static void interim_before_the_body(struct receiver *receiver, int fd)
{
    receiver_write(fd, STR("HTTP/1.1 103 Early Hints\r\n\r\n"));
    usleep(50000); /* the request's first bytes wait, its last have not gone */
    for (size_t left = LARGE_BYTES; left > 0;) {
        static char bytes[256 * KIB];
        ssize_t got = recv(fd, bytes, sizeof(bytes), 0);

        if (got <= 0)
            return;
        left -= (size_t)got < left ? (size_t)got : left;
    }
    receiver_write(fd, STR(RECEIVER_OKAY));
    receiver_hold(receiver, fd);
}

static void an_interim_response_before_the_body_is_gone(void **state)
{
    struct receiver receiver = {.serve = interim_before_the_body};
    char *body = mem_alloc_zero(LARGE_BYTES);

    (void)state;
    receiver_start(&receiver);
    struct http_client_request request = client_rig_request(&rig, receiver.port);
    request.body = str_range(body, LARGE_BYTES);
    request.budget.first_byte_ms = request.budget.total_ms = 20 * MS_PER_SECOND;
    const struct outcome *outcome = client_rig_send(&rig, &request);
    client_rig_assert(outcome, HTTP_ANSWERED);
    assert_int_equal(outcome->result.status, 200);
    assert_int_equal(client_rig_stats(&rig).connections_idle, 1);
    receiver_stop(&receiver);
    mem_free(body);
}

static int start(void **state)
{
    (void)state;
    client_rig_start(&rig);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    client_rig_stop(&rig);
    return 0;
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(table) + 2];
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct personality *copy = mem_alloc(sizeof(*copy));

        *copy = table[i];
        tests[count++] = (struct CMUnitTest){table[i].sentence, meet, NULL, NULL, copy};
    }
    tests[count++] =
        (struct CMUnitTest){"a response cut off at each byte, by a close and by a reset",
                            every_cut_has_its_outcome, NULL, NULL, NULL};
    tests[count++] =
        (struct CMUnitTest){"an interim response that comes before the body has gone ends nothing",
                            an_interim_response_before_the_body_is_gone, NULL, NULL, NULL};
    int failed = cmocka_run_group_tests_name("http/client hostile", tests, start, stop);
    for (size_t i = 0; i < count; i++)
        mem_free(tests[i].initial_state);
    return failed;
}
