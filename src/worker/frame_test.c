/* frame_test.c -- the laws of LGW/1's frames: however the bytes are cut, the same frames come out;
 * lengths add up exactly or the connection ends. */
#include "base/test.h"

#include "base/mem.h"
#include "worker/frame.h"

#define HEADER_MAX (8 * MIB) /* of frame.c */

/* What came out of a reader, as text: "type#id{header}[blob][blob]\n" per frame. */
struct sink {
    struct buf text;
    size_t frames;
    size_t stop_after; /* 0: never */
};

static bool on_frame(void *context, const struct frame *frame)
{
    struct sink *sink = context;

    buf_addf(&sink->text, "%.*s#%lld", STR_ARG(frame->type), (long long)frame->id);
    buf_add(&sink->text, frame->header_text);
    for (size_t i = 0; i < frame->blob_count; i++) {
        buf_add_char(&sink->text, '[');
        buf_add(&sink->text, frame->blobs[i]);
        buf_add_char(&sink->text, ']');
    }
    buf_add_char(&sink->text, '\n');
    sink->frames++;
    return sink->frames != sink->stop_after;
}

struct fixture {
    struct arena arena;
    struct frame_reader reader;
    struct sink sink;
    const char *why;
};

static int setup(void **state)
{
    struct fixture *f = MEM_NEW(struct fixture);

    arena_init(&f->arena);
    frame_reader_init(&f->reader);
    buf_init(&f->sink.text, 256 * MIB);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    frame_reader_release(&f->reader);
    buf_release(&f->sink.text);
    arena_release(&f->arena);
    mem_free(f);
    return 0;
}

/* A reader and a sink as new. */
static void restart(struct fixture *f)
{
    frame_reader_release(&f->reader);
    frame_reader_init(&f->reader);
    buf_clear(&f->sink.text);
    f->sink.frames = 0;
}

static enum err feed(struct fixture *f, struct str bytes)
{
    return frame_reader_feed(&f->reader, bytes, on_frame, &f->sink, &f->why);
}

/* Each piece is a copy of its own, so that a reader that looks behind it is caught. */
static enum err feed_in_steps(struct fixture *f, struct str bytes, size_t step)
{
    enum err err = OK;

    while (!err && bytes.len > 0) {
        struct str piece = str_first(bytes, step);
        char *copy = mem_alloc(piece.len);

        memcpy(copy, piece.data, piece.len);
        err = feed(f, str_range(copy, piece.len));
        mem_free(copy);
        bytes = str_from(bytes, piece.len);
    }
    return err;
}

static void put_u32(struct buf *out, size_t value)
{
    for (int i = 0; i < 4; i++)
        buf_add_char(out, (char)(value >> (8 * i) & 0xff));
}

/* A frame with these two lengths, be they right or wrong. */
static struct str frame_of(struct fixture *f, size_t frame_bytes, size_t header_bytes,
                           struct str rest)
{
    struct str copy;
    struct buf out;

    buf_init(&out, 2 * FRAME_BYTES_MAX);
    put_u32(&out, frame_bytes);
    put_u32(&out, header_bytes);
    buf_add(&out, rest);
    copy = arena_str(&f->arena, buf_str(&out));
    buf_release(&out);
    return copy;
}

/* A frame whose own lengths are right. */
static struct str frame_with(struct fixture *f, struct str header, struct str blobs)
{
    struct str rest = arena_concat(&f->arena, (struct str[]){header, blobs}, 2);

    return frame_of(f, 4 + rest.len, header.len, rest);
}

/* ---- reading ---- */

static struct str three_frames(struct fixture *f)
{
    struct str frames[] = {
        frame_with(f, STR("{\"t\":\"ping\",\"id\":7}"), STR("")),
        frame_with(f, STR("{\"t\":\"run.event\",\"blobs\":[3,0,2]}"), STR("abc\0d")),
        frame_with(f, STR("{\"t\":\"x\"}"), STR("")),
    };

    return arena_concat(&f->arena, frames, ARRAY_LEN(frames));
}

static const char three_texts[] = "ping#7{\"t\":\"ping\",\"id\":7}\n"
                                  "run.event#0{\"t\":\"run.event\",\"blobs\":[3,0,2]}[abc][][\0d]\n"
                                  "x#0{\"t\":\"x\"}\n";

static void assert_three(const struct fixture *f)
{
    assert_int_equal(f->sink.text.len, sizeof(three_texts) - 1);
    assert_memory_equal(f->sink.text.data, three_texts, sizeof(three_texts) - 1);
}

