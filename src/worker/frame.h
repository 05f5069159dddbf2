/* frame.h -- the frames of LGW/1 (docs/worker-protocol.md): reading them from a stream of bytes and
 * writing them.
 *
 *   u32le frame_bytes | u32le header_bytes | header (JSON object) | blob 0 | blob 1 …
 *
 * The reader is incremental and strict: lengths must add up exactly, the header must be one JSON
 * object with a text "t". It never holds more than one frame. */
#ifndef WORKER_FRAME_H
#define WORKER_FRAME_H

#include "base/json.h"

#define FRAME_BYTES_MAX (64 * MIB)
#define FRAME_BLOBS_MAX 4096
#define FRAME_BLOBS_FEW 8

/* A received frame; borrowed from the reader until the next call. */
struct frame {
    struct arena *arena; /* the parsed header lives here */
    struct str type;
    int64_t id; /* 0: no answer wanted */
    const struct json *header;
    struct str header_text;
    const struct str *blobs;
    size_t blob_count;
};

/* Blob number `index`, or STR_NONE. */
struct str frame_blob(const struct frame *frame, int64_t index);
/* The blob whose number stands in the header under `key`, or STR_NONE. */
struct str frame_blob_at(const struct frame *frame, const char *key);

struct frame_reader {
    struct buf bytes; /* of the frame being received */
    struct arena arena;
};

void frame_reader_init(struct frame_reader *reader);
void frame_reader_release(struct frame_reader *reader);
/* Gives every whole frame in `bytes` (and what was kept from before) to on_frame, which returns
 * false to stop (then OK is returned and the rest is dropped). ERR_INVALID with *why (static) when
 * the peer does not speak the protocol: the connection must end. */
enum err frame_reader_feed(struct frame_reader *reader, struct str bytes,
                           bool (*on_frame)(void *context, const struct frame *frame),
                           void *context, const char **why) MUST_USE;

/* Builds one frame: begin, fill the JSON object through `json` (without its braces), add blobs,
 * end. */
struct frame_writer {
    struct buf header;
    struct json_writer json;
    struct str few[FRAME_BLOBS_FEW];
    const struct str *blobs; /* `few`, or what frame_writer_blobs was given */
    size_t blob_count;
    char head[8];
};

void frame_writer_begin(struct frame_writer *writer, const char *type);
/* Adds a blob (borrowed until the frame is sent) and returns its number. At most FRAME_BLOBS_FEW.
 */
int64_t frame_writer_blob(struct frame_writer *writer, struct str bytes);
/* Adds `key`: the number of a new blob; nothing when `bytes` is STR_NONE. */
void frame_writer_put_blob(struct frame_writer *writer, const char *key, struct str bytes);
/* All blobs at once, any number ≤ FRAME_BLOBS_MAX; borrowed until the frame is sent. */
void frame_writer_blobs(struct frame_writer *writer, const struct str *blobs, size_t count);
/* Ends the header and gives the parts to send in order; *parts lives in `arena`. ERR_LIMIT: too
 * large. */
enum err frame_writer_end(struct frame_writer *writer, struct arena *arena, struct str **parts,
                          size_t *part_count) MUST_USE;
void frame_writer_release(struct frame_writer *writer);

#endif
