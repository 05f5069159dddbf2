/* thread_follow.h -- follows the runs of one thread, one after the other, for a client that stays.
 *
 *   look up the run ──▶ on_run ──▶ on_events … ──▶ on_run_end ──▶ look up the next
 *          ▲                                                            │ none yet
 *          └──────────── nudge, timer ─────────── waiting ◀─────────────┘
 *
 * Without a place to start from it begins with the oldest live run, else with the last one. All on
 * one loop, which is the client's. Each run is told from its first event that is still there.
 * Nothing more comes until thread_follow_more. */
#ifndef AGENT_THREAD_FOLLOW_H
#define AGENT_THREAD_FOLLOW_H

#include "agent/hub.h"
#include "store/threads.h"

struct follow_end {
    struct str status;     /* of the run; "interrupted" too when its row is gone */
    struct str error;      /* JSON {error, message}; STR_NONE: none */
    int64_t ended_us;      /* now, if its row is gone */
    bool is_waiting;       /* it stopped for a person */
    struct str interrupts; /* JSON object {task: [interrupt, …]}, if it did */
};

struct thread_follow_events {
    /* Borrowed until it returns; the follow must not be closed in this one. */
    void (*on_run)(void *context, const struct run *run);
    void (*on_events)(void *context, struct run_event *const *events, size_t count);
    void (*on_run_end)(void *context, const struct follow_end *end);
    /* Last call: the thread is gone (ERR_NOT_FOUND; also one that never was, unless waits_for_it),
     * or the store fails. */
    void (*on_fail)(void *context, enum err err);
};

struct thread_follow_config {
    struct loop *loop;
    struct store *store;
    struct hub *hub;
    struct str tenant, thread_id;
    struct str admitted;   /* alternatives that its metadata have to fit (auth/filter.h); a thread
                              that does not is gone; STR_NONE: any */
    int64_t position;      /* start with the run at this position, or the next; -1: see above */
    bool waits_for_thread; /* a thread that does not exist may come */
    const struct thread_follow_events *events;
    void *context;
};

struct thread_follow;
struct thread_follows; /* those of one loop: whom to wake when a thread gets a run */

/* On the loop's thread. */
struct thread_follows *thread_follows_new(struct store *store, struct loop *loop);
void thread_follows_free(struct thread_follows *follows); /* none may be open */

struct thread_follow *thread_follow_open(struct thread_follows *follows,
                                         const struct thread_follow_config *config);
void thread_follow_more(struct thread_follow *follow);
/* No callback any more. Also needed after on_fail. */
void thread_follow_close(struct thread_follow *follow);

#endif
