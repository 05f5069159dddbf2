/* filter_test.c -- the filter language: what matches and what is unknown.
 *
 * The tables hold every example of the tracing contract's section 3. */
#include "base/test_arena.h"
#include "format/filter_fixture.h"

static struct filter parsed(const char *text)
{
    struct filter_error error = {0};
    struct filter filter;

    if (filter_parse(&arena, str_of(text), &filter, &error))
        fail_msg("%s: %s", text, error.text);
    return filter;
}

static enum filter_answer tested(const char *span_text, const char *text)
{
    struct filter filter = parsed(text);
    struct filter_fixture span;

    filter_fixture_init(&span, &arena, str_of(span_text));
    return filter_test(&filter, &filter_fixture_source, &span);
}

struct row {
    const char *filter;
    bool matches;
};

static void check_rows(const char *span, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum filter_answer answer = tested(span, rows[i].filter);

        if (answer != (rows[i].matches ? FILTER_YES : FILTER_NO))
            fail_msg("%s: %d of %s", rows[i].filter, answer, span);
    }
}

#define CHECK_ROWS(span, rows) check_rows((span), (rows), ARRAY_LEN(rows))

/* ---- columns ---- */

#define LLM                                                                                        \
    "{\"id\":\"0190aaaa-0000-4000-8000-000000000001\","                                            \
    "\"trace_id\":\"0190aaaa-0000-4000-8000-000000000002\",\"name\":\"ChatOpenAI\","               \
    "\"run_type\":\"llm\",\"status\":\"error\",\"error\":\"ValueError('bad')\",\"is_root\":false," \
    "\"start_time\":\"2023-07-16T00:00:00Z\",\"end_time\":\"2023-07-16T00:00:12Z\","               \
    "\"latency\":12,\"total_tokens\":6000,\"total_cost\":0.000123,"                                \
    "\"tags\":[\"experimental\",\"v2\"],\"thread_id\":\"t-1\","                                    \
    "\"inputs\":{\"messages\":[{\"role\":\"user\",\"content\":\"Say Hello there\"}]},"             \
    "\"outputs\":{\"generations\":[[{\"text\":\"An image, of a classification\"}]]}}"

static void columns_are_compared(void **state)
{
    static const struct row rows[] = {
        {"eq(name, \"ChatOpenAI\")", true},
        {"eq(name, 'ChatOpenAI')", true},
        {"eq(\"name\", 'ChatOpenAI')", true},
        {"eq(name, \"chatopenai\")", false},
        {"neq(name, \"ChatOpenAI\")", false},
        {"in(name, [\"a\", \"ChatOpenAI\",])", true},
        {"in(name, [])", false},
        {"in(name, \"ChatOpenAI\")", true},
        {"like(name, \"chat%\")", true},
        {"notlike(name, \"%Open%\")", false},
        {"search(name, \"chatopenai\")", true},
        {"eq(run_type, \"LLM\")", true},
        {"in(status, [\"success\", \"error\"])", true},
        {"neq(error, null)", true},
        {"eq(error, null)", false},
        {"like(error, \"%value%\")", true},
        {"eq(error, \"ValueError('bad')\")", true},
        {"eq(is_root, false)", true},
        {"eq(is_root, 0)", true},
        {"eq(is_root, \"false\")", true},
        {"eq(execution_order, 1)", false},
        {"neq(is_root, True)", true},
        {"gt(start_time, \"2023-07-15T12:34:56Z\")", true},
        {"and(gt(start_time, \"2023-07-15T12:34:56\"), lt(end_time, '2023-07-16T00:00:12Z'))",
         false},
        {"lte(end_time, '2023-07-16 00:00:12+00:00')", true},
        {"gt(latency, 10)", true},
        {"gt(latency, \"5s\")", true},
        {"gt(latency, 12s)", false},
        {"gte(latency, \"12000ms\")", true},
        {"lt(latency, 0.5m)", true},
        {"gt(latency, \"11.9\")", true},
        {"gt(total_tokens, 5000)", true},
        {"eq(total_cost, 0.000123)", true},
        {"gt(total_cost, 1.23e-4)", false},
        {"has(tags, \"experimental\")", true},
        {"eq(tags, 'beta')", false},
        {"in(tags, ['beta', 'v2'])", true},
        {"has(tags, ['experimental', 'beta'])", false},
        {"neq(tags, 'beta')", true},
        {"neq(tags, null)", true},
        {"eq(id, \"0190aaaa000040008000000000000001\")", true},
        {"in(trace_id, ['0190AAAA-0000-4000-8000-000000000002'])", true},
        {"neq(trace_id, '0190aaaa-0000-4000-8000-000000000002')", false},
        {"eq(thread_id, \"t-1\")", true},
    };

    (void)state;
    CHECK_ROWS(LLM, rows);
}

