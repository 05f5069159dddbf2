/* outcome.h -- what the upstream says of a run, and the webhook that is made of it. Pure.
 *
 * The texts come from another server: what does not fit is as if it were not there. */
#ifndef GATEWAY_OUTCOME_H
#define GATEWAY_OUTCOME_H

#include "base/json.h"
#include "store/intents.h"

struct outcome {
    struct str run;     /* as the upstream gave it; STR_NONE: it does not know it any more */
    struct str thread;  /* STR_NONE: gone, or not asked for */
    struct str state;   /* of the thread, if it waits for a person */
    bool is_given_up;   /* the upstream could not be asked for too long */
    bool error_is_text; /* as the JavaScript dev server tells errors */
};

/* May it stand in a path, and is it short? */
bool outcome_id_is_plain(struct str id);
/* The run with this intent's mark in a list of runs, as text; STR_NONE: none. In the arena. */
struct str outcome_find(struct arena *arena, struct str list, struct str intent_id);
/* A member that is a string, in the arena; STR_NONE: there is none. */
struct str outcome_text(struct arena *arena, struct str object, const char *key);
/* A run: has it ended? ERR_INVALID: that is no run. */
enum err outcome_has_ended(struct arena *arena, struct str run, bool *ended) MUST_USE;
/* Appends the body. */
void outcome_write(struct buf *out, struct arena *arena, const struct intent *intent,
                   const struct outcome *outcome, int64_t now_us);

#endif
