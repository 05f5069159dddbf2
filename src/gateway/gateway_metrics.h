/* gateway_metrics.h -- what is counted of the upstream. What every metric says stands in
 * docs/metrics.md. */
#ifndef GATEWAY_GATEWAY_METRICS_H
#define GATEWAY_GATEWAY_METRICS_H

#include "store/store_metrics.h"

extern struct metric gateway_requests; /* enum gateway_result */
extern struct metric gateway_intents;  /* enum gateway_end */
extern struct metric gateway_open;     /* no label */
extern struct metric gateway_up;       /* no label */

enum gateway_result {
    GATEWAY_ANSWERED,
    GATEWAY_UNREACHABLE,
    GATEWAY_LOST,
    GATEWAY_CUT,
    GATEWAY_LEFT
};
enum gateway_end { GATEWAY_TOLD, GATEWAY_VANISHED, GATEWAY_GIVEN_UP, GATEWAY_NEVER_MADE };

void gateway_count_request(enum gateway_result result);
/* In the transaction that ends an intent. */
void gateway_count_end(struct tx *tx, enum gateway_end end);

#endif
