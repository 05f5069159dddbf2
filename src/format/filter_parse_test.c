/* filter_parse_test.c -- the filter language: what is refused and where, limits, what a filter
 * needs and the bounds it gives. */
#include "base/test_arena.h"
#include "base/time.h"
#include "format/filter.h"

static struct filter parsed(const char *text)
{
    struct filter_error error = {0};
    struct filter filter;

    if (filter_parse(&arena, str_of(text), &filter, &error))
        fail_msg("%s: %s", text, error.text);
    return filter;
}

static void a_filter_says_what_it_needs(void **state)
{
    (void)state;
    assert_int_equal(parsed("eq(name, 'x')").needs, 1U << FILTER_NAME);
    assert_int_equal(parsed("neq(error, null)").needs, 1U << FILTER_STATUS);
    assert_int_equal(parsed("and(eq(input_key,'x'),has(tags,'y'))").needs,
                     1U << FILTER_INPUTS | 1U << FILTER_TAGS);
    assert_int_equal(parsed("").needs, 0);
}

/* ---- bounds ---- */

static void bounds_are_the_conjuncts_at_the_top(void **state)
{
    int64_t at_us;
    struct filter_bounds b =
        parsed("and(eq(is_root, true), and(gte(start_time, '2024-01-01'), "
               "lt(start_time, '2024-01-02')), in(run_type, ['LLM','tool']), eq(name, 'n'), "
               "neq(error, null), or(eq(thread_id, 't')), not(eq(name, 'm')), "
               "and(eq(feedback_key, 'k'), gt(feedback_score, 1)), "
               "eq(trace_id, '0190aaaa-0000-4000-8000-000000000002'))")
            .bounds;

    (void)state;
    assert_int_equal(time_parse_iso(STR("2024-01-01"), &at_us), OK);
    assert_int_equal(b.start_min_us, at_us);
    assert_int_equal(time_parse_iso(STR("2024-01-02"), &at_us), OK);
    assert_int_equal(b.start_max_us, at_us);
    assert_true(b.only_roots && !b.only_children);
    assert_int_equal(b.run_types.count, 2);
    ASSERT_STR(b.run_types.list[0], "llm");
    assert_int_equal(b.names.count, 1);
    ASSERT_STR(b.names.list[0], "n");
    assert_int_equal(b.statuses.count, 1);
    ASSERT_STR(b.statuses.list[0], "error");
    assert_int_equal(b.threads.count, 0);
    assert_int_equal(b.traces.count, 1);
    ASSERT_STR(b.feedback_key, "k");
    b = parsed("and(gt(latency, '2s'), gte(latency, 1), lt(total_cost, 5), eq(total_tokens, 7), "
               "neq(end_time, null))")
            .bounds;
    assert_true(b.latency_us.has_min && !b.latency_us.has_max);
    assert_in_range(b.latency_us.min, 1999990, 2000000);
    assert_true(b.total_cost.has_max && !b.total_cost.has_min);
    assert_in_range(b.total_cost.max, 5000000000000, 5000000010000);
    assert_in_range(b.total_tokens.min, 5, 7);
    assert_in_range(b.total_tokens.max, 7, 9);
    assert_true(!b.end_us.has_min && !b.end_us.has_max);
    b = parsed("or(eq(name, 'a'), eq(name, 'b'))").bounds;
    assert_int_equal(b.names.count, 0);
    b = parsed("and(neq(trace_id, '0190aaaa-0000-4000-8000-000000000002'), eq(is_root, false))")
            .bounds;
    assert_int_equal(b.traces.count, 0);
    assert_true(b.only_children && !b.only_roots);
    b = parsed("and(eq(error, null), neq(is_root, true), neq(name, 'x'))").bounds;
    assert_int_equal(b.statuses.count + b.names.count, 0);
    assert_true(b.only_children);
}

/* ---- refusals ---- */

