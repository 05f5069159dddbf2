/* builtin_events.h -- what a built-in agent streams, in each of the modes a client may ask for. */
#ifndef AGENT_BUILTIN_EVENTS_H
#define AGENT_BUILTIN_EVENTS_H

#include "agent/builtin_state.h"
#include "agent/executor.h"
#include "base/json.h"

struct builtin_events {
    struct execution *execution;
    bool values, updates, messages, messages_tuple, events, tasks, checkpoints, debug;
    int64_t message_count;
};

/* Reads the requested modes from the run's kwargs. */
void builtin_events_begin(struct builtin_events *events, struct execution *execution,
                          const struct json *kwargs);
void builtin_events_values(struct builtin_events *events, const struct builtin_state *state);
/* One message was added; state->values has it already. */
void builtin_events_message(struct builtin_events *events, const struct builtin_state *state,
                            struct str message);
void builtin_events_interrupt(struct builtin_events *events, const struct builtin_state *state);
/* The last events of the run; returns what wait answers (in the execution's arena). */
struct str builtin_events_result(struct builtin_events *events, const struct builtin_state *state);

#endif
