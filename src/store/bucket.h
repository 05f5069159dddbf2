/* bucket.h -- a token bucket in one number: when it will be full again.
 *
 * Each request moves that instant on by 1/per_s of a second; a request may go as long as the
 * instant lies less than `burst` such steps ahead. One number in a row is all that must outlive a
 * restart, and nobody has to fill the bucket.
 *
 * Pure arithmetic: no clock, no allocation, no I/O. Times are microseconds. */
#ifndef STORE_BUCKET_H
#define STORE_BUCKET_H

#include "base/base.h"

#define BUCKET_PER_S_MIN 0.0001
#define BUCKET_PER_S_MAX 1e6
#define BUCKET_BURST_MAX 1000000

struct bucket {
    double per_s;  /* BUCKET_PER_S_MIN … BUCKET_PER_S_MAX */
    int64_t burst; /* so many at once after a pause; 1 … BUCKET_BURST_MAX */
};

/* How many may go now, at most `max`. full_us 0: it is full. */
unsigned bucket_room(const struct bucket *bucket, int64_t full_us, int64_t now_us, unsigned max);
/* `count` go: the new full_us. */
int64_t bucket_take(const struct bucket *bucket, int64_t full_us, int64_t now_us, unsigned count);
/* When the next one may go. */
int64_t bucket_ready_us(const struct bucket *bucket, int64_t full_us);

#endif
