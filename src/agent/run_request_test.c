/* run_request_test.c -- the body of "create a run": what is taken, and that each refusal names its
 * field. */
#include "base/test.h"

#include "agent/run_request.h"
#include "base/mem.h"

struct fixture {
    struct arena arena;
    struct run_request request;
    struct request_error error;
};

static int setup(void **state)
{
    struct fixture *f = MEM_NEW(struct fixture);

    arena_init(&f->arena);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arena_release(&f->arena);
    mem_free(f);
    return 0;
}

static enum err parse(struct fixture *f, struct str body)
{
    const struct json *root = NULL;

    assert_int_equal(json_parse(&f->arena, body, &root, NULL), OK);
    f->error.text[0] = '\0';
    return run_request_parse(&f->arena, body, root, &f->request, &f->error);
}

/* A body with one more member: taken, or the test fails. */
static const struct run_request *take(struct fixture *f, const char *member)
{
    struct str body =
        arena_printf(&f->arena, "{\"assistant_id\":\"a\"%s%s}", *member ? "," : "", member);

    if (parse(f, body))
        fail_msg("%s: %s", member, f->error.text);
    return &f->request;
}

/* ---- what is taken ---- */

static void assert_least(const struct run_request *r)
{
    const struct str absent[] = {
        r->input,         r->command,          r->metadata,       r->config,
        r->context,       r->webhook,          r->checkpoint,     r->checkpoint_id,
        r->feedback_keys, r->interrupt_before, r->interrupt_after};

    ASSERT_STR(r->assistant_id, "a");
    for (size_t i = 0; i < ARRAY_LEN(absent); i++)
        assert_true(str_is_none(absent[i]));
    ASSERT_STR(r->stream_modes, "[\"values\"]");
    ASSERT_STR(r->multitask_strategy, "enqueue");
    ASSERT_STR(r->durability, "async");
    assert_float_equal(r->after_seconds, 0, 0);
    assert_false(r->stream_subgraphs || r->stream_resumable || r->cancel_on_disconnect ||
                 r->create_thread || r->keep);
}

static void the_least_has_the_documented_defaults(void **state)
{
    assert_least(take(*state, ""));
}

static void null_counts_as_absent(void **state)
{
    static const char *const keys[] = {
        "input",
        "command",
        "metadata",
        "config",
        "context",
        "checkpoint",
        "checkpoint_id",
        "webhook",
        "interrupt_before",
        "interrupt_after",
        "stream_mode",
        "after_seconds",
        "durability",
        "checkpoint_during",
        "on_completion",
        "if_not_exists",
        "on_disconnect",
        "stream_resumable",
        "stream_subgraphs",
        "feedback_keys",
        "multitask_strategy",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        char member[64];

        snprintf(member, sizeof(member), "\"%s\":null", keys[i]);
        assert_least(take(f, member));
    }
}

static void user_json_stays_as_it_was_written(void **state)
{
    struct fixture *f = *state;
    const struct run_request *r =
        take(f, "\"input\":{ \"b\":1.50,\"a\":\"\\u00e9\" },\"command\":{\"resume\":null},"
                "\"metadata\":{\"x\": 1},\"config\":{\"configurable\":null,\"tags\":[]},"
                "\"context\":[1, 2],\"checkpoint\":{\"checkpoint_ns\":\"\"},"
                "\"interrupt_before\":\"*\",\"interrupt_after\":[\"n\", \"m\"],"
                "\"feedback_keys\":[ ]");

    ASSERT_STR(r->input, "{ \"b\":1.50,\"a\":\"\\u00e9\" }");
    ASSERT_STR(r->command, "{\"resume\":null}");
    ASSERT_STR(r->metadata, "{\"x\": 1}");
    ASSERT_STR(r->config, "{\"configurable\":null,\"tags\":[]}");
    ASSERT_STR(r->context, "[1, 2]");
    ASSERT_STR(r->checkpoint, "{\"checkpoint_ns\":\"\"}");
    ASSERT_STR(r->interrupt_before, "\"*\"");
    ASSERT_STR(r->interrupt_after, "[\"n\", \"m\"]");
    ASSERT_STR(r->feedback_keys, "[ ]");
}

static void input_may_be_anything(void **state)
{
    struct fixture *f = *state;

    ASSERT_STR(take(f, "\"input\":false")->input, "false");
    ASSERT_STR(take(f, "\"input\":0")->input, "0");
    ASSERT_STR(take(f, "\"input\":\"\"")->input, "\"\"");
    ASSERT_STR(take(f, "\"input\":[]")->input, "[]");
}

