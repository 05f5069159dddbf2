/* blob_metrics.h -- what is counted of an S3-compatible service. What every metric says stands in
 * docs/metrics.md. */
#ifndef BLOB_BLOB_METRICS_H
#define BLOB_BLOB_METRICS_H

#include "base/metrics.h"

extern struct metric blob_requests; /* by operation and result */
extern struct metric blob_retries;  /* by operation */
extern struct metric blob_seconds;  /* by operation */
extern struct metric blob_bytes;    /* by direction */
extern struct metric blob_waiting;

enum { BLOB_SENT, BLOB_RECEIVED };

#endif
