/* squeeze.h -- makes bytes smaller for keeping, and as they were again (zstd). For what this
 * program has written itself: nothing here is made for bytes of strangers (that is inflate.h). */
#ifndef FORMAT_SQUEEZE_H
#define FORMAT_SQUEEZE_H

#include "base/arena.h"
#include "base/buf.h"

struct squeezer;
struct squeeze_words;

/* Text that what is squeezed has much in common with. What was written with words is read with the
 * same ones only. Immutable, for any thread. Borrows the text. */
struct squeeze_words *squeeze_words_new(struct str text);
void squeeze_words_free(struct squeeze_words *words);

/* Has room of its own; of one thread at a time. */
struct squeezer *squeezer_new(void);
void squeezer_free(struct squeezer *squeezer); /* NULL is fine */
/* Appends; false, and nothing appended, if it would not be smaller. `words` NULL: none. */
bool squeeze_write(struct squeezer *squeezer, const struct squeeze_words *words, struct buf *out,
                   struct str bytes);
/* Into the arena. ERR_INVALID: not written by squeeze_write with these words; ERR_LIMIT: more than
 * bytes_max. */
enum err squeeze_read(const struct squeeze_words *words, struct str squeezed, size_t bytes_max,
                      struct arena *arena, struct str *bytes) MUST_USE;

#endif
