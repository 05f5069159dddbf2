/* Questions to an MCP server: its session, its tools, their calls. */
#include "native/mcp.h"

#define BODY_BYTES_MAX (5 * MIB)
#define PAGES_MAX 50

static void initialize(struct mcp_server *server);
static void tools_ask(struct mcp_server *server, struct str cursor);
static void call_ask(struct mcp_server *server);

static void finish(struct mcp_server *server, struct str why)
{
    if (!str_is_none(why))
        why = arena_printf(server->link.arena, "the MCP server %.*s cannot be used: %.*s",
                           STR_ARG(server->text), STR_ARG(why));
    server->on_done(server, why);
}

/* A server may forget a session when it likes, and says so by 404: another one is begun, once, and
 * the question asked again. */
static void on_reply(struct mcp_link *link, const struct mcp_reply *reply)
{
    struct mcp_server *server = CONTAINER_OF(link, struct mcp_server, link);

    if (reply->is_session_over && !server->is_renewed) {
        server->is_renewed = true;
        link->session_id = STR_NONE;
        initialize(server);
        return;
    }
    server->result = reply->result;
    if (!str_is_none(reply->error))
        finish(server, reply->error);
    else
        server->on_reply(server);
}

/* ---- a session ---- */

/* What we speak, the newest first: the messages used here are the same in all of them. */
static const char *const versions[] = {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"};

static void on_told(struct mcp_server *server)
{
    if (str_is_none(server->tool))
        tools_ask(server, STR_NONE);
    else
        call_ask(server);
}

static void on_hello(struct mcp_server *server)
{
    const struct json *root;
    struct str version = STR_NONE;

    if (json_parse(server->link.arena, server->result, &root, NULL) == OK)
        version = json_string(json_get(root, "protocolVersion"));
    for (size_t i = 0; i < ARRAY_LEN(versions); i++)
        if (str_eq(version, str_of(versions[i]))) {
            server->link.version = version;
            server->on_reply = on_told;
            mcp_link_ask(&server->link, "notifications/initialized", STR_NONE, false);
            return;
        }
    finish(server, arena_printf(server->link.arena,
                                "it speaks version %.*s of the protocol, which is not known here",
                                STR_ARG(str_is_none(version) ? STR("?") : str_first(version, 40))));
}

static void initialize(struct mcp_server *server)
{
    server->link.version = STR_NONE;
    server->on_reply = on_hello;
    mcp_link_ask(&server->link, "initialize",
                 arena_printf(server->link.arena,
                              "{\"protocolVersion\":\"%s\",\"capabilities\":{},"
                              "\"clientInfo\":{\"name\":\"runbell\",\"version\":\"1\"}}",
                              versions[0]),
                 true);
}

/* ---- its tools ---- */

static void tool_read(struct mcp_server *server, struct str text)
{
    struct mcp_tool *tool = &server->tools[server->tool_count];
    const struct json *json;
    struct str schema = json_raw(text, STR("inputSchema"));

    if (server->tool_count == MCP_TOOLS_MAX || json_parse(server->link.arena, text, &json, NULL) ||
        str_is_none(json_string(json_get(json, "name"))))
        return;
    *tool = (struct mcp_tool){.name = json_string(json_get(json, "name")),
                              .description = json_string(json_get(json, "description")),
                              .schema = schema,
                              .text = text};
    if (str_is_none(tool->description))
        tool->description = STR("");
    if (str_is_none(schema))
        tool->schema = STR("{\"type\":\"object\",\"properties\":{}}");
    server->tool_count++;
}

static void on_tools(struct mcp_server *server)
{
    struct str list = json_raw(server->result, STR("tools")), key, value;
    const struct json *root;
    struct str cursor = STR_NONE;
    size_t at = 0;

    if (json_parse(server->link.arena, server->result, &root, NULL) == OK)
        cursor = json_string(json_get(root, "nextCursor"));
    if (!str_is_none(list) && list.len && list.data[0] == '[')
        while (json_raw_next(list, &at, &key, &value))
            tool_read(server, value);
    if (!str_is_empty(cursor) && ++server->pages < PAGES_MAX &&
        server->tool_count < MCP_TOOLS_MAX) {
        tools_ask(server, cursor);
        return;
    }
    server->is_ready = true;
    finish(server, STR_NONE);
}

static void tools_ask(struct mcp_server *server, struct str cursor)
{
    struct json_writer json;
    struct buf out;

    if (str_is_none(cursor)) { /* from the first page on */
        server->tools = ARENA_ARRAY(server->link.arena, struct mcp_tool, MCP_TOOLS_MAX + 1);
        server->tool_count = 0;
        server->pages = 0;
    }
    buf_init(&out, 64 * KIB);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    if (!str_is_none(cursor))
        json_put_str(&json, "cursor", cursor);
    json_end_object(&json);
    server->on_reply = on_tools;
    mcp_link_ask(&server->link, "tools/list", buf_str(&out), true);
    buf_release(&out);
}

void mcp_open(struct mcp_server *server, void (*on_done)(struct mcp_server *, struct str why),
              void *context)
{
    server->on_done = on_done;
    server->context = context;
    server->tool = STR_NONE;
    server->is_renewed = false;
    if (str_is_none(server->link.version))
        initialize(server);
    else
        tools_ask(server, STR_NONE);
}

/* ---- calling ---- */

static void on_result(struct mcp_server *server)
{
    if (server->link.tools_changed)
        server->is_ready = false;
    server->link.tools_changed = false;
    finish(server, STR_NONE);
}

static void call_ask(struct mcp_server *server)
{
    struct json_writer json;
    struct buf out;

    server->on_reply = on_result;
    buf_init(&out, BODY_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "name", server->tool);
    json_put_raw(&json, "arguments", server->args);
    json_end_object(&json);
    mcp_link_ask(&server->link, "tools/call", buf_str(&out), true);
    buf_release(&out);
}

void mcp_call(struct mcp_server *server, struct str tool, struct str args,
              void (*on_done)(struct mcp_server *, struct str why), void *context)
{
    server->on_done = on_done;
    server->context = context;
    server->tool = tool;
    server->args = args;
    server->is_renewed = false;
    call_ask(server);
}

/* What a tool gives, as text: its text blocks; of others what they are. */
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

/* ---- begin and end ---- */

void mcp_init(struct mcp_server *server, struct loop *loop, struct http_client *client,
              struct arena *arena)
{
    *server = (struct mcp_server){.tool = STR_NONE};
    mcp_link_init(&server->link, loop, client, arena);
    server->link.on_reply = on_reply;
}

void mcp_stop(struct mcp_server *server)
{
    mcp_link_stop(&server->link);
}

void mcp_release(struct mcp_server *server)
{
    mcp_link_release(&server->link);
}
