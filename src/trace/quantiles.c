/* Percentiles of a stream. */
#include "trace/quantiles.h"

#include <stdlib.h>

#define SUB_BITS 6
#define SUBS (1 << SUB_BITS)
#define BUCKETS (SUBS * (64 - SUB_BITS + 1))

void quantiles_init(struct quantiles *q, struct arena *arena)
{
    *q = (struct quantiles){.arena = arena};
}

/* Values below SUBS have a bucket each; then SUBS buckets for each power of two. */
static size_t bucket_of(int64_t value)
{
    unsigned power;

    if (value < SUBS)
        return (size_t)value;
    power = 63u - (unsigned)__builtin_clzll((unsigned long long)value);
    return (size_t)(power - SUB_BITS + 1) * SUBS +
           (size_t)((value >> (power - SUB_BITS)) & (SUBS - 1));
}

/* Its middle. */
static double bucket_value(size_t bucket)
{
    size_t power = bucket / SUBS, sub = bucket % SUBS;
    double width;

    if (power == 0)
        return (double)sub;
    width = (double)(UINT64_C(1) << (power - 1));
    return ((double)(SUBS + sub)) * width + (width - 1) / 2;
}

static void to_buckets(struct quantiles *q)
{
    q->buckets = ARENA_ARRAY(q->arena, int64_t, BUCKETS);
    for (size_t i = 0; i < q->count; i++)
        q->buckets[bucket_of(q->values[i])]++;
}

void quantiles_add(struct quantiles *q, int64_t value)
{
    value = value < 0 ? 0 : value;
    if (!q->buckets && q->count == QUANTILES_EXACT)
        to_buckets(q);
    if (q->buckets) {
        q->buckets[bucket_of(value)]++;
        q->count++;
        return;
    }
    if (q->count == q->cap) {
        int64_t *more = ARENA_ARRAY(q->arena, int64_t, q->cap = 4 * q->cap + 16);

        if (q->count)
            memcpy(more, q->values, q->count * sizeof(*more));
        q->values = more;
    }
    q->values[q->count++] = value;
    q->is_sorted = false;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static double bucket_at(const struct quantiles *q, size_t rank)
{
    int64_t seen = 0;

    for (size_t i = 0; i < BUCKETS; i++) {
        seen += q->buckets[i];
        if (seen > (int64_t)rank)
            return bucket_value(i);
    }
    return 0;
}

static double value_at(const struct quantiles *q, size_t rank)
{
    return q->buckets ? bucket_at(q, rank) : (double)q->values[rank];
}

double quantiles_get(struct quantiles *q, double portion)
{
    double place, low;
    size_t rank;

    REQUIRE(portion >= 0 && portion <= 1);
    if (q->count == 0)
        return 0;
    if (!q->buckets && !q->is_sorted)
        qsort(q->values, q->count, sizeof(*q->values), ascending);
    q->is_sorted = true;
    place = portion * (double)(q->count - 1);
    rank = (size_t)place;
    low = value_at(q, rank);
    if (rank + 1 >= q->count)
        return low;
    return low + (place - (double)rank) * (value_at(q, rank + 1) - low);
}
