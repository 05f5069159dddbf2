/* tool_auth_test.c -- what tools need, as the payload says it. */
#include "base/test.h"
#include "fleet/tool_auth.h"

static struct arena arena;

#define TOOL(name, more) "{\"name\":\"" name "\",\"mcp_server_url\":\"http://s\"" more "}"

static void expect(const char *tools, const char *sub_tools, const struct server_auths *servers,
                   const char *list)
{
    struct tree_file files[] = {
        {.path = STR("subagents/a/tools.json"),
         .content = arena_printf(&arena, "{\"tools\":[%s]}", sub_tools)},
        {.path = STR("tools.json"), .content = arena_printf(&arena, "{\"tools\":[%s]}", tools)},
    };
    static const struct server_auths none = {0};

    ASSERT_STR(
        tool_auth_requirements(&arena, &(struct tree_files){files, 2}, servers ? servers : &none),
        list);
}

static void the_documented_sample(void **state UNUSED)
{
    expect(TOOL("tavily_web_search", "") "," TOOL("google_calendar", ""), "", NULL,
           "[{\"tool_name\":\"tavily_web_search\",\"auth_type\":\"api_key\","
           "\"required_env_vars\":[\"TAVILY_API_KEY\"]},"
           "{\"tool_name\":\"google_calendar\",\"auth_type\":\"oauth\","
           "\"auth_provider\":\"google\",\"scopes\":[\"calendar.readonly\"]}]");
}

static void tools_without_need(void **state UNUSED)
{
    expect("", "", NULL, "[]");
    expect(TOOL("mine", ""), "", NULL, "[{\"tool_name\":\"mine\",\"auth_type\":\"none\"}]");
    expect(TOOL("tavily_x", ",\"auth\":{\"type\":\"none\"}"), "", NULL,
           "[{\"tool_name\":\"tavily_x\",\"auth_type\":\"none\"}]");
}

static void what_the_entry_says_wins(void **state UNUSED)
{
    expect(TOOL("tavily_x", ",\"auth\":{\"type\":\"api_key\",\"required_env_vars\":[\"MY_KEY\"]}"),
           "", NULL,
           "[{\"tool_name\":\"tavily_x\",\"auth_type\":\"api_key\",\"required_env_vars\":"
           "[\"MY_KEY\"]}]");
    expect(TOOL("x", ",\"auth_type\":\"oauth\",\"auth_provider\":\"p\",\"scopes\":[\"s\"]"), "",
           NULL,
           "[{\"tool_name\":\"x\",\"auth_type\":\"oauth\",\"auth_provider\":\"p\",\"scopes\":"
           "[\"s\"]}]");
}

static void what_the_server_needs(void **state UNUSED)
{
    const struct str names[] = {STR("NOTION_TOKEN")}, scopes[] = {STR("read")};
    const struct server_auth list[] = {
        {.url = STR("HTTP://S/"), .names = names, .count = 1},
        {.url = STR("http://o"),
         .is_oauth = true,
         .provider = STR("acme"),
         .names = scopes,
         .count = 1},
    };
    const struct server_auths servers = {list, ARRAY_LEN(list)};

    expect(TOOL("x", "") ",{\"name\":\"y\",\"mcp_server_url\":\"http://o/\"}", "", &servers,
           "[{\"tool_name\":\"x\",\"auth_type\":\"api_key\",\"required_env_vars\":"
           "[\"NOTION_TOKEN\"]},{\"tool_name\":\"y\",\"auth_type\":\"oauth\",\"auth_provider\":"
           "\"acme\",\"scopes\":[\"read\"]}]");
}

static void each_tool_once(void **state UNUSED)
{
    expect(TOOL("x", "") "," TOOL("x", ""),
           TOOL("z", "") "," TOOL("x", "") ",{\"name\":\"x\",\"mcp_server_url\":\"http://t\"}",
           NULL,
           "[{\"tool_name\":\"x\",\"auth_type\":\"none\"},{\"tool_name\":\"z\",\"auth_type\":"
           "\"none\"},{\"tool_name\":\"x\",\"auth_type\":\"none\",\"mcp_server_url\":\"http://t\"}"
           "]");
}

static const struct CMUnitTest tests[] = {
    TEST("E12, E13: the tools of the documented payload", the_documented_sample),
    TEST("E11: tools that need nothing say so", tools_without_need),
    TEST("what the entry says itself comes first", what_the_entry_says_wins),
    TEST("then what the workspace knows of the server", what_the_server_needs),
    TEST("each tool once, the agent's own first; the same name elsewhere is told apart",
         each_tool_once),
};

int main(void)
{
    int failed;

    arena_init(&arena);
    failed = RUN_TESTS(tests);
    arena_release(&arena);
    return failed;
}
