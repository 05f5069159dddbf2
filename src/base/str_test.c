/* str_test.c -- text by value, numbers and UTF-8. */
#include "base/test.h"

static void searching(void **state)
{
    (void)state;
    assert_int_equal(str_find_char(STR("a,b"), ','), 1);
    assert_int_equal(str_find_char(STR("ab"), ','), 2);
    assert_int_equal(str_find_char(STR_NONE, ','), 0);
    assert_int_equal(str_find(STR("hay needle"), STR("needle")), 4);
    assert_int_equal(str_find(STR("hay"), STR("needle")), 3);
    assert_int_equal(str_find(STR("hay"), STR("")), 0);
    assert_true(str_contains(STR(""), STR("")));
    assert_false(str_contains(STR("a"), STR("ab")));
    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_false(str_starts(STR("a"), STR("ab")));
    assert_true(str_starts_nocase(STR("ABc"), STR("ab")));
    assert_true(str_ends(STR("abc"), STR("bc")));
    assert_false(str_ends(STR("c"), STR("bc")));
}

static void comparing(void **state)
{
    (void)state;
    assert_true(str_eq(STR(""), STR_NONE));
    assert_false(str_eq(STR("a"), STR("b")));
    assert_true(str_eq_nocase(STR("Host"), STR("hOST")));
    assert_false(str_eq_nocase(STR("["), STR("{")));
    assert_true(str_compare(STR("a"), STR("b")) < 0);
    assert_true(str_compare(STR("ab"), STR("a")) > 0);
    assert_true(str_compare(STR("\xff"), STR("a")) > 0);
    assert_int_equal(str_compare(STR("ab"), STR("ab")), 0);
}

static void one_of_some(void **state)
{
    static const char *const words[] = {"on", "off", "", NULL};

    (void)state;
    assert_true(str_is_one_of(STR("on"), words));
    assert_true(str_is_one_of(STR(""), words));
    assert_false(str_is_one_of(STR("o"), words));
    assert_false(str_is_one_of(STR("offf"), words));
    assert_false(str_is_one_of(STR("ON"), words));
    assert_false(str_is_one_of(STR(""), words + 3));
}

static void cutting(void **state)
{
    (void)state;
    ASSERT_STR(str_trim(STR(" \t a b\r\n")), "a b");
    ASSERT_STR(str_trim(STR("  ")), "");
    ASSERT_STR(str_from(STR("abc"), 1), "bc");
    ASSERT_STR(str_from(STR("abc"), 9), "");
    ASSERT_STR(str_first(STR("abc"), 9), "abc");
    ASSERT_STR(str_from(STR_NONE, 3), NULL);
}

static void splitting(void **state)
{
    static const struct {
        struct str text;
        const char *pieces[4];
    } cases[] = {
        {{"a,b", 3}, {"a", "b"}}, {{"a,", 2}, {"a", ""}}, {{"", 0}, {NULL}},
        {{",", 1}, {"", ""}},     {{"a", 1}, {"a"}},      {{",,b", 3}, {"", "", "b"}},
        {{NULL, 0}, {NULL}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str rest = cases[i].text, piece;
        size_t count = 0;
        for (; str_split(&rest, ',', &piece); count++)
            ASSERT_STR(piece, cases[i].pieces[count]);
        assert_null(cases[i].pieces[count]);
    }
}

static void whole_numbers(void **state)
{
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "0x1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999999",
                                      "1-",
                                      "--1"};
    int64_t value = 7;

    (void)state;
    assert_int_equal(str_to_i64(STR("9223372036854775807"), &value), OK);
    assert_true(value == INT64_MAX);
    assert_int_equal(str_to_i64(STR("-9223372036854775808"), &value), OK);
    assert_true(value == INT64_MIN);
    assert_int_equal(str_to_i64(STR("007"), &value), OK);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        value = 7;
        assert_int_equal(str_to_i64(str_of(bad[i]), &value), ERR_INVALID);
        assert_int_equal(value, 7);
    }
    assert_int_equal(str_to_i64(STR_NONE, &value), ERR_INVALID);
}

static void fractions(void **state)
{
    static const char *const bad[] = {"",    "-",  ".5",  "1.",    "01", "inf", "nan",
                                      "0x1", "1e", "1e+", "1e999", "1 ", "+1",  "1,5"};
    double value = 0;

    (void)state;
    assert_int_equal(str_to_double(STR("-2e3"), &value), OK);
    assert_true(value > -2000.5 && value < -1999.5);
    assert_int_equal(str_to_double(STR("1.5"), &value), OK);
    assert_true(value > 1.4999 && value < 1.5001);
    assert_int_equal(str_to_double(STR("0"), &value), OK);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(str_to_double(str_of(bad[i]), &value), ERR_INVALID);
}

static void truths(void **state)
{
    bool value = false;

    (void)state;
    assert_int_equal(str_to_bool(STR("True"), &value), OK);
    assert_true(value);
    assert_int_equal(str_to_bool(STR("no"), &value), OK);
    assert_false(value);
    assert_int_equal(str_to_bool(STR("maybe"), &value), ERR_INVALID);
    assert_int_equal(str_to_bool(STR(""), &value), ERR_INVALID);
}

static void utf8(void **state)
{
    static const char *const good[] = {"",
                                       "a",
                                       "\xc3\xa4",
                                       "\xe2\x82\xac",
                                       "\xf0\x9f\x94\x94",
                                       "\xf4\x8f\xbf\xbf",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80"};
    static const char *const bad[] = {
        "\x80",         "\xc3",         "\xc0\x80",         "\xc1\xbf",
        "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80", "\xff",         "a\xe2\x82",        "\xe2\x28\xa1",
        "\xf0\x9f\x94"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(str_is_utf8(str_of(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(str_is_utf8(str_of(bad[i])));
}

static void put_copies_behind_one_another(void **state)
{
    char room[8], *at = room;
    struct str first = str_put(&at, STR("abc")), none = str_put(&at, STR_NONE);
    struct str second = str_put(&at, STR("de"));

    (void)state;
    assert_true(str_eq(first, STR("abc")) && str_eq(second, STR("de")));
    assert_true(str_is_none(none));
    assert_ptr_equal(at, room + 5);
}

static const struct CMUnitTest tests[] = {
    TEST("what is not found is at the end", searching),
    TEST("text is compared by bytes and length", comparing),
    TEST("a word is looked for in the list as it is, up to the list's end", one_of_some),
    TEST("cutting beyond the end gives what there is", cutting),
    TEST("splitting gives the empty piece behind a last separator but none of empty text",
         splitting),
    TEST("only whole decimal text within 64 bits is an integer", whole_numbers),
    TEST("only what JSON calls a number is a number", fractions),
    TEST("a truth value is one of eight words", truths),
    TEST("overlong forms, surrogates and cut characters are not UTF-8", utf8),
    TEST("put copies texts behind one another", put_copies_behind_one_another),
};

int main(void)
{
    return RUN_TESTS(tests);
}
