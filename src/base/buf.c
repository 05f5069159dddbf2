/* buf.c -- doubling up to the maximum, one spare byte for a NUL. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

#define CAP_MIN 64

void buf_init(struct buf *b, size_t max)
{
    REQUIRE(max < SIZE_MAX / 2);
    *b = (struct buf){.max = max};
}

void buf_release(struct buf *b)
{
    mem_free(b->data);
    buf_init(b, b->max);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

/* One byte more than `cap` is allocated, so that buf_cstr always has room for its NUL. */
static void grow_to(struct buf *b, size_t wanted)
{
    size_t cap = b->cap ? b->cap : CAP_MIN;

    while (cap < wanted)
        cap *= 2;
    if (cap > b->max)
        cap = b->max;
    b->data = mem_realloc(b->data, cap + 1);
    b->cap = cap;
}

char *buf_reserve(struct buf *b, size_t len)
{
    if (b->failed || len > b->max - b->len) {
        b->failed = true;
        return NULL;
    }
    if (!b->data || len > b->cap - b->len)
        grow_to(b, b->len + len);
    return b->data + b->len;
}

void buf_added(struct buf *b, size_t len)
{
    REQUIRE(len <= b->cap - b->len);
    b->len += len;
}

void buf_add(struct buf *b, struct str bytes)
{
    char *room = buf_reserve(b, bytes.len);

    if (!room || !bytes.len)
        return;
    memcpy(room, bytes.data, bytes.len);
    b->len += bytes.len;
}

void buf_add_char(struct buf *b, char c)
{
    buf_add(b, str_range(&c, 1));
}

void buf_add_cstr(struct buf *b, const char *cstr)
{
    buf_add(b, str_of(cstr));
}

void buf_add_i64(struct buf *b, int64_t value)
{
    struct integer_text digits;

    buf_add(b, str_from_i64(value, &digits));
}

void buf_addf(struct buf *b, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    REQUIRE(len >= 0);

    char *room = buf_reserve(b, (size_t)len);
    if (!room)
        return;
    va_start(args, format);
    vsnprintf(room, (size_t)len + 1, format, args); /* the NUL goes to the byte behind `cap` */
    va_end(args);
    b->len += (size_t)len;
}

void buf_consume(struct buf *b, size_t len)
{
    REQUIRE(len <= b->len);
    b->len -= len;
    if (b->len && len)
        memmove(b->data, b->data + len, b->len);
}

void buf_truncate(struct buf *b, size_t len)
{
    REQUIRE(len <= b->len);
    b->len = len;
}

struct str buf_str(const struct buf *b)
{
    return str_range(b->data ? b->data : "", b->len);
}

const char *buf_cstr(struct buf *b)
{
    if (!b->data)
        grow_to(b, 0);
    b->data[b->len] = '\0';
    return b->data;
}

struct str buf_keep(struct buf *b, struct arena *arena)
{
    struct str kept = b->failed ? STR_NONE : arena_str(arena, buf_str(b));

    buf_release(b);
    return kept;
}

char *buf_take(struct buf *b, size_t *len)
{
    buf_cstr(b);
    char *memory = b->data;

    if (len)
        *len = b->len;
    buf_init(b, b->max);
    return memory;
}
