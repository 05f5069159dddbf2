/* agent_metrics.h -- what is counted of runs. What every metric says stands in docs/metrics.md. */
#ifndef AGENT_AGENT_METRICS_H
#define AGENT_AGENT_METRICS_H

#include "store/store_metrics.h"

extern struct metric agent_runs; /* status */

/* In the transaction that ends a run. */
void agent_count_run(struct tx *tx, struct str status);

#endif
