/* Tests of the .env parser. */
#include "app/env_file.h"

#include "base/buf.h"
#include "base/test.h"

static struct str find(const struct env_variable *list, size_t count, const char *name)
{
    struct str value = STR_NONE;

    for (size_t i = 0; i < count; i++)
        if (str_eq(list[i].name, str_of(name)))
            value = list[i].value;
    return value;
}

static void good_files(void **state)
{
    static const struct {
        const char *text, *name, *value;
        size_t count;
    } cases[] = {
        {"A=1", "A", "1", 1},
        {"A=1\nB=2\n", "B", "2", 2},
        {"A=1\r\nB=2\r\n", "A", "1", 2},
        {"\xEF\xBB\xBF"
         "A=1",
         "A", "1", 1},
        {"  A = x y  ", "A", "x y", 1},
        {"export A=1", "A", "1", 1},
        {"export=1", "export", "1", 1},
        {"A=", "A", "", 1},
        {"A=\nB=2", "A", "", 2},
        {"A=x # comment", "A", "x", 1},
        {"A=x#y", "A", "x#y", 1},
        {"A= # comment", "A", "", 1},
        {"# A=1\n\n  \nB=2", "B", "2", 1},
        {"A=a=b", "A", "a=b", 1},
        {"A=\"x # y\" # z", "A", "x # y", 1},
        {"A=\"x\\ny\\t\\\"\\\\\\$\"", "A", "x\ny\t\"\\$", 1},
        {"A=\"c:\\dir\"", "A", "c:\\dir", 1},
        {"A='x\\ny \"'", "A", "x\\ny \"", 1},
        {"A=\"one\ntwo\"\nB=2", "A", "one\ntwo", 2},
        {"A=\"one\ntwo\"\nB=2", "B", "2", 2},
        {"A=''", "A", "", 1},
        {"A=1\nA=2", "A", "2", 2},
        {"A=${B}", "A", "${B}", 1},
        {"A=gr\xC3\xBC\xC3\x9F"
         "e",
         "A",
         "gr\xC3\xBC\xC3\x9F"
         "e",
         1},
        {"", "A", NULL, 0},
        {"\n\n", "A", NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct env_variable *list = NULL;
        size_t count = 0, line = 0;
        struct arena arena;
        const char *why = "";

        arena_init(&arena);
        assert_int_equal(env_file_parse(&arena, str_of(cases[i].text), &list, &count, &line, &why),
                         OK);
        assert_int_equal(count, cases[i].count);
        ASSERT_STR(find(list, count, cases[i].name), cases[i].value);
        arena_release(&arena);
    }
}

static void bad_files(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        size_t line;
        const char *why;
    } cases[] = {
        {"A", 1, 1, "NAME=value"},
        {"A=1\nB", 5, 2, "NAME=value"},
        {"=1", 2, 1, "NAME=value"},
        {"1A=1", 4, 1, "NAME=value"},
        {"A-B=1", 5, 1, "NAME=value"},
        {"export ", 7, 1, "NAME=value"},
        {"A=\"x", 4, 1, "not closed"},
        {"\nA='x\n\n", 7, 2, "not closed"},
        {"A=\"x\" y", 7, 1, "closing quote"},
        {"A=\"1\n2\"\nB=\"3\"4", 14, 3, "closing quote"},
        {"A=1\0B", 5, 1, "NUL"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct env_variable *list = NULL;
        size_t count = 0, line = 0;
        struct arena arena;
        const char *why = "";

        arena_init(&arena);
        assert_int_equal(env_file_parse(&arena, str_range(cases[i].text, cases[i].len), &list,
                                        &count, &line, &why),
                         ERR_INVALID);
        assert_int_equal(line, cases[i].line);
        assert_non_null(strstr(why, cases[i].why));
        assert_null(list);
        arena_release(&arena);
    }
}

static void too_many_lines(void **state)
{
    struct env_variable *list = NULL;
    size_t count = 0, line = 0;
    struct arena arena;
    const char *why = "";
    struct buf text;

    (void)state;
    arena_init(&arena);
    buf_init(&text, MIB);
    for (int i = 0; i < ENV_VARIABLES_MAX; i++)
        buf_add_cstr(&text, "A=1\n");
    assert_int_equal(env_file_parse(&arena, buf_str(&text), &list, &count, &line, &why), ERR_LIMIT);
    buf_release(&text);
    arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST("what people write into .env files is read", good_files),
        TEST("a broken file is refused with its line", bad_files),
        TEST("a file of more lines than the limit is refused", too_many_lines),
    };

    return RUN_TESTS(tests);
}
