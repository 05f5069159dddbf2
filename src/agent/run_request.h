/* run_request.h -- the body of "create a run", checked field by field before it comes near the
 * database.
 *
 * Pure. User JSON (input, command, config …) stays as raw text. The first thing that is wrong gives
 * ERR_INVALID and a sentence that names the field and what it should be. */
#ifndef AGENT_RUN_REQUEST_H
#define AGENT_RUN_REQUEST_H

#include "base/json.h"

#define WEBHOOK_URL_MAX 65536

struct run_request {
    struct str assistant_id;
    struct str input;                     /* raw JSON; STR_NONE: absent */
    struct str command;                   /* raw JSON object; STR_NONE */
    struct str metadata, config, context; /* raw JSON; STR_NONE */
    struct str checkpoint;                /* raw JSON object; STR_NONE */
    struct str checkpoint_id;
    struct str webhook;                           /* STR_NONE: none */
    struct str interrupt_before, interrupt_after; /* raw JSON: "*" or array; STR_NONE */
    struct str stream_modes;                      /* JSON array of known modes, at least one */
    struct str feedback_keys;                     /* raw JSON; STR_NONE */
    struct str tracer; /* langsmith_tracer in the words of `configurable`: raw JSON; STR_NONE */
    struct str multitask_strategy; /* reject, interrupt, rollback, enqueue (default) */
    struct str durability;         /* sync, async (default), exit */
    double after_seconds;
    bool stream_subgraphs;
    bool stream_resumable;
    bool strict_resume; /* an answer to what does not wait fails the run, and changes nothing */
    bool cancel_on_disconnect;
    bool create_thread; /* if_not_exists = create */
    bool keep;          /* on_completion = keep */
    bool is_protocol;   /* its events are those of the event streaming protocol; never parsed */
};

struct request_error {
    char text[256];
    int64_t retry_after_s; /* it may be tried again then; 0: that would not help */
};

/* The members of "config" that all who take one check: tags, configurable, recursion_limit. */
enum err run_config_check(const struct json *config, struct request_error *error) MUST_USE;
bool run_stream_mode_is_known(struct str mode);
/* Those that are, for people. */
#define RUN_STREAM_MODES                                                                           \
    "values, messages, messages-tuple, updates, events, tasks, checkpoints, debug, custom, "       \
    "tools, "                                                                                      \
    "lifecycle"
/* `body` must be valid JSON text, `root` its parsed form. Strings live in `arena` or in the body.
 */
enum err run_request_parse(struct arena *arena, struct str body, const struct json *root,
                           struct run_request *request, struct request_error *error) MUST_USE;

#endif