static void what_is_absent_meets_only_denials(void **state)
{
    static const struct row rows[] = {
        {"eq(name, 'x')", false},
        {"neq(name, 'x')", true},
        {"eq(name, null)", true},
        {"neq(name, null)", false},
        {"like(name, '%')", false},
        {"notlike(name, '%')", true},
        {"in(name, ['x'])", false},
        {"search(name, 'x')", false},
        {"lt(end_time, '2030-01-01')", false},
        {"gte(latency, 0)", false},
        {"neq(latency, 1)", true},
        {"neq(id, '0190aaaa-0000-4000-8000-000000000001')", true},
        {"eq(parent_run_id, null)", true},
        {"eq(metadata_key, 'x')", false},
        {"neq(metadata_key, 'x')", true},
        {"neq(metadata_value, 'x')", true},
        {"eq(metadata_key, null)", true},
        {"neq(metadata_key, null)", false},
        {"eq(metadata.a, null)", true},
        {"neq(metadata.a, 'x')", true},
        {"eq(feedback_key, null)", true},
        {"eq(error, null)", true},
        {"neq(tags, 'x')", true},
        {"eq(tags, null)", true},
        {"has(metadata, '{}')", false},
        {"exists(metadata, 'a')", false},
        {"notlike(inputs, '%a%')", true},
        {"search('x')", false},
        {"not(search('x'))", true},
    };

    (void)state;
    CHECK_ROWS("{\"status\":\"pending\"}", rows);
}

static void logic_joins(void **state)
{
    static const struct row rows[] = {
        {"and(eq(run_type,\"llm\"))", true},
        {"or(eq(run_type,\"chain\"))", false},
        {"not(eq(run_type,\"chain\"))", true},
        {" and ( eq(run_type, 'llm') ,\n\tgt(latency,10) , gt(total_tokens,5000), ) ", true},
        {"and(eq(run_type,\"chain\"),gt(latency,10),gt(total_tokens,5000))", false},
        {"and(or(has(tags,\"experimental\"),has(tags,\"beta\")),gt(latency,2))", true},
        {"and(eq(run_type,\"llm\"),eq(name,\"ChatOpenAI\"),eq(input_key,\"messages.content\"),"
         "like(input_value,\"%hello%\"))",
         true},
        {"and(gt(start_time,\"2023-07-15T12:34:56Z\"),or(neq(error,null),"
         "and(eq(feedback_key,\"Correctness\"),eq(feedback_score,0.0))))",
         true},
        {"and(not(has(metadata,'{\"foo\":\"bar\"}')), exists(metadata,\"tenant_id\"))", false},
        {"", true},
        {"  ", true},
    };

    (void)state;
    CHECK_ROWS(LLM, rows);
}

/* ---- text ---- */

