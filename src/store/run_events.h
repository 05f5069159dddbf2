/* run_events.h -- the table run_events: events of resumable runs, and of those that clients of
 * other nodes follow. */
#ifndef STORE_RUN_EVENTS_H
#define STORE_RUN_EVENTS_H

#include "store/runs.h"

#define RUN_EVENTS_READ_MAX 256

struct run_event_row {
    int64_t event_id;
    struct str event;
    struct str data;
};

enum err run_events_insert(struct tx *tx, struct str tenant, struct str run_id,
                           const struct run_event_row *events, size_t count) MUST_USE;
enum err run_events_delete(struct tx *tx, struct str tenant, struct str run_id) MUST_USE;
struct run_event_rows {
    struct run_event_row *list; /* in the arena given */
    size_t count;
};

/* Those after `after_id`, at most RUN_EVENTS_READ_MAX, in order. */
enum err run_events_list(struct tx *tx, const struct run *of, int64_t after_id, struct arena *arena,
                         struct run_event_rows *events) MUST_USE;

#endif
