/* builtin_state.h -- the state of a built-in agent's thread as text, and its rendering as
 * ThreadState.
 *
 * Pure. A checkpoint's body is {"values":…,"script":[…],"at":n}; the values are the API's own form,
 * so rendering is splicing. */
#ifndef AGENT_BUILTIN_STATE_H
#define AGENT_BUILTIN_STATE_H

#include "store/checkpoints.h"

#define BUILTIN_SERDE STR("builtin")

struct builtin_state {
    struct str thread_id;
    struct str checkpoint_id; /* STR_NONE: none yet */
    struct str parent_id;
    struct str values;   /* JSON object */
    struct str metadata; /* of the checkpoint */
    struct str next;     /* JSON array; "[]" when it ran to its end */
    struct str task_id;
    struct str interrupts; /* JSON array of {id, value}; STR_NONE: none */
    struct str script;     /* JSON array still to be gone through after a resume; STR_NONE */
    int64_t at;            /* the step of the interrupt */
    int64_t created_us;
};

/* `base` with the messages of `input` put behind its own, and the other members of `input` put over
 * its own (but "script"). */
struct str builtin_values_merge(struct arena *arena, struct str base, struct str input);
/* `values` with one message more. */
struct str builtin_values_add(struct arena *arena, struct str values, struct str message);
/* {"role":"assistant","content":…} */
struct str builtin_message(struct arena *arena, struct str content);
/* The rendered ThreadState. */
struct str builtin_render(struct arena *arena, const struct builtin_state *state);
/* The checkpoint's body, and back. */
struct str builtin_body(struct arena *arena, const struct builtin_state *state);
enum err builtin_load(struct arena *arena, const struct checkpoint *checkpoint,
                      struct builtin_state *state) MUST_USE;

#endif
