/* mcp_message.c -- JSON-RPC of MCP servers, read. */
#include "native/mcp_message.h"

/* The newest first: the messages used here are the same in all of them. */
static const char *const versions[] = {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05",
                                       NULL};

static struct str error_words(struct arena *arena, const struct json *error)
{
    struct str words = json_string(json_get(error, "message"));

    return arena_printf(arena, "it says: %.*s",
                        STR_ARG(str_is_none(words) ? STR("error") : str_first(words, 500)));
}

struct mcp_message mcp_message_read(struct arena *arena, struct str text, int64_t id)
{
    struct mcp_message message = {.result = STR_NONE, .error = STR_NONE};
    const struct json *root, *error;

    if (json_parse(arena, text, &root, NULL)) {
        message.is_reply = true;
        message.error = STR("it answered with what is no JSON");
        return message;
    }
    if (str_eq(json_string(json_get(root, "method")), STR("notifications/tools/list_changed")))
        message.tools_changed = true;
    if (json_get(root, "method") || json_i64(json_get(root, "id"), -1) != id)
        return message; /* a notice, or a question of the server's own */
    message.is_reply = true;
    error = json_get(root, "error");
    if (error)
        message.error = error_words(arena, error);
    else
        message.result = arena_str(arena, json_raw(text, STR("result")));
    if (str_is_none(message.error) && str_is_none(message.result))
        message.error = STR("its answer has no result");
    return message;
}

/* ---- tools ---- */

static void tool_read(struct arena *arena, struct str text, struct mcp_tool *tools, size_t *count)
{
    struct mcp_tool *tool = &tools[*count];
    const struct json *json;
    struct str schema;

    if (*count == MCP_TOOLS_MAX || json_parse(arena, text, &json, NULL) ||
        str_is_none(json_string(json_get(json, "name"))))
        return;
    schema = json_raw(text, STR("inputSchema"));
    *tool = (struct mcp_tool){.name = json_string(json_get(json, "name")),
                              .description = json_string(json_get(json, "description")),
                              .schema = schema,
                              .text = text};
    if (str_is_none(tool->description))
        tool->description = STR("");
    if (str_is_none(schema) || schema.data[0] != '{')
        tool->schema = STR("{\"type\":\"object\",\"properties\":{}}");
    (*count)++;
}

struct str mcp_tools_read(struct arena *arena, struct str result, struct mcp_tool *tools,
                          size_t *count)
{
    struct str list, key, value;
    const struct json *root;
    size_t at = 0;

    if (json_parse(arena, result, &root, NULL) || json_type(root) != JSON_OBJECT)
        return STR_NONE;
    list = json_raw(result, STR("tools"));
    if (!str_is_none(list) && list.len && list.data[0] == '[')
        while (json_raw_next(list, &at, &key, &value))
            tool_read(arena, value, tools, count);
    value = json_string(json_get(root, "nextCursor"));
    return str_is_empty(value) ? STR_NONE : value;
}

/* ---- versions ---- */

struct str mcp_version_newest(void)
{
    return str_of(versions[0]);
}

struct str mcp_version_read(struct arena *arena, struct str result, struct str *why)
{
    struct str version = STR_NONE;
    const struct json *root;

    if (json_parse(arena, result, &root, NULL) == OK)
        version = json_string(json_get(root, "protocolVersion"));
    if (str_is_one_of(version, versions))
        return version;
    *why = arena_printf(arena, "it speaks version %.*s of the protocol, which is not known here",
                        STR_ARG(str_is_none(version) ? STR("?") : str_first(version, 40)));
    return STR_NONE;
}

/* ---- results ---- */

/* Its text blocks; of others what they are. */
struct str mcp_result_text(struct arena *arena, struct str result, bool *is_error)
{
    const struct json *root, *content;
    struct str text;
    struct buf out;

    *is_error = true;
    if (json_parse(arena, result, &root, NULL))
        return STR("");
    *is_error = json_bool(json_get(root, "isError"), false);
    content = json_get(root, "content");
    buf_init(&out, MCP_ANSWER_BYTES_MAX);
    for (size_t i = 0; i < json_count(content); i++) {
        const struct json *block = json_item(content, i);
        struct str piece = json_string(json_get(block, "text"));

        if (i)
            buf_add_char(&out, '\n');
        if (str_is_none(piece))
            buf_addf(&out, "[%.*s]", STR_ARG(json_string(json_get(block, "type"))));
        else
            buf_add(&out, piece);
    }
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}
