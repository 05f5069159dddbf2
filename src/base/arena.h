/* arena.h -- memory that lives as long as one request, one batch, one attempt.
 *
 * Nothing in it is freed alone. Not thread-safe: an arena is used by the thread that holds the
 * thing it belongs to, and travels with it. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena_block;

struct arena {
    struct arena_block *blocks;
    size_t used_bytes; /* of the current block */
    size_t total_bytes;
    size_t keep_bytes; /* 0: one small block */
};

void arena_init(struct arena *a);
/* As arena_init, for one that is filled and reset all the time: it keeps a block of up to so many
 * bytes, as large as was needed, so that memory is not given back and fetched anew each time. */
void arena_init_keeping(struct arena *a, size_t keep_bytes);
void arena_release(struct arena *a);
/* Keeps one block, frees the others: for loops. */
void arena_reset(struct arena *a);
void *arena_alloc(struct arena *a, size_t bytes);      /* aligned for any type, uninitialised */
void *arena_alloc_zero(struct arena *a, size_t bytes); /* all zero */
struct str arena_str(struct arena *a, struct str s);   /* a copy; STR_NONE stays STR_NONE */
char *arena_cstr(struct arena *a, struct str s);       /* a NUL-terminated copy */
struct str arena_printf(struct arena *a, const char *format, ...) PRINTF_LIKE(2, 3);
struct str arena_concat(struct arena *a, const struct str *parts, size_t count);
/* "one, two or three", for error texts; `words` end with NULL, at least one. */
struct str arena_words(struct arena *a, const char *const *words);
/* The list with room for one more behind its `count` items: itself while count < *cap, else a copy
 * of about twice the room, zero behind the items; *cap says how much. The old one stays as it is.
 */
void *arena_more(struct arena *a, void *list, size_t count, size_t *cap, size_t item_bytes);

#define ARENA_NEW(a, type) ((type *)arena_alloc_zero((a), sizeof(type)))
#define ARENA_ARRAY(a, type, count) ((type *)arena_alloc_zero((a), sizeof(type) * (count)))

#endif
