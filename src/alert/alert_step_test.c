/* When alerts fire: tables of sums and times. */
#include "alert/alert_step.h"

#include "base/test.h"

#define MINUTE (60 * US_PER_SECOND)

static const struct alert_rule errors = {.attribute = ALERT_ERROR_COUNT,
                                         .aggregation = ALERT_SUM,
                                         .comparison = ALERT_GTE,
                                         .threshold = 10,
                                         .window_minutes = 5,
                                         .baseline_minutes = 5,
                                         .renotify_minutes = 60};

static struct alert_measure measure(struct alert_rule rule, struct alert_sums window,
                                    struct alert_sums before)
{
    return alert_measure_of(&rule, &window, &before);
}

static void values_of_each_attribute(void **state)
{
    struct alert_rule rule = errors;
    struct alert_sums none = {0}, some = {.sum = 30, .count = 4, .all = 16};

    (void)state;
    assert_true(measure(rule, some, none).value == 4);
    assert_true(measure(rule, none, none).has_value);
    rule.aggregation = ALERT_PCT;
    assert_true(measure(rule, some, none).value == 25);
    assert_false(measure(rule, none, none).has_value);
    rule.attribute = ALERT_LATENCY;
    rule.aggregation = ALERT_AVG;
    assert_true(measure(rule, some, none).value == 7.5);
    assert_false(measure(rule, none, none).has_value);
    rule.samples_min = 5;
    assert_false(measure(rule, some, none).has_value);
    rule.samples_min = 0;
    rule.attribute = ALERT_COST;
    rule.aggregation = ALERT_SUM;
    assert_true(measure(rule, some, none).value == 30);
}

static void change_compares_with_before(void **state)
{
    static const struct alert_sums thirty = {.count = 30}, twenty = {.count = 20};
    struct alert_rule rule = errors;
    struct alert_measure found;

    (void)state;
    rule.is_change = true;
    rule.multiplier = 2;
    rule.baseline_minutes = 10;
    found = measure(rule, thirty, twenty);
    assert_true(found.limit == 20); /* 20 in ten minutes are 10 in five */
    assert_true(alert_holds(&rule, &found));
    found = measure(rule, (struct alert_sums){0}, (struct alert_sums){0});
    assert_false(alert_holds(&rule, &found)); /* nothing after nothing */
    found = measure(rule, (struct alert_sums){.count = 1}, (struct alert_sums){0});
    assert_true(alert_holds(&rule, &found));
    rule.attribute = ALERT_LATENCY;
    rule.aggregation = ALERT_AVG;
    found = measure(rule, (struct alert_sums){.sum = 3, .count = 2},
                    (struct alert_sums){.sum = 2, .count = 2});
    assert_true(found.limit == 2 && !alert_holds(&rule, &found));
    assert_false(
        measure(rule, (struct alert_sums){.sum = 3, .count = 2}, (struct alert_sums){0}).has_value);
}

static void comparisons(void **state)
{
    static const struct {
        enum alert_comparison comparison;
        bool below, equal, above;
    } cases[] = {{ALERT_GTE, false, true, true},
                 {ALERT_GT, false, false, true},
                 {ALERT_LTE, true, true, false},
                 {ALERT_LT, true, false, false}};
    struct alert_rule rule = errors;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct alert_measure found = {.has_value = true, .limit = 10};

        rule.comparison = cases[i].comparison;
        found.value = 9;
        assert_int_equal(alert_holds(&rule, &found), cases[i].below);
        found.value = 10;
        assert_int_equal(alert_holds(&rule, &found), cases[i].equal);
        found.value = 11;
        assert_int_equal(alert_holds(&rule, &found), cases[i].above);
    }
}

static const struct alert_measure high = {.has_value = true, .value = 10, .limit = 10},
                                  low = {.has_value = true, .value = 9, .limit = 10}, none = {0};

