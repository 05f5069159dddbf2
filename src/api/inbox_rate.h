/* inbox_rate.h -- how often each inspector may be sent something, on one net loop.
 *
 * A token bucket for every slug that there is: per_s requests a second, BURST_S seconds' worth at
 * once. Slugs that nobody has take no memory, and those whose bucket is full again give theirs back
 * when there are many. */
#ifndef API_INBOX_RATE_H
#define API_INBOX_RATE_H

#include "base/map.h"

#define INBOX_BURST_S 5

struct inbox_rate {
    struct map buckets; /* slug → struct slug_bucket */
};

void inbox_rate_init(struct inbox_rate *rate);
void inbox_rate_release(struct inbox_rate *rate);
/* May one more come? Counts nothing. Otherwise *wait_us: until when not. per_s 0: always. */
bool inbox_rate_admits(const struct inbox_rate *rate, unsigned per_s, struct str slug,
                       int64_t now_us, int64_t *wait_us);
/* One has come to a slug that there is. False: it was one too many, and is not counted. */
bool inbox_rate_take(struct inbox_rate *rate, unsigned per_s, struct str slug, int64_t now_us,
                     int64_t *wait_us);

#endif
