/* server_hostile_test.c -- a table of requests that are wrong, ambiguous or too much. After each
 * the connection must be closed, whatever else was in the same packet must not be served, and the
 * server must still work. */
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "http/server_rig.h"

#define POST "POST /echo HTTP/1.1\r\nHost: x\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
/* Would be answered "smuggled" if it were taken for a request. */
#define NEXT "GET /where?smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

struct hostile {
    const char *sentence;
    struct str request;
    const char *status; /* how the answer begins; NULL: none */
};

#define BYTES(literal)                                                                             \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }

static const struct hostile table[] = {
    /* smuggling */
    {"a length and chunks together are refused",
     BYTES(POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"chunks and a length together are refused",
     BYTES(POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"two lengths are refused",
     BYTES(POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc" NEXT), "HTTP/1.1 400"},
    {"two equal lengths are refused",
     BYTES(POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc" NEXT), "HTTP/1.1 400"},
    {"a list of lengths is refused", BYTES(POST "Content-Length: 3, 3\r\n\r\nabc" NEXT),
     "HTTP/1.1 400"},
    {"a signed length is refused", BYTES(POST "Content-Length: +3\r\n\r\nabc" NEXT),
     "HTTP/1.1 400"},
    {"a negative length is refused", BYTES(POST "Content-Length: -3\r\n\r\nabc" NEXT),
     "HTTP/1.1 400"},
    {"a hexadecimal length is refused", BYTES(POST "Content-Length: 0x3\r\n\r\nabc" NEXT),
     "HTTP/1.1 400"},
    {"an empty length is refused", BYTES(POST "Content-Length:\r\n\r\n" NEXT), "HTTP/1.1 400"},
    {"a length beyond 64 bits is refused",
     BYTES(POST "Content-Length: 18446744073709551619\r\n\r\nabc" NEXT), "HTTP/1.1 400"},
    {"a length with blanks inside is refused", BYTES(POST "Content-Length: 3 3\r\n\r\nabc" NEXT),
     "HTTP/1.1 400"},
    {"two transfer codings in two lines are refused",
     BYTES(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT),
     "HTTP/1.1 4"},
    {"two transfer codings of which one is chunked are refused",
     BYTES(POST "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"an unknown transfer coding gets 501",
     BYTES(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" NEXT), "HTTP/1.1 501"},
    {"a transfer coding without chunks gets 501",
     BYTES(POST "Transfer-Encoding: gzip\r\n\r\nabc" NEXT), "HTTP/1.1 501"},
    {"identity as a transfer coding gets 501",
     BYTES(POST "Transfer-Encoding: identity\r\n\r\n" NEXT), "HTTP/1.1 501"},
    {"chunks that are not last are refused",
     BYTES(POST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n" NEXT), "HTTP/1.1 400"},
    {"a coding that only looks chunked gets 501",
     BYTES(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" NEXT), "HTTP/1.1 501"},
    {"a quoted coding gets 501", BYTES(POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n" NEXT),
     "HTTP/1.1 501"},
    {"chunks in HTTP/1.0 are refused",
     BYTES("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"a folded header is refused", BYTES(POST "X: a\r\n b\r\n\r\n" NEXT), "HTTP/1.1 400"},
    {"a folded header with a tab is refused", BYTES(POST "X: a\r\n\tb\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"a blank before the colon is refused", BYTES(POST "Content-Length : 3\r\n\r\nabc" NEXT),
     "HTTP/1.1 400"},
    {"a blank before the first header is refused", BYTES("GET / HTTP/1.1\r\n Host: x\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"a header without a colon is refused", BYTES(POST "Nonsense\r\n\r\n" NEXT), "HTTP/1.1 400"},
    {"a header without a name is refused", BYTES(POST ": x\r\n\r\n" NEXT), "HTTP/1.1 400"},
    /* line ends and bytes */
    {"bare line feeds are refused", BYTES("GET /echo HTTP/1.1\nHost: x\n\n" NEXT), "HTTP/1.1 400"},
    {"a bare line feed in a header is refused",
     BYTES("GET /echo HTTP/1.1\r\nHost: x\nX: y\r\n\r\n" NEXT), "HTTP/1.1 400"},
    {"a bare line feed at the end of the head is refused",
     BYTES("GET /echo HTTP/1.1\r\nHost: x\r\n\n" NEXT), "HTTP/1.1 400"},
    {"a bare carriage return in a header is refused",
     BYTES("GET /echo HTTP/1.1\r\nHost: x\rX: y\r\n\r\n" NEXT), "HTTP/1.1 400"},
    {"a NUL in a header is refused", BYTES("GET /echo HTTP/1.1\r\nHost: x\0y\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"a NUL in a name is refused", BYTES("GET /echo HTTP/1.1\r\nHo\0st: x\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"a control byte in a header is refused",
     BYTES("GET /echo HTTP/1.1\r\nHost: x\001\r\n\r\n" NEXT), "HTTP/1.1 400"},
    {"a NUL in the target is refused", BYTES("GET /e\0cho HTTP/1.1\r\nHost: x\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"a byte beyond ASCII in the target is refused",
     BYTES("GET /\303\244 HTTP/1.1\r\nHost: x\r\n\r\n" NEXT), "HTTP/1.1 400"},
    /* chunks */
    {"a bare line feed after a chunk size is refused", BYTES(CHUNKED "3\nabc\r\n0\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"a blank after a chunk size is refused", BYTES(CHUNKED "3 \r\nabc\r\n0\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"a prefixed chunk size is refused", BYTES(CHUNKED "0x3\r\nabc\r\n0\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"a negative chunk size is refused", BYTES(CHUNKED "-3\r\nabc\r\n0\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"a chunk size beyond 64 bits is refused",
     BYTES(CHUNKED "10000000000000003\r\nabc\r\n0\r\n\r\n" NEXT), "HTTP/1.1 400"},
    {"an empty chunk size is refused", BYTES(CHUNKED "\r\nabc\r\n0\r\n\r\n" NEXT), "HTTP/1.1 400"},
    {"a chunk longer than its size is refused", BYTES(CHUNKED "3\r\nabcd\r\n0\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"a chunk without its line end is refused", BYTES(CHUNKED "3\r\nabc0\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"a line feed in a chunk extension is refused",
     BYTES(CHUNKED "3;a\nb\r\nabc\r\n0\r\n\r\n" NEXT), "HTTP/1.1 400"},
    {"a folded trailer is refused", BYTES(CHUNKED "0\r\nT: a\r\n b\r\n\r\n" NEXT), "HTTP/1.1 400"},
    {"a length as a trailer changes nothing",
     BYTES(CHUNKED "1\r\na\r\n0\r\nX: 5\r\n\r\nnonsense" NEXT), "HTTP/1.1 200"},
    /* the request line */
    {"HTTP/0.9 is refused", BYTES("GET /echo\r\n\r\n" NEXT), "HTTP/1.1 505"},
    {"HTTP/2 in clear is refused", BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "HTTP/1.1 400"},
    {"another major version is refused", BYTES("GET /echo HTTP/2.0\r\nHost: x\r\n\r\n" NEXT),
     "HTTP/1.1 505"},
    {"an unknown version is refused", BYTES("GET /echo HTTP/1.7\r\nHost: x\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"another protocol is refused", BYTES("GET /echo ICE/1.0\r\nHost: x\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"an unknown method is refused", BYTES("SMUGGLE /echo HTTP/1.1\r\nHost: x\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"a method in lower case is refused", BYTES("get /echo HTTP/1.1\r\nHost: x\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"CONNECT is refused", BYTES("CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n" NEXT), "HTTP/1.1 501"},
    {"a relative target is refused", BYTES("GET echo HTTP/1.1\r\nHost: x\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"an asterisk is refused but for OPTIONS", BYTES("GET * HTTP/1.1\r\nHost: x\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"a fragment in the target is refused", BYTES("GET /echo#x HTTP/1.1\r\nHost: x\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"a target without a version's blank is refused",
     BYTES("GET /echo HTTP/1.1 \r\nHost: x\r\n\r\n" NEXT), "HTTP/1.1 400"},
    {"a TLS hello on the plain port is refused",
     BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), "HTTP/1.1 400"},
    {"garbage is refused", BYTES("\xff\xfe\xfd\xfc garbage\r\n\r\n" NEXT), "HTTP/1.1 400"},
    /* Host and Expect */
    {"HTTP/1.1 without Host is refused", BYTES("GET /echo HTTP/1.1\r\n\r\n" NEXT), "HTTP/1.1 400"},
    {"two Hosts are refused", BYTES("GET /echo HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" NEXT),
     "HTTP/1.1 400"},
    {"an unknown expectation gets 417",
     BYTES(POST "Expect: miracles\r\nContent-Length: 3\r\n\r\nabc" NEXT), "HTTP/1.1 417"},
    /* too much */
    {"a body announced beyond the limit gets 413", BYTES(POST "Content-Length: 70000\r\n\r\n" NEXT),
     "HTTP/1.1 413"},
    {"a body beyond the limit of its route gets 413",
     BYTES("POST /tiny HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n12345678901" NEXT),
     "HTTP/1.1 413"},
    {"one byte beyond the limit in chunks gets 413",
     BYTES("POST /tiny HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
           "b\r\n12345678901\r\n0\r\n\r\n" NEXT),
     "HTTP/1.1 413"},
    {"chunks beyond the limit of their route get 413",
     BYTES("POST /tiny HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
           "chunked\r\n\r\n6\r\n123456\r\n6\r\n123456\r\n0\r\n\r\n" NEXT),
     "HTTP/1.1 413"},
};

static struct rig rig;

/* Whatever has come, the next one is served. */
static void is_well(void)
{
    int fd = rig_connect(&rig);

    rig_send(fd, STR(RIG_GET("/hello")));
    rig_read_until(fd, "hello");
    close(fd);
}

static void send_one(void **state)
{
    const struct hostile *hostile = *state;
    int fd = rig_connect(&rig);

    rig_send(fd, hostile->request);
    struct str answer = rig_read_all(fd, 500);
    rig_assert_status(answer, hostile->status);
    assert_false(str_contains(answer, STR("smuggled")));
    close(fd);
    is_well();
}

/* ---- too much of one thing: made, not written down ---- */

struct flood {
    const char *sentence;
    const char *start;
    const char *repeated;
    size_t times;
    const char *status;
};

static const struct flood floods[] = {
    {"an endless target gets 414", "GET /", "a", 5000, "HTTP/1.1 414"},
    {"an endless method is refused", "G", "G", 5000, "HTTP/1.1 400"},
    {"an endless header name gets 431", "GET / HTTP/1.1\r\n", "n", 5000, "HTTP/1.1 431"},
    {"an endless header value gets 431", "GET / HTTP/1.1\r\nX: ", "v", 5000, "HTTP/1.1 431"},
    {"endless blanks before a value get 431", "GET / HTTP/1.1\r\nX:", " ", 5000, "HTTP/1.1 431"},
    {"endless headers get 431", "GET / HTTP/1.1\r\n", "X: y\r\n", 1000, "HTTP/1.1 431"},
    {"more than 100 headers get 431", "GET / HTTP/1.1\r\n", "a:\r\n", 101, "HTTP/1.1 431"},
    {"endless line ends before a request get 414", "\r\n", "\r\n", 5000, "HTTP/1.1 414"},
    {"an endless chunk extension is refused", CHUNKED "1;", "e", 9000, "HTTP/1.1 400"},
    {"many chunk extensions are refused", CHUNKED, "1;eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\r\na\r\n",
     2000, "HTTP/1.1 400"},
    {"endless trailers are refused", CHUNKED "0\r\n", "T: t\r\n", 2000, "HTTP/1.1 400"},
    {"an endless trailer is refused", CHUNKED "0\r\nT: ", "t", 9000, "HTTP/1.1 400"},
    {"endless leading zeros of a chunk size are refused", CHUNKED, "0", 9000, "HTTP/1.1 400"},
    {"endless chunks get 413", CHUNKED, "10\r\n0123456789abcdef\r\n", 5000, "HTTP/1.1 413"},
};

static void send_flood(void **state)
{
    const struct flood *flood = *state;
    struct buf request;
    int fd = rig_connect(&rig);

    buf_init(&request, MIB);
    buf_add_cstr(&request, flood->start);
    for (size_t i = 0; i < flood->times; i++)
        buf_add_cstr(&request, flood->repeated);
    rig_send(fd, buf_str(&request));
    buf_release(&request);
    rig_assert_status(rig_read_all(fd, 500), flood->status);
    close(fd);
}

/* Wherever a request is cut off, by an end or a reset, nothing is served twice and nothing stays
 * behind. */
static void every_early_close_leaves_nothing(void **state)
{
    struct str request = STR("POST /count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
                             "chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");

    (void)state;
    for (size_t len = 0; len < request.len; len++) {
        int fd = rig_connect(&rig);

        rig_send(fd, str_first(request, len));
        close(fd);
    }
    for (int i = 0; i < 5000 && http_server_stats(rig.server).connections; i++)
        usleep(1000);
    assert_int_equal(http_server_stats(rig.server).connections, 0);
    assert_int_equal(atomic_load(&rig.aborts) > 0, 1);
}

/* The same request in every pair of packets gives the same answer. */
static void every_split_reads_the_same(void **state)
{
    struct str request =
        STR("POST /echo?q HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: x\r\n\r\n");

    (void)state;
    for (size_t len = 1; len < request.len; len++) {
        int fd = rig_connect(&rig);

        rig_send(fd, str_first(request, len));
        usleep(300);
        rig_send(fd, str_from(request, len));
        rig_read_until(fd, "\r\n\r\nabcde");
        close(fd);
    }
}

static int start(void **state)
{
    (void)state;
    rig = (struct rig){.limits = http_limits_default};
    rig.limits.header_bytes_max = 2 * KIB;
    rig.limits.body_bytes_max = 64 * KIB;
    rig_start(&rig);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    rig_stop(&rig);
    return 0;
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(table) + ARRAY_LEN(floods) + 2];
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct hostile *copy = mem_alloc(sizeof(*copy));

        *copy = table[i];
        tests[count++] = (struct CMUnitTest){table[i].sentence, send_one, NULL, NULL, copy};
    }
    for (size_t i = 0; i < ARRAY_LEN(floods); i++) {
        struct flood *copy = mem_alloc(sizeof(*copy));

        *copy = floods[i];
        tests[count++] = (struct CMUnitTest){floods[i].sentence, send_flood, NULL, NULL, copy};
    }
    tests[count++] = (struct CMUnitTest){"a request cut off anywhere leaves nothing behind",
                                         every_early_close_leaves_nothing, NULL, NULL, NULL};
    tests[count++] = (struct CMUnitTest){"a request split anywhere reads the same",
                                         every_split_reads_the_same, NULL, NULL, NULL};
    int failed = cmocka_run_group_tests_name("http/server hostile", tests, start, stop);
    for (size_t i = 0; i < count; i++)
        mem_free(tests[i].initial_state);
    return failed;
}
