/* usage_parse_test.c -- usage in its shapes, and amounts to the picodollar. */
#include "trace/usage_parse.h"

#include "base/test_arena.h"
#include "trace/span.h"

static const struct json *parsed(const char *text)
{
    const struct json *value;

    assert_int_equal(json_parse(&arena, str_of(text), &value, NULL), OK);
    return value;
}

static struct str outputs(const char *text)
{
    struct span_says says = {0};

    usage_of_outputs(&arena, parsed(text), &says);
    return says.outputs_usage;
}

static void every_shape(void **state)
{
    (void)state;
    ASSERT_STR(outputs("{\"usage_metadata\":{\"input_tokens\":10,\"output_tokens\":5,"
                       "\"total_tokens\":15,\"input_token_details\":{\"cache_read\":4}}}"),
               "{\"pt\":10,\"ct\":5,\"tt\":15,\"pd\":{\"cache_read\":4}}");
    ASSERT_STR(outputs("{\"llm_output\":{\"token_usage\":{\"prompt_tokens\":1,"
                       "\"completion_tokens\":2,\"total_tokens\":3}}}"),
               "{\"pt\":1,\"ct\":2,\"tt\":3}");
    ASSERT_STR(outputs("{\"generations\":[[{\"message\":{\"kwargs\":{\"usage_metadata\":"
                       "{\"input_tokens\":7,\"output_tokens\":8}}}}]]}"),
               "{\"pt\":7,\"ct\":8}");
    ASSERT_STR(outputs("{\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1,"
                       "\"prompt_tokens_details\":{\"cached_tokens\":3},"
                       "\"completion_tokens_details\":{\"reasoning_tokens\":1,\"x\":\"y\"}}}"),
               "{\"pt\":9,\"ct\":1,\"pd\":{\"cache_read\":3},\"cd\":{\"reasoning\":1}}");
    assert_true(str_is_none(outputs("{\"usage\":{\"prompt_tokens\":-1,\"total_tokens\":\"5\"}}")));
    assert_true(str_is_none(outputs("[1,\"usage\"]")));
    assert_true(str_is_none(outputs("{\"usage_metadata\":null,\"usage\":[]}")));
}

static void costs_of_the_client(void **state)
{
    (void)state;
    ASSERT_STR(outputs("{\"usage_metadata\":{\"input_tokens\":1,\"input_cost\":1e-6,"
                       "\"output_cost\":\"0.000002\",\"total_cost\":3e-6}}"),
               "{\"pt\":1,\"pc\":1000000,\"cc\":2000000,\"tc\":3000000}");
    ASSERT_STR(
        outputs("{\"usage_metadata\":{\"input_cost_details\":{\"audio\":0.1,\"text\":0.2}}}"),
        "{\"pcd\":{\"audio\":100000000000,\"text\":200000000000},\"pc\":300000000000}");
}

static void models(void **state)
{
    struct span_says says = {0};

    (void)state;
    usage_of_extra(&arena,
                   parsed("{\"metadata\":{\"ls_model_name\":\"gpt-4o\",\"ls_provider\":\"openai\"},"
                          "\"invocation_params\":{\"model_name\":\"x\"}}"),
                   &says);
    usage_of_inputs(parsed("{\"model\":\"y\"}"), &says);
    ASSERT_STR(says.metadata_model, "gpt-4o");
    ASSERT_STR(says.provider, "openai");
    ASSERT_STR(says.invoked_model, "x");
    ASSERT_STR(says.inputs_model, "y");
}

static void amounts(void **state)
{
    static const struct {
        const char *text;
        int64_t picodollars; /* -1: refused */
    } cases[] = {
        {"0", 0},
        {"1", INT64_C(1000000000000)},
        {"0.000001", 1000000},
        {"1e-6", 1000000},
        {"+1.5E+1", INT64_C(15000000000000)},
        {"0.0000000000014", 1},
        {"0.0000000000015", 2},
        {"0.00000000000049", 0},
        {"0.0000000000005", 1},
        {"00012.50", INT64_C(12500000000000)},
        {"999999.999999999999", INT64_C(999999999999999999)},
        {".5", INT64_C(500000000000)},
        {"1000000", -1},
        {"-1", -1},
        {"", -1},
        {".", -1},
        {"1.2.3", -1},
        {"1e", -1},
        {"1x", -1},
        {"NaN", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t picodollars = -1;

        if (span_cost_parse(str_of(cases[i].text), &picodollars))
            picodollars = -1;
        assert_int_equal(picodollars, cases[i].picodollars);
    }
}

#define TEST_HERE(sentence, function)                                                              \
    {                                                                                              \
        sentence, function, test_arena_open, test_arena_close, NULL                                \
    }

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST_HERE("usage is understood in every shape, and nonsense passed over", every_shape),
        TEST_HERE("costs that the client says are read", costs_of_the_client),
        TEST_HERE("the names that prices go by", models),
        TEST_HERE("amounts are read to the picodollar", amounts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