static void frames_are_read_however_they_are_cut(void **state)
{
    struct fixture *f = *state;
    struct str bytes = three_frames(f);

    for (size_t step = 1; step <= bytes.len; step++) {
        restart(f);
        assert_int_equal(feed_in_steps(f, bytes, step), OK);
        assert_three(f);
    }
    for (size_t cut = 0; cut <= bytes.len; cut++) {
        restart(f);
        assert_int_equal(feed(f, str_first(bytes, cut)), OK);
        assert_int_equal(feed(f, str_from(bytes, cut)), OK);
        assert_three(f);
    }
}

static void half_a_frame_is_nothing(void **state)
{
    struct fixture *f = *state;
    struct str bytes = frame_with(f, STR("{\"t\":\"a\",\"blobs\":[1]}"), STR("b"));

    for (size_t len = 0; len < bytes.len; len++) {
        restart(f);
        assert_int_equal(feed(f, str_first(bytes, len)), OK);
        assert_int_equal(f->sink.frames, 0);
    }
    assert_int_equal(feed(f, str_from(bytes, bytes.len - 1)), OK);
    assert_int_equal(f->sink.frames, 1);
}

static void whoever_has_enough_gets_no_more(void **state)
{
    struct fixture *f = *state;

    f->sink.stop_after = 2;
    assert_int_equal(feed(f, three_frames(f)), OK);
    assert_int_equal(f->sink.frames, 2);
}

static void ids_are_numbers_or_nothing(void **state)
{
    static const struct {
        const char *header;
        int64_t id;
    } cases[] = {
        {"{\"t\":\"a\"}", 0},
        {"{\"t\":\"a\",\"id\":1}", 1},
        {"{\"t\":\"a\",\"id\":9007199254740993}", INT64_C(9007199254740993)},
        {"{\"t\":\"a\",\"id\":\"7\"}", 0},
        {"{\"t\":\"a\",\"id\":null}", 0},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char expected[128];

        snprintf(expected, sizeof(expected), "a#%lld%s\n", (long long)cases[i].id, cases[i].header);
        restart(f);
        assert_int_equal(feed(f, frame_with(f, str_of(cases[i].header), STR(""))), OK);
        ASSERT_STR(buf_str(&f->sink.text), expected);
    }
}

static bool look_at_blobs(void *context, const struct frame *frame)
{
    *(bool *)context = true;
    ASSERT_STR(frame_blob(frame, 0), "ab");
    ASSERT_STR(frame_blob(frame, 1), "");
    ASSERT_STR(frame_blob(frame, 2), NULL);
    ASSERT_STR(frame_blob(frame, -1), NULL);
    ASSERT_STR(frame_blob(frame, INT64_MIN), NULL);
    ASSERT_STR(frame_blob(frame, INT64_MAX), NULL);
    ASSERT_STR(frame_blob_at(frame, "first"), "ab");
    ASSERT_STR(frame_blob_at(frame, "second"), "");
    ASSERT_STR(frame_blob_at(frame, "third"), NULL);
    ASSERT_STR(frame_blob_at(frame, "absent"), NULL);
    ASSERT_STR(frame_blob_at(frame, "text"), NULL);
    ASSERT_STR(frame_blob_at(frame, "below"), NULL);
    return true;
}

static void blobs_that_are_not_there_are_none(void **state)
{
    struct fixture *f = *state;
    bool looked = false;
    struct str bytes = frame_with(f,
                                  STR("{\"t\":\"a\",\"first\":0,\"second\":1,\"third\":2,"
                                      "\"text\":\"0\",\"below\":-1,\"blobs\":[2,0]}"),
                                  STR("ab"));

    assert_int_equal(frame_reader_feed(&f->reader, bytes, look_at_blobs, &looked, &f->why), OK);
    assert_true(looked);
}

/* ---- refusing ---- */

struct bad_frame {
    size_t frame_bytes, header_bytes; /* SIZE_MAX: the right one */
    const char *header, *blobs;
    const char *why; /* a part of it */
};

