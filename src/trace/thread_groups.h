/* thread_groups.h -- root spans gathered by their thread: a conversation, turn by turn.
 *
 * Pure; memory is the arena's. Threads are in the order of their newest turn, if the spans are
 * added newest first; beyond THREAD_GROUPS_MAX threads the older ones are left out. */
#ifndef TRACE_THREAD_GROUPS_H
#define TRACE_THREAD_GROUPS_H

#include "base/map.h"
#include "trace/span_stats.h"

#define THREAD_GROUPS_MAX 10000

struct thread_group {
    struct str thread_id;
    struct span_row first, last; /* turns; strings in the arena */
    struct span_stats stats;
};

struct thread_groups {
    struct arena *arena;
    struct map by_id;
    struct thread_group **list;
    size_t count;
};

/* thread_groups_release frees what is not the arena's. */
void thread_groups_init(struct thread_groups *groups, struct arena *arena);
void thread_groups_release(struct thread_groups *groups);
/* Of a span without a thread nothing is kept. */
void thread_groups_add(struct thread_groups *groups, const struct span_row *root,
                       const struct feedback_rows *feedback);

#endif
