/* span_parse_test.c -- what a client says, and what is wrong with it. */
#include "trace/span_parse.h"

#include "base/test_arena.h"

#define ID "01930000-0000-7000-8000-000000000002"
#define ROOT "20261121T051237533121Z01930000-0000-7000-8000-000000000001"
#define OWN "20261121T051237600000Z" ID

static struct span_draft draft;
static struct str why;

static enum err parse(const char *text)
{
    draft = (struct span_draft){.change.layer = SPAN_POST};
    why = STR_NONE;
    return span_parse(&arena, str_of(text), false, &draft, &why);
}

static void all_fields(void **state)
{
    struct span_change *c = &draft.change;

    (void)state;
    assert_int_equal(
        parse("{\"id\":\"" ID "\",\"name\":\"n\",\"run_type\":\"llm\",\"end_time\":1795237958000,"
              "\"dotted_order\":\"" ROOT "." OWN "\",\"session_name\":\"p\",\"tags\":[\"a\"],"
              "\"inputs\":{\"x\": 1.0},\"extra\":{\"metadata\":{\"thread_id\":7}},"
              "\"events\":[{\"name\":\"new_token\",\"time\":\"2026-11-21T05:12:38Z\"}],"
              "\"error\":\"no\\u0000\",\"child_runs\":[],\"replicas\":[]}"),
        OK);
    ASSERT_STR(c->name, "n");
    assert_int_equal(c->type, SPAN_LLM);
    assert_int_equal(c->end_us, INT64_C(1795237958000000));
    assert_int_equal(c->trace_id.bytes[15], 1);
    assert_int_equal(c->parent_id.bytes[15], 1);
    ASSERT_STR(c->values[SPAN_INPUTS].bytes, "{\"x\": 1.0}");
    ASSERT_STR(c->thread_id, "7");
    assert_int_equal(c->first_token_us, INT64_C(1795237958000000));
    ASSERT_STR(c->error_preview, "no?");
    ASSERT_STR(c->tags, "[\"a\"]");
    ASSERT_STR(draft.project_name, "p");
    assert_int_equal(c->given, SPAN_HAS_NAME | SPAN_HAS_TYPE | SPAN_HAS_END | SPAN_HAS_ORDER |
                                   SPAN_HAS_TRACE | SPAN_HAS_PARENT | SPAN_HAS_PROJECT |
                                   SPAN_HAS_TAGS | SPAN_HAS_THREAD_ID | SPAN_HAS_FIRST_TOKEN |
                                   SPAN_HAS_FIELD(SPAN_INPUTS) | SPAN_HAS_FIELD(SPAN_EXTRA) |
                                   SPAN_HAS_FIELD(SPAN_EVENTS) | SPAN_HAS_FIELD(SPAN_ERROR_TEXT));
}

static void null_is_absent(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"id\":\"" ID "\",\"name\":null,\"run_type\":null,\"start_time\":null,"
                           "\"tags\":null,\"inputs\":null,\"error\":null,\"session_id\":null}"),
                     OK);
    assert_int_equal(draft.change.given, 0);
    assert_int_equal(parse("{\"id\":\"" ID "\",\"error\":\"\"}"), OK);
    assert_int_equal(draft.change.given, 0);
}

static void threads(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"id\":\"" ID "\",\"extra\":{\"metadata\":{\"thread_id\":\"t\","
                           "\"conversation_id\":\"c\",\"session_id\":null}}}"),
                     OK);
    ASSERT_STR(draft.change.thread_id, "c");
    assert_true(draft.change.given & SPAN_HAS_CONVERSATION_ID);
}

