/* rule_clock.h -- applies rules to spans that have changed.
 *
 *   timer ──▶ a read: what has changed since, matched, rendered ──▶ one write per project
 *
 * A crash between the two repeats the read, not what was told. With several nodes each looks; who
 * writes first has done it. Lives on the main loop. */
#ifndef RULE_RULE_CLOCK_H
#define RULE_RULE_CLOCK_H

#include "base/metrics.h"
#include "io/loop.h"
#include "rule/rule_apply.h"

struct rule_clock;

extern struct metric rule_lag;

struct rule_clock_config {
    struct loop *loop;
    struct store *store;
    struct rule_links links; /* where receivers find large values; borrowed, so is the next */
    struct str policy;       /* of deliveries */
    int64_t tick_ms;         /* between two looks */
};

struct rule_clock *rule_clock_new(const struct rule_clock_config *config);
/* Tells nothing more: before the store is closed. */
void rule_clock_close(struct rule_clock *clock);
void rule_clock_free(struct rule_clock *clock);

#endif
