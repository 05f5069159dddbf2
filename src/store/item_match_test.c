/* item_match_test.c -- filters with operators, and namespaces as text (issue 4). */
#include "base/test.h"
#include "store/item_match.h"
#include "store/namespaces.h"

static const struct json *parse(struct arena *arena, const char *text)
{
    const struct json *root = NULL;

    assert_int_equal(json_parse(arena, str_of(text), &root, NULL), OK);
    return root;
}

static void filters_fit_or_not(void **state)
{
    static const struct {
        const char *filter;
        bool fits;
    } rows[] = {
        {"{}", true},
        {"{\"n\":5}", true},
        {"{\"n\":5.0}", true},
        {"{\"n\":6}", false},
        {"{\"n\":{\"$gt\":4}}", true},
        {"{\"n\":{\"$gt\":5}}", false},
        {"{\"n\":{\"$gte\":5}}", true},
        {"{\"n\":{\"$lt\":5.5}}", true},
        {"{\"n\":{\"$lt\":5}}", false},
        {"{\"n\":{\"$lte\":5}}", true},
        {"{\"n\":{\"$gt\":4,\"$lt\":5}}", false},
        {"{\"n\":{\"$gt\":\"4\"}}", false},
        {"{\"s\":{\"$gt\":\"abb\"}}", true},
        {"{\"s\":{\"$eq\":\"abc\"}}", true},
        {"{\"s\":{\"$ne\":\"abc\"}}", false},
        {"{\"none\":{\"$ne\":1}}", true},
        {"{\"none\":{\"$eq\":null}}", false},
        {"{\"none\":{\"$lt\":1}}", false},
        {"{\"deep\":{\"a\":1}}", true},
        {"{\"deep\":{\"a\":{\"$gte\":1}}}", true},
        {"{\"deep\":{\"a\":{\"$gt\":1}}}", false},
        {"{\"deep\":{\"$eq\":{\"b\":[1,2],\"a\":1}}}", true},
        {"{\"deep\":{\"$eq\":{\"a\":1}}}", false},
        {"{\"deep\":{\"b\":[1,2]}}", true},
        {"{\"deep\":{\"b\":[2,1]}}", false},
        {"{\"n\":{\"a\":1}}", false},
        {"{\"nil\":null}", true},
    };
    struct arena arena;
    const struct json *value;

    (void)state;
    arena_init(&arena);
    value = parse(&arena, "{\"n\":5,\"s\":\"abc\",\"deep\":{\"a\":1,\"b\":[1,2]},\"nil\":null}");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (item_matches(value, parse(&arena, rows[i].filter)) != rows[i].fits)
            fail_msg("%s", rows[i].filter);
    arena_release(&arena);
}

static void unknown_operators_are_told(void **state)
{
    struct arena arena;
    struct str unknown;

    (void)state;
    arena_init(&arena);
    assert_int_equal(item_filter_check(parse(&arena, "{\"a\":{\"$gt\":1},\"$b\":2}"), &unknown),
                     OK);
    assert_int_equal(item_filter_check(parse(&arena, "{\"a\":{\"b\":{\"$near\":1}}}"), &unknown),
                     ERR_INVALID);
    ASSERT_STR(unknown, "$near");
    assert_int_equal(item_filter_check(parse(&arena, "[]"), &unknown), ERR_INVALID);
    assert_true(item_filter_has_operators(parse(&arena, "{\"a\":{\"b\":{\"$gt\":1}}}")));
    assert_false(item_filter_has_operators(parse(&arena, "{\"a\":{\"b\":1}}")));
    arena_release(&arena);
}

static struct str text_of(struct arena *arena, const char *labels)
{
    struct str text = STR_NONE;

    assert_int_equal(namespace_join(arena, parse(arena, labels), &text), OK);
    return text;
}

static void namespaces_match_by_whole_labels(void **state)
{
    static const struct {
        const char *pattern;
        bool starts, ends;
        size_t literal; /* labels */
    } rows[] = {
        {"[]", true, true, 0},
        {"[\"a\"]", true, false, 1},
        {"[\"c\"]", false, true, 1},
        {"[\"a\",\"b\"]", true, false, 2},
        {"[\"*\",\"b\"]", true, false, 0},
        {"[\"b\",\"*\"]", false, true, 1},
        {"[\"a\",\"*\",\"c\"]", true, true, 1},
        {"[\"*\"]", true, true, 0},
        {"[\"a\",\"b\",\"c\",\"*\"]", false, false, 3},
        {"[\"\"]", false, false, 1},
    };
    struct arena arena;
    struct str text;

    (void)state;
    arena_init(&arena);
    text = text_of(&arena, "[\"a\",\"b\",\"c\"]");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str pattern = text_of(&arena, rows[i].pattern);
        struct str literal = namespace_cut(pattern, (int64_t)rows[i].literal);

        literal.len = rows[i].literal > 0 ? literal.len : 0;
        if (namespace_starts(text, pattern) != rows[i].starts ||
            namespace_ends(text, pattern) != rows[i].ends ||
            !str_eq(namespace_literal(pattern), literal))
            fail_msg("%s", rows[i].pattern);
    }
    ASSERT_STR(namespace_cut(text, 2), "a\x1f"
                                       "b\x1f");
    ASSERT_STR(namespace_cut(text, 9), "a\x1f"
                                       "b\x1f"
                                       "c\x1f");
    assert_int_equal(namespace_join(&arena, parse(&arena, "[1]"), &text), ERR_INVALID);
    assert_int_equal(namespace_join(&arena, parse(&arena, "[\"\\u001f\"]"), &text), ERR_INVALID);
    arena_release(&arena);
}

static const struct CMUnitTest tests[] = {
    TEST("filters with operators fit or not (issue 4)", filters_fit_or_not),
    TEST("unknown operators are told", unknown_operators_are_told),
    TEST("namespaces match by whole labels", namespaces_match_by_whole_labels),
};

int main(void)
{
    return RUN_TESTS(tests);
}
