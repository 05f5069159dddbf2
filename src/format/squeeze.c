/* squeeze.c -- see squeeze.h. */
#include "format/squeeze.h"

#include <zstd.h>

#include "base/mem.h"

#define LEVEL 1 /* in a transaction time counts more than the last tenth */

struct squeezer {
    ZSTD_CCtx *context;
};

struct squeeze_words {
    ZSTD_CDict *write;
    ZSTD_DDict *read;
};

struct squeeze_words *squeeze_words_new(struct str text)
{
    struct squeeze_words *words = MEM_NEW(struct squeeze_words);

    words->write = ZSTD_createCDict(text.data, text.len, LEVEL);
    words->read = ZSTD_createDDict(text.data, text.len);
    REQUIRE(words->write && words->read);
    return words;
}

void squeeze_words_free(struct squeeze_words *words)
{
    ZSTD_freeCDict(words->write);
    ZSTD_freeDDict(words->read);
    mem_free(words);
}

struct squeezer *squeezer_new(void)
{
    struct squeezer *squeezer = MEM_NEW(struct squeezer);

    squeezer->context = ZSTD_createCCtx();
    REQUIRE(squeezer->context);
    return squeezer;
}

void squeezer_free(struct squeezer *squeezer)
{
    if (squeezer)
        ZSTD_freeCCtx(squeezer->context);
    mem_free(squeezer);
}

bool squeeze_write(struct squeezer *squeezer, const struct squeeze_words *words, struct buf *out,
                   struct str bytes)
{
    char *to = buf_reserve(out, bytes.len);
    size_t len;

    if (!to)
        return false;
    if (words)
        len = ZSTD_compress_usingCDict(squeezer->context, to, bytes.len, bytes.data, bytes.len,
                                       words->write);
    else
        len = ZSTD_compressCCtx(squeezer->context, to, bytes.len, bytes.data, bytes.len, LEVEL);
    if (ZSTD_isError(len) || len >= bytes.len)
        return false;
    buf_added(out, len);
    return true;
}

static size_t unpack(const struct squeeze_words *words, struct str squeezed, char *to, size_t size)
{
    ZSTD_DCtx *context;
    size_t len;

    if (!words)
        return ZSTD_decompress(to, size, squeezed.data, squeezed.len);
    context = ZSTD_createDCtx();
    REQUIRE(context);
    len = ZSTD_decompress_usingDDict(context, to, size, squeezed.data, squeezed.len, words->read);
    ZSTD_freeDCtx(context);
    return len;
}

enum err squeeze_read(const struct squeeze_words *words, struct str squeezed, size_t bytes_max,
                      struct arena *arena, struct str *bytes)
{
    unsigned long long size = ZSTD_getFrameContentSize(squeezed.data, squeezed.len);
    char *to;

    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
        return ERR_INVALID;
    if (size > bytes_max)
        return ERR_LIMIT;
    to = arena_alloc(arena, size + 1);
    if (unpack(words, squeezed, to, size) != size)
        return ERR_INVALID;
    *bytes = str_range(to, size);
    return OK;
}
