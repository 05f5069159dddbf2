/* Which alerts are taken, and what is said of the others. */
#include "alert/alert_rule.h"

#include <stdio.h>

#include "base/test.h"

#define GOOD                                                                                       \
    "\"name\":\"n\",\"type\":\"threshold\",\"aggregation\":\"sum\",\"attribute\":\"error_count\"," \
    "\"operator\":\"gte\",\"window_minutes\":5,\"threshold\":10"

static struct arena arena;

static enum err read(const char *text, struct alert_rule *rule, struct str *why)
{
    const struct json *json = NULL;

    assert_int_equal(json_parse(&arena, str_of(text), &json, NULL), OK);
    return alert_rule_read(json, &arena, rule, why);
}

static void what_is_taken(void **state)
{
    struct alert_rule rule;
    struct str why = STR_NONE;

    (void)state;
    assert_int_equal(read("{" GOOD "}", &rule, &why), OK);
    ASSERT_STR(rule.name, "n");
    ASSERT_STR(rule.description, "");
    assert_int_equal(rule.renotify_minutes, 60);
    assert_true(rule.is_enabled && rule.threshold == 10 && rule.window_minutes == 5);
    assert_int_equal(read("{\"name\":\"n\",\"description\":\"d\",\"type\":\"change\","
                          "\"aggregation\":\"avg\",\"attribute\":\"run_latency\","
                          "\"operator\":\"gt\",\"window_minutes\":15,\"threshold_multiplier\":1.5,"
                          "\"threshold_window_minutes\":60,\"filter\":\"eq(is_root, true)\","
                          "\"no_data\":\"fire\",\"notify_recovery\":true,\"min_samples\":3}",
                          &rule, &why),
                     OK);
    assert_true(rule.is_change && rule.multiplier == 1.5 && rule.baseline_minutes == 60);
    assert_true(rule.filter.bounds.only_roots && rule.fires_without_data && rule.tells_recovery);
    ASSERT_STR(alert_attribute_name(rule.attribute), "latency");
}

static void what_watches_the_same(void **state)
{
    static const struct {
        const char *more;
        bool is_same;
    } cases[] = {
        {"", true},
        {",\"name\":\"other\",\"description\":\"d\"", true},
        {",\"renotify_minutes\":5,\"notify_recovery\":true", true},
        {",\"threshold\":10.0,\"is_enabled\":true", true},
        {",\"threshold\":11", false},
        {",\"is_enabled\":false", false},
        {",\"window_minutes\":6", false},
        {",\"operator\":\"gt\"", false},
        {",\"aggregation\":\"pct\"", false},
        {",\"aggregation\":\"pct\",\"denominator_filter\":\"eq(is_root, true)\"", false},
        {",\"attribute\":\"run_count\"", false},
        {",\"filter\":\"eq(is_root, true)\"", false},
        {",\"min_samples\":2", false},
        {",\"no_data\":\"fire\"", false},
        {",\"type\":\"change\",\"threshold_multiplier\":2", false},
        {",\"threshold_window_minutes\":9", false},
    };
    struct alert_rule good, other;
    struct str why = STR_NONE;

    (void)state;
    assert_int_equal(read("{" GOOD "}", &good, &why), OK);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str text = arena_printf(&arena, "{" GOOD "%s}", cases[i].more);

        assert_int_equal(read(text.data, &other, &why), OK);
        if (alert_rule_watches_same(&good, &other) != cases[i].is_same)
            fail_msg("%s", cases[i].more);
    }
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *more, *why;
    } cases[] = {
        {"\"name\":\" \"", "rule.name must be a text of 1 to 512 bytes"},
        {"\"type\":\"x\"", "rule.type must be threshold or change"},
        {"\"operator\":\"eq\"", "rule.operator must be gte, lte, gt or lt"},
        {"\"aggregation\":\"avg\"", "rule.aggregation does not fit the attribute: error_count has "
                                    "sum and pct, latency and feedback_score have avg, run_count "
                                    "has sum, total_cost has sum and avg"},
        {"\"window_minutes\":61", "rule.window_minutes must be a number from 1 to 60"},
        {"\"window_minutes\":1.5", "rule.window_minutes must be a whole number"},
        {"\"window_minutes\":null", "rule.window_minutes is missing: a whole number from 1 to 60"},
        {"\"threshold\":null", "rule.threshold is missing"},
        {"\"threshold\":\"5\"", "rule.threshold must be a number from 0 to 1e+15"},
        {"\"aggregation\":\"pct\",\"threshold\":101",
         "rule.threshold must be a number from 0 to 100"},
        {"\"type\":\"change\"",
         "rule.threshold_multiplier is missing: an alert of type change needs it"},
        {"\"no_data\":\"maybe\"", "rule.no_data must be ignore or fire"},
        {"\"is_enabled\":1", "rule.is_enabled must be true or false"},
    };
    char text[512];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str merged = STR_NONE, why = STR_NONE;
        struct alert_rule rule;
        struct buf out;

        snprintf(text, sizeof(text), "{%s}", cases[i].more);
        buf_init(&out, 2048);
        json_merge(&out, STR("{" GOOD "}"), str_of(text));
        merged = arena_str(&arena, buf_str(&out));
        buf_release(&out);
        assert_int_equal(read(arena_cstr(&arena, merged), &rule, &why), ERR_INVALID);
        ASSERT_STR(why, cases[i].why);
    }
}

