/* sse_test.c -- events written, and read in any pieces. */
#include "base/test.h"
#include "format/sse.h"

static void frame(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    sse_write(&out, &(struct sse_event){STR("values"), STR("{\"a\":1}"), STR("3")});
    ASSERT_STR(buf_str(&out), "event: values\ndata: {\"a\":1}\nid: 3\n\n");
    buf_clear(&out);
    sse_write(&out, &(struct sse_event){STR("values|a:b"), STR("1"), STR_NONE});
    ASSERT_STR(buf_str(&out), "event: values|a:b\ndata: 1\n\n");
    buf_clear(&out);
    sse_write_heartbeat(&out);
    ASSERT_STR(buf_str(&out), ": heartbeat\n");
    buf_release(&out);
}

static void no_forgery(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    sse_write(&out, &(struct sse_event){STR("a\r\ndata: x\n"), STR("{\r\n\"a\":\n1}\xe2\x80\xa8"),
                                        STR("1\n\nevent: y\0z")});
    ASSERT_STR(buf_str(&out),
               "event: adata: x\ndata: {  \"a\": 1}\xe2\x80\xa8\nid: 1event: yz\n\n");
    buf_release(&out);
}

static const char stream[] = "\xef\xbb\xbf: hello\r\n\r\nevent: a\rdata: 1\rid: 7\r\r"
                             "data:2\n:heartbeat\ndata: \nignored: x\n\n"
                             "event: none\n\ndata: \xe2\x80\xa8\r\nid: 8\0\r\nretry: 5\r\n\r\n"
                             "data\n\nevent: b\r\ndata: 3\r\ndata: 4\r\n\r\ndata: cut";

/* Whatever the pieces, the events are these. */
static void read_in_pieces(size_t piece_bytes)
{
    static const char *const expected[][3] = {{"a", "1", "7"},
                                              {"", "2\n", "7"},
                                              {"", "\xe2\x80\xa8", "7"},
                                              {"", "", "7"},
                                              {"b", "3\n4", "7"}};
    struct sse_reader r;
    struct sse_event event;
    size_t count = 0;

    sse_reader_init(&r, 100);
    for (size_t at = 0; at < sizeof(stream) - 1; at += piece_bytes) {
        struct str all = str_range(stream, sizeof(stream) - 1);
        struct str input = str_first(str_from(all, at), piece_bytes);
        while (sse_reader_next(&r, &input, &event) == OK) {
            assert_true(count < ARRAY_LEN(expected));
            ASSERT_STR(event.event, expected[count][0]);
            ASSERT_STR(event.data, expected[count][1]);
            ASSERT_STR(event.id, expected[count][2]);
            count++;
        }
        assert_int_equal(input.len, 0);
    }
    assert_int_equal(count, ARRAY_LEN(expected));
    assert_int_equal(r.comment_count, 2);
    sse_reader_release(&r);
}

static void any_pieces(void **state)
{
    (void)state;
    for (size_t piece = 1; piece <= sizeof(stream); piece++)
        read_in_pieces(piece);
}

static void limit(void **state)
{
    static const char *const cases[] = {"data: 123456789\n",
                                        "data: 1\ndata: 2\ndata: 3\ndata: 4\ndata: 5\ndata: 6\n",
                                        ":12345678901"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str input = str_of(cases[i]);
        struct sse_reader r;
        struct sse_event event;
        sse_reader_init(&r, 10);
        assert_int_equal(sse_reader_next(&r, &input, &event), ERR_LIMIT);
        sse_reader_release(&r);
    }
}

static void retry(void **state)
{
    struct str input = STR("retry: 250\nretry: x\nretry: -1\nretry:\n\n");
    struct sse_reader reader;
    struct sse_event event;

    (void)state;
    sse_reader_init(&reader, 100);
    assert_int_equal(reader.retry_ms, -1);
    assert_int_equal(sse_reader_next(&reader, &input, &event), ERR_AGAIN);
    assert_int_equal(reader.retry_ms, 250);
    sse_reader_release(&reader);
}

static const struct CMUnitTest tests[] = {
    TEST("an event is event, data, id and a blank line", frame),
    TEST("no name, id or data can begin a line of its own", no_forgery),
    TEST("the events are the same in whatever pieces they come", any_pieces),
    TEST("lines and events have a maximum", limit),
    TEST("when to come back is a number of milliseconds, or not said", retry),
};

int main(void)
{
    return RUN_TESTS(tests);
}
