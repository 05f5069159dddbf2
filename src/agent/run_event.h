/* run_event.h -- one event of a run's stream: immutable, shared between threads by reference count.
 */
#ifndef AGENT_RUN_EVENT_H
#define AGENT_RUN_EVENT_H

#include "base/str.h"

struct run_event {
    int64_t id;
    struct str name; /* "values", "updates|sub:…" */
    struct str data; /* JSON, one line */
    /* The count and the bytes stand behind these, in the same allocation. */
};

/* Copies name and data. The caller holds one reference. */
struct run_event *run_event_new(int64_t id, struct str name, struct str data);
struct run_event *run_event_ref(struct run_event *event); /* any thread; returns it */
void run_event_unref(struct run_event *event);            /* any thread; NULL is fine */
size_t run_event_bytes(const struct run_event *event);    /* what it weighs in memory */

#endif
