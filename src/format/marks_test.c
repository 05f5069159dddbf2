/* marks_test.c -- the bits of facts: the same for ever, few, and hardly ever another fact's; and
 * which facts of a filter every match has. */
#include "base/test_arena.h"
#include "format/filter.h"

static unsigned bits_of(struct marks m)
{
    return (unsigned)(__builtin_popcountll(m.low) + __builtin_popcountll(m.high));
}

static bool holds(struct marks span, struct marks demanded)
{
    return (span.low & demanded.low) == demanded.low &&
           (span.high & demanded.high) == demanded.high;
}

static bool are_equal(struct marks a, struct marks b)
{
    return a.low == b.low && a.high == b.high;
}

static struct marks of_metadata(const char *text)
{
    const struct json *json;

    assert_int_equal(json_parse(&arena, str_of(text), &json, NULL), OK);
    return filter_marks_of_metadata(json);
}

static struct marks of_filter(const char *text)
{
    struct filter_error error;
    struct filter filter;

    if (filter_parse(&arena, str_of(text), &filter, &error))
        fail_msg("%s: %s", text, error.text);
    return filter.bounds.marks;
}

/* They stand in stores. */
static void they_never_change(void **state UNUSED)
{
    static const struct {
        enum marks_kind kind;
        const char *text;
        struct marks marks;
    } vectors[] = {
        {MARKS_NAME, "", {0x200000020000800, 0x0}},
        {MARKS_NAME, "look_up", {0x800000, 0x8000040000000000}},
        {MARKS_TAG, "look_up", {0x280010000000, 0x0}},
        {MARKS_THREAD, "01a22506-c8ef-7299-8f68-5be0d127d319", {0x8000000000, 0x100000000002}},
    };
    bool are_right = true;

    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        struct marks m = marks_of(vectors[i].kind, str_of(vectors[i].text));

        if (are_equal(m, vectors[i].marks))
            continue;
        are_right = false;
        print_error("{%d, \"%s\", {0x%llx, 0x%llx}},\n", vectors[i].kind, vectors[i].text,
                    (unsigned long long)m.low, (unsigned long long)m.high);
    }
    assert_true(are_right);
}

static void few_spans_are_looked_at_in_vain(void **state UNUSED)
{
    struct marks span = of_metadata("{\"thread_id\":\"T-7\",\"customer\":\"c7\",\"env\":\"prod\","
                                    "\"revision\":\"4f2a1\",\"ls_method\":\"traceable\","
                                    "\"user\":{\"id\":17,\"paid\":true}}");
    size_t mistaken = 0;

    assert_in_range(bits_of(span), 10, 7 * MARKS_PER_FACT);
    for (unsigned i = 0; i < 10000; i++) {
        char text[20];

        snprintf(text, sizeof(text), "d%u", i);
        mistaken += holds(span, marks_of_text(STR("customer"), str_of(text)));
    }
    assert_in_range(mistaken, 0, 150);
}

static void what_every_process_says_sets_no_bits(void **state UNUSED)
{
    assert_int_equal(bits_of(of_metadata("{\"LANGSMITH_PROJECT\":\"x\",\"usage_metadata\":"
                                         "{\"input_tokens\":7},\"deep\":{},\"n\":null}")),
                     0);
    assert_int_equal(bits_of(of_filter("eq(metadata.LANGSMITH_PROJECT, 'x')")), 0);
}

