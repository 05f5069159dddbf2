/* Buckets by slug. */
#include "api/inbox_rate.h"

#include "base/mem.h"
#include "store/bucket.h"

#define BUCKETS_MAX 4096

struct slug_bucket {
    int64_t full_us;
};

static struct bucket bucket_of(unsigned per_s)
{
    int64_t burst = (int64_t)per_s * INBOX_BURST_S;

    return (struct bucket){per_s, burst < BUCKET_BURST_MAX ? burst : BUCKET_BURST_MAX};
}

void inbox_rate_init(struct inbox_rate *rate)
{
    map_init(&rate->buckets);
}

void inbox_rate_release(struct inbox_rate *rate)
{
    size_t position = 0;
    struct str slug;
    void *value;

    while (map_next(&rate->buckets, &position, &slug, &value))
        mem_free(value);
    map_release(&rate->buckets);
}

/* What nobody has used lately is as good as new. */
static void forget_full(struct inbox_rate *rate, int64_t now_us)
{
    struct inbox_rate kept;
    size_t position = 0;
    struct str slug;
    void *value;

    inbox_rate_init(&kept);
    while (map_next(&rate->buckets, &position, &slug, &value)) {
        struct slug_bucket *bucket = value;

        if (bucket->full_us > now_us)
            (void)map_put(&kept.buckets, slug, bucket);
        else
            mem_free(bucket);
    }
    map_release(&rate->buckets);
    *rate = kept;
}

static struct slug_bucket *bucket_get(struct inbox_rate *rate, struct str slug, int64_t now_us)
{
    struct slug_bucket *found = map_find(&rate->buckets, slug);

    if (found)
        return found;
    if (rate->buckets.count >= BUCKETS_MAX)
        forget_full(rate, now_us);
    found = MEM_NEW(struct slug_bucket);
    (void)map_put(&rate->buckets, slug, found);
    return found;
}

static bool admits(const struct slug_bucket *bucket, unsigned per_s, int64_t now_us,
                   int64_t *wait_us)
{
    const struct bucket limit = bucket_of(per_s);

    if (bucket_room(&limit, bucket->full_us, now_us, 1))
        return true;
    *wait_us = bucket_ready_us(&limit, bucket->full_us) - now_us;
    return false;
}

bool inbox_rate_admits(const struct inbox_rate *rate, unsigned per_s, struct str slug,
                       int64_t now_us, int64_t *wait_us)
{
    const struct slug_bucket *bucket = per_s ? map_find(&rate->buckets, slug) : NULL;

    return !bucket || admits(bucket, per_s, now_us, wait_us);
}

bool inbox_rate_take(struct inbox_rate *rate, unsigned per_s, struct str slug, int64_t now_us,
                     int64_t *wait_us)
{
    struct slug_bucket *bucket;
    struct bucket limit;

    if (per_s == 0)
        return true;
    bucket = bucket_get(rate, slug, now_us);
    if (!admits(bucket, per_s, now_us, wait_us))
        return false;
    limit = bucket_of(per_s);
    bucket->full_us = bucket_take(&limit, bucket->full_us, now_us, 1);
    return true;
}
