/* key_life_test.c -- what may be said of a key that is to be, and the table of roles. */
#include "base/test.h"

#include "auth/key_life.h"
#include "auth/role.h"

#define DAY_US (INT64_C(24) * 3600 * US_PER_SECOND)

static void an_end_is_a_span_or_a_time(void **state)
{
    static const struct {
        const char *text;
        int64_t expires_us; /* 0: refused */
    } cases[] = {
        {"90d", DAY_US + 90 * DAY_US},
        {"2w", DAY_US + 14 * DAY_US},
        {"12h", DAY_US + DAY_US / 2},
        {"30m", DAY_US + 1800 * US_PER_SECOND},
        {"1s", DAY_US + US_PER_SECOND},
        {"1970-01-03T00:00:00Z", 2 * DAY_US},
        {"1970-01-02T00:00:00Z", 0}, /* now */
        {"0d", 0},
        {"-1d", 0},
        {"d", 0},
        {"", 0},
        {"90", 0},
        {"1y", 0},
        {"99999999999999999d", 0},
        {"soon", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *why = NULL;
        int64_t expires_us = 0;
        enum err err = key_expiry_parse(str_of(cases[i].text), DAY_US, &expires_us, &why);

        assert_int_equal(err, cases[i].expires_us ? OK : ERR_INVALID);
        assert_int_equal(expires_us, cases[i].expires_us);
    }
}

static void workspaces_are_ids_or_all(void **state)
{
    const struct str good[] = {STR("a"), STR("b")}, all[] = {STR("*")},
                     bad[] = {STR("a"), STR("*")}, twice[] = {STR("a"), STR("a")},
                     blank[] = {STR("a b")};
    struct api_key_row row = {0};
    const char *why;

    (void)state;
    assert_int_equal(key_workspaces_set(&row, good, 2, &why), OK);
    ASSERT_STR(row.tenant, "a");
    assert_int_equal(row.workspace_count, 2);
    assert_int_equal(key_workspaces_set(&row, all, 1, &why), OK);
    ASSERT_STR(row.tenant, "default");
    assert_int_equal(key_workspaces_set(&row, good, 0, &why), ERR_INVALID);
    assert_int_equal(key_workspaces_set(&row, good, API_KEY_WORKSPACES_MAX + 1, &why), ERR_INVALID);
    assert_int_equal(key_workspaces_set(&row, bad, 2, &why), ERR_INVALID);
    assert_int_equal(key_workspaces_set(&row, twice, 2, &why), ERR_INVALID);
    assert_int_equal(key_workspaces_set(&row, blank, 1, &why), ERR_INVALID);
}

static void names_are_one_line_of_text(void **state)
{
    char text[KEY_NAME_BYTES_MAX + 1];
    const char *why;

    (void)state;
    memset(text, 'x', sizeof(text));
    assert_int_equal(key_name_check(STR(""), &why), OK);
    assert_int_equal(key_name_check(str_range(text, KEY_NAME_BYTES_MAX), &why), OK);
    assert_int_equal(key_name_check(str_range(text, sizeof(text)), &why), ERR_INVALID);
    assert_int_equal(key_name_check(STR("a\tb"), &why), ERR_INVALID);
    assert_int_equal(key_name_check(STR("a\xff"), &why), ERR_INVALID);
}

/* The table, said once more by hand: a change of it is a decision. */
static void roles_may_what_the_table_says(void **state)
{
    static const struct {
        enum permission permission;
        const char *roles;
    } rows[] = {
        {PERMIT_ADMIN, "admin"},
        {PERMIT_READ, "admin editor viewer"},
        {PERMIT_RUN, "admin editor"},
        {PERMIT_EDIT, "admin editor"},
        {PERMIT_TRACE, "admin editor ingest"},
        {PERMIT_WATCH, "admin editor viewer operator"},
        {PERMIT_ANSWERS, "admin editor operator"},
        {PERMIT_DELIVER, "admin editor operator"},
        {PERMIT_KNOWN, "admin editor viewer ingest operator"},
        {PERMIT_ANYONE, "admin editor viewer ingest operator"},
    };
    struct arena arena;
    enum role role;

    (void)state;
    arena_init(&arena);
    assert_int_equal(ARRAY_LEN(rows), PERMISSION_COUNT);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str said = STR("");

        for (int k = 0; k < ROLE_COUNT; k++)
            if (role_permits((enum role)k, rows[i].permission))
                said = arena_printf(&arena, "%.*s%s%s", STR_ARG(said), said.len ? " " : "",
                                    role_names[k]);
        ASSERT_STR(said, rows[i].roles);
        assert_true(permission_name(rows[i].permission)[0]);
    }
    assert_int_equal(role_parse(STR("operator"), &role), OK);
    assert_int_equal(role, ROLE_OPERATOR);
    assert_int_equal(role_parse(STR("Admin"), &role), ERR_INVALID);
    assert_int_equal(role_parse(STR_NONE, &role), ERR_INVALID);
    arena_release(&arena);
}

static const struct CMUnitTest tests[] = {
    TEST("an end is a span or a time to come", an_end_is_a_span_or_a_time),
    TEST("workspaces are ids, or all", workspaces_are_ids_or_all),
    TEST("names are one line of text", names_are_one_line_of_text),
    TEST("roles may what the table says", roles_may_what_the_table_says),
};

int main(void)
{
    return RUN_TESTS(tests);
}
