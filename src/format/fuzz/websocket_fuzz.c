/* The reader gives the same messages and the same refusal whether the input comes whole or byte by
 * byte, never more than its limit, and only text that is UTF-8. */
#include "format/websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGE_BYTES_MAX 4096

/* All items in one text, and how it ended. */
static void read_all(struct str text, size_t piece_bytes, struct buf *out)
{
    struct websocket_reader r;
    struct websocket_item item;
    enum err err = ERR_AGAIN;
    int code = 0;

    websocket_reader_init(&r, MESSAGE_BYTES_MAX);
    while (text.len && err != ERR_INVALID) {
        struct str input = str_first(text, piece_bytes);
        text = str_from(text, input.len);
        while ((err = websocket_reader_next(&r, &input, &item, &code)) == OK) {
            REQUIRE(item.payload.len <= MESSAGE_BYTES_MAX);
            REQUIRE(item.opcode != WEBSOCKET_TEXT || str_is_utf8(item.payload));
            buf_addf(out, "%d %d %zu ", (int)item.opcode, item.code, item.payload.len);
            buf_add(out, item.payload);
        }
    }
    buf_addf(out, " %d", err == ERR_INVALID ? code : 0);
    websocket_reader_release(&r);
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
    buf_release(&whole);
    buf_release(&pieces);
    return 0;
}
