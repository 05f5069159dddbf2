/* dotted_order.h -- where a span stands in its trace, as one text that sorts.
 *
 *   20261121T051237533121Z<uuid>.20261121T051237600000Z<uuid>
 *
 * One segment for each span from the root down: the start in microseconds, then the id (36
 * characters, or 32 hex digits). So text order is the tree's pre-order by time, and what is below a
 * span starts with its order and a dot. */
#ifndef FORMAT_DOTTED_ORDER_H
#define FORMAT_DOTTED_ORDER_H

#include "base/str.h"
#include "base/uuid.h"

#define DOTTED_ORDER_DEPTH_MAX 1000
#define DOTTED_SEGMENT_BYTES (22 + UUID_TEXT_BYTES)

struct dotted_order {
    size_t depth; /* 0: a root */
    struct uuid trace_id, span_id;
    struct uuid parent_id; /* with depth > 0 */
    int64_t start_us;      /* of the last segment */
};

/* ERR_INVALID: not well-formed; ERR_LIMIT: too deep. */
enum err dotted_order_parse(struct str text, struct dotted_order *order) MUST_USE;

struct dotted_segment {
    char text[DOTTED_SEGMENT_BYTES + 1];
};
/* Borrows *segment. */
struct str dotted_segment_write(int64_t start_us, struct uuid span_id,
                                struct dotted_segment *segment);

#endif
