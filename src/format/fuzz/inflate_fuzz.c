/* Whatever the pieces, the same comes out, and never more than the limit. */
#include "format/inflate.h"

#include "base/buf.h"

#define BYTES_MAX (256 * KIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err on_piece(void *context, struct str piece)
{
    buf_add(context, piece);
    return OK;
}

static enum err unpack(enum inflate_kind kind, struct str packed, size_t step, struct buf *out)
{
    struct inflate *in = inflate_new(kind, BYTES_MAX, on_piece, out);
    enum err err = OK;

    for (size_t at = 0; !err && at < packed.len; at += step)
        err = inflate_feed(in, str_first(str_from(packed, at), step));
    if (!err)
        err = inflate_end(in);
    inflate_free(in);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum inflate_kind kind;
    struct str packed;
    struct buf whole, pieces;
    enum err err;

    if (size < 2)
        return 0;
    kind = (enum inflate_kind)(INFLATE_GZIP + data[0] % 3);
    packed = str_range((const char *)data + 1, size - 1);
    buf_init(&whole, BYTES_MAX);
    buf_init(&pieces, BYTES_MAX);
    err = unpack(kind, packed, packed.len, &whole);
    REQUIRE(!whole.failed);
    REQUIRE((unpack(kind, packed, 1 + data[0] / 3, &pieces) == OK) == (err == OK));
    if (!err)
        REQUIRE(str_eq(buf_str(&whole), buf_str(&pieces)));
    buf_release(&whole);
    buf_release(&pieces);
    return 0;
}
