/* conversation_test.c -- what comes next in a conversation follows from its messages. */
#include "base/test.h"
#include "native/conversation.h"

static struct arena arena;
static struct rng rng;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena);
    rng_seed(&rng, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

#define HUMAN(ID) "{\"type\":\"human\",\"id\":\"" ID "\",\"content\":\"x\"}"
#define AI(ID, CALLS)                                                                              \
    "{\"type\":\"ai\",\"id\":\"" ID "\",\"content\":\"\",\"tool_calls\":[" CALLS "]}"
#define CALL(ID) "{\"id\":\"" ID "\",\"name\":\"ls\",\"args\":{},\"type\":\"tool_call\"}"
#define TOOL(ID, CALL_ID)                                                                          \
    "{\"type\":\"tool\",\"id\":\"" ID "\",\"tool_call_id\":\"" CALL_ID "\",\"content\":\"\"}"

static struct conversation of(const char *array)
{
    struct conversation c;
    struct str why = STR_NONE;

    conversation_init(&c, &arena);
    assert_int_equal(conversation_merge(&c, str_of(array), &rng, &why), OK);
    return c;
}

/* The ids of the calls that have no answer yet. */
static struct str open_calls(const struct conversation *c)
{
    struct tool_calls calls;
    struct str ids = STR("");

    conversation_calls(c, true, &calls);
    for (size_t i = 0; i < calls.count; i++)
        ids = arena_printf(&arena, "%.*s%s%.*s", STR_ARG(ids), i ? "," : "",
                           STR_ARG(calls.list[i].id));
    return ids;
}

static void what_is_open(void **state)
{
    static const struct {
        const char *messages, *open;
        bool has_answer; /* of the model, and nothing but tools' answers behind it */
    } cases[] = {
        {"[]", "", false},
        {"[" HUMAN("h") "]", "", false},
        {"[" HUMAN("h") "," AI("a", "") "]", "", true},
        {"[" HUMAN("h") "," AI("a", CALL("1") "," CALL("2")) "]", "1,2", true},
        {"[" AI("a", CALL("1") "," CALL("2")) "," TOOL("t", "1") "]", "2", true},
        {"[" AI("a", CALL("1") "," CALL("2")) "," TOOL("t", "2") "," TOOL("u", "1") "]", "", true},
        /* Answers to nothing. */
        {"[" AI("a", CALL("1")) "," TOOL("t", "9") "]", "1", true},
        /* Something was said behind it: its calls are not waited for. */
        {"[" AI("a", CALL("1")) "," HUMAN("h") "]", "", false},
        {"[" AI("a", CALL("1")) "," TOOL("t", "1") "," AI("b", CALL("2")) "]", "2", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct conversation c = of(cases[i].messages);

        ASSERT_STR(open_calls(&c), cases[i].open);
        assert_int_equal(conversation_last_answer(&c) != NULL, cases[i].has_answer);
    }
}

static void calls_that_cannot_be_made(void **state)
{
    struct conversation c =
        of("[{\"type\":\"ai\",\"id\":\"a\",\"content\":\"\",\"tool_calls\":[],"
           "\"invalid_tool_calls\":[{\"id\":\"1\",\"name\":\"ls\",\"args\":\"{\",\"error\":\"no "
           "object\"}]}]");
    struct tool_calls calls;

    (void)state;
    conversation_calls(&c, true, &calls);
    assert_int_equal(calls.count, 1);
    ASSERT_STR(calls.list[0].invalid_why, "no object");
}

static void an_edited_call(void **state)
{
    struct conversation c = of("[" AI("a", CALL("1") "," CALL("2")) "]");
    struct tool_calls calls;

    (void)state;
    conversation_calls(&c, true, &calls);
    conversation_edit_call(&c, &calls.list[1], STR("grep"), STR("{\"pattern\":\"x\"}"));
    conversation_calls(&c, true, &calls);
    assert_int_equal(calls.count, 2);
    ASSERT_STR(calls.list[0].name, "ls");
    ASSERT_STR(calls.list[1].name, "grep");
    ASSERT_STR(calls.list[1].args, "{\"pattern\":\"x\"}");
    ASSERT_STR(calls.list[1].id, "2");
    assert_int_equal(c.count, 1);
}

static void what_clients_send(void **state)
{
    struct conversation c = of("[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\","
                               "\"content\":\"b\",\"id\":\"x\"}]");
    struct str why = STR_NONE;

    (void)state;
    assert_int_equal(c.count, 2);
    ASSERT_STR(c.list[0].type, "human");
    assert_int_equal(c.list[0].id.len, 36);
    assert_int_equal(conversation_merge(
                         &c, STR("[{\"type\":\"ai\",\"content\":\"c\",\"id\":\"x\"}]"), &rng, &why),
                     OK);
    assert_int_equal(c.count, 2);
    ASSERT_STR(said_text(&c.list[1], &arena), "c");
    assert_int_equal(
        conversation_merge(&c, STR("[{\"type\":\"remove\",\"id\":\"x\"}]"), &rng, &why), OK);
    assert_int_equal(c.count, 1);
    for (const char *const *wrong =
             (const char *const[]){"[1]", "[{\"role\":\"nobody\",\"content\":\"\"}]", "[{}]", NULL};
         *wrong; wrong++) {
        why = STR_NONE;
        assert_int_equal(conversation_merge(&c, str_of(*wrong), &rng, &why), ERR_INVALID);
        assert_false(str_is_none(why));
    }
}

static void no_messages(void **state)
{
    struct conversation c;

    (void)state;
    conversation_init(&c, &arena);
    for (const char *const *wrong = (const char *const[]){"", "7", "[]", "{}", "{\"type\":\"ai\"}",
                                                          "{\"id\":\"x\"}", NULL};
         *wrong; wrong++)
        assert_false(conversation_add(&c, str_of(*wrong)));
    assert_int_equal(c.count, 0);
}

static const struct CMUnitTest tests[] = {
    TEST("which calls are open follows from the messages", what_is_open),
    TEST("a call with bad arguments is open too, with the reason", calls_that_cannot_be_made),
    TEST("an edited call keeps its id and its place", an_edited_call),
    TEST("messages come with roles or types, replace and remove", what_clients_send),
    TEST("what is no message is not taken", no_messages),
};

int main(void)
{
    return cmocka_run_group_tests(tests, setup, teardown);
}