static const struct bad_frame bad_frames[] = {
    {0, 0, "", "", "between 4 bytes and 64 MiB"},
    {3, 0, "", "", "between 4 bytes and 64 MiB"},
    {FRAME_BYTES_MAX + 1, 0, "", "", "between 4 bytes and 64 MiB"},
    {UINT32_MAX, 0, "", "", "between 4 bytes and 64 MiB"},
    {4, 0, "", "", "not a JSON object"},
    {4, 1, "", "", "longer than its frame"},
    {13, 10, "{\"t\":\"a\"}", "", "longer than its frame"},
    {13, UINT32_MAX, "{\"t\":\"a\"}", "", "longer than its frame"},
    {SIZE_MAX, 8, "{\"t\":\"a\"}", "", "not a JSON object"},
    {SIZE_MAX, SIZE_MAX, "[]", "", "not a JSON object"},
    {SIZE_MAX, SIZE_MAX, "{\"t\":\"a\"", "", "not a JSON object"},
    {SIZE_MAX, SIZE_MAX, "{\"t\":\"a\"} {", "", "not a JSON object"},
    {SIZE_MAX, SIZE_MAX, "{\"t\":\"\xff\"}", "", "not a JSON object"},
    {SIZE_MAX, SIZE_MAX, "{}", "", "no type"},
    {SIZE_MAX, SIZE_MAX, "{\"t\":\"\"}", "", "no type"},
    {SIZE_MAX, SIZE_MAX, "{\"t\":5}", "", "no type"},
    {SIZE_MAX, SIZE_MAX, "{\"t\":null}", "", "no type"},
    {SIZE_MAX, SIZE_MAX, "{\"t\":\"a\",\"blobs\":3}", "abc", "not an array"},
    {SIZE_MAX, SIZE_MAX, "{\"t\":\"a\",\"blobs\":{\"a\":3}}", "abc", "not an array"},
    {SIZE_MAX, SIZE_MAX, "{\"t\":\"a\",\"blobs\":null}", "", "not an array"},
    {SIZE_MAX, SIZE_MAX, "{\"t\":\"a\"}", "b", "left behind"},
    {SIZE_MAX, SIZE_MAX, "{\"t\":\"a\",\"blobs\":[]}", "b", "left behind"},
    {SIZE_MAX, SIZE_MAX, "{\"t\":\"a\",\"blobs\":[1,1]}", "bcd", "left behind"},
    {SIZE_MAX, SIZE_MAX, "{\"t\":\"a\",\"blobs\":[2,2]}", "bcd", "do not add up"},
    {SIZE_MAX, SIZE_MAX, "{\"t\":\"a\",\"blobs\":[-1,4]}", "bcd", "do not add up"},
    {SIZE_MAX, SIZE_MAX, "{\"t\":\"a\",\"blobs\":[\"3\"]}", "bcd", "do not add up"},
    {SIZE_MAX, SIZE_MAX, "{\"t\":\"a\",\"blobs\":[2.5]}", "bcd", "do not add up"},
    {SIZE_MAX, SIZE_MAX, "{\"t\":\"a\",\"blobs\":[null]}", "", "do not add up"},
    {SIZE_MAX, SIZE_MAX, "{\"t\":\"a\",\"blobs\":[9223372036854775807,1]}", "", "do not add up"},
    {SIZE_MAX, SIZE_MAX, "{\"t\":\"a\",\"blobs\":[18446744073709551615,1]}", "", "do not add up"},
};

static struct str bad_bytes(struct fixture *f, const struct bad_frame *bad)
{
    struct str rest =
        arena_concat(&f->arena, (struct str[]){str_of(bad->header), str_of(bad->blobs)}, 2);

    return frame_of(f, bad->frame_bytes == SIZE_MAX ? 4 + rest.len : bad->frame_bytes,
                    bad->header_bytes == SIZE_MAX ? strlen(bad->header) : bad->header_bytes, rest);
}

static void lengths_add_up_or_the_connection_ends(void **state)
{
    struct fixture *f = *state;
    struct str good = frame_with(f, STR("{\"t\":\"good\"}"), STR(""));

    for (size_t i = 0; i < ARRAY_LEN(bad_frames); i++) {
        struct str parts[] = {good, bad_bytes(f, &bad_frames[i]), good};
        struct str bytes = arena_concat(&f->arena, parts, ARRAY_LEN(parts));

        for (size_t step = 1; step <= bytes.len; step++) {
            restart(f);
            if (feed_in_steps(f, bytes, step) != ERR_INVALID)
                fail_msg("%s was taken", bad_frames[i].header);
            if (!str_contains(str_of(f->why), str_of(bad_frames[i].why)))
                fail_msg("%s: \"%s\"", bad_frames[i].header, f->why);
            assert_int_equal(f->sink.frames, 1);
        }
    }
}

static void a_bad_length_is_seen_before_what_it_announces(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(feed(f, STR("\x01\x00\x00")), OK);
    assert_int_equal(feed(f, STR("\x04")), ERR_INVALID); /* 64 MiB + 1 */
    restart(f);
    assert_int_equal(feed(f, STR("\x00\x00\x00\x04")), OK); /* 64 MiB */
    assert_true(f->reader.bytes.cap < KIB);                 /* nothing is set aside on its word */
}

/* A header of `len` bytes. */
static struct str header_of(struct fixture *f, size_t len)
{
    char *text = arena_alloc(&f->arena, len);

    memset(text, ' ', len);
    memcpy(text, "{\"t\":\"a\"}", 9);
    return str_range(text, len);
}

