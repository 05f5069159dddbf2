/* Records of comma-separated values, and what is wrong with some. */
#include "format/csv.h"

#include "base/test.h"

static struct arena arena;

/* "a|b\nc|d": fields and records. */
static struct str read(const char *text, struct csv *csv, enum err *err)
{
    struct str fields[4], all;
    struct buf out;
    size_t count;

    csv_init(csv, str_of(text));
    buf_init(&out, 4096);
    while (!(*err = csv_next(csv, &arena, fields, 4, &count))) {
        for (size_t i = 0; i < count; i++)
            buf_addf(&out, "%s%.*s", i ? "|" : "", STR_ARG(fields[i]));
        buf_add(&out, STR("\n"));
    }
    all = arena_str(&arena, buf_str(&out));
    buf_release(&out);
    return all;
}

static void what_is_read(void **state)
{
    static const struct {
        const char *text, *records;
    } cases[] = {
        {"", ""},
        {"a,b\nc,d", "a|b\nc|d\n"},
        {"\xef\xbb\xbf"
         "a,b\r\nc,\r\n",
         "a|b\nc|\n"},
        {"\n\na\n\n", "a\n"},
        {"\"a,1\",\"say \"\"x\"\"\"\n\"two\nlines\",\r x", "a,1|say \"x\"\ntwo\nlines|\r x\n"},
        {",,\n", "||\n"},
        {"\"\"", "\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct csv csv;
        enum err err;

        ASSERT_STR(read(cases[i].text, &csv, &err), cases[i].records);
        assert_int_equal(err, ERR_NOT_FOUND);
    }
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *text, *why;
        size_t line;
        enum err err;
    } cases[] = {
        {"a\n\"b\nc", "a quote is not closed", 2, ERR_INVALID},
        {"\"x\ny\"\n\"a\"b", "there is something between a closing quote and the comma", 3,
         ERR_INVALID},
        {"1,2,3,4,5", "there are too many fields", 1, ERR_LIMIT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct csv csv;
        enum err err;

        read(cases[i].text, &csv, &err);
        assert_int_equal(err, cases[i].err);
        ASSERT_STR(str_of(csv.why), cases[i].why);
        assert_int_equal(csv.line, cases[i].line);
    }
}

static void what_is_written_is_read_back(void **state)
{
    static const char *const fields[] = {"", "a", "a,b", "\"", "x\"\"y", "two\r\nlines", " \t"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct str found[2];
        struct csv csv;
        struct buf out;
        size_t count;

        buf_init(&out, 256);
        csv_field_write(&out, str_of(fields[i]));
        buf_add(&out, STR(",end\n"));
        csv_init(&csv, buf_str(&out));
        assert_int_equal(csv_next(&csv, &arena, found, 2, &count), OK);
        assert_int_equal(count, 2);
        ASSERT_STR(found[0], fields[i]);
        buf_release(&out);
    }
}

static int end(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static const struct CMUnitTest tests[] = {
    TEST("records are read, with quotes, empty fields and every kind of line end", what_is_read),
    TEST("what is wrong is refused, with its line", what_is_refused),
    TEST("what is written is read back", what_is_written_is_read_back),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, end);
}
