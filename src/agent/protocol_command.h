/* protocol_command.h -- the commands of the event streaming protocol (protocol v2), each one
 * transaction: run.start, input.respond, state.get, agent.getTree.
 *
 * A command comes as {"id", "method", "params"} by HTTP or inside a WebSocket and is answered with
 * {"type":"success", "id", "result", "meta"} or {"type":"error", "id", "error", "message"}. What a
 * client did wrong is such an answer, not an err. */
#ifndef AGENT_PROTOCOL_COMMAND_H
#define AGENT_PROTOCOL_COMMAND_H

#include "agent/run_create.h"

struct protocol_command {
    int64_t id; /* -1: it had none that is a whole number */
    struct str method;
    struct str params; /* raw JSON object; "{}" where absent */
    const struct json *parsed;
};

struct protocol_caller {
    const struct agent_config *config;
    struct str tenant, thread_id;
    struct str run_id;      /* for the run that the command may make */
    struct str headers;     /* JSON object for config.configurable */
    struct str traceparent; /* STR_NONE: none */
    /* As in run_new: */
    struct str user, thread_filter, assistant_filter;
    struct usage_payers payers;
};

/* False: *reply holds the error's answer. `text` is the JSON that `root` was parsed from. */
bool protocol_command_read(struct str text, const struct json *root,
                           struct protocol_command *command, struct buf *reply) MUST_USE;
enum err protocol_command_apply(struct tx *tx, const struct protocol_caller *caller,
                                const struct protocol_command *command, struct arena *arena,
                                struct buf *reply) MUST_USE;

/* `id` -1 writes null. `code`: one of the protocol's words. */
void protocol_error_write(struct buf *reply, int64_t id, const char *code, struct str message);
/* `result` is JSON. */
void protocol_success_write(struct buf *reply, const struct protocol_command *command,
                            struct str thread_id, struct str result, int64_t applied_seq);

#endif
