/* delivery_metrics.h -- what the sender counts. What every metric says stands in docs/metrics.md.
 */
#ifndef DELIVERY_DELIVERY_METRICS_H
#define DELIVERY_DELIVERY_METRICS_H

#include "base/metrics.h"
#include "delivery/classify.h"
#include "delivery/window.h"

extern struct metric delivery_attempts;        /* enum attempt_result */
extern struct metric delivery_attempt_seconds; /* phase */
extern struct metric delivery_lag_seconds;     /* no label */
extern struct metric delivery_breaker_moves;   /* where to */
/* Set by the census: */
extern struct metric delivery_queue_depth;    /* enum census_queue */
extern struct metric delivery_queue_oldest;   /* no label */
extern struct metric delivery_endpoint_state; /* enum census_endpoint */
extern struct metric delivery_log_bytes;      /* no label */

extern struct metric delivery_recovery_rows;    /* no label */
extern struct metric delivery_recovery_seconds; /* no label */

/* The phases that took place: nothing is said of a lookup that was known, of a connection that was
 * kept. `due_us`, `started_us`: wall clock. */
void delivery_count_attempt(const struct http_result *answer, int64_t due_us, int64_t started_us);

/* Of an origin's window, if it has changed: in a breaker's words a closed window is open. */
void delivery_count_breaker(enum window_state before, enum window_state after);

#endif
