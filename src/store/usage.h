/* usage.h -- the table usage: how much somebody has used up of what is limited.
 *
 * A payer is a key ("k:id"), an address of a server without keys ("p:address") or a workspace
 * ("w:tenant"). Runs are counted in the transaction that makes them, so the count is exact: on
 * every node, after every crash, and a run that was not made after all is not counted. A payer's
 * row is locked while it pays, so two nodes do not both take the last place. Only who has a limit
 * is counted. Days are those of UTC. */
#ifndef STORE_USAGE_H
#define STORE_USAGE_H

#include "store/store.h"

#define USAGE_DAYS_KEPT 7
#define QUOTA_RETRY_S 60 /* said with what does not pass by itself */

struct usage_payer {
    struct str id;
    struct str tenant;    /* of a workspace: all its live runs count; STR_NONE: those it paid for */
    int64_t runs_per_day; /* 0: no limit */
    int64_t runs_live;    /* pending and running; 0: no limit */
    struct str workspace; /* whose threads and bytes count (quota.h) */
    int64_t threads;      /* 0: no limit */
    int64_t storage_bytes;
};

struct usage_payers {
    const struct usage_payer *list;
    size_t count;
};

struct usage_refusal {
    const char *limit; /* its name, as in auth/limits.h */
    int64_t max;
    int64_t retry_after_s; /* at least 1 */
    bool is_workspace;     /* it is the workspace's, not the caller's */
};

/* Before a run is made: may it be? ERR_LIMIT: *refusal says why not. Nothing is counted yet. */
enum err usage_admit_run(struct tx *tx, const struct usage_payers *payers,
                         struct usage_refusal *refusal) MUST_USE;
/* When it is made, in the same transaction: it counts, for the day and while it lives. */
enum err usage_count_run(struct tx *tx, const struct usage_payers *payers, struct str tenant,
                         struct str run_id) MUST_USE;

/* What the caller is told. */
void usage_refusal_text(const struct usage_refusal *refusal, char *text, size_t text_bytes);
/* Nobody else pays for this workspace's threads until the end of the transaction. */
enum err usage_lock(struct tx *tx, struct str workspace) MUST_USE;

struct usage_now {
    int64_t runs_today; /* 0 also where nothing is counted */
    int64_t runs_live;
};
enum err usage_get(struct tx *tx, const struct usage_payer *payer, struct usage_now *now) MUST_USE;
/* What is older than it is kept; at most `limit` rows. */
enum err usage_forget(struct tx *tx, int64_t limit, int64_t *gone) MUST_USE;

#endif
