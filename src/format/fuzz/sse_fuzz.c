/* The reader gives the same events whether the input comes whole or byte by byte; what the writer
 * writes is read back as one event. */
#include "format/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EVENT_BYTES_MAX 4096

/* All events in one text; ends at the first ERR_LIMIT. */
static void read_all(struct str text, size_t piece_bytes, struct buf *out)
{
    struct sse_reader r;
    struct sse_event event;
    enum err err = ERR_AGAIN;

    sse_reader_init(&r, EVENT_BYTES_MAX);
    while (text.len && err != ERR_LIMIT) {
        struct str input = str_first(text, piece_bytes);
        text = str_from(text, input.len);
        while ((err = sse_reader_next(&r, &input, &event)) == OK) {
            buf_addf(out, "%zu %zu %zu ", event.event.len, event.data.len, event.id.len);
            buf_add(out, event.event);
            buf_add(out, event.data);
            buf_add(out, event.id);
        }
    }
    sse_reader_release(&r);
}

static void check_written(struct str text)
{
    struct sse_event event = {text, text, text};
    struct buf written;
    struct sse_reader r;
    struct str input;

    buf_init(&written, 16 * MIB);
    sse_write(&written, &event);
    input = buf_str(&written);
    sse_reader_init(&r, 16 * MIB);
    REQUIRE(sse_reader_next(&r, &input, &event) == OK && input.len == 0);
    REQUIRE(sse_reader_next(&r, &input, &event) == ERR_AGAIN);
    sse_reader_release(&r);
    buf_release(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_range((const char *)data, size);
    struct buf whole, pieces;

    buf_init(&whole, 64 * MIB);
    buf_init(&pieces, 64 * MIB);
    read_all(text, size ? size : 1, &whole);
    read_all(text, 1, &pieces);
    REQUIRE(str_eq(buf_str(&whole), buf_str(&pieces)));
    check_written(text);
    buf_release(&whole);
    buf_release(&pieces);
    return 0;
}