static void what_is_wrong_is_named_with_its_place(void **state)
{
    static const struct {
        const char *filter;
        size_t position;
        const char *words;
    } rows[] = {
        {"eq(nam, \"x\")", 3, "did you mean name"},
        {"eq(latency_p50, 1)", 3, "no attribute latency_p50"},
        {"equals(name, 'x')", 0, "is no operator"},
        {"and(eq(name, 'x'), foo(name))", 19, "is no operator"},
        {"name = 'x'", 5, "has ended"},
        {"name", 0, "a condition"},
        {"eq(name, \"x\"", 2, "is not closed"},
        {"eq(name, \"x)", 9, "no closing quote"},
        {"eq(name \"x\")", 8, "',' or ')'"},
        {"eq(name)", 0, "an attribute and a value"},
        {"eq(name, 'x', 'y')", 0, "an attribute and a value"},
        {"and()", 0, "at least one"},
        {"not(eq(name,'x'), eq(name,'y'))", 0, "one condition"},
        {"and(true)", 4, "a condition"},
        {"eq(name, 'x') and eq(name, 'y')", 14, "has ended"},
        {"gt(latency, \"soon\")", 12, "duration"},
        {"gt(latency, 5x)", 13, "us, ms"},
        {"eq(id, 'x')", 7, "UUID"},
        {"gt(start_time, 'yesterday')", 15, "ISO"},
        {"eq(is_root, 'maybe')", 12, "true or false"},
        {"gt(total_tokens, 'many')", 17, "number"},
        {"has(metadata, '{')", 14, "JSON"},
        {"gt(name, 'x')", 0, "cannot be used"},
        {"exists(name, 'x')", 0, "cannot be used"},
        {"eq(name, ['x'])", 9, "in("},
        {"gt(total_tokens, null)", 17, "null"},
        {"search('')", 7, "nothing to search"},
        {"eq(name, -)", 9, "not a number"},
        {"eq(name, )", 0, "an attribute and a value"},
        {"eq(,)", 3, "must begin here"},
        {"(eq(name,'x'))", 0, "must begin here"},
        {"and(", 3, "not closed"},
        {"eq(name, 'x')\xff", 0, "UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct filter_error error = {0};
        struct filter filter = {.needs = 77};

        if (!filter_parse(&arena, str_of(rows[i].filter), &filter, &error))
            fail_msg("%s was taken", rows[i].filter);
        if (error.position != rows[i].position ||
            !str_contains(str_of(error.text), str_of(rows[i].words)))
            fail_msg("%s: %s", rows[i].filter, error.text);
        assert_int_equal(filter.needs, 77);
    }
}

static void limits_hold(void **state)
{
    struct filter_error error;
    struct filter filter;
    struct buf text;

    (void)state;
    buf_init(&text, MIB);
    for (int i = 0; i < FILTER_DEPTH_MAX; i++)
        buf_add_cstr(&text, "not(");
    buf_add_cstr(&text, "eq(name,'x')");
    for (int i = 0; i < FILTER_DEPTH_MAX; i++)
        buf_add_char(&text, ')');
    assert_int_equal(filter_parse(&arena, buf_str(&text), &filter, &error), ERR_LIMIT);
    assert_int_equal(filter_parse(&arena, str_range(text.data + 4, text.len - 5), &filter, &error),
                     OK);
    buf_clear(&text);
    buf_add_cstr(&text, "in(name,[");
    for (int i = 0; i <= FILTER_PARTS_MAX; i++)
        buf_add_cstr(&text, "1,");
    buf_add_cstr(&text, "])");
    assert_int_equal(filter_parse(&arena, buf_str(&text), &filter, &error), ERR_LIMIT);
    buf_clear(&text);
    while (text.len <= FILTER_BYTES_MAX)
        buf_add_char(&text, ' ');
    buf_add_cstr(&text, "x");
    assert_int_equal(filter_parse(&arena, buf_str(&text), &filter, &error), ERR_LIMIT);
    buf_release(&text);
}

static void conjuncts_are_the_parts_of_an_and(void **state)
{
    static const struct {
        const char *text, *parts[4];
    } cases[] = {
        {"", {NULL}},
        {"eq(", {NULL}},
        {" eq(name, \"a, (b\") ", {"eq(name, \"a, (b\")"}},
        {"or(eq(name, \"a\"), gt(latency, 5s))", {"or(eq(name, \"a\"), gt(latency, 5s))"}},
        {"and( eq(run_type,\"llm\") , not(eq(name, 'x')), gt(latency, \"1s\"),)",
         {"eq(run_type,\"llm\")", "not(eq(name, 'x'))", "gt(latency, \"1s\")"}},
        {"and(and(eq(name, \"a\"), has(tags, \"b\")), eq(is_root, true))",
         {"and(eq(name, \"a\"), has(tags, \"b\"))", "eq(is_root, true)"}},
        /* One pair has this key and this value. */
        {"and(eq(metadata_key, \"k\"), gt(latency, 1s), eq(metadata_value, \"v\"),"
         " eq(feedback_key, \"f\"))",
         {"and(eq(metadata_key, \"k\"), eq(metadata_value, \"v\"))", "gt(latency, 1s)",
          "eq(feedback_key, \"f\")"}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str list[4];
        size_t count = filter_conjuncts(&arena, str_of(cases[i].text), list, ARRAY_LEN(list)), n;

        for (n = 0; n < ARRAY_LEN(list) && cases[i].parts[n]; n++)
            if (n < count)
                ASSERT_STR(list[n], cases[i].parts[n]);
        assert_int_equal(count, n);
    }
    assert_int_equal(filter_conjuncts(&arena,
                                      STR("and(eq(name,\"a\"),eq(name,\"b\"),eq(name,\"c\"))"),
                                      (struct str[2]){STR_NONE, STR_NONE}, 2),
                     2);
}

#define CASE(sentence, function)                                                                   \
    {                                                                                              \
        (sentence), (function), test_arena_open, test_arena_close, NULL                            \
    }

static const struct CMUnitTest tests[] = {
    CASE("a filter says what it needs", a_filter_says_what_it_needs),
    CASE("bounds are the conjuncts at the top", bounds_are_the_conjuncts_at_the_top),
    CASE("what is wrong is named with its place", what_is_wrong_is_named_with_its_place),
    CASE("depth, parts and length are limited", limits_hold),
    CASE("conjuncts are the parts of an and, pairs of a family together",
         conjuncts_are_the_parts_of_an_and),
};

int main(void)
{
    return RUN_TESTS(tests);
}
