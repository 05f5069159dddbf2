/* feedback_write.h -- feedback into the store: the project found, the key's configuration kept. */
#ifndef TRACE_FEEDBACK_WRITE_H
#define TRACE_FEEDBACK_WRITE_H

#include "trace/feedback_parse.h"
#include "trace/span_batch.h"

/* In a write. Fills the id if the draft has none, and the times. ERR_NOT_FOUND: there is no such
 * project. Of a configuration for a key that has one already the first stays. */
enum err feedback_write(struct tx *tx, struct str tenant, struct feedback_draft *draft) MUST_USE;

/* The feedback that came with a batch; what is wrong with one becomes a problem of the batch. */
enum err feedback_write_batch(struct tx *tx, struct str tenant, struct span_batch *batch) MUST_USE;

#endif
