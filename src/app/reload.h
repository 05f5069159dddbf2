/* reload.h -- what is different between two configurations, and what of it can change while the
 * server runs: limits, ages, rules and headers of webhooks, addresses that may be called, the log's
 * level, certificates. All else waits for the next start. */
#ifndef APP_RELOAD_H
#define APP_RELOAD_H

#include "app/config.h"

struct reload_difference {
    struct buf live; /* names with ", " between; both are released by reload_difference_release */
    struct buf waiting; /* … that need a restart */
};

void reload_compare(const struct config *old, const struct config *new,
                    struct reload_difference *difference);
void reload_difference_release(struct reload_difference *difference);

#endif
