/* client_hostile_test.c -- receivers that misbehave. Whatever they do, the send ends in bounded time with the right
 * outcome, the connection is kept only if it is clean, and the next send to a good receiver works. */
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "http/client_rig.h"

enum ending { KEEPS, CLOSES, RESETS, HALF_CLOSES, TRICKLES };

#define BYTES(literal) {"" literal, sizeof(literal) - 1}
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

static const struct personality table[] = {
    /* good ones, so that the rest means something */
    {"a length", BYTES(HEAD "Content-Length: 2\r\n\r\nok"), {0}, 0, KEEPS, HTTP_ANSWERED, 200, false, true},
    {"chunks", BYTES(HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), {0}, 0, KEEPS, HTTP_ANSWERED, 200, false, true},
    {"no body at all", BYTES("HTTP/1.1 204 No Content\r\n\r\n"), {0}, 0, KEEPS, HTTP_ANSWERED, 204, false, true},
    {"a length of zero", BYTES("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"), {0}, 0, KEEPS, HTTP_ANSWERED, 202, false, true},
    {"no reason phrase", BYTES("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), {0}, 0, KEEPS, HTTP_ANSWERED, 200, false, true},
    {"a body up to the end", BYTES(HEAD "\r\nok"), {0}, 0, CLOSES, HTTP_ANSWERED, 200, false, false},
    {"HTTP/1.0", BYTES("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), {0}, 0, KEEPS, HTTP_ANSWERED, 200, false, false},
    {"HTTP/1.0 with keep-alive", BYTES("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"), {0}, 0, KEEPS, HTTP_ANSWERED, 200, false, false},
    {"Connection: close", BYTES(HEAD "Connection: close\r\nContent-Length: 2\r\n\r\nok"), {0}, 0, KEEPS, HTTP_ANSWERED, 200, false, false},
    {"a redirect, which is not followed", BYTES("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"), {0}, 0, KEEPS, HTTP_ANSWERED, 302, false, true},
    {"early hints first", BYTES("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" HEAD "Content-Length: 2\r\n\r\nok"), {0}, 0, KEEPS, HTTP_ANSWERED, 200, false, true},
    {"an unassigned status", BYTES("HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n"), {0}, 0, KEEPS, HTTP_ANSWERED, 799, false, true},
    /* surplus and ambiguity: answered, never kept */
    {"a surplus byte", BYTES(HEAD "Content-Length: 2\r\n\r\nok!"), {0}, 0, KEEPS, HTTP_ANSWERED, 200, false, false},
    {"a second response", BYTES(HEAD "Content-Length: 2\r\n\r\nok" HEAD "Content-Length: 2\r\n\r\nno"), {0}, 0, KEEPS, HTTP_ANSWERED, 200, false, false},
    {"a surplus byte after chunks", BYTES(HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n!"), {0}, 0, KEEPS, HTTP_ANSWERED, 200, false, false},
    {"204 with a body", BYTES("HTTP/1.1 204 No Content\r\n\r\nbody"), {0}, 0, KEEPS, HTTP_ANSWERED, 204, false, false},
    {"204 with a length", BYTES("HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n"), {0}, 0, KEEPS, HTTP_ANSWERED, 204, false, false},
    {"304 with a length", BYTES("HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n"), {0}, 0, KEEPS, HTTP_ANSWERED, 304, false, false},
    {"an unknown transfer coding", BYTES(HEAD "Transfer-Encoding: gzip\r\n\r\nok"), {0}, 0, CLOSES, HTTP_ANSWERED, 200, false, false},
    {"chunks that are not last", BYTES(HEAD "Transfer-Encoding: chunked, gzip\r\n\r\nok"), {0}, 0, CLOSES, HTTP_ANSWERED, 200, false, false},
    {"a half-close behind a whole response", BYTES(HEAD "Content-Length: 2\r\n\r\nok"), {0}, 0, HALF_CLOSES, HTTP_ANSWERED, 200, false, false},
    {"a gzip bomb, which stays packed", BYTES(HEAD "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"), {0}, 0, KEEPS, HTTP_ANSWERED, 200, false, true},
    /* conflicts in the head */
    {"a length and chunks", BYTES(HEAD "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), {0}, 0, KEEPS, HTTP_BAD_RESPONSE, 0, false, false},
    {"chunks and a length", BYTES(HEAD "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n"), {0}, 0, KEEPS, HTTP_BAD_RESPONSE, 0, false, false},
    {"two lengths", BYTES(HEAD "Content-Length: 2\r\nContent-Length: 3\r\n\r\nok"), {0}, 0, KEEPS, HTTP_BAD_RESPONSE, 0, false, false},
    {"a negative length", BYTES(HEAD "Content-Length: -2\r\n\r\nok"), {0}, 0, KEEPS, HTTP_BAD_RESPONSE, 0, false, false},
    {"a length beyond 64 bits", BYTES(HEAD "Content-Length: 99999999999999999999\r\n\r\nok"), {0}, 0, KEEPS, HTTP_BAD_RESPONSE, 0, false, false},
    {"a folded header", BYTES(HEAD "X: a\r\n b\r\nContent-Length: 0\r\n\r\n"), {0}, 0, KEEPS, HTTP_BAD_RESPONSE, 0, false, false},
    {"bare line feeds", BYTES("HTTP/1.1 200 OK\nContent-Length: 0\n\n"), {0}, 0, KEEPS, HTTP_BAD_RESPONSE, 0, false, false},
    {"a NUL in a header", BYTES(HEAD "X: a\0b\r\nContent-Length: 0\r\n\r\n"), {0}, 0, KEEPS, HTTP_BAD_RESPONSE, 0, false, false},
    {"a bare carriage return", BYTES(HEAD "X: a\rb\r\nContent-Length: 0\r\n\r\n"), {0}, 0, KEEPS, HTTP_BAD_RESPONSE, 0, false, false},
    {"a header without a colon", BYTES(HEAD "nonsense\r\n\r\n"), {0}, 0, KEEPS, HTTP_BAD_RESPONSE, 0, false, false},
    /* not HTTP/1.1 */
    {"garbage", BYTES("\xff\xfe\x00garbage"), {0}, 0, KEEPS, HTTP_BAD_RESPONSE, 0, false, false},
    {"an SSH banner", BYTES("SSH-2.0-OpenSSH_9.2\r\n"), {0}, 0, KEEPS, HTTP_BAD_RESPONSE, 0, false, false},
    {"an SMTP banner", BYTES("220 mail.example ESMTP\r\n"), {0}, 0, KEEPS, HTTP_BAD_RESPONSE, 0, false, false},
    {"a page without a head", BYTES("<html>hello</html>"), {0}, 0, CLOSES, HTTP_BAD_RESPONSE, 0, false, false},
    {"HTTP/2 frames", BYTES("\x00\x00\x12\x04\x00\x00\x00\x00\x00"), {0}, 0, KEEPS, HTTP_BAD_RESPONSE, 0, false, false},
    {"HTTP/2 in words", BYTES("HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"), {0}, 0, KEEPS, HTTP_BAD_RESPONSE, 0, false, false},
    {"a TLS alert", BYTES("\x15\x03\x01\x00\x02\x02\x46"), {0}, 0, CLOSES, HTTP_BAD_RESPONSE, 0, false, false},
    {"a status of two digits", BYTES("HTTP/1.1 20 OK\r\n\r\n"), {0}, 0, KEEPS, HTTP_BAD_RESPONSE, 0, false, false},
    {"a status of four digits", BYTES("HTTP/1.1 2000 OK\r\n\r\n"), {0}, 0, KEEPS, HTTP_BAD_RESPONSE, 0, false, false},
    {"a status below 100", BYTES("HTTP/1.1 099 OK\r\n\r\n"), {0}, 0, KEEPS, HTTP_BAD_RESPONSE, 0, false, false},
    {"a switch of protocols", BYTES("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw"), {0}, 0, KEEPS, HTTP_BAD_RESPONSE, 0, false, false},
    /* too much */
    {"a flood of interim responses", {"", 0}, BYTES("HTTP/1.1 100 Continue\r\n\r\n"), 5000, CLOSES, HTTP_BAD_RESPONSE, 0, false, false},
    {"nine interim responses", {"", 0}, BYTES("HTTP/1.1 102 Processing\r\n\r\n"), 9, KEEPS, HTTP_BAD_RESPONSE, 0, false, false},
    {"an endless status line", BYTES("HTTP/1.1 200 "), BYTES("OK"), 20000, CLOSES, HTTP_BAD_RESPONSE, 0, false, false},
    {"an endless header name", BYTES(HEAD), BYTES("nn"), 20000, CLOSES, HTTP_BAD_RESPONSE, 0, false, false},
    {"an endless header value", BYTES(HEAD "X: "), BYTES("vv"), 20000, CLOSES, HTTP_BAD_RESPONSE, 0, false, false},
    {"endless blanks before a value", BYTES(HEAD "X:"), BYTES("  "), 20000, CLOSES, HTTP_BAD_RESPONSE, 0, false, false},
    {"more than 100 headers", BYTES(HEAD), BYTES("a:\r\n"), 101, KEEPS, HTTP_BAD_RESPONSE, 0, false, false},
    {"endless line ends before the head", {"", 0}, BYTES("\r\n\r\n"), 20000, CLOSES, HTTP_BAD_RESPONSE, 0, false, false},
    {"an endless body up to the end", BYTES(HEAD "\r\n"), BYTES("0123456789abcdef"), 200000, CLOSES, HTTP_ANSWERED, 200, true, false},
    {"a body longer than the excerpt", BYTES(HEAD "Content-Length: 3200000\r\n\r\n"), BYTES("0123456789abcdef"), 200000, KEEPS, HTTP_ANSWERED, 200, true, false},
    {"endless chunks", BYTES(HEAD "Transfer-Encoding: chunked\r\n\r\n"), BYTES("10\r\n0123456789abcdef\r\n"), 200000, CLOSES, HTTP_ANSWERED, 200, true, false},
    {"a flood of chunk extensions", BYTES(HEAD "Transfer-Encoding: chunked\r\n\r\n1;"), BYTES("eeee"), 20000, CLOSES, HTTP_ANSWERED, 200, true, false},
    {"a flood of trailers", BYTES(HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n"), BYTES("T: t\r\n"), 20000, CLOSES, HTTP_ANSWERED, 200, true, false},
    {"a malformed chunk", BYTES(HEAD "Transfer-Encoding: chunked\r\n\r\nxyz\r\n"), {0}, 0, KEEPS, HTTP_ANSWERED, 200, true, false},
    {"a chunk longer than its size", BYTES(HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n"), {0}, 0, KEEPS, HTTP_ANSWERED, 200, true, false},
    /* too slow */
    {"silence", {"", 0}, {0}, 0, KEEPS, HTTP_TIMED_OUT, 0, false, false},
    {"silence after an interim response", BYTES("HTTP/1.1 100 Continue\r\n\r\n"), {0}, 0, KEEPS, HTTP_TIMED_OUT, 0, false, false},
    {"silence within the head", BYTES("HTTP/1.1 200 OK\r\nX: "), {0}, 0, KEEPS, HTTP_TIMED_OUT, 0, false, false},
    {"a head that trickles", BYTES(HEAD "X: "), BYTES("v"), 100, TRICKLES, HTTP_TIMED_OUT, 0, false, false},
    {"interim responses that trickle", {"", 0}, BYTES("HTTP/1.1 100 Continue\r\n\r\n"), 8, KEEPS, HTTP_TIMED_OUT, 0, false, false},
    {"a body that trickles", BYTES(HEAD "Content-Length: 1000\r\n\r\n"), BYTES("b"), 100, TRICKLES, HTTP_ANSWERED, 200, true, false},
    {"a body that never comes", BYTES(HEAD "Content-Length: 1000\r\n\r\n"), {0}, 0, KEEPS, HTTP_ANSWERED, 200, true, false},
    {"a body whose connection stays open", BYTES(HEAD "\r\nok"), {0}, 0, KEEPS, HTTP_ANSWERED, 200, true, false},
    /* the end */
    {"a close instead of an answer", {"", 0}, {0}, 0, CLOSES, HTTP_NO_CONNECTION, 0, false, false},
    {"a reset instead of an answer", {"", 0}, {0}, 0, RESETS, HTTP_NO_CONNECTION, 0, false, false},
    {"a half-close instead of an answer", {"", 0}, {0}, 0, HALF_CLOSES, HTTP_NO_CONNECTION, 0, false, false},
    {"a close within the body", BYTES(HEAD "Content-Length: 9\r\n\r\nok"), {0}, 0, CLOSES, HTTP_ANSWERED, 200, true, false},
    {"a close within chunks", BYTES(HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"), {0}, 0, CLOSES, HTTP_ANSWERED, 200, true, false},
    {"a close after an interim response", BYTES("HTTP/1.1 100 Continue\r\n\r\n"), {0}, 0, CLOSES, HTTP_BAD_RESPONSE, 0, false, false},
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
    if (personality->ending == RESETS)
        receiver_reset_on_close(fd);
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
    if (personality->ending == HALF_CLOSES)
        usleep(20000); /* the end comes behind the answer */
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
    usleep(5000); /* a kept connection ends with its receiver */
    assert_int_equal(client_rig_stats(&rig).connections_idle, 0);
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
    static const char response[] = HEAD "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: t\r\n\r\n";
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
    struct CMUnitTest tests[ARRAY_LEN(table) + 1];
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct personality *copy = mem_alloc(sizeof(*copy));

        *copy = table[i];
        tests[count++] = (struct CMUnitTest){table[i].sentence, meet, NULL, NULL, copy};
    }
    tests[count++] = (struct CMUnitTest){"a response cut off at each byte, by a close and by a reset",
                                         every_cut_has_its_outcome, NULL, NULL, NULL};
    int failed = cmocka_run_group_tests_name("http/client hostile", tests, start, stop);
    for (size_t i = 0; i < count; i++)
        mem_free(tests[i].initial_state);
    return failed;
}
