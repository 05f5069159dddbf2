/* Which rules are taken, and what is said of the others; the sample. */
#include "rule/rule_spec.h"

#include "base/test.h"

static struct arena arena;

static enum err read(const char *text, struct rule_spec *spec, struct str *why)
{
    const struct json *json = NULL;

    assert_int_equal(json_parse(&arena, str_of(text), &json, NULL), OK);
    return rule_spec_read(json, &arena, spec, why);
}

static void what_is_taken(void **state)
{
    struct str why = STR_NONE;
    struct rule_spec spec;

    (void)state;
    assert_int_equal(read("{\"display_name\":\"d\",\"sampling_rate\":0.5,\"evaluators\":[],"
                          "\"filter\":\"eq(status, 'pending')\",\"tree_filter\":\" \","
                          "\"trace_filter\":\"eq(name, 'x')\",\"webhooks\":[{\"url\":"
                          "\"https://a/?secret=b\",\"headers\":{\"X-A\":\"1\"}}]}",
                          &spec, &why),
                     OK);
    assert_true(spec.is_enabled && spec.takes_pending && spec.looks_at_traces);
    assert_int_equal(spec.webhook_count, 1);
    ASSERT_STR(spec.webhooks[0].headers[0].value, "1");
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"{}", "display_name must be a text of 1 to 512 bytes"},
        {"{\"display_name\":\"d\"}", "sampling_rate must be a number from 0 to 1"},
        {"{\"display_name\":\"d\",\"sampling_rate\":1.5}",
         "sampling_rate must be a number from 0 to 1"},
        {"{\"display_name\":\"d\",\"sampling_rate\":1,\"webhooks\":[{}]}",
         "webhooks[0].url is missing"},
        {"{\"display_name\":\"d\",\"sampling_rate\":1,\"evaluators\":[{}]}",
         "evaluators is not done by this server: it runs no evaluators; a webhook may judge, and "
         "send feedback. Leave it out or null"},
        {"{\"display_name\":\"d\",\"sampling_rate\":1,\"group_by\":\"thread_id\"}",
         "group_by is not done by this server: a rule matches runs, not conversations, for how a "
         "webhook tells of those is not published; thread_id of each run says which it is of. "
         "Leave it out or null"},
        {"{\"display_name\":\" \",\"sampling_rate\":1}",
         "display_name must be a text of 1 to 512 bytes"},
        {"{\"display_name\":\"d\",\"sampling_rate\":1,\"extend_only\":\"yes\"}",
         "extend_only must be true or false"},
        {"{\"display_name\":\"d\",\"sampling_rate\":1,\"transient\":1}",
         "transient must be true or false"},
        {"{\"display_name\":\"d\",\"sampling_rate\":1,\"num_few_shot_examples\":-1}",
         "num_few_shot_examples must be a whole number from 0"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str why = STR_NONE;
        struct rule_spec spec;

        assert_int_equal(read(cases[i].text, &spec, &why), ERR_INVALID);
        ASSERT_STR(why, cases[i].why);
    }
}

static void the_sample_is_even_and_steady(void **state)
{
    struct uuid id = {{0}};
    size_t chosen = 0;

    (void)state;
    for (size_t i = 0; i < 10000; i++) {
        id.bytes[0] = (uint8_t)i;
        id.bytes[1] = (uint8_t)(i >> 8);
        chosen += rule_samples(STR("rule"), id, 0.25);
        assert_int_equal(rule_samples(STR("rule"), id, 0.25), rule_samples(STR("rule"), id, 0.25));
        assert_true(rule_samples(STR("rule"), id, 1));
        assert_false(rule_samples(STR("rule"), id, 0));
    }
    assert_in_range(chosen, 2300, 2700);
}

static int end(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static const struct CMUnitTest tests[] = {
    TEST("documented rules are taken", what_is_taken),
    TEST("others are refused, with the field", what_is_refused),
    TEST("a sample has its share, and is the same each time", the_sample_is_even_and_steady),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, end);
}
