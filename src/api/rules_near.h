/* rules_near.h -- past runs that a rule's filters miss by one condition only.
 *
 *   and(a, b, c) ──▶ and(b, c, not(a)), and(a, c, not(b)), and(a, b, not(c)) ──▶ a search of each
 *
 * The conditions of `filter` and of `trace_filter` are left out one after the other; a tree_filter
 * stays as it is, for it is met by any span of a trace. With one condition in all there is nothing
 * left that a run could be near to. */
#ifndef API_RULES_NEAR_H
#define API_RULES_NEAR_H

#include "api/traces_query.h"
#include "trace/span_json.h"

#define RULES_NEAR_RUNS_MAX 10 /* of one condition */

struct rules_near_asked {
    const struct traces_query *asked; /* the same projects and times */
    struct str filter, trace_filter;  /* as they were sent; STR_NONE: none */
    const struct span_view *view;     /* how runs are shown */
    bool takes_pending;               /* also runs that have not ended */
    int64_t limit;                    /* of runs for each condition; 0: no search */
};

struct rules_near;

/* In the call's arena; borrows what is asked. Ended by rules_near_release. */
struct rules_near *rules_near_new(struct call *call, const struct rules_near_asked *asked);
/* A step of the searches, in a read. OK with *is_over false: call_then_read and step again. */
enum err rules_near_step(struct tx *tx, struct rules_near *near, bool *is_over) MUST_USE;
/* An array: the conditions that some runs miss alone, with those runs. */
void rules_near_write(const struct rules_near *near, struct json_writer *json);
void rules_near_release(struct rules_near *near); /* NULL is fine */

#endif
