/* span_write.h -- what a request has gathered goes into the store, in one transaction. */
#ifndef TRACE_SPAN_WRITE_H
#define TRACE_SPAN_WRITE_H

#include "store/store.h"
#include "trace/span_batch.h"

/* In a write; may be repeated. Projects are found by id, or by name and then made if there is none;
 * spans of a project id that does not exist are a problem of the batch and are left out. */
enum err span_write(struct tx *tx, struct str tenant, struct span_batch *batch) MUST_USE;

#endif
