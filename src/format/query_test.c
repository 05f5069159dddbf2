/* query_test.c -- queries and path segments, broken ones too. */
#include "base/test.h"
#include "format/query.h"

static struct arena arena;

static int end_arena(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static void pairs(void **state)
{
    struct query query;
    const char *why = NULL;
    size_t position = 0;
    struct str value;

    (void)state;
    assert_int_equal(query_parse(&arena, STR("&a=1+2&b=%C3%A4%2B&a=3&c&d=x=y&=e&"), &query, &why),
                     OK);
    assert_int_equal(query.count, 6);
    ASSERT_STR(query_get(&query, "a"), "1 2");
    ASSERT_STR(query_get(&query, "b"), "\xc3\xa4+");
    ASSERT_STR(query_get(&query, "c"), "");
    ASSERT_STR(query_get(&query, "d"), "x=y");
    ASSERT_STR(query_get(&query, ""), "e");
    ASSERT_STR(query_get(&query, "absent"), NULL);
    assert_true(query_next(&query, "a", &position, &value));
    assert_true(query_next(&query, "a", &position, &value));
    ASSERT_STR(value, "3");
    assert_false(query_next(&query, "a", &position, &value));
    assert_int_equal(query_parse(&arena, STR_NONE, &query, &why), OK);
    assert_int_equal(query.count, 0);
}

static void refused(void **state)
{
    static const char *const cases[] = {"a=%",    "a=%1",        "a=%1g",    "a=%%41",
                                        "%=a",    "a=%00",       "a=%ff",    "a=%c3",
                                        "a=\xff", "%ed%a0%80=1", "a=1&b=%zz"};
    struct query query = {.count = 7};
    const char *why;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        why = NULL;
        assert_int_equal(query_parse(&arena, str_of(cases[i]), &query, &why), ERR_INVALID);
        assert_non_null(why);
        assert_int_equal(query.count, 7);
    }
    assert_int_equal(query_parse(&arena, STR("a\0b=1"), &query, &why), ERR_INVALID);
}

static void maximum(void **state)
{
    static char text[2 * (QUERY_PAIRS_MAX + 1)];
    struct query query;
    const char *why = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(text); i += 2) {
        text[i] = 'a';
        text[i + 1] = '&';
    }
    assert_int_equal(query_parse(&arena, str_range(text, 2 * QUERY_PAIRS_MAX), &query, &why), OK);
    assert_int_equal(query.count, QUERY_PAIRS_MAX);
    assert_int_equal(query_parse(&arena, str_range(text, sizeof(text)), &query, &why), ERR_LIMIT);
}

static void segments(void **state)
{
    struct str decoded = STR("before");

    (void)state;
    assert_int_equal(path_segment_decode(&arena, STR("a%2Fb+c%20"), &decoded), OK);
    ASSERT_STR(decoded, "a/b+c ");
    assert_int_equal(path_segment_decode(&arena, STR(""), &decoded), OK);
    ASSERT_STR(decoded, "");
    assert_int_equal(path_segment_decode(&arena, STR("%2"), &decoded), ERR_INVALID);
    assert_int_equal(path_segment_decode(&arena, STR("%00"), &decoded), ERR_INVALID);
}

static void round_trip(void **state)
{
    struct buf out;
    struct str decoded;

    (void)state;
    buf_init(&out, 1000);
    percent_write(&out, STR("a b/\xc3\xa4~%&+"));
    ASSERT_STR(buf_str(&out), "a%20b%2F%C3%A4~%25%26%2B");
    assert_int_equal(path_segment_decode(&arena, buf_str(&out), &decoded), OK);
    ASSERT_STR(decoded, "a b/\xc3\xa4~%&+");
    buf_release(&out);
}

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static void assert_order(struct str a, struct str b)
{
    struct buf left, right;

    buf_init(&left, 1000);
    buf_init(&right, 1000);
    percent_write(&left, a);
    percent_write(&right, b);
    if (sign(percent_compare(a, b)) != sign(str_compare(buf_str(&left), buf_str(&right))))
        fail_msg("%s and %s", buf_cstr(&left), buf_cstr(&right));
    buf_release(&left);
    buf_release(&right);
}

static void plain_paths(void **state)
{
    static const char *const plain[] = {"",      "/",    "/runs", "/a%20b/%C3%A9", "/a.b/..c/...",
                                        "/100%", "/%zz", "/%2",   "/a:b@c/%25",    "//"};
    static const char *const others[] = {"/%72uns", "/%52", "/a%2Fruns", "/a%2fruns",  "/a%5cruns",
                                         "/./runs", "/..",  "/x/../y",   "/%2e%2e/up", "/a%7E%2D"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        assert_true(path_is_plain(str_of(plain[i])));
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_false(path_is_plain(str_of(others[i])));
}

static void order(void **state)
{
    static const char *const words[] = {"", "a", "ab", "a/", "a b", "a-", "%", "%2", "\xff"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        for (size_t k = 0; k < ARRAY_LEN(words); k++)
            assert_order(str_of(words[i]), str_of(words[k]));
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++) {
            char left = (char)a, right = (char)b;

            assert_order(str_range(&left, 1), str_range(&right, 1));
        }
    assert_order(STR_NONE, STR(""));
}

static const struct CMUnitTest tests[] = {
    TEST("pairs are decoded and found by name, all of them", pairs),
    TEST("broken escapes, NUL and bytes that are not UTF-8 are refused", refused),
    TEST("the number of parameters is limited", maximum),
    TEST("a path segment keeps its plus and may hold an escaped slash", segments),
    TEST("what is escaped is read back as it was", round_trip),
    TEST("a path that servers may read differently is not plain", plain_paths),
    TEST("texts are in the order of what they are escaped to, all bytes of them", order),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, end_arena);
}
