/* store_metrics.h -- what the store counts, and counting within a transaction.
 *
 * What a transaction makes true is counted by tx_count: after the commit, once, and not if the work
 * has failed. What every metric says stands in docs/metrics.md. */
#ifndef STORE_STORE_METRICS_H
#define STORE_STORE_METRICS_H

#include "base/metrics.h"
#include "store/store.h"

enum ingest_result { INGEST_ACCEPTED, INGEST_HELD, INGEST_REFUSED };

extern struct metric store_ingest_events;    /* tenant, enum ingest_result */
extern struct metric store_ingest_seconds;   /* no label */
extern struct metric store_batch_records;    /* no label */
extern struct metric store_commit_seconds;   /* no label */
extern struct metric store_deliveries_ended; /* outcome, class of the status */
extern struct metric store_duplicates;       /* enum duplicate_cause */
extern struct metric store_spans_late;       /* no label */

enum duplicate_cause { DUPLICATE_LEASE, DUPLICATE_CONNECTION };

unsigned ingest_series(struct str tenant, enum ingest_result result);
/* `reason` why it is dead; STR_NONE: it is delivered. `status` of its last attempt; 0: none. */
unsigned deliveries_ended_series(struct str reason, int64_t status);

#define TX_TALLIES_MAX 512 /* per group; what is counted beyond that is counted at once */

struct tx_tally {
    struct metric *metric;
    unsigned series;
    uint64_t count;
};

/* Only in a write, only of counters. */
void tx_count(struct tx *tx, struct metric *metric, unsigned series, uint64_t count);
/* The writer's, after the commit. */
void tallies_add_up(const struct tx_tally *tallies, size_t count);

#endif
