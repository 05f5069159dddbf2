/* tools_test.c -- tools.json, and whether a person is asked. */
#include "base/test.h"
#include "fleet/tools.h"

static struct arena arena;

#define SEARCH                                                                                     \
    "{\"name\":\"search\",\"mcp_server_url\":\"http://localhost:8084\",\"mcp_server_name\":"       \
    "\"Agent Builder\"}"

static struct tool_entries parsed(const char *text)
{
    struct tool_entries tools;
    struct str why = STR("");

    if (tools_parse(&arena, str_of(text), &tools, &why))
        fail_msg("%s: %.*s", text, STR_ARG(why));
    return tools;
}

static void reads_them(void **state UNUSED)
{
    struct tool_entries tools = parsed("{\"tools\":[" SEARCH "]}");

    assert_int_equal(tools.count, 1);
    ASSERT_STR(tools.list[0].name, "search");
    ASSERT_STR(tools.list[0].server_name, "Agent Builder");
    assert_int_equal(parsed("{}").count, 0);
    assert_int_equal(parsed("{\"tools\":null,\"interrupt_config\":null}").count, 0);
}

static void who_is_asked(void **state UNUSED)
{
    static const struct {
        const char *config;
        bool asks;
    } cases[] = {
        {"{}", false},
        {"{\"http://localhost:8084::search::Agent Builder\":true}", true},
        {"{\"http://localhost:8084::search::Agent Builder\":false}", false},
        {"{\"http://localhost:8084::search\":true}", true},
        {"{\"HTTP://LocalHost:8084/::search::x::y\":true}", true},
        {"{\"http://localhost:8084::searching\":true}", false},
        {"{\"http://localhost:8085::search\":true}", false},
        {"{\"search\":true}", true},
        {"{\"search\":false,\"http://localhost:8084::search\":true}", true},
        {"{\"other\":true}", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str text = arena_printf(&arena, "{\"tools\":[" SEARCH "],\"interrupt_config\":%s}",
                                       cases[i].config);
        struct tool_entries tools = parsed(arena_cstr(&arena, text));

        if (tools_asks(&tools, &tools.list[0]) != cases[i].asks)
            fail_msg("%s", cases[i].config);
    }
}

static void bare_keys(void **state UNUSED)
{
    static const struct str before = {"{\"tools\": [" SEARCH "],\n \"interrupt_config\": {\n"
                                      "  \"http://localhost:8084::search\": true\n }, \"x\": 1}",
                                      sizeof("{\"tools\": [" SEARCH "],\n \"interrupt_config\": {\n"
                                             "  \"http://localhost:8084::search\": true\n }, "
                                             "\"x\": 1}") -
                                          1};
    struct str after = tools_with_bare_keys(&arena, before);

    ASSERT_STR(after, "{\"tools\": [" SEARCH "],\n \"interrupt_config\": {\n"
                      "  \"http://localhost:8084::search\": true, \"search\":true\n }, \"x\": 1}");
    assert_true(str_eq(tools_with_bare_keys(&arena, after), after));
    ASSERT_STR(
        tools_with_bare_keys(&arena, STR("{\"tools\":[" SEARCH "],\"interrupt_config\":{}}")),
        "{\"tools\":[" SEARCH "],\"interrupt_config\":{}}");
    ASSERT_STR(tools_with_bare_keys(&arena, STR("{\"tools\":[" SEARCH "," SEARCH
                                                "],\"interrupt_config\":{\"http://localhost:8084/"
                                                "::search\":true}}")),
               "{\"tools\":[" SEARCH "," SEARCH
               "],\"interrupt_config\":{\"http://localhost:8084/::search\":true, "
               "\"search\":true}}");
}

static void refusals(void **state UNUSED)
{
    static const struct {
        const char *text, *word;
    } bad[] = {
        {"", "not valid JSON"},
        {"[]", "must be an object"},
        {"{\"tools\":{}}", "array"},
        {"{\"tools\":[1]}", "tools[0] must be an object"},
        {"{\"tools\":[{\"mcp_server_url\":\"http://x\"}]}", "must have a name"},
        {"{\"tools\":[" SEARCH ",{\"name\":\"x\"}]}", "tools[1] must have an mcp_server_url"},
        {"{\"tools\":[{\"name\":\"x\",\"mcp_server_url\":\"ftp://x\"}]}", "http or https"},
        {"{\"interrupt_config\":[]}", "interrupt_config must be an object"},
        {"{\"interrupt_config\":{\"a\":1}}", "\"a\" must be true or false"},
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct tool_entries tools = {.count = 99};
        struct str why = STR("");

        assert_int_equal(tools_parse(&arena, str_of(bad[i].text), &tools, &why), ERR_INVALID);
        assert_int_equal(tools.count, 99);
        if (!str_contains(why, str_of(bad[i].word)))
            fail_msg("%s: %.*s", bad[i].text, STR_ARG(why));
    }
}

static const struct CMUnitTest tests[] = {
    TEST("tools are read", reads_them),
    TEST("which keys of interrupt_config are a tool's", who_is_asked),
    TEST("an export names the tools that ask by bare names besides, once", bare_keys),
    TEST("what is wrong is told in words", refusals),
};

int main(void)
{
    int failed;

    arena_init(&arena);
    failed = RUN_TESTS(tests);
    arena_release(&arena);
    return failed;
}
