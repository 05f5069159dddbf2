/* json_test.c -- reading, spans, containment and writing of JSON. */
#include "base/json.h"
#include "base/test.h"

static struct arena arena;

static const struct json *parsed(const char *text)
{
    const struct json *root = NULL;

    assert_int_equal(json_parse(&arena, str_of(text), &root, NULL), OK);
    return root;
}

static int end_arena(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static void reading(void **state)
{
    const struct json *root =
        parsed("{\"s\":\"t\\u00e4\",\"i\":-3,\"d\":2.5,\"e\":3e2,\"b\":true,\"n\":null,"
               "\"a\":[1,\"x\"],\"big\":18446744073709551615,\"k\":1,\"k\":2}");

    (void)state;
    ASSERT_STR(json_string(json_get(root, "s")), "t\xc3\xa4");
    assert_int_equal(json_i64(json_get(root, "i"), 0), -3);
    assert_int_equal(json_i64(json_get(root, "e"), 0), 300);
    assert_int_equal(json_i64(json_get(root, "d"), 9), 9);
    assert_int_equal(json_i64(json_get(root, "big"), 9), 9);
    assert_int_equal(json_i64(json_get(root, "s"), 9), 9);
    assert_true(json_is_integer(json_get(root, "i")));
    assert_false(json_is_integer(json_get(root, "d")));
    assert_false(json_is_integer(json_get(root, "s")));
    assert_true(json_double(json_get(root, "d"), 0) > 2.4);
    assert_true(json_bool(json_get(root, "b"), false));
    assert_true(json_is_null(json_get(root, "n")));
    assert_false(json_is_null(json_get(root, "absent")));
    assert_int_equal(json_type(json_get(root, "absent")), JSON_ABSENT);
    assert_int_equal(json_count(json_get(root, "a")), 2);
    ASSERT_STR(json_string(json_item(json_get(root, "a"), 1)), "x");
    assert_null(json_item(json_get(root, "a"), 2));
    assert_int_equal(json_i64(json_get(root, "k"), 0), 2);
    assert_null(json_get(NULL, "k"));
    assert_null(json_get(json_get(root, "a"), "k"));
    ASSERT_STR(str_of(json_type_name(json_type(root))), "an object");
}

static void iterating(void **state)
{
    struct json_iter iter = json_iter(parsed("{\"a\":[1,{}],\"b\":{\"c\":2},\"d\":3}"));
    static const char *const keys[] = {"a", "b", "d"};
    const struct json *value;
    struct str key;
    size_t count = 0;

    (void)state;
    for (; json_next(&iter, &key, &value); count++)
        ASSERT_STR(key, keys[count]);
    assert_int_equal(count, 3);
    assert_int_equal(json_i64(value, 0), 3);
    iter = json_iter(parsed("[[],5]"));
    assert_true(json_next(&iter, &key, &value));
    ASSERT_STR(key, NULL);
    assert_true(json_next(&iter, NULL, &value));
    assert_int_equal(json_i64(value, 0), 5);
    assert_false(json_next(&iter, NULL, NULL));
    iter = json_iter(parsed("7"));
    assert_false(json_next(&iter, NULL, NULL));
    iter = json_iter(NULL);
    assert_false(json_next(&iter, NULL, NULL));
}

static void refused(void **state)
{
    static const char *const cases[] = {
        "",       " ",       "{",        "{\"a\":1,}",  "[1,]",    "nul",      "'a'",
        "{a:1}",  "01",      "1.",       "+1",          "NaN",     "Infinity", "1 2",
        "\"\n\"", "\"\\x\"", "\"\xff\"", "\"\\ud800\"", "// c\n1", "1e999"};
    const struct json *root = NULL;
    struct json_error error = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(json_parse(&arena, str_of(cases[i]), &root, &error), ERR_INVALID);
        assert_null(root);
        assert_non_null(error.reason);
    }
    assert_int_equal(json_parse(&arena, STR_NONE, &root, NULL), ERR_INVALID);
    assert_int_equal(json_parse(&arena, STR("\"a\0b\""), &root, NULL), ERR_INVALID);
}

