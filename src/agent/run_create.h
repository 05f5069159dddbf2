/* run_create.h -- puts a run into the queue: one transaction, straight-line.
 *
 * Resolves the assistant, makes the thread where asked to, merges the configuration (assistant,
 * thread, run; later wins), applies the multitask strategy, inserts the row, and nudges the
 * dispatcher. */
#ifndef AGENT_RUN_CREATE_H
#define AGENT_RUN_CREATE_H

#include "agent/agent_config.h"
#include "agent/run_request.h"
#include "store/assistants.h"
#include "store/runs.h"
#include "store/threads.h"
#include "store/usage.h"

#define RUN_BUSY_TEXT                                                                              \
    "Thread is already running a task. Wait for it to finish or choose a different multitask "     \
    "strategy."

struct run_new {
    struct str tenant;
    struct str thread_id; /* STR_NONE: stateless, on a thread made for it */
    struct str run_id; /* made by the caller, so that a repeated transaction makes the same run */
    struct str fresh_thread_id;
    struct str headers; /* JSON object: request headers that go into config.configurable; "{}" */
    struct str traceparent; /* of the request, checked; STR_NONE: none */
    struct str user;        /* JSON: whom the auth handlers named; STR_NONE: nobody */
    /* Alternatives that the metadata of its thread (if that exists) and of its assistant (unless
     * that is the graph's own) have to fit (auth/filter.h); STR_NONE: any. What does not fit is as
     * if it did not exist. */
    struct str thread_filter, assistant_filter;
    const struct run_request *request;
    struct usage_payers payers; /* who pays for it; none: nobody does */
};

/* ERR_NOT_FOUND (assistant, thread), ERR_CONFLICT (strategy reject), ERR_LIMIT (a payer has none
 * left; error->retry_after_s), ERR_INVALID; error->text says it in words. *run lives in `arena`. */
enum err run_create(struct tx *tx, const struct agent_config *config, const struct run_new *new_run,
                    struct arena *arena, struct run *run, struct request_error *error) MUST_USE;

/* By assistant id, or by a graph's name (its own assistant, made if it does not exist yet). */
enum err assistant_resolve(struct tx *tx, const struct agent_config *config, struct str tenant,
                           struct str id_or_graph, struct arena *arena,
                           struct assistant *assistant) MUST_USE;
/* May runs be made with it by those whose filter this is? Graphs' own assistants are for all. */
bool assistant_is_admitted(const struct assistant *assistant, struct str filter,
                           struct arena *arena);
/* Makes the assistants of all graphs that this tenant lacks. */
enum err assistants_ensure(struct tx *tx, const struct agent_config *config,
                           struct str tenant) MUST_USE;

#endif
