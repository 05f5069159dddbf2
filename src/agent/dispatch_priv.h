/* dispatch_priv.h -- what dispatch.c (claims), execution.c (one execution) and upkeep.c (leases,
 * lost runs) share. */
#ifndef AGENT_DISPATCH_PRIV_H
#define AGENT_DISPATCH_PRIV_H

#include "agent/dispatch.h"
#include "base/failure_log.h"
#include "base/map.h"

#define CLAIM_MAX 64      /* runs per claim */
#define RETRY_MS 200      /* after a failed write */
#define STOP_TRIES_MAX 10 /* of a final write that fails while the server stops */
#define TICK_MS 5000      /* looks at the store even without a nudge */

struct dispatch {
    struct dispatch_setup setup;
    const struct agent_config *config;
    struct map running; /* run id → struct execution_entry */
    struct timer due;   /* the next pending run */
    struct timer tick;  /* leases, lost runs, lost nudges */
    struct timer sweep; /* of threads whose life is over */
    int64_t swept;      /* by the sweep under way */
    unsigned ticks;
    bool is_recovered; /* what the last life left running was taken as lost */
    bool is_claiming;
    bool poked; /* a nudge came while a claim was under way */
    bool is_stopping;
    unsigned works_open;
    void (*on_stopped)(void *context);
    void *context;
    struct dispatch_stats stats;
    struct failure_log claim_failures, end_failures, upkeep_failures, sweep_failures;
};

/* One execution under way, from its claim to the write that ends it. */
struct entry {
    struct execution execution;
    struct dispatch *dispatch;
    struct executor *executor;
    struct timer deadline; /* then: the grace after a cancel */
    bool is_timed_out;
    bool is_cancelled;
    bool is_reported;       /* done or lost has come */
    struct store_work work; /* the final write */
    struct run_outcome outcome;
    struct checkpoint checkpoint;
    struct str lost_type, lost_message;
    bool ended;
    struct str final_status, final_error; /* as the rows have it */
    struct run_tail tail;                 /* events that the final write has to take along */
    unsigned tries;
};

/* dispatch.c */
void dispatch_poke(struct dispatch *d);
/* Whose workers speak the language; NULL: nobody's. */
struct executor *dispatch_speaker(const struct dispatch *d, enum graph_kind language);
struct loop *dispatch_loop(const struct dispatch *d);
void dispatch_maybe_stopped(struct dispatch *d);
struct executor *dispatch_executor(const struct dispatch *d, struct str graph_id);

/* execution.c */
void entry_start(struct dispatch *d, const struct run *run, bool resume);
void entry_cancel(struct entry *entry, struct str reason);

/* thread_sweep.c: on the timer `sweep` */
void thread_sweep_start(struct timer *timer);

/* upkeep.c */
void upkeep_start(struct dispatch *d, bool is_start);
void upkeep_on_cancel(void *context, struct str run_id);

#endif
