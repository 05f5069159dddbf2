/* span_values.h -- the JSON values and attachments of spans, as they came: the tables span_values
 * and span_parts.
 *
 * What one layer gave (SPAN_POST, SPAN_PATCH) stands in one row, its pack, compressed if that pays;
 * a patch never rewrites what the post gave. Values that are in the blob store, and attachments,
 * have rows of their own in span_parts. */
#ifndef STORE_SPAN_VALUES_H
#define STORE_SPAN_VALUES_H

#include "store/span.h"
#include "store/store.h"

/* Adds what a change gives to what its layer has. For spans_apply. */
enum err span_values_put(struct tx *tx, int64_t span_no, const struct span_change *change,
                         bool layer_exists) MUST_USE;

/* The value that is to be seen of each field in `fields` (bits 1 << enum span_field): the patch's,
 * else the post's, extra merged from both. In the arena; absent ones have neither bytes nor a
 * key. The row says which packs there are, so a span without them costs nothing. */
enum err span_values_get(struct tx *tx, const struct span_row *span, unsigned fields,
                         struct arena *arena, struct span_value values[SPAN_FIELD_COUNT]) MUST_USE;

/* Of both layers, each name once, the later one. With bytes only if `with_bytes`. */
enum err span_attachments_get(struct tx *tx, int64_t span_no, bool with_bytes, struct arena *arena,
                              struct span_attachment **found, size_t *count) MUST_USE;

#endif
