/* model_demo.h -- the models that are built in, for samples and tests: no key, no network.
 *
 * demo:echo answers a greeting with the words of the documented sample, and else says what it was
 * told. demo:script says what the agent's file script.json says, a list; each question takes the
 * steps up to the next answer, and behind the last one it begins again:
 *
 *   ["a reply", {"say": "a reply"}, {"delay_ms": 100}, {"large_bytes": 1000000},
 *    {"call": {"name": "write_file", "args": {…}}}, {"calls": [{…}, {…}], "say": "with words"},
 *    {"fail": {"error": "TimeoutError", "message": "…"}}]
 *
 * Which answer is due follows from how many stand in the conversation. Pure. */
#ifndef NATIVE_MODEL_DEMO_H
#define NATIVE_MODEL_DEMO_H

#include "native/conversation.h"

#define DEMO_PROVIDER STR("demo")
#define DEMO_SCRIPT_PATH STR("script.json")

struct demo_answer {
    struct str stream; /* as OpenAI's protocol streams it */
    int64_t delay_ms;
    struct str error, error_type; /* the answer is an error instead; STR_NONE: it is none */
    struct str why;               /* of ERR_INVALID and ERR_LIMIT */
};

bool demo_has(struct str model);
/* `script` is the text of the file; STR_NONE: there is none. All in the arena. ERR_INVALID and
 * ERR_LIMIT: answer->why. */
enum err demo_answer(struct str model, struct str script, const struct conversation *messages,
                     struct rng *rng, struct arena *arena, struct demo_answer *answer) MUST_USE;

#endif
