/* form_test.c -- forms and what may be said in them, type by type. */
#include "base/test.h"
#include "fleet/form.h"

static struct arena arena;

static struct form parsed(const char *text)
{
    struct form form;
    struct str why = STR("");

    if (form_parse(&arena, str_of(text), &form, &why))
        fail_msg("%s: %.*s", text, STR_ARG(why));
    return form;
}

static void expect(const char *schema, const char *input, const char *filled)
{
    struct form form = parsed(schema);
    struct form_problems problems;
    struct str text = STR("");

    if (form_fill(&arena, &form, str_of(input), &text, &problems))
        fail_msg("%s: %.*s %.*s", input, STR_ARG(problems.list[0].field),
                 STR_ARG(problems.list[0].message));
    ASSERT_STR(text, filled);
}

static void refuse(const char *schema, const char *input, const char *field, const char *words)
{
    struct form form = parsed(schema);
    struct form_problems problems;
    struct str text;

    assert_int_equal(form_fill(&arena, &form, str_of(input), &text, &problems), ERR_INVALID);
    ASSERT_STR(problems.list[0].field, field);
    if (!str_contains(problems.list[0].message, str_of(words)))
        fail_msg("%s: %.*s", input, STR_ARG(problems.list[0].message));
}

#define SAMPLE                                                                                     \
    "{\"fields\":[{\"name\":\"notes\",\"label\":\"Deployment Notes\",\"type\":\"textarea\"},"      \
    "{\"name\":\"environment\",\"label\":\"Environment\",\"type\":\"select\",\"options\":["        \
    "{\"label\":\"Development\",\"value\":\"dev\"},{\"label\":\"Staging\",\"value\":\"staging\"}," \
    "{\"label\":\"Production\",\"value\":\"prod\"}]},"                                             \
    "{\"name\":\"dry_run\",\"label\":\"Dry Run\",\"type\":\"boolean\",\"default\":true}]}"

static void the_documented_form(void **state UNUSED)
{
    expect(SAMPLE,
           "{\"dry_run\":false,\"notes\":\"User-provided\\nvalue\",\"environment\":\"prod\"}",
           "{\"notes\":\"User-provided\\nvalue\",\"environment\":\"prod\",\"dry_run\":false}");
    expect(SAMPLE, "{\"notes\":\"\",\"environment\":\"dev\"}",
           "{\"notes\":\"\",\"environment\":\"dev\",\"dry_run\":true}");
    refuse(SAMPLE, "{\"notes\":\"x\"}", "environment", "must be given");
    refuse(SAMPLE, "{\"notes\":\"x\",\"environment\":\"Production\"}", "environment", "options");
}

static void no_form(void **state UNUSED)
{
    static const char *const none[] = {"{}", "{\"fields\":[]}", "{\"fields\":null}", "[]", "null"};

    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        expect(none[i], "{}", "{}");
        refuse(none[i], "{\"x\":1}", "x", "no field");
    }
    expect("{}", "null", "{}");
}

#define ONE(members) "{\"fields\":[{\"name\":\"a\"," members "}]}"