static void headers_have_a_limit(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(feed(f, frame_with(f, header_of(f, HEADER_MAX), STR(""))), OK);
    assert_int_equal(f->sink.frames, 1);
    assert_int_equal(feed(f, frame_with(f, header_of(f, HEADER_MAX + 1), STR(""))), ERR_INVALID);
    assert_int_equal(f->sink.frames, 1);
}

static struct str frame_of_empty_blobs(struct fixture *f, size_t count)
{
    struct str text;
    struct buf out;

    buf_init(&out, MIB);
    buf_add_cstr(&out, "{\"t\":\"a\",\"blobs\":[0");
    for (size_t i = 1; i < count; i++)
        buf_add_cstr(&out, ",0");
    buf_add_cstr(&out, "]}");
    text = frame_with(f, buf_str(&out), STR(""));
    buf_release(&out);
    return text;
}

static void blobs_have_a_number_that_is_bounded(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(feed(f, frame_of_empty_blobs(f, FRAME_BLOBS_MAX)), OK);
    assert_int_equal(f->sink.frames, 1);
    assert_int_equal(feed(f, frame_of_empty_blobs(f, FRAME_BLOBS_MAX + 1)), ERR_INVALID);
    assert_int_equal(f->sink.frames, 1);
}

/* ---- large frames ---- */

struct large_sink {
    size_t frames;
    size_t blob_bytes;
};

static bool on_large(void *context, const struct frame *frame)
{
    struct large_sink *sink = context;

    sink->frames++;
    sink->blob_bytes += frame_blob(frame, 0).len;
    return true;
}

#define LARGEST_BLOB ((size_t)67108828)

/* The largest frame there is, then a small one. */
static struct str largest_and_small(struct fixture *f)
{
    struct str header = STR("{\"t\":\"large\",\"blobs\":[67108828]}");
    char *blob = arena_alloc_zero(&f->arena, LARGEST_BLOB);
    struct str frames[] = {frame_with(f, header, str_range(blob, LARGEST_BLOB)),
                           frame_with(f, STR("{\"t\":\"small\"}"), STR(""))};

    assert_int_equal(frames[0].len, 4 + FRAME_BYTES_MAX);
    return arena_concat(&f->arena, frames, ARRAY_LEN(frames));
}

static void the_largest_frame_and_the_next_come_in_any_pieces(void **state)
{
    static const size_t steps[] = {64 * KIB, 1000003, SIZE_MAX};
    struct fixture *f = *state;
    struct str bytes = largest_and_small(f);

    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct large_sink sink = {0};
        enum err err = OK;

        for (struct str rest = bytes; !err && rest.len > 0; rest = str_from(rest, steps[i]))
            err =
                frame_reader_feed(&f->reader, str_first(rest, steps[i]), on_large, &sink, &f->why);
        assert_int_equal(err, OK);
        assert_int_equal(sink.frames, 2);
        assert_int_equal(sink.blob_bytes, LARGEST_BLOB);
    }
}

static void the_memory_of_a_large_frame_is_given_back(void **state)
{
    struct fixture *f = *state;
    size_t len = 3 * MIB;
    char *blob = arena_alloc_zero(&f->arena, len);
    struct str bytes =
        frame_with(f, STR("{\"t\":\"a\",\"blobs\":[3145728]}"), str_range(blob, len));

    assert_int_equal(feed_in_steps(f, bytes, 64 * KIB), OK);
    assert_int_equal(f->sink.frames, 1);
    assert_true(f->reader.bytes.cap <= MIB);
}

#define CASE(sentence, function)                                                                   \
    {                                                                                              \
        (sentence), (function), setup, teardown, NULL                                              \
    }

static const struct CMUnitTest tests[] = {
    CASE("however the bytes are cut, the same frames are read",
         frames_are_read_however_they_are_cut),
    CASE("half a frame is nothing yet", half_a_frame_is_nothing),
    CASE("whoever has had enough gets no more frames", whoever_has_enough_gets_no_more),
    CASE("an id is a number or nothing", ids_are_numbers_or_nothing),
    CASE("a blob that is not there is none", blobs_that_are_not_there_are_none),
    CASE("lengths add up, or the connection ends", lengths_add_up_or_the_connection_ends),
    CASE("a bad length is refused before what it announces",
         a_bad_length_is_seen_before_what_it_announces),
    CASE("a header has a limit of its own", headers_have_a_limit),
    CASE("the number of blobs is bounded", blobs_have_a_number_that_is_bounded),
    CASE("the largest frame and the one behind it come in any pieces",
         the_largest_frame_and_the_next_come_in_any_pieces),
    CASE("the memory of a large frame is given back", the_memory_of_a_large_frame_is_given_back),
};

int main(void)
{
    return RUN_TESTS(tests);
}
