/* alert_clock.h -- follows what spans say and lets alerts fire.
 *
 *   timer ──▶ a read: what has ended since, tested ──▶ one write per project: counted, steps taken
 *
 * A crash between the two repeats the read, not what was told. With several nodes each looks; who
 * writes first has done it. Lives on the main loop. */
#ifndef ALERT_ALERT_CLOCK_H
#define ALERT_ALERT_CLOCK_H

#include "alert/alert_tell.h"
#include "base/metrics.h"

struct alert_clock;

extern struct metric alert_states; /* state */

struct alert_clock_config {
    struct loop *loop;
    struct store *store;
    struct alert_setup setup; /* borrowed */
    int64_t tick_ms;          /* between two looks */
};

struct alert_clock *alert_clock_new(const struct alert_clock_config *config);
/* Tells nothing more: before the store is closed. */
void alert_clock_close(struct alert_clock *clock);
void alert_clock_free(struct alert_clock *clock);

#endif