static void types(void **state UNUSED)
{
    expect(ONE("\"type\":\"string\""), "{\"a\":\"x\"}", "{\"a\":\"x\"}");
    refuse(ONE("\"type\":\"string\""), "{\"a\":\"x\\ny\"}", "a", "one line");
    refuse(ONE("\"type\":\"string\""), "{\"a\":1}", "a", "must be a text");
    expect(ONE("\"label\":\"no type\""), "{\"a\":\"x\"}", "{\"a\":\"x\"}");
    expect(ONE("\"type\":\"text\""), "{\"a\":\"x\"}", "{\"a\":\"x\"}");
    expect(ONE("\"type\":\"number\""), "{\"a\":1.50}", "{\"a\":1.50}");
    refuse(ONE("\"type\":\"number\""), "{\"a\":\"1\"}", "a", "must be a number");
    expect(ONE("\"type\":\"boolean\""), "{}", "{\"a\":false}");
    refuse(ONE("\"type\":\"boolean\""), "{\"a\":\"true\"}", "a", "true or false");
    refuse(ONE("\"type\":\"textarea\""), "{\"a\":[]}", "a", "must be a text");
    expect(ONE("\"type\":\"json\""), "{\"a\":{\"b\":[1]}}", "{\"a\":{\"b\":[1]}}");
    expect(ONE("\"type\":\"json\""), "{\"a\":\" {\\\"b\\\": 2} \"}", "{\"a\":{\"b\": 2}}");
    refuse(ONE("\"type\":\"json\""), "{\"a\":\"{b\"}", "a", "must be JSON");
    expect(ONE("\"type\":\"select\",\"options\":[\"x\",{\"value\":{\"n\":1}}]"),
           "{\"a\":{\"n\":1}}", "{\"a\":{\"n\":1}}");
    expect(ONE("\"type\":\"select\",\"options\":[\"x\",2]"), "{\"a\":2}", "{\"a\":2}");
}

static void what_is_not_said(void **state UNUSED)
{
    expect(ONE("\"required\":false"), "{\"a\":null}", "{}");
    expect(ONE("\"default\":\"x\""), "{}", "{\"a\":\"x\"}");
    expect(ONE("\"default\":\"x\""), "{\"a\":\"\"}", "{\"a\":\"\"}");
    refuse(ONE("\"type\":\"boolean\",\"required\":true"), "{}", "a", "must be given");
    refuse(ONE("\"type\":\"json\""), "{\"b\":1}", "a", "must be given");
    refuse(ONE("\"required\":false"), "[]", "input", "object");
}

static void every_field_is_told(void **state UNUSED)
{
    struct form form = parsed(SAMPLE);
    struct form_problems problems;
    struct str text;

    assert_int_equal(form_fill(&arena, &form, STR("{\"dry_run\":1,\"y\":2}"), &text, &problems),
                     ERR_INVALID);
    assert_int_equal(problems.count, 4);
}

static void bad_forms(void **state UNUSED)
{
    static const struct {
        const char *text, *word;
    } bad[] = {
        {"1", "must be {"},
        {"{\"fields\":{}}", "must be {"},
        {"{", "must be {"},
        {"{\"fields\":[1]}", "fields[0] must be an object"},
        {"{\"fields\":[{}]}", "must have a name"},
        {ONE("\"type\":1"), "text for its type"},
        {ONE("\"label\":1"), "text for its label"},
        {ONE("\"required\":\"yes\""), "true or false"},
        {ONE("\"type\":\"select\""), "must have options"},
        {ONE("\"type\":\"select\",\"options\":[{\"label\":\"x\"}]"), "without a value"},
        {ONE("\"type\":\"select\",\"options\":[\"x\"],\"default\":\"y\""), "default"},
        {ONE("\"type\":\"number\",\"default\":\"y\""), "default"},
        {"{\"fields\":[{\"name\":\"a\"},{\"name\":\"a\"}]}", "fields[1] has the name"},
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct form form;
        struct str why = STR("");

        assert_int_equal(form_parse(&arena, str_of(bad[i].text), &form, &why), ERR_INVALID);
        if (!str_contains(why, str_of(bad[i].word)))
            fail_msg("%s: %.*s", bad[i].text, STR_ARG(why));
    }
}

static const struct CMUnitTest tests[] = {
    TEST("E20: the documented form with three fields", the_documented_form),
    TEST("E10: without fields the input is empty", no_form),
    TEST("E18: each type takes what it is", types),
    TEST("E19: defaults, and what need not be said", what_is_not_said),
    TEST("every field that is wrong is told", every_field_is_told),
    TEST("forms that make no sense", bad_forms),
};

int main(void)
{
    int failed;

    arena_init(&arena);
    failed = RUN_TESTS(tests);
    arena_release(&arena);
    return failed;
}