static void modes_may_be_one_or_many(void **state)
{
    struct fixture *f = *state;

    ASSERT_STR(take(f, "\"stream_mode\":\"updates\"")->stream_modes, "[\"updates\"]");
    ASSERT_STR(take(f, "\"stream_mode\":[\"debug\",\"messages-tuple\"]")->stream_modes,
               "[\"debug\",\"messages-tuple\"]");
    ASSERT_STR(take(f, "\"stream_mode\":[]")->stream_modes, "[\"values\"]");
    ASSERT_STR(take(f, "\"stream_mode\":[\"debug\",\"messages-tuple\",\"debug\",\"messages\"]")
                   ->stream_modes,
               "[\"debug\",\"messages-tuple\",\"messages\"]");
    ASSERT_STR(take(f, "\"stream_mode\":[\"values\",\"messages\",\"updates\",\"events\",\"tasks\","
                       "\"checkpoints\",\"custom\",\"tools\"]")
                   ->stream_modes,
               "[\"values\",\"messages\",\"updates\",\"events\",\"tasks\",\"checkpoints\","
               "\"custom\",\"tools\"]");
}

static void words_and_flags(void **state)
{
    static const char *const strategies[] = {"reject", "interrupt", "rollback", "enqueue"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(strategies); i++) {
        char member[64];

        snprintf(member, sizeof(member), "\"multitask_strategy\":\"%s\"", strategies[i]);
        ASSERT_STR(take(f, member)->multitask_strategy, strategies[i]);
    }
    assert_true(take(f, "\"if_not_exists\":\"create\"")->create_thread);
    assert_false(take(f, "\"if_not_exists\":\"reject\"")->create_thread);
    assert_true(take(f, "\"on_completion\":\"keep\"")->keep);
    assert_false(take(f, "\"on_completion\":\"delete\"")->keep);
    assert_false(take(f, "\"on_completion\":\"complete\"")->keep); /* an older SDK's word */
    assert_true(take(f, "\"on_disconnect\":\"cancel\"")->cancel_on_disconnect);
    assert_false(take(f, "\"on_disconnect\":\"continue\"")->cancel_on_disconnect);
    assert_true(take(f, "\"stream_subgraphs\":true")->stream_subgraphs);
    assert_true(take(f, "\"stream_resumable\":true")->stream_resumable);
    ASSERT_STR(take(f, "\"checkpoint_id\":\"1f\"")->checkpoint_id, "1f");
    ASSERT_STR(take(f, "\"no_such_key\":[1]")->input, NULL);
}

static void durability_has_an_older_word(void **state)
{
    struct fixture *f = *state;

    ASSERT_STR(take(f, "\"durability\":\"sync\"")->durability, "sync");
    ASSERT_STR(take(f, "\"durability\":\"exit\"")->durability, "exit");
    ASSERT_STR(take(f, "\"checkpoint_during\":false")->durability, "exit");
    ASSERT_STR(take(f, "\"checkpoint_during\":true")->durability, "async");
    ASSERT_STR(take(f, "\"checkpoint_during\":false,\"durability\":\"sync\"")->durability, "sync");
}

static void numbers_keep_to_their_range(void **state)
{
    struct fixture *f = *state;

    assert_float_equal(take(f, "\"after_seconds\":0.25")->after_seconds, 0.25, 0);
    assert_float_equal(take(f, "\"after_seconds\":31622400")->after_seconds, 31622400, 0);
    take(f, "\"config\":{\"recursion_limit\":1}");
    take(f, "\"config\":{\"recursion_limit\":null}");
}

static void commands_are_taken_as_they_are(void **state)
{
    static const char *const commands[] = {
        "{\"resume\":null}",
        "{\"goto\":\"a\"}",
        "{\"goto\":[\"a\",{\"node\":\"b\",\"input\":1}],\"resume\":{}}",
        "{\"update\":[[\"a\",1],[\"b\",2]]}",
        "{\"update\":{\"a\":1},\"goto\":null}",
    };

    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        char member[128];

        snprintf(member, sizeof(member), "\"command\":%s", commands[i]);
        ASSERT_STR(take(*state, member)->command, commands[i]);
    }
    assert_true(str_is_none(take(*state, "\"command\":{}")->command));
    assert_true(str_is_none(take(*state, "\"command\":{\"update\":null}")->command));
}

static void a_tracer_becomes_configuration(void **state)
{
    struct fixture *f = *state;

    ASSERT_STR(
        take(f, "\"langsmith_tracer\":{\"project_name\":\"p\",\"example_id\":\"e\"}")->tracer,
        "{\"langsmith_project\":\"p\",\"langsmith_example_id\":\"e\"}");
    ASSERT_STR(take(f, "\"langsmith_tracer\":{\"project_name\":null}")->tracer, "{}");
}

