/* Whatever an MCP server says: it is a reply with just one of result and error, or none; lists of
 * tools keep to their limit, and what is taken from them can be spliced into JSON. */
#include "native/mcp_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_json(struct arena *arena, struct str text)
{
    const struct json *json;

    return json_parse(arena, text, &json, NULL) == OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_range((const char *)data, size), why = STR_NONE, version;
    struct mcp_message message;
    struct mcp_tool *tools;
    struct arena arena;
    size_t count = 0;
    bool is_error;

    arena_init(&arena);
    message = mcp_message_read(&arena, text, 1);
    REQUIRE(message.is_reply == (str_is_none(message.result) != str_is_none(message.error)));
    tools = ARENA_ARRAY(&arena, struct mcp_tool, MCP_TOOLS_MAX + 1);
    mcp_tools_read(&arena, text, tools, &count);
    mcp_tools_read(&arena, str_is_none(message.result) ? text : message.result, tools, &count);
    REQUIRE(count <= MCP_TOOLS_MAX);
    for (size_t i = 0; i < count; i++)
        REQUIRE(is_json(&arena, tools[i].schema) && is_json(&arena, tools[i].text));
    version = mcp_version_read(&arena, text, &why);
    REQUIRE(str_is_none(version) != str_is_none(why));
    mcp_result_text(&arena, text, &is_error);
    arena_release(&arena);
    return 0;
}
