/* json_path_test.c -- ways into JSON text (issue 4: `extract` of thread searches). */
#include "base/test.h"
#include "format/json_path.h"

#define TEXT "{\"a\":{\"b\":[1,[2,{\"c\":\"x\"}],\"]\"]},\"d e\":null,\"f\":\"s\"}"

static void a_path_finds_the_piece_of_text(void **state)
{
    static const struct {
        const char *path, *found;
    } rows[] = {
        {"a.b[0]", "1"},
        {"a.b[-1]", "\"]\""},
        {"a.b[1][1].c", "\"x\""},
        {"a.b[-2][0]", "2"},
        {"a.b[1][-1]", "{\"c\":\"x\"}"},
        {"d e", "null"},
        {"f", "\"s\""},
        {"a.b[3]", NULL},
        {"a.b[-4]", NULL},
        {"a[0]", NULL},
        {"f.g", NULL},
        {"f[0]", NULL},
        {"no", NULL},
        {"a.no.b", NULL},
        {"d e.x", NULL},
    };
    const char *why;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json_path path;

        assert_int_equal(json_path_parse(str_of(rows[i].path), &path, &why), OK);
        ASSERT_STR(json_path_find(&path, 0, STR(TEXT)), rows[i].found);
    }
}

static void what_is_no_path_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "[0]",
        "a[",
        "a[]",
        "a[x]",
        "a[0",
        "a[0]b",
        "a.[0]",
        "a[1.5]",
        "a[9223372036854775808]",
        "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a",
    };
    struct json_path path;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        const char *why = NULL;

        assert_int_equal(json_path_parse(str_of(wrong[i]), &path, &why), ERR_INVALID);
        assert_non_null(why);
    }
}

static void a_path_can_be_followed_from_a_later_step(void **state)
{
    struct json_path path;
    const char *why;

    (void)state;
    assert_int_equal(json_path_parse(STR("values.a.b[0]"), &path, &why), OK);
    ASSERT_STR(json_path_find(&path, 1, STR(TEXT)), "1");
}

static const struct CMUnitTest tests[] = {
    TEST("a path finds the piece of text (issue 4)", a_path_finds_the_piece_of_text),
    TEST("what is no path is refused with words", what_is_no_path_is_refused),
    TEST("a path can be followed from a later step", a_path_can_be_followed_from_a_later_step),
};

int main(void)
{
    return RUN_TESTS(tests);
}
