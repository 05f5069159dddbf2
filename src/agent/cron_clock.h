/* cron_clock.h -- makes the runs of crons when their time has come.
 *
 *   nudge, timer ──▶ one write: runs of the crons that are due, each cron's next firing ──▶ sleep
 *
 * A firing and the move to the next are one commit, so none happens twice or is forgotten. Firings
 * that were missed while no server ran are made up for by one, at the start, or left out
 * (crons_missed). A cron whose thread or assistant is gone is disabled, and the log says why. Lives
 * on the main loop. */
#ifndef AGENT_CRON_CLOCK_H
#define AGENT_CRON_CLOCK_H

#include "agent/agent_config.h"
#include "store/store.h"

struct cron_clock;

struct cron_clock *cron_clock_new(struct loop *loop, struct store *store,
                                  const struct agent_config *config);
/* Fires nothing more: before the store is closed. */
void cron_clock_close(struct cron_clock *clock);
void cron_clock_free(struct cron_clock *clock);

#endif