static void depth(void **state)
{
    char text[4 * JSON_DEPTH_MAX];
    const struct json *root = NULL;

    (void)state;
    for (size_t deep = JSON_DEPTH_MAX; deep <= JSON_DEPTH_MAX + 1; deep++) {
        memset(text, '[', deep);
        memset(text + deep, ']', deep);
        enum err err = json_parse(&arena, str_range(text, 2 * deep), &root, NULL);
        assert_int_equal(err, deep > JSON_DEPTH_MAX ? ERR_INVALID : OK);
    }
    assert_int_equal(json_count(parsed("[[[]],[[]],[[]]]")), 3);
}

static void raw_spans(void **state)
{
    struct str text = STR(" { \"a\" : 1.50 ,\"b\\u0063\":\"}\\\"\", \"n\":{\"a\":[1,\"]\"] },"
                          "\"\\ud83d\\ude00\":0, \"last\" : true }");

    (void)state;
    ASSERT_STR(json_raw(text, STR("a")), "1.50");
    ASSERT_STR(json_raw(text, STR("bc")), "\"}\\\"\"");
    ASSERT_STR(json_raw(text, STR("n")), "{\"a\":[1,\"]\"] }");
    ASSERT_STR(json_raw(text, STR("\xf0\x9f\x98\x80")), "0");
    ASSERT_STR(json_raw(text, STR("last")), "true");
    ASSERT_STR(json_raw(text, STR("absent")), NULL);
    ASSERT_STR(json_raw(STR("{}"), STR("a")), NULL);
    ASSERT_STR(json_raw(STR("{\"a\":1,\"a\":2}"), STR("a")), "2");
}

static void raw_items(void **state)
{
    struct str key, value, text = STR("[ 1, [2,3] ,\"a,]\",{} ]");
    static const char *const items[] = {"1", "[2,3]", "\"a,]\"", "{}"};
    size_t position = 0, count = 0;

    (void)state;
    for (; json_raw_next(text, &position, &key, &value); count++) {
        ASSERT_STR(key, NULL);
        ASSERT_STR(value, items[count]);
    }
    assert_int_equal(count, 4);
    position = 0;
    assert_false(json_raw_next(STR("[ ]"), &position, &key, &value));
    position = 0;
    assert_false(json_raw_next(STR_NONE, &position, &key, &value));
}

static void broken_text(void **state)
{
    static const char whole[] = "{\"a\":[1,{\"b\":\"c\\u0041\"}],\"d\" : -1.5e3 }";
    struct str key, value;

    (void)state;
    for (size_t len = 0; len < sizeof(whole); len++) {
        char *text = test_malloc(len + 1);
        size_t position = 0;
        memcpy(text, whole, len);
        while (json_raw_next(str_range(text, len), &position, &key, &value))
            assert_true(value.data + value.len <= text + len);
        json_raw(str_range(text, len), STR("d"));
        test_free(text);
    }
}

static void nul_escapes(void **state)
{
    char text[] = "[\"\\u0000\",\"\\\\u0000\",\"\\\\\\u0000\",\"\\u00001\",\"\\u000\"]";

    (void)state;
    json_scrub_nul(text, sizeof(text) - 1);
    assert_string_equal(text,
                        "[\"\\ufffd\",\"\\\\u0000\",\"\\\\\\ufffd\",\"\\ufffd1\",\"\\u000\"]");
}