static void like_matches_between_percent_signs(void **state)
{
    static const struct {
        const char *text, *pattern;
        bool matches;
    } rows[] = {
        {"hello", "hello", true},
        {"hello", "hell", false},
        {"hello", "hell%", true},
        {"hello", "%llo", true},
        {"hello", "%ell%", true},
        {"hello", "h%o", true},
        {"hello", "h%l%o", true},
        {"hello", "h%x%o", false},
        {"hello", "%", true},
        {"hello", "%%", true},
        {"", "%", true},
        {"hello", "HELLO", true},
        {"ab", "ab%ab", false},
        {"aab", "%ab", true},
        {"abab", "ab%ab", true},
        {"my_tool", "my_tool", true},
        {"my-tool", "my_tool", false},
        {"5% off", "%5\\\\%%", true},
        {"50 off", "%5\\\\%%", false},
        {"aXbXc", "a%b%c", true},
        {"aaa", "a%aa%aa", false},
        {"Zebra Alpha", "%zebra%alpha", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str span = arena_printf(&arena, "{\"name\":\"%s\"}", rows[i].text);
        struct str filter = arena_printf(&arena, "like(name, \"%s\")", rows[i].pattern);

        if ((tested(arena_cstr(&arena, span), arena_cstr(&arena, filter)) == FILTER_YES) !=
            rows[i].matches)
            fail_msg("%s like %s", rows[i].text, rows[i].pattern);
    }
}

static void search_finds_words_in_any_order(void **state)
{
    static const struct row rows[] = {
        {"search(\"image classification\")", true},
        {"search(\"classification IMAGE\")", true},
        {"search(\"image hello\")", true}, /* one in the outputs, one in the inputs */
        {"search(\"the image of a classif\")", true},
        {"search(\"lassification\")", false},
        {"search(\"mages\")", false},
        {"search(\"chatopenai experimental\")", true},
        {"search(\"a\")", true},
        {"search(\"of\")", true},
        {"search(\"an\")", true},
        {"search(\"user\")", true},
        {"search(\"content\")", false}, /* a key, not a value */
        {"search(outputs, \"image\")", true},
        {"search(inputs, \"image\")", false},
        {"search(input_value, \"hello\")", true},
        {"search(\"'\")", true},
    };
    static const struct row chinese[] = {
        {"search(\"运行\")", true}, {"search(\"GPT\")", true}, {"search(\"规则\")", false}};

    (void)state;
    CHECK_ROWS(LLM, rows);
    CHECK_ROWS("{\"name\":\"查询运行记录GPT\"}", chinese);
}

static void strings_may_have_escapes(void **state)
{
    static const struct row rows[] = {
        {"eq(name, \"a\\\"b\\\\c\")", true},
        {"eq(name, 'a\"b\\c')", true},
        {"eq(name, \"a\\u0022b\\u005cc\")", true},
        {"like(name, \"%\\\"b%\")", true},
    };
    static const struct row other[] = {
        {"eq(name, 'it\\'s')", true},
        {"eq(name, \"it\\'s\")", false}, /* no escape here: both characters stay */
    };
    static const struct row high[] = {{"eq(name, \"\\ud83d\\ude00 \\u00e9\\t\")", true},
                                      {"eq(name, \"\\ud83d\")", false}};

    (void)state;
    CHECK_ROWS("{\"name\":\"a\\\"b\\\\c\"}", rows);
    CHECK_ROWS("{\"name\":\"it's\"}", other);
    CHECK_ROWS("{\"name\":\"\\ud83d\\ude00 \\u00e9\\t\"}", high);
}

/* ---- pairs ---- */

#define METADATA                                                                                   \
    "{\"metadata\":{\"a\":\"1\",\"b\":2,\"flag\":true,\"rate\":0.5,"                               \
    "\"big\":9007199254740993,\"thread_id\":\"X\",\"deep\":{\"er\":\"y\"},"                        \
    "\"list\":[\"one\",\"two\"],\"none\":null,"                                                    \
    "\"zero\":0,\"word\":\"TRUE\",\"rows\":[{\"n\":1},{\"n\":2}]}}"

static void metadata_conditions_of_one_and_speak_of_one_pair(void **state)
{
    static const struct row rows[] = {
        {"eq(metadata_key, 'a')", true},
        {"has(metadata_key, 'a')", true},
        {"eq(metadata_key, 'z')", false},
        {"and(eq(metadata_key, 'a'), eq(metadata_value, '1'))", true},
        {"and(eq(metadata_key, 'a'), eq(metadata_value, '2'))", false},
        {"and(eq(metadata_value, '2'), eq(metadata_key, 'b'))", true},
        {"and(and(eq(metadata_key, 'a')), and(eq(metadata_value, '2')))", true},
        {"or(and(eq(metadata_key, 'a'), eq(metadata_value, '2')), eq(metadata_value, 'no'))",
         false},
        {"neq(metadata_key, 'a')", false},
        {"neq(metadata_key, 'z')", true},
        {"and(eq(metadata_key, 'a'), neq(metadata_value, '1'))", false},
        {"and(eq(metadata_key, 'a'), neq(metadata_value, '2'))", true},
        {"and(neq(metadata_key, 'z'), neq(metadata_value, '1'))", false},
        {"and(neq(metadata_key, 'a'), neq(metadata_value, 'q'))", false},
        {"and(neq(metadata_key, 'z'), neq(metadata_value, 'q'))", true},
        {"and(neq(metadata_key, 'a'), eq(metadata_value, '2'))", false},
        {"and(neq(metadata_key, 'z'), eq(metadata_value, '2'))", true},
        {"and(in(metadata_key,[\"session_id\",\"conversation_id\",\"thread_id\"]),"
         "eq(metadata_value,\"X\"))",
         true},
        {"and(in(metadata_key,[\"a\",\"b\"]),eq(metadata_value,\"X\"))", false},
        {"eq(metadata_value, 2)", true},
        {"and(eq(metadata_key, 'zero'), eq(metadata_value, 'abc'))", false},
        {"and(eq(metadata_key, 'zero'), eq(metadata_value, '0.0'))", true},
        {"and(eq(metadata_key, 'word'), eq(metadata_value, true))", true},
        {"and(eq(metadata_key, 'word'), eq(metadata_value, 'true'))", false},
        {"and(eq(metadata_key, 'rows.n'), eq(metadata_value, 2))", true},
        {"gt(metadata_value, 1)", true},
        {"and(eq(metadata_key, 'flag'), eq(metadata_value, \"true\"))", true},
        {"and(eq(metadata_key, 'flag'), eq(metadata_value, True))", true},
        {"and(eq(metadata_key, 'rate'), eq(metadata_value, '0.5'))", true},
        {"and(eq(metadata_key, 'rate'), like(metadata_value, '0.5'))", true},
        {"and(eq(metadata_key, 'big'), eq(metadata_value, '9007199254740993'))", true},
        {"and(eq(metadata_key, 'big'), eq(metadata_value, '9007199254740992'))", false},
        {"and(eq(metadata_key, 'deep.er'), eq(metadata_value, 'y'))", true},
        {"and(eq(metadata_key, 'list'), eq(metadata_value, 'two'))", true},
        {"and(eq(metadata_key, 'none'), eq(metadata_value, null))", true},
        {"and(eq(metadata_key, 'a'), neq(metadata_value, null))", true},
        {"and(eq(metadata_key, 'none'), neq(metadata_value, null))", false},
        {"and(eq(metadata_key, 'a'), notlike(metadata_value, '1%'))", false},
    };

    (void)state;
    CHECK_ROWS(METADATA, rows);
}

static void a_path_or_a_blob_speaks_of_the_whole_document(void **state)
{
    static const struct row rows[] = {
        {"eq(metadata.a, '1')", true},
        {"has(metadata.a, '1')", true},
        {"eq(extra.metadata.thread_id, 'X')", true},
        {"neq(metadata.a, '1')", false},
        {"neq(metadata.z, '1')", true},
        {"eq(metadata.none, null)", true},
        {"eq(metadata.deep, null)", false},
        {"neq(metadata.deep.er, null)", true},
        {"gt(metadata.b, 1)", true},
        {"has(metadata, '{\"a\":\"1\"}')", true},
        {"has(metadata, '{\"a\":\"1\",\"deep\":{\"er\":\"y\"}}')", true},
        {"has(metadata, '{\"a\":1}')", false},
        {"exists(metadata, \"none\")", true},
        {"exists(metadata, \"deep.er\")", true},
        {"exists(metadata, \"no\")", false},
    };

    (void)state;
    CHECK_ROWS(METADATA, rows);
}

static void feedback_conditions_of_one_and_speak_of_one_row(void **state)
{
    static const struct row rows[] = {
        {"and(eq(feedback_key,\"user_score\"),eq(feedback_score,1))", true},
        {"and(eq(is_root,true),and(eq(feedback_key,\"user_score\"),eq(feedback_score,1)))", true},
        {"and(eq(feedback_key,\"user_score\"),gt(feedback_score,4))", false},
        {"and(eq(feedback_key,\"note\"),eq(feedback_score,1))", false},
        {"and(and(eq(feedback_key,\"user_score\"),eq(feedback_score,1)),"
         "and(eq(feedback_key,\"grade\"),gte(feedback_score,5)))",
         true},
        {"and(eq(feedback_key,\"user_score\"),eq(feedback_key,\"grade\"))", false},
        {"and(gt(feedback_score,1),neq(feedback_score,5))", false},
        {"has(feedback_key, \"note\")", true},
        {"in(feedback_key, ['x', 'grade'])", true},
        {"neq(feedback_key, 'x')", true},
        {"neq(feedback_key, null)", true},
        {"eq(feedback_key, null)", false},
        {"and(eq(feedback_key, 'note'), eq(feedback_score, null))", true},
        {"eq(feedback_value, 'GOOD')", true},
        {"and(eq(feedback_source, 'api'), eq(feedback_value, 'GOOD'))", true},
        {"and(eq(feedback_source, 'model'), eq(feedback_value, 'GOOD'))", false},
        {"like(feedback_comment, '%nice%')", true},
        {"search(feedback_comment, 'rather')", true},
        {"eq(feedback_score, true)", true},
    };

    (void)state;
    CHECK_ROWS("{\"is_root\":true,\"feedback\":["
               "{\"key\":\"user_score\",\"score\":1,\"source\":\"app\"},"
               "{\"key\":\"grade\",\"score\":5,\"value\":\"GOOD\",\"source\":\"api\"},"
               "{\"key\":\"note\",\"comment\":\"Rather nice\"}]}",
               rows);
}

static void inputs_and_outputs_are_pairs_with_joined_keys(void **state)
{
    static const struct row rows[] = {
        {"eq(input_key, 'messages')", true},
        {"eq(input_key, 'messages.content')", true},
        {"and(eq(input_key, 'messages.role'), eq(input_value, 'Say Hello there'))", false},
        {"and(eq(output_key, 'generations.text'), like(output_value, '%image%'))", true},
        {"like(inputs, '%\"role\":\"user\"%')", true},
        {"like(inputs, 'say%')", true},
        {"notlike(outputs, '%image%')", false},
        {"eq(inputs.messages.role, 'user')", true},
        {"has(inputs, '{\"messages\":[{\"role\":\"user\"}]}')", true},
        {"exists(outputs, 'generations')", true},
    };

    (void)state;
    CHECK_ROWS(LLM, rows);
}

/* ---- what is not at hand ---- */

static void an_answer_is_unknown_only_if_it_depends_on_it(void **state)
{
    static const struct {
        const char *filter;
        enum filter_answer answer;
    } rows[] = {
        {"like(inputs, '%x%')", FILTER_UNKNOWN},
        {"and(like(inputs, '%x%'), eq(name, 'no'))", FILTER_NO},
        {"and(like(inputs, '%x%'), eq(name, 'n'))", FILTER_UNKNOWN},
        {"or(like(inputs, '%x%'), eq(name, 'n'))", FILTER_YES},
        {"or(like(inputs, '%x%'), eq(name, 'no'))", FILTER_UNKNOWN},
        {"not(eq(input_key, 'x'))", FILTER_UNKNOWN},
        {"not(and(eq(input_key, 'x'), eq(name, 'no')))", FILTER_YES},
        {"eq(feedback_key, 'x')", FILTER_UNKNOWN},
        {"neq(metadata.a, 'x')", FILTER_YES},
        {"search('n')", FILTER_YES},
        {"search('m')", FILTER_UNKNOWN},
        {"eq(error, null)", FILTER_YES},
        {"exists(inputs, 'x')", FILTER_UNKNOWN},
        {"has(inputs, '{}')", FILTER_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum filter_answer answer = tested(
            "{\"name\":\"n\",\"unknown\":[\"inputs\",\"error\",\"feedback\"]}", rows[i].filter);
        if (answer != rows[i].answer)
            fail_msg("%s: %d", rows[i].filter, answer);
    }
}

#define CASE(sentence, function)                                                                   \
    {                                                                                              \
        (sentence), (function), test_arena_open, test_arena_close, NULL                            \
    }

static const struct CMUnitTest tests[] = {
    CASE("columns are compared in their own terms", columns_are_compared),
    CASE("what is absent meets nothing but neq, notlike and eq null",
         what_is_absent_meets_only_denials),
    CASE("and, or and not join conditions", logic_joins),
    CASE("like matches what stands between percent signs", like_matches_between_percent_signs),
    CASE("search finds words in any order and any field", search_finds_words_in_any_order),
    CASE("strings may have escapes", strings_may_have_escapes),
    CASE("metadata conditions of one and speak of one pair",
         metadata_conditions_of_one_and_speak_of_one_pair),
    CASE("a path or a blob speaks of the whole document",
         a_path_or_a_blob_speaks_of_the_whole_document),
    CASE("feedback conditions of one and speak of one row",
         feedback_conditions_of_one_and_speak_of_one_row),
    CASE("inputs and outputs are pairs with joined keys",
         inputs_and_outputs_are_pairs_with_joined_keys),
    CASE("an answer is unknown only if it depends on what is not at hand",
         an_answer_is_unknown_only_if_it_depends_on_it),
};

int main(void)
{
    return RUN_TESTS(tests);
}
