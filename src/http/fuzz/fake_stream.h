/* fake_stream.h -- a stream with nobody at the other end, for fuzz targets: what is written is
 * counted and dropped. */
#ifndef HTTP_FUZZ_FAKE_STREAM_H
#define HTTP_FUZZ_FAKE_STREAM_H

#include "base/mem.h"
#include "io/stream.h"

struct fake_stream {
    struct stream stream; /* first */
    size_t pending;       /* what it claims to hold unsent */
    size_t written;
    bool reading, shut, closed;
};

static void fake_start(struct stream *stream)
{
    ((struct fake_stream *)(void *)stream)->reading = true;
}

static void fake_pause(struct stream *stream)
{
    ((struct fake_stream *)(void *)stream)->reading = false;
}

static void fake_write(struct stream *stream, const struct str *parts, size_t count)
{
    struct fake_stream *fake = (struct fake_stream *)(void *)stream;

    REQUIRE(!fake->shut && !fake->closed);
    for (size_t i = 0; i < count; i++)
        fake->written += parts[i].len;
}

static size_t fake_pending_bytes(const struct stream *stream)
{
    return ((const struct fake_stream *)(const void *)stream)->pending;
}

static void fake_shutdown(struct stream *stream)
{
    ((struct fake_stream *)(void *)stream)->shut = true;
}

static void fake_close(struct stream *stream, bool reset)
{
    struct fake_stream *fake = (struct fake_stream *)(void *)stream;

    (void)reset;
    REQUIRE(!fake->closed);
    fake->closed = true;
}

static void fake_peer(const struct stream *stream, struct address *address)
{
    (void)stream;
    *address = (struct address){.family = ADDRESS_IPV4, .bytes = {127, 0, 0, 1}, .port = 80};
}

static const struct stream_ops fake_ops = {
    fake_start, fake_pause, fake_write, fake_pending_bytes, fake_shutdown, fake_close, fake_peer};

/* Gives the bytes in pieces of `step`, as long as they are wanted. */
static void fake_feed(struct fake_stream *fake, struct str bytes, size_t step)
{
    while (bytes.len && !fake->closed && fake->reading) {
        /* A copy of its own, so that reading beyond the piece is found. */
        size_t len = bytes.len < step ? bytes.len : step;
        char *piece = mem_alloc(len);

        memcpy(piece, bytes.data, len);
        fake->stream.events->on_read(fake->stream.context, str_range(piece, len));
        mem_free(piece);
        bytes = str_from(bytes, len);
    }
}

#endif