static void refusals(void **state)
{
    static const struct {
        const char *text, *word;
    } bad[] = {
        {"", "not JSON"},
        {"[]", "object"},
        {"{}", "id"},
        {"{\"id\":\"x\"}", "id"},
        {"{\"id\":\"" ID "\",\"run_type\":\"agent\"}", "run_type"},
        {"{\"id\":\"" ID "\",\"run_type\":1}", "run_type"},
        {"{\"id\":\"" ID "\",\"name\":1}", "name"},
        {"{\"id\":\"" ID "\",\"start_time\":-1}", "start_time"},
        {"{\"id\":\"" ID "\",\"start_time\":1e300}", "start_time"},
        {"{\"id\":\"" ID "\",\"end_time\":true}", "end_time"},
        {"{\"id\":\"" ID "\",\"tags\":\"a\"}", "tags"},
        {"{\"id\":\"" ID "\",\"session_name\":\"\"}", "session_name"},
        {"{\"id\":\"" ID "\",\"parent_run_id\":\"" ID "\"}", "parent_run_id"},
        {"{\"id\":\"" ID "\",\"dotted_order\":\"" ROOT "\"}", "own id"},
        {"{\"id\":\"" ID "\",\"dotted_order\":\"" ROOT "." OWN "\",\"trace_id\":\"" ID "\"}",
         "trace_id"},
        {"{\"id\":\"" ID "\",\"dotted_order\":\"" OWN
         "\",\"parent_run_id\":\"01930000-0000-7000-8000-000000000001\"}",
         "parent_run_id"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(parse(bad[i].text), ERR_INVALID);
        assert_true(str_contains(why, str_of(bad[i].word)));
        assert_int_equal(draft.change.given, 0);
    }
}

static void shapes(void **state)
{
    static const struct {
        enum span_field field;
        const char *sent, *kept;
    } cases[] = {
        {SPAN_INPUTS, "{\"a\": 1}", "{\"a\": 1}"},
        {SPAN_INPUTS, " \"x\"", "{\"input\":\"x\"}"},
        {SPAN_INPUTS, "[]", "{}"},
        {SPAN_OUTPUTS, "[1, {}]", "{\"output\":[1, {}]}"},
        {SPAN_OUTPUTS, "0", "{\"output\":0}"},
        {SPAN_EXTRA, "[\"x\"]", "{\"value\":[\"x\"]}"},
        {SPAN_SERIALIZED, "true", "{\"value\":true}"},
        {SPAN_EVENTS, "[{\"name\": \"a\"}]", "[{\"name\": \"a\"}]"},
        {SPAN_EVENTS, "[]", "[]"},
        {SPAN_EVENTS, "[{}, 1, null, [2]]", "[{},{\"value\":1},{\"value\":null},{\"value\":[2]}]"},
        {SPAN_EVENTS, "{\"name\": \"a\"}", "[{\"name\": \"a\"}]"},
        {SPAN_EVENTS, "\"x\"", "[{\"value\":\"x\"}]"},
        {SPAN_ERROR_TEXT, "\"no\"", "\"no\""},
        {SPAN_ERROR_TEXT, "{\"a\": \"\\n\"}", "\"{\\\"a\\\": \\\"\\\\n\\\"}\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str name = span_field_name(cases[i].field);
        struct str inside =
            arena_printf(&arena, "{\"id\":\"" ID "\",\"%.*s\":%s}", STR_ARG(name), cases[i].sent);

        draft = (struct span_draft){.change.layer = SPAN_POST};
        assert_int_equal(
            span_parse_value(&arena, cases[i].field, str_of(cases[i].sent), &draft, &why), OK);
        ASSERT_STR(str_trim(draft.change.values[cases[i].field].bytes), cases[i].kept);
        assert_int_equal(parse(inside.data), OK);
        ASSERT_STR(draft.change.values[cases[i].field].bytes, cases[i].kept);
    }
}

static const struct CMUnitTest tests[] = {
    TEST("fields, values and what they tell are read; unknown keys are passed over", all_fields),
    TEST("null and an empty error are absent", null_is_absent),
    TEST("the strongest key that is there names the thread", threads),
    TEST("values of another shape than is promised are put into it, wherever they stand", shapes),
    TEST("what is wrong is named, and nothing is taken of it", refusals),
};

int main(void)
{
    return cmocka_run_group_tests(tests, test_arena_open, test_arena_close);
}
