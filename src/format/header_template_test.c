/* header_template_test.c -- variables in header values. */
#include "base/test.h"
#include "format/header_template.h"

static struct arena arena;

static int end_arena(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct str find(void *context, struct str name)
{
    static const struct {
        const char *name, *value;
    } set[] = {{"LG_WEBHOOK_TOKEN", "t0ken"},
               {"LG_WEBHOOK_EMPTY", ""},
               {"LG_WEBHOOK_LINES", "a\nX: y"},
               {"LG_WEBHOOK_UMLAUT", "\xc3\xa4"},
               {"LG_WEBHOOK_NESTED", "${{ env.HOME }}"},
               {"HOME", "/root"},
               {"LG_WEBHOOK_PADDED", " p "}};

    (void)context;
    for (size_t i = 0; i < ARRAY_LEN(set); i++)
        if (str_eq(name, str_of(set[i].name)))
            return str_of(set[i].value);
    return STR_NONE;
}

static const struct header_variables variables = {.find = find,
                                                  .prefix = {HEADER_TEMPLATE_PREFIX, 11}};

static void resolved(void **state)
{
    static const struct {
        const char *text, *value;
    } cases[] = {
        {"plain", "plain"},
        {"", ""},
        {"Bearer ${{ env.LG_WEBHOOK_TOKEN }}", "Bearer t0ken"},
        {"${{env.LG_WEBHOOK_TOKEN}}-${{  env.LG_WEBHOOK_TOKEN\t}}!", "t0ken-t0ken!"},
        {"a${{ env.LG_WEBHOOK_EMPTY }}", "a"},
        {"$ ${ {{ }} $$", "$ ${ {{ }} $$"},
        {"${{ env.LG_WEBHOOK_NESTED }}", "${{ env.HOME }}"},
        {"${{ env.LG_WEBHOOK_PADDED }}", "p"},
        {"x${{ env.LG_WEBHOOK_PADDED }}x", "x p x"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str value = STR_NONE, why = STR_NONE;
        assert_int_equal(
            header_template_resolve(&arena, str_of(cases[i].text), &variables, &value, &why), OK);
        ASSERT_STR(value, cases[i].value);
    }
}

static void refused(void **state)
{
    static const struct {
        const char *text;
        enum err err;
        const char *why;
    } cases[] = {
        {"${{ env.LG_WEBHOOK_ABSENT }}", ERR_NOT_FOUND, "LG_WEBHOOK_ABSENT is not set"},
        {"${{ env.HOME }}", ERR_DENIED, "HOME does not begin with LG_WEBHOOK_"},
        {"${{ env.lg_webhook_token }}", ERR_DENIED, "lg_webhook_token"},
        {"${{ env.LG_WEBHOOK_LINES }}", ERR_INVALID, "LG_WEBHOOK_LINES"},
        {"${{ env.LG_WEBHOOK_UMLAUT }}", ERR_INVALID, "LG_WEBHOOK_UMLAUT"},
        {"${{ env.LG_WEBHOOK_TOKEN", ERR_INVALID, "not closed"},
        {"${{ env.LG_WEBHOOK_TOKEN }", ERR_INVALID, "not closed"},
        {"${{ }}", ERR_INVALID, "env.NAME"},
        {"${{ secrets.X }}", ERR_INVALID, "env.NAME"},
        {"${{ env. }}", ERR_INVALID, "env.NAME"},
        {"${{ env.1A }}", ERR_INVALID, "env.NAME"},
        {"${{ env.A B }}", ERR_INVALID, "env.NAME"},
        {"${{ ${{ env.LG_WEBHOOK_TOKEN }} }}", ERR_INVALID, "env.NAME"},
        {"a\r\nb", ERR_INVALID, "line break"},
        {"\xc3\xa4", ERR_INVALID, "non-ASCII"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str value = STR_NONE, why = STR_NONE;
        assert_int_equal(
            header_template_resolve(&arena, str_of(cases[i].text), &variables, &value, &why),
            cases[i].err);
        assert_true(str_contains(why, str_of(cases[i].why)));
        ASSERT_STR(value, NULL);
    }
}

static void no_prefix(void **state)
{
    struct header_variables all = {.find = find, .prefix = STR("")};
    struct str value = STR_NONE, why = STR_NONE;

    (void)state;
    assert_int_equal(header_template_resolve(&arena, STR("${{ env.HOME }}"), &all, &value, &why),
                     OK);
    ASSERT_STR(value, "/root");
}

static void maximum(void **state)
{
    static char text[9000];
    struct str value = STR_NONE, why = STR_NONE;

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_int_equal(
        header_template_resolve(&arena, str_range(text, sizeof(text)), &variables, &value, &why),
        ERR_LIMIT);
}

static const struct CMUnitTest tests[] = {
    TEST("variables are put in once and their values are not resolved again", resolved),
    TEST("an error names the variable and the reason", refused),
    TEST("an empty prefix admits every variable", no_prefix),
    TEST("the result has a maximum", maximum),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, end_arena);
}