/* Whatever a filter takes for equal has the same bits. */
static void equal_values_have_equal_bits(void **state UNUSED)
{
    static const struct {
        const char *metadata, *filter;
    } rows[] = {
        {"{\"k\":1}", "eq(metadata.k, 1.0)"},
        {"{\"k\":\"1\"}", "eq(metadata.k, 1)"},
        {"{\"k\":1}", "eq(metadata.k, '1')"},
        {"{\"k\":7}", "eq(metadata.k, '007')"},
        {"{\"k\":\"007\"}", "eq(metadata.k, '007')"},
        {"{\"k\":-0.0}", "eq(metadata.k, 0)"},
        {"{\"k\":true}", "eq(metadata.k, 'TRUE')"},
        {"{\"k\":\"False\"}", "eq(metadata.k, false)"},
        {"{\"a\":{\"b\":[{\"c\":\"x\"}]}}", "eq(metadata.a.b.c, 'x')"},
        {"{\"a\":[\"x\",\"y\"]}", "has(metadata.a, 'y')"},
        {"{\"k\":\"b\"}", "in(metadata.k, ['a', 'b'])"},
        {"{\"k\":\"v\",\"l\":2}", "has(metadata, '{\"l\":2.0,\"k\":\"v\"}')"},
        {"{\"a\":{\"b\":\"x\"}}", "has(metadata, '{\"a\":{\"b\":\"x\"}}')"},
        {"{\"k\":\"v\"}", "and(eq(metadata_key, 'k'), eq(metadata_value, 'v'))"},
        {"{\"k\":\"v\"}", "or(eq(metadata.k, 'v'), eq(metadata.k, 'w'))"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!holds(of_metadata(rows[i].metadata), of_filter(rows[i].filter)))
            fail_msg("%s: %s", rows[i].metadata, rows[i].filter);
}

static void what_a_match_must_have_is_demanded(void **state UNUSED)
{
    static const char *const demanding[] = {
        "eq(name, 'n')",
        "eq(thread_id, 't')",
        "has(tags, 'x')",
        "eq(reference_example_id, '0190aaaa-0000-4000-8000-000000000002')",
        "eq(metadata.k, 'v')",
        "eq(metadata.k, 1)",
        "and(gt(latency, 1), or(and(eq(name, 'n'), has(tags, 'x')), and(has(tags, 'x'))))",
        "and(eq(metadata_key, 'k'), eq(metadata_value, 'v'))",
        "has(metadata, '{\"k\":\"v\"}')",
    };
    static const char *const open[] = {
        "neq(name, 'n')",
        "not(eq(name, 'n'))",
        "eq(name, '')",
        "like(name, 'n')",
        "neq(metadata.k, 'v')",
        "eq(metadata.k, null)",
        "gt(metadata.k, 'v')",
        "eq(inputs.k, 'v')",
        "in(metadata.k, ['v', null])",
        "eq(metadata_key, 'k')",
        "eq(metadata_value, 'v')",
        "or(eq(name, 'n'), gt(latency, 1))",
        "search('n')",
        "exists(metadata, 'k')",
        "has(metadata, '{\"k\":null}')",
        "eq(error, null)",
        "eq(metadata.k, '007')",
        "has(inputs, '{\"k\":\"v\"}')",
        "neq(tags, 'x')",
        "and(neq(metadata_key, 'k'), eq(metadata_value, 'v'))",
    };

    for (size_t i = 0; i < ARRAY_LEN(demanding); i++)
        if (bits_of(of_filter(demanding[i])) == 0)
            fail_msg("%s demands nothing", demanding[i]);
    for (size_t i = 0; i < ARRAY_LEN(open); i++)
        if (bits_of(of_filter(open[i])) > 1) /* of alternatives one may be common by chance */
            fail_msg("%s demands %u bits", open[i], bits_of(of_filter(open[i])));
}

static const struct CMUnitTest tests[] = {
    TEST("they never change", they_never_change),
    TEST("few spans are looked at in vain", few_spans_are_looked_at_in_vain),
    TEST("what every process says sets no bits", what_every_process_says_sets_no_bits),
    TEST("equal values have equal bits", equal_values_have_equal_bits),
    TEST("what a match must have is demanded", what_a_match_must_have_is_demanded),
};

int main(void)
{
    return cmocka_run_group_tests(tests, test_arena_open, test_arena_close);
}
