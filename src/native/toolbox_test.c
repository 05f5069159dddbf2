/* toolbox_test.c -- the tools that every agent has: what they answer, and what they leave alone. */
#include "base/test.h"
#include "native/toolbox.h"

struct rig {
    struct arena arena;
    struct files files, skills, memories;
    struct str todos;
    struct toolbox box;
};

static void rig_begin(struct rig *rig)
{
    *rig = (struct rig){.todos = STR_NONE};
    arena_init(&rig->arena);
    files_init(&rig->files, &rig->arena);
    files_init(&rig->skills, &rig->arena);
    files_init(&rig->memories, &rig->arena);
    files_put(&rig->files, STR("/a.md"), STR("one\ntwo\none"), 1);
    files_put(&rig->skills, STR("/skills/x/SKILL.md"), STR("how"), 1);
    files_put(&rig->memories, STR("/memories/m.md"), STR("tea"), 1);
    rig->box = (struct toolbox){.arena = &rig->arena,
                                .files = &rig->files,
                                .skills = &rig->skills,
                                .memories = &rig->memories,
                                .todos = &rig->todos,
                                .now_us = 1};
}

static struct str answer(struct rig *rig, const char *tool, const char *args, bool *is_error)
{
    const struct tool_call call = {STR("1"), str_of(tool), str_of(args), STR_NONE};

    return toolbox_run(&rig->box, &call, is_error);
}

static bool contains(struct str text, const char *part)
{
    return str_find(text, str_of(part)) < text.len;
}

static void what_they_answer(void **state)
{
    static const struct {
        const char *tool, *args, *answer;
        bool is_error;
    } cases[] = {
        {"read_file", "{\"file_path\":\"/a.md\"}", "two", false},
        {"read_file", "{\"file_path\":\"a.md\"}", "two", false},
        {"read_file", "{\"file_path\":\"/skills/x/SKILL.md\"}", "how", false},
        {"read_file", "{\"file_path\":\"/memories/m.md\"}", "tea", false},
        {"read_file", "{\"file_path\":\"/none\"}", "not found", true},
        {"read_file", "{\"file_path\":\"../../etc/passwd\"}", "must be the path", true},
        {"read_file", "{\"file_path\":\"/\"}", "must be the path", true},
        {"read_file", "{\"file_path\":7}", "must be the path", true},
        {"read_file", "{}", "must be the path", true},
        {"read_file", "[]", "must be the path", true},
        {"ls", "{}", "/a.md", false},
        {"ls", "{\"path\":\"/skills\"}", "/skills/x", false},
        {"glob", "{\"pattern\":\"**/*.md\"}", "/memories/m.md", false},
        {"glob", "{}", "pattern must be given", true},
        {"grep", "{\"pattern\":\"tw\"}", "/a.md", false},
        {"grep", "{\"pattern\":5}", "pattern must be given", true},
        {"write_file", "{\"file_path\":\"/b.md\",\"content\":\"x\"}", "/b.md", false},
        {"write_file", "{\"file_path\":\"/b.md\"}", "content must be a text", true},
        {"write_file", "{\"file_path\":\"/skills/y\",\"content\":\"x\"}", "only be read", true},
        {"edit_file", "{\"file_path\":\"/a.md\",\"old_string\":\"two\",\"new_string\":\"2\"}",
         "/a.md", false},
        {"edit_file", "{\"file_path\":\"/a.md\",\"old_string\":\"no\",\"new_string\":\"2\"}",
         "was not found in the file", true},
        {"edit_file", "{\"file_path\":\"/a.md\",\"old_string\":\"\",\"new_string\":\"2\"}",
         "not empty", true},
        {"edit_file", "{\"file_path\":\"/no\",\"old_string\":\"a\",\"new_string\":\"2\"}",
         "not found", true},
        {"write_todos", "{\"todos\":[{\"content\":\"a\",\"status\":\"pending\"}]}", "Updated",
         false},
        {"write_todos", "{\"todos\":{}}", "must be a list", true},
        {"write_todos", "{\"todos\":[{}]}", "needs a content", true},
        {"write_todos", "{\"todos\":[7]}", "needs a content", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool is_error = !cases[i].is_error;
        struct rig rig;
        struct str text;

        rig_begin(&rig);
        text = answer(&rig, cases[i].tool, cases[i].args, &is_error);
        if (!contains(text, cases[i].answer) || is_error != cases[i].is_error)
            print_error("%s %s: %.*s\n", cases[i].tool, cases[i].args, STR_ARG(text));
        assert_true(contains(text, cases[i].answer));
        assert_int_equal(is_error, cases[i].is_error);
        arena_release(&rig.arena);
    }
}

static void an_edit_must_be_clear(void **state)
{
    bool is_error = false;
    struct rig rig;

    (void)state;
    rig_begin(&rig);
    answer(&rig, "edit_file",
           "{\"file_path\":\"/a.md\",\"old_string\":\"one\",\"new_string\":\"1\"}", &is_error);
    assert_true(is_error);
    ASSERT_STR(files_find(&rig.files, STR("/a.md"))->content, "one\ntwo\none");
    answer(&rig, "edit_file",
           "{\"file_path\":\"/a.md\",\"old_string\":\"one\",\"new_string\":\"1\",\"replace_all\":"
           "true}",
           &is_error);
    assert_false(is_error);
    ASSERT_STR(files_find(&rig.files, STR("/a.md"))->content, "1\ntwo\n1");
    arena_release(&rig.arena);
}

static void memories_are_told_apart(void **state)
{
    static const struct {
        const char *tool, *args;
        bool writes;
    } cases[] = {
        {"write_file", "{\"file_path\":\"/memories/a\"}", true},
        {"edit_file", "{\"file_path\":\"memories/a\"}", true},
        {"write_file", "{\"file_path\":\"/x/../memories/a\"}", false},
        {"write_file", "{\"file_path\":\"/memories\"}", false},
        {"write_file", "{\"file_path\":\"/a\"}", false},
        {"read_file", "{\"file_path\":\"/memories/a\"}", false},
        {"write_file", "{}", false},
    };
    struct rig rig;

    (void)state;
    rig_begin(&rig);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct tool_call call = {STR("1"), str_of(cases[i].tool), str_of(cases[i].args),
                                       STR_NONE};

        assert_int_equal(toolbox_writes_memory(&call, &rig.arena), cases[i].writes);
    }
    arena_release(&rig.arena);
}

