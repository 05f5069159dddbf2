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
    const struct run_request *request;
};

/* ERR_NOT_FOUND (assistant, thread), ERR_CONFLICT (strategy reject), ERR_INVALID; error->text says
 * it in words. *run lives in `arena`. */
enum err run_create(struct tx *tx, const struct agent_config *config, const struct run_new *new_run,
                    struct arena *arena, struct run *run, struct request_error *error) MUST_USE;

/* By assistant id, or by a graph's name (its own assistant, made if it does not exist yet). */
enum err assistant_resolve(struct tx *tx, const struct agent_config *config, struct str tenant,
                           struct str id_or_graph, struct arena *arena,
                           struct assistant *assistant) MUST_USE;
/* Makes the assistants of all graphs that this tenant lacks. */
enum err assistants_ensure(struct tx *tx, const struct agent_config *config,
                           struct str tenant) MUST_USE;

#endif
