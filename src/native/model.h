/* model.h -- what is said to a model and what it answers, in the two protocols that models speak:
 * OpenAI's chat completions and Anthropic's messages. Both streamed (Server-Sent Events).
 *
 * Messages are those of the thread's state (conversation.h), as JSON. Pure. */
#ifndef NATIVE_MODEL_H
#define NATIVE_MODEL_H

#include "format/sse.h"
#include "native/conversation.h"

#define MODEL_CALLS_MAX 64
#define MODEL_TEXT_BYTES_MAX (4 * MIB)
#define MODEL_ARGUMENTS_BYTES_MAX (4 * MIB)

enum model_protocol { MODEL_OPENAI, MODEL_ANTHROPIC };

struct model_tool {
    struct str name, description;
    struct str schema; /* JSON Schema of its arguments */
};

struct model_question {
    enum model_protocol protocol;
    struct str model;
    struct str prompt;
    const struct conversation *messages;
    const struct model_tool *tools;
    size_t tool_count;
    int64_t answer_tokens_max;
};

/* The request's body. */
void model_question_write(struct buf *out, const struct model_question *question);

struct model_call_part {
    struct str id, name; /* in the answer's arena */
    struct buf arguments;
    int64_t index; /* as the stream numbers it */
};

struct model_answer {
    enum model_protocol protocol;
    struct arena *arena;
    struct arena scratch; /* of one event */
    struct sse_reader sse;
    struct buf text;
    struct model_call_part calls[MODEL_CALLS_MAX];
    size_t call_count;
    int64_t input_tokens, output_tokens;
    struct str stop_reason; /* STR_NONE: not said yet */
    bool is_complete;       /* the model said that this was all */
    struct str error;       /* what broke it; STR_NONE */
    void (*on_text)(void *context, struct str piece);
    void *context;
};

void model_answer_init(struct model_answer *answer, enum model_protocol protocol,
                       struct arena *arena);
void model_answer_release(struct model_answer *answer);
/* A piece of the body. False: nothing more is of use (complete, or `error` is set). */
bool model_answer_feed(struct model_answer *answer, struct str piece);
/* The answer as a message of the state, in the arena. A call whose arguments are no JSON object
 * stands under invalid_tool_calls. */
struct str model_answer_message(struct model_answer *answer, struct arena *arena, struct str id);

#endif
