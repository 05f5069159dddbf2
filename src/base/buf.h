/* buf.h -- a growing byte buffer with a mandatory maximum.
 *
 * Growing beyond the maximum sets `failed` and appends nothing more, so a chain of appends is
 * checked once at its end. The buffer belongs to whoever initialised it. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/arena.h"

struct buf {
    char *data; /* NULL until the first append */
    size_t len;
    size_t cap;
    size_t max;
    bool failed;
};

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b);
/* Empties it and forgets a failure; keeps the memory. */
void buf_clear(struct buf *b);
void buf_add(struct buf *b, struct str bytes);
void buf_add_char(struct buf *b, char c);
void buf_add_cstr(struct buf *b, const char *cstr);
void buf_add_i64(struct buf *b, int64_t value);
void buf_addf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
/* Room for `len` more bytes at the end, to be filled and then counted with buf_added;
 * NULL if that would pass the maximum (and `failed` is set). */
char *buf_reserve(struct buf *b, size_t len);
void buf_added(struct buf *b, size_t len);
/* Drops `len` bytes from the front. */
void buf_consume(struct buf *b, size_t len);
void buf_truncate(struct buf *b, size_t len);
/* The contents, valid until the next change; never STR_NONE. */
struct str buf_str(const struct buf *b);
/* Ends the contents with a NUL that is not counted, for libc borders. */
const char *buf_cstr(struct buf *b);
/* A copy of the contents, STR_NONE if it failed; releases the buffer. */
struct str buf_keep(struct buf *b, struct arena *arena);
/* Hands the memory to the caller (mem_free) and empties the buffer. */
char *buf_take(struct buf *b, size_t *len);

#endif
