/* Which paths may stand in a tree of files, and which pairs of them. */
#include "base/test.h"
#include "format/file_path.h"

static void good_paths(void **state UNUSED)
{
    static const char *const good[] = {"AGENTS.md", "skills/research/SKILL.md",
                                       "a/b/c/d",   "memories/Über uns.md",
                                       ".hidden",   "a..b",
                                       "...x"};
    const char *why;

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_int_equal(file_path_check(str_of(good[i]), &why), OK);
}

static void bad_paths(void **state UNUSED)
{
    static const struct {
        const char *path, *word;
    } bad[] = {
        {"", "empty"},
        {"/etc/passwd", "empty segment"},
        {"a//b", "empty segment"},
        {"a/", "empty segment"},
        {"..", ".."},
        {"a/../b", ".."},
        {"./a", ".."},
        {"a\\b", "backslash"},
        {"C:x", "colon"},
        {"a\nb", "control"},
        {"a\x7f", "control"},
        {"a\xff", "UTF-8"},
        {"a./b", "dot"},
        {"a /b", "blank"},
        {"a/b.", "dot"},
    };
    char deep[40];

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const char *why = "";

        assert_int_equal(file_path_check(str_of(bad[i].path), &why), ERR_INVALID);
        assert_non_null(strstr(why, bad[i].word));
    }
    for (size_t i = 0; i < 33; i++)
        deep[i] = i % 2 ? '/' : 'a';
    deep[33] = '\0';
    assert_int_equal(file_path_check(str_of(deep), &(const char *){NULL}), ERR_INVALID);
    deep[31] = '\0';
    assert_int_equal(file_path_check(str_of(deep), &(const char *){NULL}), OK);
}

static void lengths(void **state UNUSED)
{
    char text[FILE_PATH_BYTES_MAX + 1];
    const char *why;

    memset(text, 'a', sizeof(text));
    assert_int_equal(file_path_check(str_range(text, FILE_PATH_BYTES_MAX), &why), OK);
    assert_int_equal(file_path_check(str_range(text, sizeof(text)), &why), ERR_INVALID);
}

static void collisions(void **state UNUSED)
{
    assert_true(file_path_collides(STR("a/b"), STR("A/B")));
    assert_true(file_path_collides(STR("a"), STR("a/b")));
    assert_true(file_path_collides(STR("A/b"), STR("a")));
    assert_false(file_path_collides(STR("ab"), STR("a/b")));
    assert_false(file_path_collides(STR("a-b"), STR("a")));
}

static void parts(void **state UNUSED)
{
    ASSERT_STR(file_path_first(STR("skills/x/y")), "skills");
    ASSERT_STR(file_path_first(STR("AGENTS.md")), "AGENTS.md");
    ASSERT_STR(file_path_name(STR("skills/x/SKILL.md")), "SKILL.md");
    ASSERT_STR(file_path_name(STR("AGENTS.md")), "AGENTS.md");
}

static const struct CMUnitTest tests[] = {
    TEST("ordinary paths are fine", good_paths),
    TEST("what leads out of the tree or means two things is refused, in words", bad_paths),
    TEST("255 bytes are the most", lengths),
    TEST("paths that cannot stand side by side are found", collisions),
    TEST("first folder and name", parts),
};

int main(void)
{
    return RUN_TESTS(tests);
}
