/* However the bytes are cut, the same frames and the same verdict come out; blobs lie inside what
 * was fed and add up; what is written of a frame is read again. The first byte says how to cut. */
#include "base/mem.h"
#include "worker/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sink {
    struct buf text;
    size_t frames;
};

static void write_frame(struct sink *sink, const struct frame *frame)
{
    buf_addf(&sink->text, "%.*s#%lld", STR_ARG(frame->type), (long long)frame->id);
    buf_add(&sink->text, frame->header_text);
    for (size_t i = 0; i < frame->blob_count; i++) {
        struct str blob = frame_blob(frame, (int64_t)i);

        REQUIRE(blob.data == frame->blobs[i].data);
        buf_addf(&sink->text, "[%zu]", blob.len);
        buf_add(&sink->text, blob);
    }
    REQUIRE(str_is_none(frame_blob(frame, (int64_t)frame->blob_count)));
}

static bool on_again(void *context, const struct frame *again)
{
    const struct frame **first = context;

    REQUIRE(str_eq(again->type, (*first)->type) && again->blob_count == (*first)->blob_count);
    for (size_t i = 0; i < again->blob_count; i++)
        REQUIRE(str_eq(again->blobs[i], (*first)->blobs[i]));
    *first = NULL;
    return true;
}

/* A frame of this type with these blobs, written and read. */
static void check_written(const struct frame *frame)
{
    const struct frame *first = frame;
    struct frame_reader reader;
    struct frame_writer writer;
    struct arena arena;
    struct str *parts;
    const char *why;
    size_t count;

    arena_init(&arena);
    frame_reader_init(&reader);
    frame_writer_begin(&writer, arena_cstr(&arena, frame->type));
    frame_writer_blobs(&writer, frame->blobs, frame->blob_count);
    REQUIRE(frame_writer_end(&writer, &arena, &parts, &count) == OK);
    for (size_t i = 0; i < count; i++)
        REQUIRE(frame_reader_feed(&reader, parts[i], on_again, &first, &why) == OK);
    REQUIRE(!first);
    frame_writer_release(&writer);
    frame_reader_release(&reader);
    arena_release(&arena);
}

static bool on_frame(void *context, const struct frame *frame)
{
    struct sink *sink = context;

    sink->frames++;
    write_frame(sink, frame);
    /* A type with a NUL in it is not what a C text can say. */
    if (frame->blob_count > 0 && !memchr(frame->type.data, '\0', frame->type.len))
        check_written(frame);
    return true;
}

/* Pieces of their own allocation, so that a look behind one is seen. */
static enum err feed(struct sink *sink, struct str bytes, size_t step)
{
    struct frame_reader reader;
    const char *why = NULL;
    enum err err = OK;

    buf_init(&sink->text, 64 * MIB);
    frame_reader_init(&reader);
    while (!err && bytes.len > 0) {
        struct str piece = str_first(bytes, step);
        char *copy = mem_alloc(piece.len);

        memcpy(copy, piece.data, piece.len);
        err = frame_reader_feed(&reader, str_range(copy, piece.len), on_frame, sink, &why);
        REQUIRE((err == OK) == (why == NULL));
        mem_free(copy);
        bytes = str_from(bytes, piece.len);
    }
    frame_reader_release(&reader);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sink whole = {0}, pieces = {0};
    struct str bytes;

    if (size < 2)
        return 0;
    bytes = str_range((const char *)data + 1, size - 1);
    REQUIRE(feed(&whole, bytes, SIZE_MAX) == feed(&pieces, bytes, data[0] % 64 + (size_t)1));
    REQUIRE(whole.frames == pieces.frames && str_eq(buf_str(&whole.text), buf_str(&pieces.text)));
    buf_release(&whole.text);
    buf_release(&pieces.text);
    return 0;
}
