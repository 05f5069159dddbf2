/* worker_executor.h -- an executor whose runs live in worker processes of one language.
 *
 * It keeps `worker_count` processes alive: one that ends is started again after a pause that grows
 * while it keeps failing. Runs go to the process with the fewest. When a process dies, each of its
 * runs is reported as lost. */
#ifndef AGENT_WORKER_EXECUTOR_H
#define AGENT_WORKER_EXECUTOR_H

#include "agent/agent_config.h"
#include "agent/executor.h"
#include "auth/loopback.h"

struct worker_executor_setup {
    struct loop *loop;
    struct store *store;
    const struct graphs *graphs; /* of all kinds; borrowed */
    enum graph_kind kind;
    const char *const *argv; /* borrowed, as are the next three: they must outlive the executor */
    const char *const *env;
    const char *cwd;
    struct str init;                 /* members of the init message */
    const struct loopback *loopback; /* for calls of the runs themselves; borrowed */
    bool has_auth;                   /* runs call back as the user who made them */
    struct item_life item_life;
    struct item_index item_index;
    unsigned worker_count;
    unsigned runs_per_worker;
    int64_t load_timeout_ms;
    int64_t stop_grace_ms;
    /* Once, when the first process has loaded its graphs or could not: how many graphs did not load
     * (each was logged), and on a failure of the process itself why (else NULL). */
    void (*on_loaded)(void *context, unsigned graphs_failed, const char *why);
    void *context;
};

struct executor *worker_executor_new(const struct worker_executor_setup *setup);

#endif
