/* quota.h -- how much a workspace may hold: threads, and bytes.
 *
 * Threads are counted where one is made, in that transaction and by an index, no further than the
 * limit: exact on every node, and nothing is written for it. Bytes are measured in the background
 * (quota_census): what threads, their checkpoints, runs and events, and items take. The table
 * `holdings` has a row for each workspace that has such a limit and is written to: what was
 * measured last, and when somebody last wanted to know. One that is full is measured all the time,
 * for a refusal leaves no trace. So a limit of bytes is noticed, and space
 * that was made counts, at the end of the next walk; until then more goes in.
 *
 * A key's limits speak of the workspace that the request is for. */
#ifndef STORE_QUOTA_H
#define STORE_QUOTA_H

#include "store/usage.h"

/* Before a thread is made: may it be? ERR_LIMIT: *refusal says why not. */
enum err quota_admit_thread(struct tx *tx, const struct usage_payers *payers,
                            struct usage_refusal *refusal) MUST_USE;
/* Before something is stored; also in a transaction that only reads. */
enum err quota_admit_bytes(struct tx *tx, const struct usage_payers *payers,
                           struct usage_refusal *refusal) MUST_USE;

/* A walk over all that one workspace holds, in pieces. */
struct quota_walk {
    struct str tenant;
    struct str thread_id;           /* those up to here are measured */
    struct str namespace, item_key; /* and these items, when the threads are through */
    bool is_past_threads, is_over;
    int64_t bytes;
};

/* The workspace that has waited longest for being measured, at least `rest_us` since the last time.
 * ERR_NOT_FOUND: none. */
enum err quota_wanted(struct tx *tx, int64_t rest_us, struct arena *arena,
                      struct str *tenant) MUST_USE;
/* One piece; the walk's texts live in the arena. */
enum err quota_walk_step(struct tx *tx, struct quota_walk *walk, struct arena *arena) MUST_USE;
enum err quota_measured(struct tx *tx, struct str tenant, int64_t bytes) MUST_USE;

#endif