static void a_wrong_filter_has_a_position(void **state)
{
    struct str why = STR_NONE;
    struct alert_rule rule;

    (void)state;
    assert_int_equal(read("{" GOOD ",\"filter\":\"eq(nam, 1)\"}", &rule, &why), ERR_INVALID);
    assert_true(str_starts(why, STR("rule.filter: ")));
    assert_true(str_contains(why, STR("3")));
}

static void a_share_is_of_what_the_filter_finds_errors_or_not(void **state)
{
    static const struct {
        const char *filters;
        bool only_roots, of_errors, is_all;
    } cases[] = {
        {"", false, false, true},
        {",\"filter\":\"eq(is_root, true)\"", true, false, false},
        {",\"filter\":\"eq(status, \\\"error\\\")\"", false, false, true},
        {",\"filter\":\"and(eq(is_root, true), neq(error, null))\"", true, false, false},
        {",\"filter\":\"and(neq(error, null), eq(is_root, true), eq(name, \\\"a\\\"))\"", true,
         false, false},
        {",\"filter\":\"eq(status, \\\"error\\\")\",\"denominator_filter\":\"eq(is_root, true)\"",
         true, false, false},
        {",\"denominator_filter\":\"eq(status, \\\"error\\\")\"", false, true, false},
    };
    char text[512];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str why = STR_NONE;
        struct alert_rule rule;

        snprintf(text, sizeof(text),
                 "{\"name\":\"n\",\"type\":\"threshold\",\"aggregation\":\"pct\",\"threshold\":5,"
                 "\"attribute\":\"error_count\",\"operator\":\"gte\",\"window_minutes\":5%s}",
                 cases[i].filters);
        assert_int_equal(read(text, &rule, &why), OK);
        assert_int_equal(rule.denominator.bounds.only_roots, cases[i].only_roots);
        assert_int_equal(rule.denominator.bounds.statuses.count, cases[i].of_errors);
        assert_int_equal(rule.denominator.root == NULL, cases[i].is_all);
    }
}

static int end(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static const struct CMUnitTest tests[] = {
    TEST("documented rules are taken", what_is_taken),
    TEST("a name or a pause is not another alert", what_watches_the_same),
    TEST("others are refused, with the field", what_is_refused),
    TEST("a share is of what the filter finds, with an error or not",
         a_share_is_of_what_the_filter_finds_errors_or_not),
    TEST("a wrong filter is refused with the position", a_wrong_filter_has_a_position),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, end);
}
