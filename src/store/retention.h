/* retention.h -- deletes what is past its age, in pieces small enough to stand between other work.
 *
 * What has an age, and what it starts with:
 *
 *   idempotency rows      their creation                                      1 day
 *   items                 their own expiry
 *   attempts              their start                                        30 days
 *   deliveries            their end, done or dead, with their attempts        90 days
 *   the log's size        what is oldest of the three and of requests to inspectors  none
 *   bulk replays          their end                                          90 days, as deliveries
 *   the feed of changes   its own age and length (delivery_feed.h)
 *   bodies                with the last delivery that has them
 *   run events            the end of their run; the run stays                  7 days
 *   requests to inspectors  their coming                                      7 days
 *   the log of rules      its writing (rules.h)                              90 days
 *   inspectors            their last use, with their requests               30 days
 *   temporary runs        their end, with events and what is left of the thread  1 day
 *   runs                  their end, with events; thread and checkpoints stay   90 days
 *   traces                their last change, by project (span_delete.h)        90 days
 *   checkpoints           their creation, beyond the newest of each namespace   90 days
 *
 * Nothing that is still due, held, being sent, pending or running is touched. Of each namespace of
 * a thread the `checkpoints_keep` newest stay whatever their age: the head is what the next run, or
 * the answer to an interrupt, goes on from. A thread with a live run keeps all, since that run may
 * have started from any. How far the walks over ended runs and over checkpoints have come stands in
 * the table `sequences` (rows "retention_…"), so that they are not started anew and move with their
 * transaction. */
#ifndef STORE_RETENTION_H
#define STORE_RETENTION_H

#include "store/store.h"

#define RETENTION_ROWS_MAX 500 /* per call */

struct retention_limits { /* ages, and one size; 0 keeps for ever */
    int64_t idempotency_us;
    int64_t attempts_us;
    int64_t deliveries_us;
    int64_t run_events_us;
    int64_t temporary_runs_us;
    int64_t runs_us;
    int64_t checkpoints_us;
    int64_t checkpoints_keep; /* a count, at least 1 */
    int64_t inspected_us;
    int64_t inspectors_us;
    int64_t traces_us, traces_extended_us;
    int64_t log_bytes; /* of the log (log_size.h) */
};

extern const struct retention_limits retention_defaults;

/* When to come back. Pressed: the log is larger than it may be, and others may add to it faster
 * than pieces with a pause between them can take away. */
enum retention_pace { RETENTION_DONE, RETENTION_MORE, RETENTION_PRESSED };

/* One piece, in the apply of a STORE_BULK work. */
enum err retention_step(struct tx *tx, int64_t now_us, const struct retention_limits *limits,
                        enum retention_pace *pace) MUST_USE;

#endif
