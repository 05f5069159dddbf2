/* model_answer_test.c -- streamed answers of models in both protocols: put together from whatever
 * pieces, malformed events, limits. */
#include "base/test.h"
#include "native/model.h"

#define DONE "data: [DONE]\n\n"
#define DELTA(MEMBERS) "data: {\"choices\":[{\"delta\":{" MEMBERS "}}]}\n\n"
#define CALL(INDEX, MEMBERS) "{\"index\":" INDEX "," MEMBERS "}"
#define CALLS(LIST) DELTA("\"tool_calls\":[" LIST "]")
#define BLOCK(INDEX, MEMBERS)                                                                      \
    "data: {\"type\":\"content_block_start\",\"index\":" INDEX ",\"content_block\":{" MEMBERS      \
    "}}\n\n"
#define PIECE(INDEX, MEMBERS)                                                                      \
    "data: {\"type\":\"content_block_delta\",\"index\":" INDEX ",\"delta\":{" MEMBERS "}}\n\n"
#define JSON_PIECE(INDEX, TEXT)                                                                    \
    PIECE(INDEX, "\"type\":\"input_json_delta\",\"partial_json\":\"" TEXT "\"")
#define STOP "data: {\"type\":\"message_stop\"}\n\n"

/* What an answer came to. */
struct seen {
    struct arena arena;
    struct model_answer answer;
    struct buf streamed; /* what on_text was given */
    struct str message;
};

static void on_text(void *context, struct str piece)
{
    buf_add(&((struct seen *)context)->streamed, piece);
}

static void seen_begin(struct seen *seen, enum model_protocol protocol)
{
    arena_init(&seen->arena);
    model_answer_init(&seen->answer, protocol, &seen->arena);
    buf_init(&seen->streamed, 8 * MIB);
    seen->answer.on_text = on_text;
    seen->answer.context = seen;
}

static void seen_end(struct seen *seen)
{
    model_answer_release(&seen->answer);
    buf_release(&seen->streamed);
    arena_release(&seen->arena);
}

static void feed(struct seen *seen, struct str text, size_t piece_bytes)
{
    bool more = true;

    while (more && text.len) {
        struct str piece = str_first(text, piece_bytes);

        text = str_from(text, piece.len);
        more = model_answer_feed(&seen->answer, piece);
    }
    seen->message = model_answer_message(&seen->answer, &seen->arena, STR("m"));
}

struct wanted {
    enum model_protocol protocol;
    const char *stream;
    const char *text;
    const char *calls, *invalid; /* JSON */
    const char *error;
    bool is_complete;
    int64_t input_tokens, output_tokens;
};

static void check(const struct wanted *w, size_t piece_bytes)
{
    struct seen seen;

    seen_begin(&seen, w->protocol);
    feed(&seen, str_of(w->stream), piece_bytes);
    ASSERT_STR(buf_str(&seen.answer.text), w->text ? w->text : "");
    assert_true(str_eq(buf_str(&seen.streamed), buf_str(&seen.answer.text)));
    ASSERT_STR(json_raw(seen.message, STR("tool_calls")), w->calls ? w->calls : "[]");
    ASSERT_STR(json_raw(seen.message, STR("invalid_tool_calls")), w->invalid ? w->invalid : "[]");
    ASSERT_STR(seen.answer.error, w->error);
    assert_int_equal(seen.answer.is_complete, w->is_complete);
    assert_int_equal(seen.answer.input_tokens, w->input_tokens);
    assert_int_equal(seen.answer.output_tokens, w->output_tokens);
    seen_end(&seen);
}

static void check_all(const struct wanted *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check(&cases[i], SIZE_MAX);
        check(&cases[i], 1);
        check(&cases[i], 7);
    }
}

#define LS(ID, ARGS)                                                                               \
    "[{\"id\":\"" ID "\",\"name\":\"ls\",\"args\":" ARGS ",\"type\":\"tool_call\"}]"

