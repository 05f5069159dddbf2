/* span_pack.h -- the values of a span as one piece of bytes, as the table span_values holds them.
 *
 *   pack  = 0 (1 byte) entry*, or 2 and the entries squeezed (format/squeeze.h) with span_words;
 *           1 in older ones: without words
 *   entry = field (1 byte; 128 is added if the value is a blob) · length (4 bytes, little-endian)
 *           · value, or size (8 bytes, little-endian) and key of the blob
 *
 * Fields rise and stand once. Pure. */
#ifndef STORE_SPAN_PACK_H
#define STORE_SPAN_PACK_H

#include "format/squeeze.h"
#include "store/span.h"

#define SPAN_PACK_BYTES_MAX (512 * MIB)

/* Those that are there, into an empty buf. out->failed: too large. */
void span_pack_write(struct squeezer *squeezer, struct buf *out,
                     const struct span_value values[SPAN_FIELD_COUNT]);
/* Those that are not in it stay as they are. Borrows the pack, or the arena. ERR_INVALID: it is
 * broken. */
enum err span_pack_read(struct str pack, struct arena *arena,
                        struct span_value values[SPAN_FIELD_COUNT]) MUST_USE;

extern const struct str span_words;

bool span_value_is_there(const struct span_value *value);

#endif
