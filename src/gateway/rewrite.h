/* rewrite.h -- a request that makes a run, as it goes on to the upstream. Pure.
 *
 * Without `webhook`, and with a mark in `metadata`, so that the run can be found whatever becomes
 * of the answer. One without a thread gets a thread of its own, whose id is known before: it is
 * made by `if_not_exists`, so that the outcome can be read when the run has ended. All else stays
 * byte for byte. */
#ifndef GATEWAY_REWRITE_H
#define GATEWAY_REWRITE_H

#include "base/json.h"

struct rewrite {
    struct str body; /* a JSON object, which has been parsed: */
    const struct json *root;
    struct str intent_id; /* STR_NONE: no mark, the webhook is only taken out */
    bool makes_thread;
};

/* In the arena. ERR_LIMIT: too large. */
enum err rewrite_run(struct arena *arena, const struct rewrite *rewrite, struct str *body) MUST_USE;
/* Does it ask that its thread stays? */
bool rewrite_keeps_thread(const struct json *root);
/* metadata without the mark, as a receiver gets it; in the arena. */
struct str rewrite_unmark(struct arena *arena, struct str metadata);

#endif
