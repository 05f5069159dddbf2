/* quantiles.h -- percentiles of a stream of numbers: exact while they are few, within 1 % when they
 * are many, in bounded memory.
 *
 * The first QUANTILES_EXACT values are kept. After that they are counted in buckets, 64 for each
 * doubling, so a value is known to 1/64 of itself at most. Between two values the percentile is
 * interpolated. Values are at least 0. Pure; memory is the arena's. */
#ifndef TRACE_QUANTILES_H
#define TRACE_QUANTILES_H

#include "base/arena.h"

#define QUANTILES_EXACT 10000

struct quantiles {
    struct arena *arena;
    int64_t *values; /* while they are exact */
    size_t count, cap;
    bool is_sorted;
    int64_t *buckets; /* NULL: exact */
};

void quantiles_init(struct quantiles *q, struct arena *arena);
void quantiles_add(struct quantiles *q, int64_t value);
/* `portion` 0 … 1. Of no values: 0. */
double quantiles_get(struct quantiles *q, double portion);

#endif
