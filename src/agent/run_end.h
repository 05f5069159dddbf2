/* run_end.h -- the one write that ends a run: its status, its thread's head and status, the next
 * run in line, and the webhook, in one transaction. Every path to a terminal status comes through
 * here, so that each run has exactly one event. */
#ifndef AGENT_RUN_END_H
#define AGENT_RUN_END_H

#include "agent/agent_config.h"
#include "store/checkpoints.h"
#include "store/runs.h"
#include "store/threads.h"

/* What an executor said of a run, or what happened to it. Strings are borrowed. */
struct run_outcome {
    struct str status;     /* success, error, timeout, interrupted */
    struct str error;      /* JSON {error, message}; STR_NONE */
    struct str state;      /* rendered head ThreadState; STR_NONE: the thread's head stays */
    struct str values;     /* what wait answers; STR_NONE: the head's values */
    struct str next;       /* JSON array; STR_NONE: none */
    struct str interrupts; /* JSON object; STR_NONE: none */
    const struct checkpoint *checkpoint; /* to be stored with it; NULL: none */
};

/* `run` names tenant, run and attempt. OK also if the run is gone or not live in this attempt any
 * more: then *ended is false and nothing was changed. */
enum err run_finish(struct tx *tx, const struct agent_config *config, const struct run *run,
                    const struct run_outcome *outcome, bool *ended) MUST_USE;

/* Its executor is gone: pending again while attempts are left (*ended false), else ended as error
 * with the given cause. */
enum err run_lost(struct tx *tx, const struct agent_config *config, const struct run *run,
                  struct str type, struct str message, bool *ended) MUST_USE;

/* The lost_type of an executor that was shut down in order: the attempt does not count. */
#define RUN_LOST_SHUTDOWN STR("WorkerShutdown")

/* {"error":type,"message":message} in tx->arena. */
struct str run_error_json(struct arena *arena, struct str type, struct str message);

#endif
