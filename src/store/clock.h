/* clock.h -- what waits, when the machine's clock is set. SQLite only: on PostgreSQL the database's
 * clock counts.
 *
 * Due times are instants of the wall clock. When that goes back, what waits would wait for so much
 * longer; when it goes on, what may take so long would be too old at once. So a jump is noticed
 * (between two groups against the monotonic clock, at a start against the mark that the last
 * process left), and in the transaction in which it is noticed, before any work, the times that
 * stand in the store are moved along. */
#ifndef STORE_CLOCK_H
#define STORE_CLOCK_H

#include "store/store.h"

#define CLOCK_JUMP_US (10 * US_PER_SECOND) /* less is drift */

struct clock_watch {
    int64_t ahead_us; /* of the wall clock before the monotonic one; what is committed */
    int64_t marked_us;
    bool is_known;
    struct { /* becomes so with the commit */
        int64_t ahead_us, marked_us;
    } next;
};

/* At the begin of each group; tx->now_us is set. */
enum err clock_follow(struct tx *tx, struct clock_watch *watch, int64_t mono_us) MUST_USE;
void clock_committed(struct clock_watch *watch);

#endif