/* ---- what is refused ---- */

struct refusal {
    const char *member;
    const char *words[2]; /* the text holds both */
};

static const struct refusal refusals[] = {
    {"\"command\":[]", {"command", "an object"}},
    {"\"command\":\"go\"", {"command", "an object"}},
    {"\"metadata\":1", {"metadata", "an object"}},
    {"\"config\":[]", {"config", "an object"}},
    {"\"config\":{\"configurable\":[]}", {"config.configurable", "an object"}},
    {"\"config\":{\"recursion_limit\":0}", {"config.recursion_limit", "at least 1"}},
    {"\"config\":{\"recursion_limit\":2.5}", {"config.recursion_limit", "at least 1"}},
    {"\"config\":{\"recursion_limit\":\"25\"}", {"config.recursion_limit", "at least 1"}},
    {"\"checkpoint\":\"1f\"", {"checkpoint", "an object"}},
    {"\"checkpoint_id\":7", {"checkpoint_id", "a string"}},
    {"\"checkpoint\":{\"checkpoint_id\":7}", {"checkpoint.checkpoint_id", "a string"}},
    {"\"checkpoint\":{\"checkpoint_ns\":{}}", {"checkpoint.checkpoint_ns", "a string"}},
    {"\"checkpoint\":{\"checkpoint_map\":[]}", {"checkpoint.checkpoint_map", "an object"}},
    {"\"command\":{\"goto\":7}", {"command.goto", "a node's name"}},
    {"\"command\":{\"goto\":[\"a\",{\"input\":1}]}", {"command.goto", "a node's name"}},
    {"\"command\":{\"update\":7}", {"command.update", "an object"}},
    {"\"command\":{\"update\":[[\"a\"]]}", {"command.update", "[name, value]"}},
    {"\"config\":{\"tags\":\"x\"}", {"config.tags", "an array of strings"}},
    {"\"config\":{\"tags\":[1]}", {"config.tags", "an array of strings"}},
    {"\"feedback_keys\":\"x\"", {"feedback_keys", "an array of strings"}},
    {"\"feedback_keys\":[1]", {"feedback_keys", "an array of strings"}},
    {"\"langsmith_tracer\":[]", {"langsmith_tracer", "an object"}},
    {"\"langsmith_tracer\":{\"example_id\":1}", {"langsmith_tracer.example_id", "a string"}},
    {"\"on_disconnect\":\"stay\"", {"on_disconnect", "\"stay\""}},
    {"\"webhook\":7", {"webhook", "a string"}},
    {"\"webhook\":\"\"", {"webhook", "empty"}},
    {"\"interrupt_before\":\"node\"", {"interrupt_before", "node names"}},
    {"\"interrupt_before\":[1]", {"interrupt_before", "node's name"}},
    {"\"interrupt_after\":{}", {"interrupt_after", "node names"}},
    {"\"interrupt_after\":[\"a\",null]", {"interrupt_after", "node's name"}},
    {"\"stream_mode\":\"value\"", {"stream_mode", "\"value\""}},
    {"\"stream_mode\":[\"values\",7]", {"stream_mode", "a mode"}},
    {"\"stream_mode\":{}", {"stream_mode", "a mode"}},
    {"\"after_seconds\":\"5\"", {"after_seconds", "a number"}},
    {"\"after_seconds\":-0.5", {"after_seconds", "between 0"}},
    {"\"after_seconds\":31622401", {"after_seconds", "between 0"}},
    {"\"after_seconds\":1e300", {"after_seconds", "between 0"}},
    {"\"durability\":\"never\"", {"durability", "\"never\""}},
    {"\"durability\":1", {"durability", "a string"}},
    {"\"checkpoint_during\":\"no\"", {"checkpoint_during", "true or false"}},
    {"\"multitask_strategy\":\"queue\"", {"multitask_strategy", "\"queue\""}},
    {"\"multitask_strategy\":[]", {"multitask_strategy", "a string"}},
    {"\"if_not_exists\":\"make\"", {"if_not_exists", "\"make\""}},
    {"\"stream_subgraphs\":\"true\"", {"stream_subgraphs", "true or false"}},
    {"\"stream_resumable\":1", {"stream_resumable", "true or false"}},
    {"\"on_disconnect\":true", {"on_disconnect", "a string"}},
    {"\"on_completion\":{}", {"on_completion", "a string"}},
};

