/* Streams of gzip, zlib and zstd into pieces. */
#include "format/inflate.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/mem.h"

#define ZSTD_WINDOW_LOG_MAX 23 /* 8 MiB, what decoders must take (RFC 8878) */
#define ZLIB_WINDOW_BITS 15
#define ZLIB_GZIP 16 /* added to the window bits: a gzip header and trailer */

struct inflate {
    enum inflate_kind kind;
    enum err (*on_piece)(void *context, struct str piece);
    void *context;
    size_t left;     /* bytes that may still come out */
    bool is_between; /* members or frames: nothing begun is open */
    z_stream zlib;
    ZSTD_DStream *zstd;
    char piece[INFLATE_PIECE_BYTES];
};

enum err inflate_kind_of(struct str content_encoding, enum inflate_kind *kind)
{
    static const struct {
        const char *name;
        enum inflate_kind kind;
    } kinds[] = {{"identity", INFLATE_NONE}, {"", INFLATE_NONE},        {"gzip", INFLATE_GZIP},
                 {"x-gzip", INFLATE_GZIP},   {"deflate", INFLATE_ZLIB}, {"zstd", INFLATE_ZSTD}};
    struct str name = str_trim(content_encoding);

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_eq_nocase(name, str_of(kinds[i].name))) {
            *kind = kinds[i].kind;
            return OK;
        }
    return ERR_INVALID;
}

static void *zlib_alloc(void *context UNUSED, unsigned count, unsigned size)
{
    return mem_alloc((size_t)count * size);
}

static void zlib_free(void *context UNUSED, void *memory)
{
    mem_free(memory);
}

struct inflate *inflate_new(enum inflate_kind kind, size_t bytes_max,
                            enum err (*on_piece)(void *, struct str), void *context)
{
    struct inflate *in = MEM_NEW(struct inflate);
    int window = kind == INFLATE_GZIP ? ZLIB_WINDOW_BITS + ZLIB_GZIP : ZLIB_WINDOW_BITS;

    REQUIRE(kind != INFLATE_NONE);
    in->kind = kind;
    in->on_piece = on_piece;
    in->context = context;
    in->left = bytes_max;
    in->is_between = true;
    if (kind == INFLATE_ZSTD) {
        in->zstd = ZSTD_createDStream();
        REQUIRE(in->zstd);
        ZSTD_DCtx_setParameter(in->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
    } else {
        in->zlib.zalloc = zlib_alloc;
        in->zlib.zfree = zlib_free;
        REQUIRE(inflateInit2(&in->zlib, window) == Z_OK);
    }
    return in;
}

void inflate_free(struct inflate *in)
{
    if (!in)
        return;
    if (in->kind == INFLATE_ZSTD)
        ZSTD_freeDStream(in->zstd);
    else
        inflateEnd(&in->zlib);
    mem_free(in);
}

static enum err piece_out(struct inflate *in, size_t len)
{
    if (len == 0)
        return OK;
    if (len > in->left)
        return ERR_LIMIT;
    in->left -= len;
    return in->on_piece(in->context, str_range(in->piece, len));
}

/* Takes from *bytes and fills `piece`; *more: there may be output without further input. */
static enum err step_zlib(struct inflate *in, struct str *bytes, size_t *out, bool *more)
{
    z_stream *z = &in->zlib;
    unsigned take = bytes->len > 1u << 30 ? 1u << 30 : (unsigned)bytes->len;
    int code;

    if (in->is_between && take > 0) {
        inflateReset(z);
        in->is_between = false;
    }
    z->next_in = (Bytef *)(uintptr_t)bytes->data;
    z->avail_in = take;
    z->next_out = (Bytef *)in->piece;
    z->avail_out = sizeof(in->piece);
    code = in->is_between ? Z_BUF_ERROR : inflate(z, Z_NO_FLUSH);
    *bytes = str_from(*bytes, take - z->avail_in);
    *out = sizeof(in->piece) - z->avail_out;
    *more = z->avail_out == 0;
    if (code == Z_STREAM_END) {
        in->is_between = true;
        *more = false;
        return OK;
    }
    return code == Z_OK || code == Z_BUF_ERROR ? OK : ERR_INVALID;
}

static enum err step_zstd(struct inflate *in, struct str *bytes, size_t *out, bool *more)
{
    ZSTD_inBuffer from = {bytes->data, bytes->len, 0};
    ZSTD_outBuffer to = {in->piece, sizeof(in->piece), 0};
    size_t code = ZSTD_decompressStream(in->zstd, &to, &from);

    if (ZSTD_isError(code))
        return ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge ? ERR_LIMIT
                                                                                   : ERR_INVALID;
    if (from.pos > 0 || to.pos > 0)
        in->is_between = code == 0;
    *bytes = str_from(*bytes, from.pos);
    *out = to.pos;
    *more = to.pos == to.size && code != 0;
    return OK;
}

enum err inflate_step(struct inflate *in, struct str *bytes, bool *more)
{
    size_t out = 0;
    enum err err;

    *more = false;
    err = in->kind == INFLATE_ZSTD ? step_zstd(in, bytes, &out, more)
                                   : step_zlib(in, bytes, &out, more);
    *more = *more || bytes->len > 0;
    return err ? err : piece_out(in, out);
}

enum err inflate_feed(struct inflate *in, struct str bytes)
{
    bool more = bytes.len > 0;
    enum err err = OK;

    while (!err && more)
        err = inflate_step(in, &bytes, &more);
    return err;
}

enum err inflate_end(struct inflate *in)
{
    return in->is_between ? OK : ERR_INVALID;
}
