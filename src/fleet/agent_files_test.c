/* agent_files_test.c -- which files make an agent together. */
#include "base/test.h"
#include "fleet/agent_files.h"

static struct arena arena;

#define PROMPT "AGENTS.md=You help."
#define SKILL "---\nname: x\ndescription: d\n---\n"

/* "path=content", or "path" for one that was checked before; ends with NULL. */
static enum err check(const char *const *given, struct str *why)
{
    struct tree_change changes[16];
    struct tree_files files;
    size_t count = 0;

    for (; given[count]; count++) {
        struct str edit = str_of(given[count]);
        size_t at = str_find_char(edit, '=');

        changes[count].path = str_first(edit, at);
        changes[count].content = at < edit.len ? str_from(edit, at + 1) : STR("");
    }
    files = agent_files_after(&arena, &(struct tree_files){0}, changes, count);
    *why = STR("");
    return agent_files_check(&arena, &files, why);
}

static void whole_agents(void **state UNUSED)
{
    static const char *const whole[] = {PROMPT,
                                        "config.json={\"name\":\"A\"}",
                                        "tools.json={\"tools\":[]}",
                                        "skills/x/SKILL.md=" SKILL,
                                        "skills/x/scripts/run.sh=\xff\x00",
                                        "subagents/research_worker/AGENTS.md=---\ndescription: "
                                        "\"d\"\nmodel_id: m\n---\nYou look.",
                                        "subagents/research_worker/tools.json={}",
                                        "subagents/research_worker/skills/x/SKILL.md=" SKILL,
                                        "memories/notes.md=",
                                        "README.md=hello",
                                        NULL};
    static const char *const least[] = {PROMPT, NULL};
    struct str why;

    assert_int_equal(check(whole, &why), OK);
    assert_int_equal(check(least, &why), OK);
}

static void refusals(void **state UNUSED)
{
    static const struct {
        const char *files[3];
        const char *words;
    } bad[] = {
        {{"a=", NULL}, "AGENTS.md, the agent's instructions, must be there"},
        {{"AGENTS.md=\xff", NULL}, "AGENTS.md must be UTF-8"},
        {{PROMPT, "config.json={\"name\":1}"}, "config.json name must be a text"},
        {{PROMPT, "tools.json=[]"}, "tools.json must be an object"},
        {{PROMPT, "skills/readme.md="}, "must stand in a skill's folder"},
        {{PROMPT, "skills/Big/SKILL.md=" SKILL}, "must have the name of its folder"},
        {{PROMPT, "skills/Big/x.md="}, "no skill's name"},
        {{PROMPT, "skills/x/other.md="}, "skills/x must have a SKILL.md"},
        {{PROMPT, "skills/y/SKILL.md=" SKILL}, "must have the name of its folder"},
        {{PROMPT, "subagents/a/tools.json={}"}, "subagents/a must have a AGENTS.md"},
        {{PROMPT, "subagents/readme.md="}, "must stand in a sub-agent's folder"},
        {{PROMPT, "subagents/a b/AGENTS.md="}, "no sub-agent's name"},
        {{PROMPT, "subagents/a/AGENTS.md=---\ndescription: [x]\n---\n"},
         "text for its description"},
        {{PROMPT, "../x="}, "segment . or .."},
        {{PROMPT, "agents.md="}, "cannot stand in one folder tree"},
        {{PROMPT, "AGENTS.md/x="}, "cannot stand in one folder tree"},
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct str why;

        assert_int_equal(check(bad[i].files, &why), ERR_INVALID);
        if (!str_contains(why, str_of(bad[i].words)))
            fail_msg("%s: %.*s", bad[i].words, STR_ARG(why));
    }
}

static void large_json(void **state UNUSED)
{
    char *text = arena_alloc(&arena, AGENT_JSON_BYTES_MAX + 32);
    const char *const files[] = {PROMPT, text, NULL};
    struct str why;

    memset(text, ' ', AGENT_JSON_BYTES_MAX + 31);
    memcpy(text, "tools.json={}", 13);
    text[11 + AGENT_JSON_BYTES_MAX] = '\0';
    assert_int_equal(check(files, &why), OK);
    text[11 + AGENT_JSON_BYTES_MAX] = ' ';
    text[12 + AGENT_JSON_BYTES_MAX] = '\0';
    assert_int_equal(check(files, &why), ERR_INVALID);
}

static void changes_make_the_tree(void **state UNUSED)
{
    struct tree_file list[] = {{.path = STR("a"), .bytes = 3, .content = STR("old")},
                               {.path = STR("c"), .bytes = 1, .content = STR("x")}};
    const struct tree_files files = {list, 2};
    const struct tree_change changes[] = {
        {STR("b"), STR("new")}, {STR("c"), STR_NONE}, {STR("zz"), STR_NONE}};
    struct tree_files after = agent_files_after(&arena, &files, changes, ARRAY_LEN(changes));

    assert_int_equal(after.count, 2);
    ASSERT_STR(after.list[0].path, "a");
    ASSERT_STR(after.list[0].content, NULL); /* checked before */
    ASSERT_STR(after.list[1].path, "b");
    ASSERT_STR(after.list[1].content, "new");
}

static const struct CMUnitTest tests[] = {
    TEST("E14: whole agents, and the least one", whole_agents),
    TEST("what is missing or stands in a wrong place is told with its path", refusals),
    TEST("config.json and tools.json have at most 256 KiB", large_json),
    TEST("changes make the tree", changes_make_the_tree),
};

int main(void)
{
    int failed;

    arena_init(&arena);
    failed = RUN_TESTS(tests);
    arena_release(&arena);
    return failed;
}