static void openai(void **state)
{
    static const struct wanted cases[] = {
        {MODEL_OPENAI, DELTA("\"content\":\"Hel\"") DELTA("\"content\":\"lo\"") DONE, "Hello", NULL,
         NULL, NULL, true, 0, 0},
        {MODEL_OPENAI,
         CALLS(CALL("0", "\"id\":\"a\",\"function\":{\"name\":\"ls\",\"arguments\":\"\"}"))
             CALLS(CALL("0", "\"function\":{\"arguments\":\"{\\\"p\\\"\"}"))
                 CALLS(CALL("0", "\"function\":{\"arguments\":\":1}\"}")) DONE,
         NULL, LS("a", "{\"p\":1}"), NULL, NULL, true, 0, 0},
        /* Without index, id or arguments. */
        {MODEL_OPENAI, CALLS("{\"function\":{\"name\":\"ls\"}}") DONE, NULL, LS("call_m_0", "{}"),
         NULL, NULL, true, 0, 0},
        {MODEL_OPENAI,
         CALLS(CALL("5", "\"id\":\"a\",\"function\":{\"name\":\"ls\",\"arguments\":\"{broken\"}"))
             DONE,
         NULL, NULL,
         "[{\"id\":\"a\",\"name\":\"ls\",\"args\":\"{broken\",\"error\":\"the arguments are not a "
         "JSON object\",\"type\":\"invalid_tool_call\"}]",
         NULL, true, 0, 0},
        {MODEL_OPENAI,
         CALLS(CALL("0", "\"id\":\"a\",\"function\":{\"name\":\"ls\",\"arguments\":\"[1]\"}")) DONE,
         NULL, NULL,
         "[{\"id\":\"a\",\"name\":\"ls\",\"args\":\"[1]\",\"error\":\"the arguments are not a JSON "
         "object\",\"type\":\"invalid_tool_call\"}]",
         NULL, true, 0, 0},
        {MODEL_OPENAI,
         "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n" DONE,
         NULL, NULL, NULL, NULL, true, 3, 4},
        /* What is of another type counts for nothing. */
        {MODEL_OPENAI,
         DELTA("\"content\":null") DELTA("\"content\":{\"a\":1}") DELTA(
             "\"tool_calls\":{}") "data: {\"choices\":{}}\n\ndata: 5\n\ndata: []\n\ndata: "
                                  "{\"choices\":[7]}\n\n"
                                  "data: {\"usage\":null}\n\n: a comment\n\nevent: x\n\n" DONE,
         NULL, NULL, NULL, NULL, true, 0, 0},
        {MODEL_OPENAI, DELTA("\"content\":\"Half\""), "Half", NULL, NULL, NULL, false, 0, 0},
        {MODEL_OPENAI, DONE DELTA("\"content\":\"late\""), NULL, NULL, NULL, NULL, true, 0, 0},
    };

    (void)state;
    check_all(cases, ARRAY_LEN(cases));
}

static void anthropic(void **state)
{
    static const struct wanted cases[] = {
        {MODEL_ANTHROPIC,
         "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":"
         "{\"input_tokens\":9,\"output_tokens\":1}}}\n\ndata: {\"type\":\"ping\"}\n\n" BLOCK(
             "0", "\"type\":\"text\",\"text\":\"H\"")
             PIECE(
                 "0",
                 "\"type\":\"text_delta\",\"text\":\"i\"") "data: "
                                                           "{\"type\":\"message_delta\",\"delta\":{"
                                                           "\"stop_reason\":\"end_turn\"},"
                                                           "\"usage\":{\"output_tokens\":5}}"
                                                           "\n\n" STOP,
         "Hi", NULL, NULL, NULL, true, 9, 5},
        {MODEL_ANTHROPIC,
         BLOCK("1", "\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"ls\",\"input\":{}")
             JSON_PIECE("1", "") JSON_PIECE("1", "{\\\"p\\\":") JSON_PIECE("1", "2}") STOP,
         NULL, LS("a", "{\"p\":2}"), NULL, NULL, true, 0, 0},
        {MODEL_ANTHROPIC, BLOCK("1", "\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"ls\"") STOP,
         NULL, LS("a", "{}"), NULL, NULL, true, 0, 0},
        /* Blocks that are not known, pieces of other types, no types at all. */
        {MODEL_ANTHROPIC,
         BLOCK("0", "\"type\":\"thinking\",\"thinking\":\"x\"")
             PIECE("0", "\"type\":\"thinking_delta\",\"thinking\":\"y\"")
                 BLOCK("1", "\"type\":\"text\",\"text\":5") "data: {}\n\ndata: null\n\n" STOP,
         NULL, NULL, NULL, NULL, true, 0, 0},
        {MODEL_ANTHROPIC, BLOCK("0", "\"type\":\"text\",\"text\":\"Half\""), "Half", NULL, NULL,
         NULL, false, 0, 0},
    };

    (void)state;
    check_all(cases, ARRAY_LEN(cases));
}

