/* runs.h -- the table runs.
 *
 *   pending ──run_claim──▶ running ──run_end──▶ success | error | timeout | interrupted
 *      ▲                      │
 *      └─────run_release──────┘   (its executor is gone, attempts are left)
 *
 * A run's row changes its status only through these three (and run_end from pending, when it is
 * cancelled before it started). `position` orders the runs of a thread; it rises with each insert.
 */
#ifndef STORE_RUNS_H
#define STORE_RUNS_H

#include "store/store.h"

#define RUN_PENDING STR("pending")
#define RUN_RUNNING STR("running")
#define RUN_SUCCESS STR("success")
#define RUN_ERROR STR("error")
#define RUN_TIMEOUT STR("timeout")
#define RUN_INTERRUPTED STR("interrupted")

/* Event ids are reserved durably in blocks: attempt n writes ids from events_reserved on, so that
 * no id is used twice. */
#define RUN_EVENTS_BLOCK 1000000

struct run {
    struct str tenant;
    struct str run_id;
    struct str thread_id;
    struct str assistant_id;
    struct str graph_id;
    struct str status;
    struct str metadata; /* JSON object */
    struct str kwargs;   /* JSON object, as the API shows it */
    struct str multitask_strategy;
    struct str webhook;     /* STR_NONE: none */
    struct str traceparent; /* of the request that made it; STR_NONE: it had none */
    bool temporary;         /* its thread is deleted with its end */
    bool resumable;         /* its events stay in run_events */
    int64_t created_us, updated_us;
    int64_t due_us; /* not before; 0: at once */
    int64_t position;
    int64_t started_us, ended_us; /* 0: not yet */
    int64_t attempt;
    struct str cancel_action; /* interrupt, rollback; STR_NONE */
    int64_t deadline_us;      /* 0: none; set when it starts */
    int64_t events_reserved;
    struct str error;   /* JSON {error, message}; STR_NONE */
    struct str result;  /* what wait answers, kept for temporary runs; STR_NONE */
    struct str stopped; /* JSON object {task: [interrupt, …]}: it ended because it waits for a
                           person; STR_NONE: it did not */
};

bool run_status_is_live(struct str status);

/* By id; `thread_id` STR_NONE: on any thread. */
enum err run_get(struct tx *tx, struct str tenant, struct str thread_id, struct str run_id,
                 struct arena *arena, struct run *run) MUST_USE;
/* Sets run->position. ERR_CONFLICT. The caller holds the thread's row. */
enum err run_insert(struct tx *tx, struct run *run) MUST_USE;
struct runs {
    struct run *list; /* in the arena given */
    size_t count;
};

struct run_filter {
    struct str tenant, thread_id;
    struct str status; /* STR_NONE: any */
    int64_t limit, offset;
    struct str admitted; /* run_list_by_status: JSON array, of whose objects the thread's metadata
                            contain one; STR_NONE: any */
};

/* Of one thread, newest first. */
enum err run_list(struct tx *tx, const struct run_filter *filter, struct arena *arena,
                  struct runs *found) MUST_USE;
/* The first run of the thread from this position on. */
enum err run_from(struct tx *tx, const struct run_filter *of, int64_t position, struct arena *arena,
                  struct run *run) MUST_USE;
/* Pending and running runs of a thread, oldest first; at most `limit`. */
enum err run_list_live(struct tx *tx, struct str tenant, struct str thread_id, int64_t limit,
                       struct arena *arena, struct runs *found) MUST_USE;
/* Live runs of a tenant ("pending", "running", "all"), without those whose cancel was asked for. */
enum err run_list_by_status(struct tx *tx, const struct run_filter *filter, struct arena *arena,
                            struct runs *found) MUST_USE;
/* Live and ended ones, at most `limit`. */
enum err run_list_of_assistant(struct tx *tx, struct str tenant, struct str assistant_id,
                               int64_t limit, struct arena *arena, struct runs *found) MUST_USE;
enum err run_count_live(struct tx *tx, struct str tenant, struct str thread_id,
                        int64_t *count) MUST_USE;

struct run_claim {
    struct str node;
    int64_t lease_us;
    struct str graph_ids; /* JSON array: only runs of these graphs */
    int64_t limit;
};

/* Takes runs that are due and first in line on their thread: status running, attempt + 1, lease. */
enum err run_claim(struct tx *tx, const struct run_claim *claim, struct arena *arena,
                   struct runs *claimed) MUST_USE;
/* When the next pending run falls due that is not due yet; 0: there is none. */
enum err run_next_due(struct tx *tx, int64_t *due_us) MUST_USE;
enum err run_set_deadline(struct tx *tx, const struct run *run, int64_t deadline_us) MUST_USE;
/* Of all runs this node has running. */
enum err run_extend_leases(struct tx *tx, struct str node, int64_t until_us) MUST_USE;
/* Back to pending, to be taken up again. ERR_CONFLICT: it is not running in this attempt. */
enum err run_release(struct tx *tx, const struct run *run) MUST_USE;
/* The same, and the attempt does not count: the executor was shut down in order. */
enum err run_release_unspent(struct tx *tx, const struct run *run) MUST_USE;
/* Status, ended_us, error, result of the struct. ERR_CONFLICT: it was no longer live, or in another
 * attempt. */
enum err run_end(struct tx *tx, const struct run *run) MUST_USE;
/* It has ended, and waits for a person. */
enum err run_stop_put(struct tx *tx, const struct run *run, struct str interrupts) MUST_USE;
/* What was asked for; run_finish and the executor act on it. Only while live. */
enum err run_set_cancel(struct tx *tx, const struct run *run, struct str action) MUST_USE;
/* Row and events. */
enum err run_delete(struct tx *tx, struct str tenant, struct str run_id) MUST_USE;
/* Running runs whose lease is over (any node's), or of this node at start: `node` STR_NONE means by
 * lease. */
enum err run_list_lost(struct tx *tx, struct str node, int64_t limit, struct arena *arena,
                       struct runs *found) MUST_USE;

/* Pending runs, due and untouched since `since_us`, of graphs that are not in the JSON array
 * `graph_ids`. */
enum err run_list_orphans(struct tx *tx, struct str graph_ids, int64_t since_us, int64_t limit,
                          struct arena *arena, struct runs *found) MUST_USE;

/* Running runs of this node that somebody asked to end. */
enum err run_list_cancelled(struct tx *tx, struct str node, int64_t limit, struct arena *arena,
                            struct runs *found) MUST_USE;

#endif
