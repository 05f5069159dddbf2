/* firing.h -- the next firing of a cron schedule in a time zone; README.md says what happens where
 * clocks are set. */
#ifndef TIMER_FIRING_H
#define TIMER_FIRING_H

#include "format/cron.h"
#include "timer/zone.h"

/* Later than `after_us`; a whole minute, or the end of a gap. Microseconds since 1970 UTC. */
int64_t firing_next_us(const struct cron *cron, const struct zone *zone, int64_t after_us);

#endif