static void expect_refusal(struct fixture *f, struct str body, const char *const words[2])
{
    if (parse(f, body) != ERR_INVALID)
        fail_msg("%.*s was taken", STR_ARG(str_first(body, 80)));
    for (int i = 0; i < 2; i++)
        if (!str_contains(str_of(f->error.text), str_of(words[i])))
            fail_msg("%.*s: \"%s\" lacks %s", STR_ARG(str_first(body, 80)), f->error.text,
                     words[i]);
}

static void each_refusal_names_its_field(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
        expect_refusal(f,
                       arena_printf(&f->arena, "{\"assistant_id\":\"a\",%s}", refusals[i].member),
                       refusals[i].words);
}

static void a_body_is_an_object_with_an_assistant(void **state)
{
    static const struct {
        const char *body;
        const char *words[2];
    } cases[] = {
        {"[]", {"body", "an array"}},
        {"null", {"body", "null"}},
        {"\"a\"", {"body", "a string"}},
        {"{}", {"assistant_id", "required"}},
        {"{\"assistant_id\":null}", {"assistant_id", "required"}},
        {"{\"assistant_id\":5}", {"assistant_id", "a string"}},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect_refusal(*state, str_of(cases[i].body), cases[i].words);
}

static void a_webhook_has_a_longest_length(void **state)
{
    static const char *const words[2] = {"webhook", "65536"};
    struct fixture *f = *state;
    char *url = arena_alloc(&f->arena, WEBHOOK_URL_MAX + 1);

    memset(url, 'u', WEBHOOK_URL_MAX + 1);
    assert_int_equal(
        parse(f, arena_printf(&f->arena, "{\"assistant_id\":\"a\",\"webhook\":\"%.*s\"}",
                              WEBHOOK_URL_MAX, url)),
        OK);
    assert_int_equal(f->request.webhook.len, WEBHOOK_URL_MAX);
    expect_refusal(f,
                   arena_printf(&f->arena, "{\"assistant_id\":\"a\",\"webhook\":\"%.*s\"}",
                                WEBHOOK_URL_MAX + 1, url),
                   words);
}

static void what_is_checked_is_what_is_taken(void **state)
{
    struct fixture *f = *state;

    /* The same key twice: the value that was looked at is the one that is carried on. */
    take(f, "\"command\":5,\"command\":{\"goto\":\"a\"}");
    ASSERT_STR(f->request.command, "{\"goto\":\"a\"}");
    take(f, "\"input\":1,\"input\":2");
    ASSERT_STR(f->request.input, "2");
    take(f, "\"int\\u0065rrupt_before\":[\"n\"]");
    ASSERT_STR(f->request.interrupt_before, "[\"n\"]");
}

static void a_long_word_is_cut_in_the_text(void **state)
{
    struct fixture *f = *state;
    char *word = arena_alloc(&f->arena, 1000);

    memset(word, 'w', 1000);
    assert_int_equal(
        parse(f, arena_printf(&f->arena, "{\"assistant_id\":\"a\",\"stream_mode\":\"%.*s\"}", 1000,
                              word)),
        ERR_INVALID);
    assert_true(str_contains(str_of(f->error.text), STR("known are")));
}

#define CASE(sentence, function)                                                                   \
    {                                                                                              \
        (sentence), (function), setup, teardown, NULL                                              \
    }

static const struct CMUnitTest tests[] = {
    CASE("the least body has the documented defaults", the_least_has_the_documented_defaults),
    CASE("null counts as absent", null_counts_as_absent),
    CASE("a user's JSON stays as it was written", user_json_stays_as_it_was_written),
    CASE("the input may be anything", input_may_be_anything),
    CASE("modes may be one or many", modes_may_be_one_or_many),
    CASE("a command is taken as it is; one that says nothing is none",
         commands_are_taken_as_they_are),
    CASE("a tracer becomes configuration", a_tracer_becomes_configuration),
    CASE("words and flags are understood, unknown keys ignored", words_and_flags),
    CASE("durability has an older word", durability_has_an_older_word),
    CASE("numbers keep to their range", numbers_keep_to_their_range),
    CASE("each refusal names its field", each_refusal_names_its_field),
    CASE("a body is an object with an assistant", a_body_is_an_object_with_an_assistant),
    CASE("a webhook's URL has a longest length", a_webhook_has_a_longest_length),
    CASE("what was checked is what is taken", what_is_checked_is_what_is_taken),
    CASE("a long word is cut in the refusal's text", a_long_word_is_cut_in_the_text),
};

int main(void)
{
    return RUN_TESTS(tests);
}
