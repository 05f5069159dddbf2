/* squeeze.c -- see squeeze.h. */
#include "format/squeeze.h"

#include <zstd.h>

#include "base/mem.h"

#define LEVEL 1 /* in a transaction time counts more than the last tenth */

struct squeezer {
    ZSTD_CCtx *context;
};

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

bool squeeze_write(struct squeezer *squeezer, struct buf *out, struct str bytes)
{
    char *to = buf_reserve(out, bytes.len);
    size_t len;

    if (!to)
        return false;
    len = ZSTD_compressCCtx(squeezer->context, to, bytes.len, bytes.data, bytes.len, LEVEL);
    if (ZSTD_isError(len) || len >= bytes.len)
        return false;
    buf_added(out, len);
    return true;
}

enum err squeeze_read(struct str squeezed, size_t bytes_max, struct arena *arena, struct str *bytes)
{
    unsigned long long size = ZSTD_getFrameContentSize(squeezed.data, squeezed.len);
    char *to;

    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
        return ERR_INVALID;
    if (size > bytes_max)
        return ERR_LIMIT;
    to = arena_alloc(arena, size + 1);
    if (ZSTD_decompress(to, size, squeezed.data, squeezed.len) != size)
        return ERR_INVALID;
    *bytes = str_range(to, size);
    return OK;
}
