/* span_values.h -- the JSON values and attachments of spans, as they came: the tables span_values
 * and span_attachments.
 *
 * A span has two places for its values, and what stands in the second hides what stands in the
 * first; but `extra` and its `metadata` are merged key by key when they are read. The first write
 * puts all it has into the first place; a patch that comes later goes to the second, so it never
 * rewrites what the post gave. What a post says later than a patch is dropped, field by field. */
#ifndef STORE_SPAN_VALUES_H
#define STORE_SPAN_VALUES_H

#include "store/span.h"
#include "store/store.h"

/* What is said of one span at once; NULL: nothing by that layer. */
struct span_saying {
    const struct span_change *post, *patch;
};

/* Values that are to be written together. Zero but for `tx`, in whose arena they wait. */
struct span_packs {
    struct tx *tx;
    struct squeezer *squeezer; /* NULL: not needed yet; the owner frees it */
    struct db_value *args;     /* two for each */
    size_t count, cap, bytes;
};

/* For spans_apply: before the row is merged and written. Marks the row (SPAN_HAS_BLOB,
 * SPAN_HAS_ATTACHMENT). ERR_NOT_FOUND: a blob is no longer reserved. */
enum err span_values_put(struct span_packs *packs, struct span_row *span, bool is_new,
                         const struct span_saying *saying) MUST_USE;
enum err span_packs_flush(struct span_packs *packs) MUST_USE;

/* The value that is to be seen of each field in `fields` (bits 1 << enum span_field). In the arena;
 * absent ones have neither bytes nor a key. A span without values costs nothing. */
enum err span_values_get(struct tx *tx, const struct span_row *span, unsigned fields,
                         struct arena *arena, struct span_value values[SPAN_FIELD_COUNT]) MUST_USE;

/* With bytes only if `with_bytes`; ordered by name. */
enum err span_attachments_get(struct tx *tx, const struct span_row *span, bool with_bytes,
                              struct arena *arena, struct span_attachment **found,
                              size_t *count) MUST_USE;

/* With the span: its blobs are discarded. */
enum err span_values_delete(struct tx *tx, const struct span_row *span) MUST_USE;

#endif
