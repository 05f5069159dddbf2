/* LGW/1 frames: the incremental reader and the writer. */
#include "worker/frame.h"

#define PREFIX_BYTES 4
#define HEADER_BYTES_MAX (8 * MIB)

static uint32_t u32_read(const char *bytes)
{
    const unsigned char *b = (const unsigned char *)bytes;

    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void u32_write(char *bytes, size_t value)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (char)(value >> (8 * i) & 0xff);
}

struct str frame_blob(const struct frame *frame, int64_t index)
{
    if (index < 0 || (uint64_t)index >= frame->blob_count)
        return STR_NONE;
    return frame->blobs[index];
}

struct str frame_blob_at(const struct frame *frame, const char *key)
{
    return frame_blob(frame, json_i64(json_get(frame->header, key), -1));
}

void frame_reader_init(struct frame_reader *reader)
{
    buf_init(&reader->bytes, PREFIX_BYTES + FRAME_BYTES_MAX);
    arena_init(&reader->arena);
}

void frame_reader_release(struct frame_reader *reader)
{
    buf_release(&reader->bytes);
    arena_release(&reader->arena);
}

/* Cuts `rest` (what follows the header) into the blobs that the header announces. */
static const char *blobs_cut(struct frame *frame, struct str rest)
{
    const struct json *lengths = json_get(frame->header, "blobs");
    size_t count = json_count(lengths);
    struct str *blobs;

    if (lengths && json_type(lengths) != JSON_ARRAY)
        return "\"blobs\" is not an array";
    if (count > FRAME_BLOBS_MAX)
        return "too many blobs";
    blobs = ARENA_ARRAY(frame->arena, struct str, count + 1);
    for (size_t i = 0; i < count; i++) {
        int64_t len = json_i64(json_item(lengths, i), -1);

        if (len < 0 || (uint64_t)len > rest.len)
            return "the blobs' lengths do not add up to the frame";
        blobs[i] = str_range(rest.data, (size_t)len);
        rest = str_from(rest, (size_t)len);
    }
    if (rest.len > 0)
        return "bytes are left behind the last blob";
    frame->blobs = blobs;
    frame->blob_count = count;
    return NULL;
}

static const char *frame_parse(struct frame_reader *reader, struct str payload, struct frame *frame)
{
    size_t header_len;

    if (payload.len < PREFIX_BYTES)
        return "the frame is shorter than its header's length";
    header_len = u32_read(payload.data);
    if (header_len > payload.len - PREFIX_BYTES || header_len > HEADER_BYTES_MAX)
        return "the header is longer than its frame or its limit";
    *frame = (struct frame){.arena = &reader->arena};
    frame->header_text = str_range(payload.data + PREFIX_BYTES, header_len);
    if (json_parse(&reader->arena, frame->header_text, &frame->header, NULL) ||
        json_type(frame->header) != JSON_OBJECT)
        return "the header is not a JSON object";
    frame->type = json_string(json_get(frame->header, "t"));
    if (str_is_empty(frame->type))
        return "the header has no type \"t\"";
    frame->id = json_i64(json_get(frame->header, "id"), 0);
    return blobs_cut(frame, str_from(payload, PREFIX_BYTES + header_len));
}

/* What the length in front of `bytes` announces; 0 while it is not complete, or (*why) bad. */
static size_t frame_bytes(struct str bytes, const char **why)
{
    size_t len;

    if (bytes.len < PREFIX_BYTES)
        return 0;
    len = u32_read(bytes.data);
    if (len < PREFIX_BYTES || len > FRAME_BYTES_MAX) {
        *why = "the frame's length is not between 4 bytes and 64 MiB";
        return 0;
    }
    return PREFIX_BYTES + len;
}

/* Moves bytes from the front of *bytes behind the kept ones, until `wanted` are kept. */
static void keep_until(struct frame_reader *reader, size_t wanted, struct str *bytes)
{
    size_t missing = wanted > reader->bytes.len ? wanted - reader->bytes.len : 0;

    buf_add(&reader->bytes, str_first(*bytes, missing));
    *bytes = str_from(*bytes, missing);
}

/* The frame that was begun earlier gets what it lacks, and not more: so it is never larger than one
 * frame may be. *whole stays empty while something is missing. */