static void failures(void **state)
{
    static const struct wanted cases[] = {
        {MODEL_OPENAI, DELTA("\"content\":\"Half\"") "data: {oops\n\n" DONE, "Half", NULL, NULL,
         "the model sent an event that is no JSON", false, 0, 0},
        {MODEL_ANTHROPIC, "data: oops\n\n" STOP, NULL, NULL, NULL,
         "the model sent an event that is no JSON", false, 0, 0},
        {MODEL_OPENAI, "data: {\"error\":{\"message\":\"full\"}}\n\n" DONE, NULL, NULL, NULL,
         "the model broke off: full", false, 0, 0},
        {MODEL_OPENAI, "data: {\"error\":\"full\"}\n\n" DONE, NULL, NULL, NULL,
         "the model broke off: full", false, 0, 0},
        {MODEL_OPENAI, "data: {\"error\":{}}\n\n" DONE, NULL, NULL, NULL,
         "the model broke off: without saying why", false, 0, 0},
        {MODEL_OPENAI, "data: {\"error\":null}\n\n" DONE, NULL, NULL, NULL, NULL, true, 0, 0},
        {MODEL_ANTHROPIC,
         "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
         "\"message\":\"busy\"}}\n\n" STOP,
         NULL, NULL, NULL, "the model broke off: busy", false, 0, 0},
    };

    (void)state;
    check_all(cases, ARRAY_LEN(cases));
}

/* Feeds `event` until the answer wants no more; how often that was. */
static size_t feed_until_refused(struct seen *seen, struct str event, size_t most)
{
    size_t count = 0;

    while (count < most && model_answer_feed(&seen->answer, event))
        count++;
    return count;
}

static void limits(void **state)
{
    struct buf event;
    struct seen seen;

    (void)state;
    buf_init(&event, 8 * MIB);

    seen_begin(&seen, MODEL_OPENAI);
    buf_add_cstr(&event, "data: {\"choices\":[{\"delta\":{\"content\":\"");
    for (size_t i = 0; i < 64 * KIB; i++)
        buf_add_char(&event, 'x');
    buf_add_cstr(&event, "\"}}]}\n\n");
    assert_int_equal(feed_until_refused(&seen, buf_str(&event), 1000),
                     MODEL_TEXT_BYTES_MAX / (64 * KIB));
    ASSERT_STR(seen.answer.error, "the model's answer is larger than 4 MiB");
    seen_end(&seen);

    seen_begin(&seen, MODEL_ANTHROPIC);
    buf_clear(&event);
    buf_add_cstr(&event, "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":"
                         "\"input_json_delta\",\"partial_json\":\"");
    for (size_t i = 0; i < 64 * KIB; i++)
        buf_add_char(&event, 'x');
    buf_add_cstr(&event, "\"}}\n\n");
    assert_int_equal(feed_until_refused(&seen, buf_str(&event), 1000),
                     MODEL_ARGUMENTS_BYTES_MAX / (64 * KIB));
    ASSERT_STR(seen.answer.error, "the arguments of a tool call are larger than 4 MiB");
    seen_end(&seen);

    seen_begin(&seen, MODEL_OPENAI);
    buf_clear(&event);
    buf_add_cstr(&event, "data: ");
    for (size_t i = 0; i < 64 * KIB; i++)
        buf_add_char(&event, 'x');
    assert_true(feed_until_refused(&seen, buf_str(&event), 1000) < 70);
    ASSERT_STR(seen.answer.error, "the model sent an event larger than 4 MiB");
    seen_end(&seen);
    buf_release(&event);
}

static void many_calls(void **state)
{
    struct seen seen;

    (void)state;
    seen_begin(&seen, MODEL_OPENAI);
    for (int i = 0; i <= MODEL_CALLS_MAX; i++) {
        struct str event = arena_printf(
            &seen.arena, CALLS("{\"index\":%d,\"id\":\"c%d\",\"function\":{\"name\":\"ls\"}}"), i,
            i);

        assert_int_equal(model_answer_feed(&seen.answer, event), i < MODEL_CALLS_MAX);
    }
    ASSERT_STR(seen.answer.error, "the model calls more than 64 tools at once");
    seen_end(&seen);
}

static const struct CMUnitTest tests[] = {
    TEST("an answer of chat completions is the same in whatever pieces it comes", openai),
    TEST("and so is one of messages", anthropic),
    TEST("what broke it is said, and what came before stays", failures),
    TEST("text, arguments and events have a maximum", limits),
    TEST("so have the calls of one answer", many_calls),
};

int main(void)
{
    return RUN_TESTS(tests);
}
