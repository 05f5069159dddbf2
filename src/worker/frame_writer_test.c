/* frame_writer_test.c -- what is written is read again, and what is too large is refused. */
#include "base/test.h"

#include "worker/frame.h"

#define HEADER_MAX (8 * MIB) /* of frame.c */

/* One frame that was read, as text: header, then each blob in brackets. */
static bool on_frame(void *context, const struct frame *frame)
{
    struct buf *text = context;

    buf_add(text, frame->header_text);
    for (size_t i = 0; i < frame->blob_count; i++)
        buf_addf(text, "[%.*s]", STR_ARG(frame->blobs[i]));
    return true;
}

static int setup(void **state)
{
    static struct arena arena;

    arena_init(&arena);
    *state = &arena;
    return 0;
}

static int teardown(void **state)
{
    arena_release(*state);
    return 0;
}

/* Ends the frame and reads its parts, one by one. */
static struct str read_back(struct arena *arena, struct frame_writer *writer)
{
    struct frame_reader reader;
    struct str *parts = NULL;
    const char *why = NULL;
    struct str copy;
    struct buf text;
    size_t count = 0;

    buf_init(&text, MIB);
    frame_reader_init(&reader);
    assert_int_equal(frame_writer_end(writer, arena, &parts, &count), OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(frame_reader_feed(&reader, parts[i], on_frame, &text, &why), OK);
    frame_writer_release(writer);
    frame_reader_release(&reader);
    copy = arena_str(arena, buf_str(&text));
    buf_release(&text);
    return copy;
}

static void what_is_written_is_read(void **state)
{
    struct arena *arena = *state;
    struct frame_writer writer;

    frame_writer_begin(&writer, "ping");
    ASSERT_STR(read_back(arena, &writer), "{\"t\":\"ping\"}");
    frame_writer_begin(&writer, "run.start");
    json_put_str(&writer.json, "graph_id", STR("a\"b"));
    frame_writer_put_blob(&writer, "input", STR("{}"));
    frame_writer_put_blob(&writer, "command", STR_NONE);
    frame_writer_put_blob(&writer, "more", STR(""));
    assert_int_equal(frame_writer_blob(&writer, STR("x\n")), 2);
    ASSERT_STR(read_back(arena, &writer),
               "{\"t\":\"run.start\",\"graph_id\":\"a\\\"b\",\"input\":0,\"more\":1,"
               "\"blobs\":[2,0,2]}[{}][][x\n]");
}

static void as_many_blobs_as_the_reader_takes(void **state)
{
    struct arena *arena = *state;
    struct str *blobs = ARENA_ARRAY(arena, struct str, FRAME_BLOBS_MAX);
    struct frame_writer writer;

    for (size_t i = 0; i < FRAME_BLOBS_MAX; i++)
        blobs[i] = STR("z");
    frame_writer_begin(&writer, "reply");
    frame_writer_blobs(&writer, blobs, FRAME_BLOBS_MAX);
    assert_true(str_ends(read_back(arena, &writer), STR("[z][z][z]")));
}

/* Ends a frame of two blobs that has this size; the blobs' bytes are not looked at. */
static enum err end_of_size(struct arena *arena, size_t frame_bytes)
{
    size_t other = 4 + sizeof("{\"t\":\"a\",\"blobs\":[50000000,17108823]}") - 1;
    const struct str blobs[] = {{"", 50000000}, {"", frame_bytes - other - 50000000}};
    struct frame_writer writer;
    struct str *parts = NULL;
    size_t count = 0;
    enum err err;

    frame_writer_begin(&writer, "a");
    frame_writer_blobs(&writer, blobs, ARRAY_LEN(blobs));
    err = frame_writer_end(&writer, arena, &parts, &count);
    assert_int_equal(count, err ? 0 : 4);
    if (!err)
        assert_memory_equal(parts[0].data, "\x00\x00\x00\x04", 4); /* 64 MiB, to the byte */
    frame_writer_release(&writer);
    return err;
}

static void too_large_is_refused(void **state)
{
    struct arena *arena = *state;
    char *text = arena_alloc(arena, HEADER_MAX);
    struct frame_writer writer;
    struct str *parts = NULL;
    size_t count = 0;

    assert_int_equal(end_of_size(arena, FRAME_BYTES_MAX), OK);
    assert_int_equal(end_of_size(arena, FRAME_BYTES_MAX + 1), ERR_LIMIT);
    memset(text, 'x', HEADER_MAX);
    frame_writer_begin(&writer, "a");
    json_put_str(&writer.json, "text", str_range(text, HEADER_MAX));
    assert_int_equal(frame_writer_end(&writer, arena, &parts, &count), ERR_LIMIT);
    assert_null(parts);
    frame_writer_release(&writer);
}

#define CASE(sentence, function)                                                                   \
    {                                                                                              \
        (sentence), (function), setup, teardown, NULL                                              \
    }

static const struct CMUnitTest tests[] = {
    CASE("what is written is read", what_is_written_is_read),
    CASE("a frame takes as many blobs as its reader", as_many_blobs_as_the_reader_takes),
    CASE("what is too large is refused before it is sent", too_large_is_refused),
};

int main(void)
{
    return RUN_TESTS(tests);
}
