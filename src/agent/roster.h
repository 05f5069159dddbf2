/* roster.h -- what an executor that lives in this process has under way, and how it stops: it
 * cancels all, and is stopped when the last has ended. Main loop only. */
#ifndef AGENT_ROSTER_H
#define AGENT_ROSTER_H

#include "agent/executor.h"
#include "base/list.h"

struct roster {
    struct executor *executor;
    struct list entries;
    unsigned max, count;
    unsigned holds;
    bool is_stopping;
    void (*on_stopped)(void *context);
    void *context;
};

/* Part of whatever a run is to the executor. */
struct roster_entry {
    struct list node;
    struct execution *execution;
};

void roster_init(struct roster *roster, struct executor *executor, unsigned max);
void roster_add(struct roster *roster, struct roster_entry *entry, struct execution *execution);
/* The dispatcher hears that there is room. The last one ends the stopping: then the executor may be
 * freed before this returns. */
void roster_remove(struct roster *roster, struct roster_entry *entry);
/* Something else that must end before the executor is stopped. */
void roster_hold(struct roster *roster);
void roster_let_go(struct roster *roster);
unsigned roster_room(const struct roster *roster); /* 0 while it stops */
/* ops->cancel for each; on_stopped when nothing is left, at once if there is nothing. */
void roster_stop(struct roster *roster, void (*on_stopped)(void *context), void *context);

#endif
