/* worker_executor_priv.h -- what worker_executor.c (processes and runs) and worker_store.c (what
 * they ask the store) share. */
#ifndef AGENT_WORKER_EXECUTOR_PRIV_H
#define AGENT_WORKER_EXECUTOR_PRIV_H

#include "agent/span_parcels.h"
#include "agent/worker_executor.h"
#include "base/list.h"
#include "base/map.h"
#include "worker/worker.h"

struct worker_executor;

/* A place for one process; the process in it changes, the place stays. */
struct slot {
    struct worker_executor *owner;
    struct worker *worker; /* NULL: waiting for its restart */
    uint64_t generation;   /* rises with each process */
    struct list runs;      /* worker_run.node */
    struct list apps;      /* app_request.node */
    unsigned run_count;
    struct timer restart;
    const char *why_not; /* it could not be started; NULL: it could */
    int64_t restart_delay_ms;
    int64_t started_ms;
};

struct worker_executor {
    struct executor executor;
    struct worker_executor_setup setup;
    struct slot *slots;
    struct map runs;    /* run id → struct worker_run */
    struct map tenants; /* thread id → struct thread_tenant: whose data a worker may ask for */
    struct span_parcels spans;
    unsigned graphs_failed;
    bool is_loaded;        /* on_loaded was called */
    int64_t down_since_ms; /* since when no process is ready; 0: one is */
    bool is_stopping;
    void (*on_stopped)(void *context);
    void *stopped_context;
};

struct worker_run {
    struct list node;
    struct slot *slot;
    struct execution *execution;
    size_t uncredited_bytes;
};

/* A thread that is open to the workers while a run or a question on it is under way. */
struct thread_tenant {
    unsigned uses;
    struct str tenant;
    char bytes[];
};

void tenant_open(struct worker_executor *owner, struct str thread_id, struct str tenant);
void tenant_close(struct worker_executor *owner, struct str thread_id);

void worker_room_grew(struct worker_executor *owner);

/* worker_runs.c: start, cancel, kill and ask are the executor's; the others are told by the
 * processes. */
void worker_run_start(struct executor *executor, struct execution *execution);
void worker_run_cancel(struct executor *executor, struct execution *execution, struct str reason);
void worker_run_kill(struct executor *executor, struct execution *execution);
void worker_run_on_event(struct slot *slot, const struct frame *frame);
void worker_run_on_done(struct slot *slot, const struct frame *frame);
/* The execution that a frame is about; NULL: none that is under way here. */
const struct execution *worker_run_execution(struct slot *slot, const struct frame *frame);
void worker_runs_lose(struct slot *slot, const char *why); /* the process is gone */
void worker_question_ask(struct executor *executor, struct agent_ask *ask);

struct slot *worker_slot_ready(struct worker_executor *owner);

/* worker_apps.c: requests to the user's own app; start and notice are the executor's */
void worker_app_start(struct executor *executor, struct app_request *request);
void worker_app_notice(struct executor *executor, const struct app_notice *notice);
void worker_app_on_frame(struct slot *slot, const struct frame *frame);
void worker_apps_lose(struct slot *slot);

/* Answers a ckpt.* or store.batch request; later, if the process still lives. */
void worker_store_ask(struct slot *slot, const struct frame *frame);

#endif
