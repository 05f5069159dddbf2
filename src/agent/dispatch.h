/* dispatch.h -- takes pending runs from the store, hands them to executors, and writes down how
 * they end.
 *
 *   nudge, timer, room ──▶ claim (write) ──▶ start ──events──▶ hub
 *                                              ├──done──▶ run_finish (write) ──▶ hub_end
 *                                              └──lost──▶ run_lost (write) ──▶ pending again, or
 * hub_end
 *
 * Lives on the main loop. A run of a thread starts only when the one before it has ended: the
 * claim's query says so. At start all runs that this node left running are taken as lost. */
#ifndef AGENT_DISPATCH_H
#define AGENT_DISPATCH_H

#include "agent/executor.h"
#include "agent/hub.h"

struct dispatch;

struct dispatch_setup {
    struct loop *loop;
    struct store *store;
    struct hub *hub;
    const struct agent_config *config; /* borrowed, immutable */
    struct executor *const *executors; /* borrowed; the dispatcher does not free them */
    size_t executor_count;
};

/* Recovers what the last life of this node left, then starts. */
struct dispatch *dispatch_new(const struct dispatch_setup *setup);
/* Claims and starts nothing more: before the executors are stopped. */
void dispatch_close(struct dispatch *dispatch);
/* on_stopped when no run is under way any more and all is written. */
void dispatch_stop(struct dispatch *dispatch, void (*on_stopped)(void *context), void *context);
void dispatch_free(struct dispatch *dispatch);

/* Any loop: the ask belongs to the dispatcher until on_answer, which runs on the main loop. */
struct dispatch_ask {
    struct message message;
    struct dispatch *dispatch;
    struct agent_ask ask;
};
void dispatch_ask(struct dispatch *dispatch, struct dispatch_ask *ask);

struct dispatch_stats {
    unsigned running;
    uint64_t started, ended, lost;
};
struct dispatch_stats dispatch_stats(const struct dispatch *dispatch);

#endif
