/* reload.h -- what is different in a configuration that is read again, and what of it can change
 * while the server runs: limits, ages, rules and headers of webhooks, addresses that may be called,
 * the log's level, certificates. All else waits for the next start. */
#ifndef APP_RELOAD_H
#define APP_RELOAD_H

#include "app/config.h"

struct reload_difference {
    struct buf live; /* names with ", " between; both are released by reload_difference_release */
    struct buf waiting; /* … that need a restart */
};

/* What can change at run time is in force as it was read `last`; all else as at the `start`, so
 * what was told to need a restart is told each time until it has had one, or was put back. */
void reload_compare(const struct config *start, const struct config *last, const struct config *new,
                    struct reload_difference *difference);
void reload_difference_release(struct reload_difference *difference);

#endif
