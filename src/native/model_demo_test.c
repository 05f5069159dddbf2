/* model_demo_test.c -- what the built-in models answer: the stream is read as any model's. */
#include "native/model_demo.h"

#include "base/test.h"
#include "native/model.h"

static struct arena arena;
static struct rng rng;

static struct conversation said(const char *messages)
{
    struct conversation c;
    struct str why;

    conversation_init(&c, &arena);
    assert_int_equal(conversation_merge(&c, str_of(messages), &rng, &why), OK);
    return c;
}

/* The answer as a message: its text, and the names of the tools that it calls. */
static void expect(const char *model, const char *script, const char *messages, const char *text,
                   const char *names)
{
    const struct conversation c = said(messages);
    struct str message, found = STR("");
    const struct json *json = NULL, *calls;
    struct model_answer answer;
    struct demo_answer demo;

    if (demo_answer(str_of(model), script ? str_of(script) : STR_NONE, &c, &rng, &arena, &demo))
        fail_msg("%s: %.*s", script, STR_ARG(demo.why));
    model_answer_init(&answer, MODEL_OPENAI, &arena);
    model_answer_feed(&answer, demo.stream);
    assert_true(answer.is_complete && str_is_none(answer.error) && str_is_none(demo.error));
    message = model_answer_message(&answer, &arena, STR("m"));
    assert_int_equal(json_parse(&arena, message, &json, NULL), OK);
    ASSERT_STR(json_string(json_get(json, "content")), text);
    calls = json_get(json, "tool_calls");
    for (size_t i = 0; i < json_count(calls); i++)
        found = arena_printf(&arena, "%.*s%.*s ", STR_ARG(found),
                             STR_ARG(json_string(json_get(json_item(calls, i), "name"))));
    ASSERT_STR(found, names);
    model_answer_release(&answer);
}

#define HUMAN(text) "[{\"role\":\"user\",\"content\":\"" text "\"}]"
#define AFTER                                                                                      \
    "[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"},"           \
    "{\"role\":\"user\",\"content\":\"c\"}]"

static void echo(void **state UNUSED)
{
    expect("echo", NULL, HUMAN("Hello!"), "Hi there! How can I help you today?", "");
    expect("echo", NULL, HUMAN("What is ü + 1?"), "What is ü + 1?", "");
    expect("echo", NULL, AFTER, "c", "");
}

static void script(void **state UNUSED)
{
    static const char list[] = "[\"one\", {\"delay_ms\": 5}, {\"say\": \"two words\"},"
                               " {\"call\": {\"name\": \"ls\", \"args\": {\"path\": \"/\"}}}]";

    expect("script", list, HUMAN("a"), "one", "");
    expect("script", list, AFTER, "two words", "");
    expect("script", "[\"only\"]", AFTER, "only", "");
    expect("script", "[{\"calls\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"say\":\"x\"}]", HUMAN("a"),
           "x", "a b ");
    expect("script", "[\"x\",{\"call\":{\"name\":\"ls\",\"args\":{}}}]", AFTER, "", "ls ");
}

static void delays_errors_and_much(void **state UNUSED)
{
    const struct conversation c = said(HUMAN("a")), after = said(AFTER);
    struct demo_answer demo;

    assert_int_equal(demo_answer(STR("script"),
                                 STR("[{\"delay_ms\":5},{\"delay_ms\":7},{\"say\":\"a\"},{\"delay_"
                                     "ms\":9},{\"fail\":{\"error\":\"TimeoutError\",\"message\":"
                                     "\"late\"}}]"),
                                 &c, &rng, &arena, &demo),
                     OK);
    assert_int_equal(demo.delay_ms, 12);
    assert_int_equal(
        demo_answer(STR("script"),
                    STR("[\"a\",{\"delay_ms\":9},{\"fail\":{\"error\":\"TimeoutError\","
                        "\"message\":\"late\"}}]"),
                    &after, &rng, &arena, &demo),
        OK);
    assert_int_equal(demo.delay_ms, 9);
    ASSERT_STR(demo.error, "late");
    ASSERT_STR(demo.error_type, "TimeoutError");
    assert_int_equal(
        demo_answer(STR("script"), STR("[{\"large_bytes\":100000}]"), &c, &rng, &arena, &demo), OK);
    assert_true(demo.stream.len > 100000);
}

static void what_is_no_script(void **state UNUSED)
{
    static const char *const bad[] = {"",
                                      "{}",
                                      "[",
                                      "[]",
                                      "[{\"delay_ms\":1}]",
                                      "[{\"call\":{}}]",
                                      "[{\"calls\":[]}]",
                                      "[{\"call\":5}]",
                                      "[{\"large_bytes\":1000000000000}]"};
    const struct conversation c = said(HUMAN("a"));
    struct demo_answer demo;

    assert_true(demo_has(STR("echo")) && demo_has(STR("script")) && !demo_has(STR("other")));
    assert_int_equal(demo_answer(STR("script"), STR_NONE, &c, &rng, &arena, &demo), ERR_INVALID);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_not_equal(demo_answer(STR("script"), str_of(bad[i]), &c, &rng, &arena, &demo),
                             OK);
        assert_true(str_contains(demo.why, STR("script.json")));
    }
}

static const struct CMUnitTest tests[] = {
    TEST("demo:echo greets back, and says what it was told", echo),
    TEST("demo:script gives the answers of its list in turn", script),
    TEST("its delays are summed up, its errors and large answers come", delays_errors_and_much),
    TEST("what is no script is refused", what_is_no_script),
};

int main(void)
{
    int failed;

    arena_init(&arena);
    rng_seed(&rng, 1);
    failed = RUN_TESTS(tests);
    arena_release(&arena);
    return failed;
}
