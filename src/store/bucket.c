/* The arithmetic of bucket.h. */
#include "store/bucket.h"

static int64_t step_us(const struct bucket *bucket)
{
    REQUIRE(bucket->per_s >= BUCKET_PER_S_MIN && bucket->per_s <= BUCKET_PER_S_MAX);
    REQUIRE(bucket->burst >= 1 && bucket->burst <= BUCKET_BURST_MAX);
    return (int64_t)((double)US_PER_SECOND / bucket->per_s);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

unsigned bucket_room(const struct bucket *bucket, int64_t full_us, int64_t now_us, unsigned max)
{
    int64_t step = step_us(bucket);
    int64_t room = (now_us + bucket->burst * step - later(full_us, now_us)) / step;

    if (room <= 0)
        return 0;
    return room < (int64_t)max ? (unsigned)room : max;
}

int64_t bucket_take(const struct bucket *bucket, int64_t full_us, int64_t now_us, unsigned count)
{
    return later(full_us, now_us) + (int64_t)count * step_us(bucket);
}

int64_t bucket_ready_us(const struct bucket *bucket, int64_t full_us)
{
    return full_us - (bucket->burst - 1) * step_us(bucket);
}
