/* What a model streams may be anything: put together whole or byte by byte it is the same message,
 * and the message can be taken into a conversation. */
#include "native/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    struct str message, error;
    bool is_complete;
};

static struct outcome read_all(struct arena *arena, enum model_protocol protocol, struct str text,
                               size_t piece_bytes)
{
    struct model_answer answer;
    struct outcome outcome;
    bool more = true;

    model_answer_init(&answer, protocol, arena);
    while (more && text.len) {
        struct str piece = str_first(text, piece_bytes);

        text = str_from(text, piece.len);
        more = model_answer_feed(&answer, piece);
    }
    outcome.message = model_answer_message(&answer, arena, STR("id"));
    outcome.error = answer.error;
    outcome.is_complete = answer.is_complete;
    model_answer_release(&answer);
    return outcome;
}

static void check(enum model_protocol protocol, struct str text)
{
    struct conversation conversation;
    struct tool_calls calls;
    struct arena arena;
    struct outcome whole, pieces;

    arena_init(&arena);
    whole = read_all(&arena, protocol, text, text.len ? text.len : 1);
    pieces = read_all(&arena, protocol, text, 1);
    REQUIRE(str_eq(whole.message, pieces.message) && whole.is_complete == pieces.is_complete);
    REQUIRE(str_is_none(whole.error) == str_is_none(pieces.error));
    conversation_init(&conversation, &arena);
    REQUIRE(conversation_add(&conversation, whole.message));
    conversation_calls(&conversation, true, &calls);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_range((const char *)data, size);

    check(MODEL_OPENAI, text);
    check(MODEL_ANTHROPIC, text);
    return 0;
}