/* Whoever is not asked must not be got round: a path that writes a memory counts as one. */
static void what_is_no_memory_writes_none(void **state)
{
    bool is_error;
    struct rig rig;

    (void)state;
    rig_begin(&rig);
    answer(&rig, "write_file", "{\"file_path\":\"/x/../memories/a\",\"content\":\"x\"}", &is_error);
    answer(&rig, "write_file", "{\"file_path\":\"/memories\",\"content\":\"x\"}", &is_error);
    assert_int_equal(rig.memories.count, 1);
    assert_true(is_error || files_find(&rig.files, STR("/memories")) != NULL);
    arena_release(&rig.arena);
}

static void files_have_a_maximum(void **state)
{
    struct rig rig;
    char *bytes;
    struct str why = STR_NONE;

    (void)state;
    rig_begin(&rig);
    bytes = arena_alloc(&rig.arena, FILE_BYTES_MAX + 1);
    memset(bytes, 'x', FILE_BYTES_MAX + 1);
    why = files_put(&rig.files, STR("/big"), str_range(bytes, FILE_BYTES_MAX + 1), 1);
    assert_true(contains(why, "at most 1 MiB"));
    for (int i = 0; str_is_none(why = files_put(&rig.files, arena_printf(&rig.arena, "/%d", i),
                                                str_range(bytes, FILE_BYTES_MAX), 1));
         i++)
        assert_true(i < 8);
    assert_true(contains(why, "8 MiB together"));
    arena_release(&rig.arena);
}

static void patterns(void **state)
{
    static const struct {
        const char *pattern, *path;
        bool matches;
    } cases[] = {
        {"*.md", "a.md", true},
        {"*.md", "x/a.md", false},
        {"**/*.md", "x/y/a.md", true},
        {"**/*.md", "a.md", true},
        {"a?c", "abc", true},
        {"a?c", "a/c", false},
        {"**", "x/y", true},
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"a*b*c", "aXbYc", true},
        {"a*b*c", "aXbY", false},
        {"x/**/z", "x/z", true},
        {"x/**/z", "x/y/z", true},
        {"x/**/z", "y/z", false},
        {"*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(glob_matches(str_of(cases[i].pattern), str_of(cases[i].path)),
                         cases[i].matches);
}

static const struct CMUnitTest tests[] = {
    TEST("each tool answers, and says what is wrong with its arguments", what_they_answer),
    TEST("an edit of what stands there twice must say so", an_edit_must_be_clear),
    TEST("a call that writes a memory is known by its path", memories_are_told_apart),
    TEST("and one that is not known so writes none", what_is_no_memory_writes_none),
    TEST("files have a maximum, alone and together", files_have_a_maximum),
    TEST("patterns match as they do in Deep Agents", patterns),
};

int main(void)
{
    return RUN_TESTS(tests);
}