static void kept_complete(struct frame_reader *reader, struct str *bytes, struct str *whole,
                          const char **why)
{
    size_t wanted;

    keep_until(reader, PREFIX_BYTES, bytes);
    wanted = frame_bytes(buf_str(&reader->bytes), why);
    if (wanted == 0)
        return;
    keep_until(reader, wanted, bytes);
    if (reader->bytes.len == wanted)
        *whole = buf_str(&reader->bytes);
}

static void kept_clear(struct frame_reader *reader)
{
    if (reader->bytes.cap > MIB)
        buf_release(&reader->bytes);
    else
        buf_clear(&reader->bytes);
}

/* The next whole frame, with its length: from what was kept, else off the front of *bytes. */
static bool frame_next(struct frame_reader *reader, struct str *bytes, struct str *whole,
                       const char **why)
{
    size_t len;

    *whole = STR_NONE;
    if (reader->bytes.len > 0) {
        kept_complete(reader, bytes, whole, why);
        return whole->len > 0;
    }
    len = frame_bytes(*bytes, why);
    if (len == 0 || len > bytes->len)
        return false;
    *whole = str_first(*bytes, len);
    *bytes = str_from(*bytes, len);
    return true;
}

enum err frame_reader_feed(struct frame_reader *reader, struct str bytes,
                           bool (*on_frame)(void *context, const struct frame *frame),
                           void *context, const char **why)
{
    struct str whole;

    *why = NULL;
    while (frame_next(reader, &bytes, &whole, why)) {
        struct frame frame;
        bool more;

        *why = frame_parse(reader, str_from(whole, PREFIX_BYTES), &frame);
        if (*why)
            return ERR_INVALID;
        more = on_frame(context, &frame);
        arena_reset(&reader->arena);
        kept_clear(reader);
        if (!more)
            return OK;
    }
    if (*why)
        return ERR_INVALID;
    buf_add(&reader->bytes, bytes);
    return OK;
}

void frame_writer_begin(struct frame_writer *writer, const char *type)
{
    buf_init(&writer->header, HEADER_BYTES_MAX);
    json_writer_init(&writer->json, &writer->header);
    writer->blobs = writer->few;
    writer->blob_count = 0;
    json_begin_object(&writer->json);
    json_put_str(&writer->json, "t", str_of(type));
}

int64_t frame_writer_blob(struct frame_writer *writer, struct str bytes)
{
    REQUIRE(writer->blob_count < FRAME_BLOBS_FEW && writer->blobs == writer->few);
    writer->few[writer->blob_count] = bytes;
    return (int64_t)writer->blob_count++;
}

void frame_writer_put_blob(struct frame_writer *writer, const char *key, struct str bytes)
{
    if (!str_is_none(bytes))
        json_put_i64(&writer->json, key, frame_writer_blob(writer, bytes));
}

void frame_writer_blobs(struct frame_writer *writer, const struct str *blobs, size_t count)
{
    REQUIRE(writer->blob_count == 0 && count <= FRAME_BLOBS_MAX);
    writer->blobs = blobs;
    writer->blob_count = count;
}

enum err frame_writer_end(struct frame_writer *writer, struct arena *arena, struct str **parts,
                          size_t *part_count)
{
    size_t total = PREFIX_BYTES;
    struct str *out = ARENA_ARRAY(arena, struct str, writer->blob_count + 2);

    if (writer->blob_count > 0) {
        json_key(&writer->json, "blobs");
        json_begin_array(&writer->json);
        for (size_t i = 0; i < writer->blob_count; i++)
            json_i64_out(&writer->json, (int64_t)writer->blobs[i].len);
        json_end_array(&writer->json);
    }
    json_end_object(&writer->json);
    total += writer->header.len;
    for (size_t i = 0; i < writer->blob_count; i++)
        total += writer->blobs[i].len;
    if (writer->header.failed || total > FRAME_BYTES_MAX)
        return ERR_LIMIT;
    u32_write(writer->head, total);
    u32_write(writer->head + 4, writer->header.len);
    out[0] = str_range(writer->head, sizeof(writer->head));
    out[1] = buf_str(&writer->header);
    for (size_t i = 0; i < writer->blob_count; i++)
        out[i + 2] = writer->blobs[i];
    *parts = out;
    *part_count = writer->blob_count + 2;
    return OK;
}

void frame_writer_release(struct frame_writer *writer)
{
    buf_release(&writer->header);
}
