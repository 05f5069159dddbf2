/* schedule.h -- when a delivery is tried again, and when it is given up. Policies are data.
 *
 *   durable      11 tries over about 3 days with jitter; retries everything but rejected, gone and
 *                refused; a Retry-After is waited for, up to a day
 *   documented   one 5 s clock; up to 2 retries in all, of unreachable, tls and 5xx, with
 *                exponential back-off; a timeout and a 4xx are final; Retry-After is not read
 *   once         no retry
 *
 * The last two are exact: an attempt is one request. A kept connection that ends unanswered is a
 * failed attempt, and not sent over again unseen; so a retry of `documented`, and all of `once`, go
 * over a connection of their own.
 *
 * An attempt whose outcome was lost with the process counts as a try, but never as the last one:
 * the delivery is due again at once. Pure: no clock, no I/O; chance comes from the caller's rng. */
#ifndef DELIVERY_SCHEDULE_H
#define DELIVERY_SCHEDULE_H

#include "base/rng.h"
#include "delivery/classify.h"

#define SCHEDULE_DELAYS_MAX 16
#define SCHEDULE_RETRIES(result) (1U << (unsigned)(result))

struct policy {
    const char *name;
    int64_t delays_ms[SCHEDULE_DELAYS_MAX]; /* after the first, second … try; tries = count + 1 */
    size_t delay_count;
    double jitter;              /* of each delay: ± this share of it */
    unsigned retries;           /* set of SCHEDULE_RETRIES(result) */
    bool retries_every_5xx;     /* also those that count as busy */
    bool is_exact;              /* an attempt is one request */
    int64_t retry_after_ms_max; /* 0: a Retry-After is not read */
    int64_t age_ms_max;         /* older, it is given up; 0: no limit */
    struct http_budget budget;  /* of one attempt */
    size_t answer_bytes_max;    /* kept of what the receiver says, for who waits; 0: 4 KiB */
};

/* Which connection the n-th attempt takes; n ≥ 1. */
enum http_reuse policy_reuse(const struct policy *policy, int64_t attempt);

extern const struct policy policy_list[]; /* the built-in ones */
extern const size_t policy_count;

/* Of these; an unknown name gets `durable`: better tried too often than lost. */
const struct policy *policy_find(struct str name);
const struct policy *policy_find_known(struct str name); /* NULL if unknown */

enum verdict { VERDICT_DONE, VERDICT_AGAIN, VERDICT_DEAD };

struct schedule_input {
    enum attempt_result result;
    int status;             /* 0: no answer */
    int64_t attempts;       /* made so far, this one included; ≥ 1 */
    struct str retry_after; /* the header's value; STR_NONE: none */
    int64_t created_us;     /* of the delivery */
    int64_t now_us;
};

/* VERDICT_AGAIN sets *delay_us; VERDICT_DEAD sets *reason (static): the result's name if it is
 * final under this policy, "exhausted", or "expired" if it would then be too old. */
enum verdict schedule_next(const struct policy *policy, const struct schedule_input *input,
                           struct rng *rng, int64_t *delay_us, struct str *reason);

/* How long the receiver asks to be left alone: not only this delivery, but its endpoint. 0: it does
 * not, or the policy does not read it. */
int64_t schedule_rest_until(const struct policy *policy, const struct schedule_input *input);

#endif
