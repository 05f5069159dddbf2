/* arena.c -- blocks that grow with the total, large pieces in blocks of their own. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

#define BLOCK_BYTES_MIN (4 * KIB)
#define BLOCK_BYTES_MAX (256 * KIB)

struct arena_block {
    struct arena_block *older;
    size_t bytes; /* of `data` */
    max_align_t data[];
};

void arena_init(struct arena *a)
{
    arena_init_keeping(a, 0);
}

void arena_init_keeping(struct arena *a, size_t keep_bytes)
{
    *a = (struct arena){.keep_bytes = keep_bytes};
}

static void free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *older = block->older;
        mem_free(block);
        block = older;
    }
}

void arena_release(struct arena *a)
{
    free_blocks(a->blocks);
    arena_init_keeping(a, a->keep_bytes);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static struct arena_block *block_new(struct arena *a, size_t bytes)
{
    struct arena_block *block = mem_alloc(sizeof(*block) + bytes);

    block->bytes = bytes;
    block->older = NULL;
    a->total_bytes += bytes;
    return block;
}

/* The largest that may be kept, taken out of the list. */
static struct arena_block *take_kept(struct arena *a, size_t bytes_max)
{
    struct arena_block **found = NULL, *kept;

    for (struct arena_block **link = &a->blocks; *link; link = &(*link)->older)
        if ((*link)->bytes <= bytes_max && (!found || (*link)->bytes > (*found)->bytes))
            found = link;
    if (!found)
        return NULL;
    kept = *found;
    *found = kept->older;
    kept->older = NULL;
    return kept;
}

/* Of several blocks it makes one that would have held everything, as far as that may be kept. */
void arena_reset(struct arena *a)
{
    size_t bytes_max = larger(a->keep_bytes, BLOCK_BYTES_MIN);
    size_t wanted = a->total_bytes < bytes_max ? a->total_bytes : bytes_max;
    struct arena_block *kept = take_kept(a, bytes_max);

    free_blocks(a->blocks);
    a->blocks = NULL;
    a->used_bytes = a->total_bytes = 0;
    if (kept && kept->bytes < wanted) {
        mem_free(kept);
        kept = block_new(a, wanted);
    }
    a->blocks = kept;
    a->total_bytes = kept ? kept->bytes : 0;
}

/* As large as all blocks together, so that their number grows with the logarithm of the total. */
static size_t next_block_bytes(const struct arena *a)
{
    size_t bytes = BLOCK_BYTES_MIN, bytes_max = larger(BLOCK_BYTES_MAX, a->keep_bytes);

    while (bytes < a->total_bytes && bytes < bytes_max)
        bytes *= 2;
    return bytes;
}

static void *alloc_in_new_block(struct arena *a, size_t bytes)
{
    size_t usual = next_block_bytes(a);
    struct arena_block *block;

    /* A large piece gets a block of its own, behind the current one, which still has room. */
    if (bytes > usual / 2 && a->blocks) {
        block = block_new(a, bytes);
        block->older = a->blocks->older;
        a->blocks->older = block;
        return block->data;
    }
    block = block_new(a, bytes > usual ? bytes : usual);
    block->older = a->blocks;
    a->blocks = block;
    a->used_bytes = bytes;
    return block->data;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    const size_t align = _Alignof(max_align_t);

    REQUIRE(bytes <= SIZE_MAX / 2);
    bytes = bytes ? (bytes + align - 1) / align * align : align;
    if (!a->blocks || a->blocks->bytes - a->used_bytes < bytes)
        return alloc_in_new_block(a, bytes);

    void *piece = (char *)a->blocks->data + a->used_bytes;
    a->used_bytes += bytes;
    return piece;
}

void *arena_alloc_zero(struct arena *a, size_t bytes)
{
    return memset(arena_alloc(a, bytes), 0, bytes);
}

char *arena_cstr(struct arena *a, struct str s)
{
    char *copy = arena_alloc(a, s.len + 1);

    if (s.len)
        memcpy(copy, s.data, s.len);
    copy[s.len] = '\0';
    return copy;
}

struct str arena_str(struct arena *a, struct str s)
{
    return str_is_none(s) ? STR_NONE : str_range(arena_cstr(a, s), s.len);
}

struct str arena_printf(struct arena *a, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    REQUIRE(len >= 0);

    char *text = arena_alloc(a, (size_t)len + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return str_range(text, (size_t)len);
}

struct str arena_concat(struct arena *a, const struct str *parts, size_t count)
{
    size_t total = 0;
    size_t at = 0;

    for (size_t i = 0; i < count; i++)
        total += parts[i].len;
    char *text = arena_alloc(a, total + 1);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len)
            memcpy(text + at, parts[i].data, parts[i].len);
        at += parts[i].len;
    }
    text[total] = '\0';
    return str_range(text, total);
}

void *arena_more(struct arena *a, void *list, size_t count, size_t *cap, size_t item_bytes)
{
    char *more;

    REQUIRE(count <= *cap);
    if (count < *cap)
        return list;
    *cap = 2 * *cap + 4;
    more = arena_alloc(a, *cap * item_bytes);
    if (count)
        memcpy(more, list, count * item_bytes);
    memset(more + count * item_bytes, 0, (*cap - count) * item_bytes);
    return more;
}

struct str arena_words(struct arena *a, const char *const *words)
{
    struct str text = str_of(*words++);

    for (; *words; words++)
        text = arena_printf(a, "%.*s%s%s", STR_ARG(text), words[1] ? ", " : " or ", *words);
    return text;
}