static void containment(void **state)
{
    static const struct {
        const char *value, *filter;
        bool contains;
    } cases[] = {
        {"{\"a\":1,\"b\":2}", "{\"a\":1}", true},
        {"{\"a\":1}", "{\"a\":1.0}", true},
        {"{\"a\":1}", "{\"a\":\"1\"}", false},
        {"{\"a\":1}", "{}", true},
        {"{}", "{\"a\":null}", false},
        {"{\"a\":null}", "{\"a\":null}", true},
        {"{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":{\"b\":1}}", true},
        {"{\"a\":[1,2,3]}", "{\"a\":[3,1,1]}", true},
        {"{\"a\":[1,2]}", "{\"a\":[3]}", false},
        {"{\"a\":[]}", "{\"a\":{}}", false},
        {"[1,2,[1,3]]", "[1,3]", false},
        {"[1,2,[1,3]]", "[[1]]", true},
        {"[\"x\",\"y\"]", "\"x\"", true},
        {"{\"a\":[\"x\"]}", "{\"a\":\"x\"}", false},
        {"\"x\"", "[\"x\"]", false},
        {"[{\"a\":1,\"b\":2}]", "[{\"b\":2}]", true},
        {"9007199254740993", "9007199254740992", false},
        {"-1", "18446744073709551615", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(json_contains(parsed(cases[i].value), parsed(cases[i].filter)),
                         cases[i].contains);
    assert_false(json_contains(NULL, parsed("{}")));
}

static void equality(void **state)
{
    (void)state;
    assert_true(json_equals(parsed("{\"a\":[1,{}],\"b\":2}"), parsed("{\"b\":2.0,\"a\":[1,{}]}")));
    assert_false(json_equals(parsed("{\"a\":1}"), parsed("{\"a\":1,\"b\":2}")));
    assert_false(json_equals(parsed("{\"a\":1,\"b\":2}"), parsed("{\"a\":1}")));
    assert_true(json_equals(parsed("{\"a\":0,\"a\":1}"), parsed("{\"a\":1}")));
    assert_false(json_equals(parsed("[1,2]"), parsed("[2,1]")));
    assert_true(json_equals(parsed("-0"), parsed("0")));
    assert_false(json_equals(parsed("-1"), parsed("18446744073709551615")));
    assert_false(json_equals(parsed("null"), parsed("false")));
    assert_true(json_equals(NULL, NULL));
    assert_false(json_equals(NULL, parsed("null")));
}

static void merging(void **state)
{
    static const struct {
        const char *base, *over, *merged;
    } cases[] = {
        {"{\"a\":1.0,\"b\":2}", "{\"c\":3,\"a\":\"x\"}", "{\"a\":\"x\",\"b\":2,\"c\":3}"},
        {"", "{\"a\": [1, 2]}", "{\"a\":[1, 2]}"},
        {NULL, NULL, "{}"},
        {"{}", "{}", "{}"},
        {"{\"a\":1}", NULL, "{\"a\":1}"},
        {"{\"\\u0061\":1}", "{\"a\":2}", "{\"\\u0061\":2}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;
        buf_init(&out, 1000);
        json_merge(&out, str_of(cases[i].base), str_of(cases[i].over));
        ASSERT_STR(buf_str(&out), cases[i].merged);
        buf_release(&out);
    }
}

static void one_member_set(void **state)
{
    static const struct {
        const char *object, *key, *value, *made;
        size_t max;
    } cases[] = {
        {"{\"a\":1.0}", "b", "[ 2 ]", "{\"a\":1.0,\"b\":[ 2 ]}", 100},
        {"{\"a\":1.0,\"b\":2}", "a", "null", "{\"a\":null,\"b\":2}", 100},
        {NULL, "\"", "1", "{\"\\\"\":1}", 100},
        {"{\"a\":1}", "b", "2", "{\"a\":1,\"b\":2}", 13},
        {"{\"a\":1}", "b", "2", NULL, 12}, /* all of it is too long */
        {"{}", "b", "23456", NULL, 5},     /* the member alone is */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str made = json_with(&arena, str_of(cases[i].object), str_of(cases[i].key),
                                    str_of(cases[i].value), cases[i].max);

        assert_int_equal(str_is_none(made), cases[i].made == NULL);
        if (cases[i].made)
            ASSERT_STR(made, cases[i].made);
    }
}

static void absent_or_empty(void **state)
{
    const struct json *object = parsed("{\"n\":null,\"f\":false,\"z\":0,\"e\":\"\",\"t\":\"x\"}");

    (void)state;
    assert_true(json_is_absent(json_get(object, "n")));
    assert_true(json_is_absent(json_get(object, "other")));
    assert_true(json_is_absent(json_get(NULL, "n")));
    assert_false(json_is_absent(json_get(object, "f")));
    assert_false(json_is_absent(json_get(object, "z")));
    assert_false(json_is_absent(json_get(object, "e")));
    assert_true(json_has_text(object, "t"));
    assert_false(json_has_text(object, "e"));
    assert_false(json_has_text(object, "n"));
    assert_false(json_has_text(object, "z"));
    assert_false(json_has_text(object, "other"));
}

static void writing(void **state)
{
    struct json_writer w;
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    json_writer_init(&w, &out);
    json_begin_object(&w);
    json_put_str(&w, "s", STR("a\"\\\n\x01\x7f\xff\xc3\xa4\xe2\x80\xa8z"));
    json_put_str(&w, "none", STR_NONE);
    json_put_i64(&w, "i", -1);
    json_put_raw(&w, "raw", STR("{\"x\": 1.50}"));
    json_put_raw(&w, "noraw", STR(""));
    json_put_time(&w, "t", 1);
    json_put_time(&w, "never", 0);
    json_put_bool(&w, "b", true);
    json_put_null(&w, "n");
    json_key(&w, "list");
    json_begin_array(&w);
    json_double_out(&w, 0.1);
    json_double_out(&w, 3);
    json_double_out(&w, 1e300 * 1e300);
    json_begin_object(&w);
    json_end_object(&w);
    json_value_out(&w, parsed("{\"k\":[1,null]}"));
    json_value_out(&w, NULL);
    json_end_array(&w);
    json_end_object(&w);
    ASSERT_STR(buf_str(&out),
               "{\"s\":\"a\\\"\\\\\\n\\u0001\x7f\xef\xbf\xbd\xc3\xa4\xe2\x80\xa8z\",\"none\":null,"
               "\"i\":-1,\"raw\":{\"x\": 1.50},\"noraw\":null,"
               "\"t\":\"1970-01-01T00:00:00.000001+00:00\",\"never\":null,\"b\":true,\"n\":null,"
               "\"list\":[0.1,3.0,null,{},{\"k\":[1,null]},null]}");
    buf_release(&out);
}

static bool is_secret(struct str key)
{
    return str_starts(key, STR("s_"));
}

static void leaving_out(void **state)
{
    static const char *const cases[][2] = {
        {"{}", "{}"},
        {"{\"a\": 1.50, \"s_x\": {\"b\": [\"}\"]}, \"c\":null}", "{\"a\":1.50,\"c\":null}"},
        {"{\"\\u0073\\u005fx\":1,\"S_x\":2}", "{\"S_x\":2}"},
        {"{\"s_a\":1,\"s_b\":2}", "{}"},
        {"{\"q\\\"\":{\"s_a\":1}}", "{\"q\\\"\":{\"s_a\":1}}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;

        buf_init(&out, KIB);
        json_without(&out, str_of(cases[i][0]), is_secret);
        ASSERT_STR(buf_str(&out), cases[i][1]);
        buf_release(&out);
    }
}

static const struct CMUnitTest tests[] = {
    TEST("values are read, and what is absent or of another type gives the fallback", reading),
    TEST("members and items come in the order of the text", iterating),
    TEST("what is not strict JSON is refused with a reason", refused),
    TEST("nesting is limited", depth),
    TEST("a member's value is found as it was written", raw_spans),
    TEST("items are walked as text", raw_items),
    TEST("text cut anywhere is never read beyond its end", broken_text),
    TEST("an escaped NUL becomes U+FFFD, an escaped backslash does not", nul_escapes),
    TEST("containment is PostgreSQL's", containment),
    TEST("equality ignores the order of keys and the spelling of numbers", equality),
    TEST("members are left out by what their names mean", leaving_out),
    TEST("a merge keeps order and text, the second object wins", merging),
    TEST("one member is set in an object's text, up to a limit", one_member_set),
    TEST("null is absent as what is not there, and neither is a text", absent_or_empty),
    TEST("what is written is JSON whatever the text is", writing),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, end_arena);
}