/* A step, both windows of which say the same. */
static enum alert_act take(const struct alert_rule *rule, const struct alert_measure *measure,
                           int64_t now_us, struct alert_memory *memory)
{
    return alert_step(rule, &(struct alert_sight){*measure, *measure}, now_us, memory);
}

static void a_life(void **state)
{
    struct alert_rule rule = errors;
    struct alert_memory memory = {0};

    (void)state;
    assert_int_equal(take(&rule, &low, MINUTE, &memory), ALERT_SILENT);
    assert_int_equal(take(&rule, &high, 2 * MINUTE, &memory), ALERT_FIRED);
    assert_true(memory.is_firing && memory.since_us == 2 * MINUTE);
    assert_int_equal(take(&rule, &high, 61 * MINUTE, &memory), ALERT_SILENT);
    assert_int_equal(take(&rule, &none, 61 * MINUTE, &memory), ALERT_SILENT);
    assert_true(memory.is_firing);
    assert_int_equal(take(&rule, &high, 62 * MINUTE, &memory), ALERT_FIRED_AGAIN);
    assert_int_equal(take(&rule, &high, 63 * MINUTE, &memory), ALERT_SILENT);
    assert_int_equal(take(&rule, &low, 64 * MINUTE, &memory), ALERT_SILENT);
    assert_false(memory.is_firing);
    rule.tells_recovery = true;
    assert_int_equal(take(&rule, &high, 65 * MINUTE, &memory), ALERT_FIRED);
    assert_int_equal(take(&rule, &low, 67 * MINUTE, &memory), ALERT_RECOVERED);
}

static void at_every_evaluation(void **state)
{
    struct alert_rule rule = errors;
    struct alert_memory memory = {0};

    (void)state;
    rule.renotify_minutes = 0;
    assert_int_equal(take(&rule, &high, 2 * MINUTE + 1, &memory), ALERT_FIRED);
    assert_int_equal(take(&rule, &high, 2 * MINUTE + 2, &memory), ALERT_SILENT);
    assert_int_equal(take(&rule, &high, 3 * MINUTE - 1, &memory), ALERT_SILENT);
    assert_int_equal(take(&rule, &high, 3 * MINUTE, &memory), ALERT_FIRED_AGAIN);
    assert_int_equal(take(&rule, &high, 4 * MINUTE - 1, &memory), ALERT_SILENT);
}

static void both_windows_must_agree_that_it_is_over(void **state)
{
    static const struct alert_measure part = {.has_value = true, .is_part = true, .limit = 10};
    const struct {
        struct alert_measure now, whole;
        bool ends;
    } cases[] = {{low, high, false}, {low, none, false}, {low, part, false}, {low, low, true},
                 {none, low, true},  {high, low, false}, {none, none, false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct alert_memory memory = {.is_firing = true, .told_us = MINUTE};

        assert_int_equal(alert_step(&errors, &(struct alert_sight){cases[i].now, cases[i].whole},
                                    2 * MINUTE, &memory),
                         ALERT_SILENT);
        assert_int_equal(memory.is_firing, !cases[i].ends);
    }
}

static void without_data(void **state)
{
    struct alert_rule rule = errors;
    struct alert_memory memory = {0};

    (void)state;
    rule.fires_without_data = true;
    assert_int_equal(take(&rule, &none, MINUTE, &memory), ALERT_FIRED);
    assert_int_equal(take(&rule, &low, 2 * MINUTE, &memory), ALERT_SILENT);
    assert_false(memory.is_firing);
}

static const struct CMUnitTest tests[] = {
    TEST("each attribute has its value, or none", values_of_each_attribute),
    TEST("change compares with the stretch before", change_compares_with_before),
    TEST("comparisons at the limit", comparisons),
    TEST("fires once, again after its interval, and recovers", a_life),
    TEST("told at every evaluation is told once a minute", at_every_evaluation),
    TEST("it is over when the last whole window says so and the running one agrees",
         both_windows_must_agree_that_it_is_over),
    TEST("no data fires only if told to", without_data),
};

int main(void)
{
    return RUN_TESTS(tests);
}
