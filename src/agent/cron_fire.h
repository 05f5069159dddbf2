/* cron_fire.h -- one transaction of the cron clock: straight-line, repeatable. */
#ifndef AGENT_CRON_FIRE_H
#define AGENT_CRON_FIRE_H

#include "agent/agent_config.h"
#include "store/crons.h"

#define CRON_LATE_US (60 * US_PER_SECOND) /* later than this, a firing was missed */

struct cron_report {
    struct str cron_id;
    struct str text; /* why it did not fire, in words for the log */
};

struct cron_firings {
    size_t looked_at;
    struct cron_report *reports; /* in the arena given */
    size_t report_count;
    int64_t next_us; /* when the next one is due; 0: none */
    int64_t now_us;
};

/* Fires at most `limit` crons that are due. */
enum err cron_fire(struct tx *tx, const struct agent_config *config, int64_t limit,
                   struct arena *arena, struct cron_firings *firings) MUST_USE;

#endif
