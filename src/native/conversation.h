/* conversation.h -- the messages of a thread, as LangGraph's clients know them:
 *
 *   {"type": "human", "id": …, "content": …}
 *   {"type": "ai", "id": …, "content": …, "tool_calls": [{"id", "name", "args", "type"}],
 *    "invalid_tool_calls": [{"id", "name", "args": text, "error", "type"}]}
 *   {"type": "tool", "id": …, "content": …, "tool_call_id": …, "name": …, "status": …}
 *
 * What comes next follows from them alone: whoever has the messages can go on. Pure; all in the
 * arena. */
#ifndef NATIVE_CONVERSATION_H
#define NATIVE_CONVERSATION_H

#include "base/json.h"
#include "base/rng.h"

#define CONVERSATION_MESSAGES_MAX 10000

struct said {
    struct str text; /* JSON object */
    const struct json *json;
    struct str type, id;
};

struct conversation {
    struct arena *arena;
    struct said *list;
    size_t count, room;
};

void conversation_init(struct conversation *c, struct arena *arena);
/* `text` is a message in the form above. False: it is not. */
bool conversation_add(struct conversation *c, struct str text);
/* An array as clients send them: roles or types, with or without ids; one whose id is there
 * replaces it, {"type": "remove"} takes it out. ERR_INVALID with *why; ERR_LIMIT: too many. */
enum err conversation_merge(struct conversation *c, struct str array, struct rng *rng,
                            struct str *why) MUST_USE;
/* As a JSON array. */
void conversation_write(struct buf *out, const struct conversation *c);

/* A call of a tool by the last answer of the model. */
struct tool_call {
    struct str id, name;
    struct str args;        /* JSON object */
    struct str invalid_why; /* its arguments are none; STR_NONE: fine */
};

struct tool_calls {
    struct tool_call list[64];
    size_t count;
};

/* The last message of the model, if nothing but tools' answers follow; NULL: there is none. */
const struct said *conversation_last_answer(const struct conversation *c);
/* Its calls: all, or those that have no answer yet. */
void conversation_calls(const struct conversation *c, bool only_open, struct tool_calls *calls);
/* The text of a message: its content, or that of its text blocks together. */
struct str said_text(const struct said *said, struct arena *arena);

struct str conversation_human(struct arena *arena, struct rng *rng, struct str text);
struct tool_answer {
    const struct tool_call *call;
    struct str content;
    bool is_error;
};
struct str conversation_tool(struct arena *arena, struct rng *rng,
                             const struct tool_answer *answer);
/* The answer `said` with other arguments for one of its calls; the conversation's last answer is
 * replaced by it. */
void conversation_edit_call(struct conversation *c, const struct tool_call *call, struct str name,
                            struct str args);
struct str new_message_id(struct arena *arena, struct rng *rng);

#endif
