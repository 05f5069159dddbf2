/* inflate_test.c -- what zlib and zstd pack comes out again, in pieces, within limits. */
#include "format/inflate.h"

#include <zlib.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/test.h"

#define SIZE ((size_t)200 * 1000) /* several pieces */

static char original[SIZE];

static enum err on_piece(void *context, struct str piece)
{
    assert_true(piece.len > 0 && piece.len <= INFLATE_PIECE_BYTES);
    buf_add(context, piece);
    return ((struct buf *)context)->failed ? ERR_CONFLICT : OK;
}

static void fill(void)
{
    for (size_t i = 0; i < SIZE; i++)
        original[i] = (char)(i * i % 251 ^ i >> 9);
}

static size_t pack(enum inflate_kind kind, char *out, size_t room)
{
    z_stream z = {.next_in = (Bytef *)original, .avail_in = SIZE};

    if (kind == INFLATE_ZSTD)
        return ZSTD_compress(out, room, original, SIZE, 3);
    assert_int_equal(
        deflateInit2(&z, 6, Z_DEFLATED, kind == INFLATE_GZIP ? 31 : 15, 8, Z_DEFAULT_STRATEGY),
        Z_OK);
    z.next_out = (Bytef *)out;
    z.avail_out = (unsigned)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

static enum err unpack(enum inflate_kind kind, struct str packed, size_t step, size_t bytes_max,
                       struct buf *out)
{
    struct inflate *in = inflate_new(kind, bytes_max, on_piece, out);
    enum err err = OK;

    buf_clear(out);
    for (size_t at = 0; !err && at < packed.len; at += step)
        err = inflate_feed(in, str_first(str_from(packed, at), step));
    if (!err)
        err = inflate_end(in);
    inflate_free(in);
    return err;
}

static const enum inflate_kind kinds[] = {INFLATE_GZIP, INFLATE_ZLIB, INFLATE_ZSTD};
static char packed[2 * SIZE];

static void round_trip(void **state)
{
    static const size_t steps[] = {1, 7, 4096, SIZE};
    struct buf out;

    (void)state;
    fill();
    buf_init(&out, SIZE);
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        size_t len = pack(kinds[k], packed, sizeof(packed));

        for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
            assert_int_equal(unpack(kinds[k], str_range(packed, len), steps[i], SIZE, &out), OK);
            assert_true(str_eq(buf_str(&out), str_range(original, SIZE)));
        }
    }
    buf_release(&out);
}

static void several_members(void **state)
{
    struct buf out;

    (void)state;
    fill();
    buf_init(&out, 2 * SIZE);
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        size_t len = pack(kinds[k], packed, SIZE);

        memmove(packed + len, packed, len);
        assert_int_equal(unpack(kinds[k], str_range(packed, 2 * len), 999, 2 * SIZE, &out), OK);
        assert_int_equal(out.len, 2 * SIZE);
    }
    buf_release(&out);
}

static void limits(void **state)
{
    struct buf out;

    (void)state;
    fill();
    buf_init(&out, SIZE);
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        size_t len = pack(kinds[k], packed, sizeof(packed));

        assert_int_equal(unpack(kinds[k], str_range(packed, len), SIZE, SIZE - 1, &out), ERR_LIMIT);
        assert_int_equal(unpack(kinds[k], str_range(packed, len - 1), 100, SIZE, &out),
                         ERR_INVALID);
        packed[0] = (char)~packed[0];
        assert_int_equal(unpack(kinds[k], str_range(packed, len), 100, SIZE, &out), ERR_INVALID);
        assert_int_equal(unpack(kinds[k], STR(""), 1, SIZE, &out), OK);
    }
    buf_release(&out);
}

static void large_window(void **state)
{
    ZSTD_CCtx *c = ZSTD_createCCtx();
    struct buf out;
    size_t len = 0;
    ZSTD_outBuffer to = {packed, sizeof(packed), 0};
    ZSTD_inBuffer from = {original, SIZE, 0};

    (void)state;
    buf_init(&out, SIZE);
    ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, 27);
    ZSTD_compressStream2(c, &to, &from, ZSTD_e_flush); /* the size is not known: a window is */
    len = to.pos;
    ZSTD_freeCCtx(c);
    assert_int_equal(unpack(INFLATE_ZSTD, str_range(packed, len), SIZE, SIZE, &out), ERR_LIMIT);
    buf_release(&out);
}

static void what_a_piece_refuses(void **state)
{
    struct buf out;
    size_t len;

    (void)state;
    fill();
    buf_init(&out, SIZE / 2);
    len = pack(INFLATE_GZIP, packed, sizeof(packed));
    assert_int_equal(unpack(INFLATE_GZIP, str_range(packed, len), SIZE, SIZE, &out), ERR_CONFLICT);
    buf_release(&out);
}

static void names(void **state)
{
    enum inflate_kind kind = INFLATE_ZLIB;

    (void)state;
    assert_int_equal(inflate_kind_of(STR_NONE, &kind), OK);
    assert_int_equal(kind, INFLATE_NONE);
    assert_int_equal(inflate_kind_of(STR(" GZip "), &kind), OK);
    assert_int_equal(kind, INFLATE_GZIP);
    assert_int_equal(inflate_kind_of(STR("zstd"), &kind), OK);
    assert_int_equal(kind, INFLATE_ZSTD);
    assert_int_equal(inflate_kind_of(STR("br"), &kind), ERR_INVALID);
    assert_int_equal(inflate_kind_of(STR("gzip, zstd"), &kind), ERR_INVALID);
}

static const struct CMUnitTest tests[] = {
    TEST("what was packed comes out again, whatever the pieces", round_trip),
    TEST("several members are one body", several_members),
    TEST("more than the limit, half a body and another kind are refused", limits),
    TEST("a window of zstd larger than 8 MiB is refused", large_window),
    TEST("what takes the pieces may end it", what_a_piece_refuses),
    TEST("encodings are known by their names", names),
};

int main(void)
{
    return RUN_TESTS(tests);
}
