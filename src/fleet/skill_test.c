/* skill_test.c -- the Agent Skills format, rule by rule. */
#include "base/buf.h"
#include "base/test.h"
#include "fleet/skill.h"

static struct arena arena;

static void names(void **state UNUSED)
{
    static const char *const good[] = {"a", "research", "pdf-tools", "x2", "a-b-c", "7"};
    static const char *const bad[] = {"",     "A",   "a_b",  "-a",  "a-",
                                      "a--b", "a b", "über", "a/b", "a.b"};
    char text[65];

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(skill_name_is_valid(str_of(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(skill_name_is_valid(str_of(bad[i])));
    memset(text, 'a', sizeof(text));
    assert_true(skill_name_is_valid(str_range(text, 64)));
    assert_false(skill_name_is_valid(str_range(text, 65)));
}

static void reads_one(void **state UNUSED)
{
    struct skill skill;
    struct str why;

    assert_int_equal(skill_parse(&arena, STR("research"),
                                 STR("---\nname: research\ndescription: Finds things.\n"
                                     "license: MIT\nversion: [1, 2]\n---\n# How\n"),
                                 &skill, &why),
                     OK);
    ASSERT_STR(skill.name, "research");
    ASSERT_STR(skill.description, "Finds things.");
    ASSERT_STR(skill.body, "# How\n");
}

static void refusals(void **state UNUSED)
{
    static const struct {
        const char *front, *word;
    } bad[] = {
        {"description: d", "must have a name"},
        {"name: Research\ndescription: d", "lower-case"},
        {"name: other\ndescription: d", "name of its folder"},
        {"name: research", "must have a description"},
        {"name: research\ndescription: ' '", "must have a description"},
        {"name: research\ndescription: [d]", "must have a description"},
        {"name: research\ndescription: d\nlicense: [x]", "license"},
        {"name: research\ndescription: d\ncompatibility: ''", "compatibility"},
        {"name: research\ndescription: d\nmetadata: x", "metadata"},
        {"name: research\ndescription: d\nallowed-tools: {a: b}", "allowed-tools"},
        {"name: &a research\ndescription: d", "anchor"},
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct str text = arena_printf(&arena, "---\n%s\n---\n", bad[i].front), why = STR("");
        struct skill skill;

        assert_int_equal(skill_parse(&arena, STR("research"), text, &skill, &why), ERR_INVALID);
        if (!str_contains(why, str_of(bad[i].word)))
            fail_msg("%s: %.*s", bad[i].front, STR_ARG(why));
    }
}

/* Characters, not bytes. */
static void lengths(void **state UNUSED)
{
    for (int count = 1024; count <= 1025; count++) {
        struct skill skill;
        struct str why;
        struct buf text;

        buf_init(&text, 64 * KIB);
        buf_add(&text, STR("---\nname: x\ndescription: "));
        for (int i = 0; i < count; i++)
            buf_add(&text, STR("ü"));
        buf_add(&text, STR("\n---\n"));
        assert_int_equal(skill_parse(&arena, STR_NONE, buf_str(&text), &skill, &why),
                         count == 1024 ? OK : ERR_INVALID);
        buf_release(&text);
    }
}

static const struct CMUnitTest tests[] = {
    TEST("which names a skill may have", names),
    TEST("a skill is read; what others add is left alone", reads_one),
    TEST("each broken rule is told in words", refusals),
    TEST("1024 characters of description are the most", lengths),
};

int main(void)
{
    int failed;

    arena_init(&arena);
    failed = RUN_TESTS(tests);
    arena_release(&arena);
    return failed;
}
