/* json_check_test.c -- what JSON is and what it is not, whole and in pieces of one byte. */
#include "format/json_check.h"

#include "base/test.h"

static bool check(struct str text)
{
    struct json_check whole = {0}, pieces = {0};

    json_check_feed(&whole, text);
    for (size_t i = 0; i < text.len; i++)
        json_check_feed(&pieces, str_range(text.data + i, 1));
    assert_int_equal(json_check_is_json(&whole), json_check_is_json(&pieces));
    return json_check_is_json(&whole);
}

static void good(void **state)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "12",
        "1.5",
        "-2.25e-10",
        "1E+9",
        "0e1",
        "null",
        "true",
        "false",
        "\"\"",
        "[]",
        "{}",
        " [ 1 , {\"a\" : [ ] , \"b\":null} ] \n",
        "\"\\u00e9\\n\\\"\\\\\\/\"",
        "\"\\ud83d\\ude00\"",
        "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (!check(str_of(texts[i])))
            fail_msg("%s is JSON", texts[i]);
}

static void bad(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "nul",
        "nulll",
        "True",
        "\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\ud83d\"",
        "\"\\ud83dx\"",
        "\"\\ud83d\\n\"",
        "\"\\ude00\"",
        "\"\t\"",
        "\"\xc3\"",
        "\"\xc0\xaf\"",
        "\"\xed\xa0\x80\"",
        "\"\xf5\x80\x80\x80\"",
        "[",
        "]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:2}",
        "[}",
        "{]",
        "1 2",
        "{} {}",
        "\xef\xbb\xbf{}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (check(str_of(texts[i])))
            fail_msg("%s is not JSON", texts[i]);
}

static void depth(void **state)
{
    char text[2 * JSON_CHECK_DEPTH_MAX + 2];

    (void)state;
    memset(text, '[', JSON_CHECK_DEPTH_MAX);
    memset(text + JSON_CHECK_DEPTH_MAX, ']', JSON_CHECK_DEPTH_MAX);
    assert_true(check(str_range(text, 2 * JSON_CHECK_DEPTH_MAX)));
    memset(text, '[', JSON_CHECK_DEPTH_MAX + 1);
    memset(text + JSON_CHECK_DEPTH_MAX + 1, ']', JSON_CHECK_DEPTH_MAX + 1);
    assert_false(check(str_range(text, sizeof(text))));
}

static const struct CMUnitTest tests[] = {
    TEST("what is JSON is known", good),
    TEST("what is not is refused", bad),
    TEST("depth is bounded", depth),
};

int main(void)
{
    return RUN_TESTS(tests);
}
