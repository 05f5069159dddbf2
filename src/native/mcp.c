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

static void on_told(struct mcp_server *server)
{
    if (str_is_none(server->tool))
        tools_ask(server, STR_NONE);
    else
        call_ask(server);
}

static void on_hello(struct mcp_server *server)
{
    struct str why;

    server->link.version = mcp_version_read(server->link.arena, server->result, &why);
    if (str_is_none(server->link.version)) {
        finish(server, why);
        return;
    }
    server->on_reply = on_told;
    mcp_link_ask(&server->link, "notifications/initialized", STR_NONE, false);
}

static void initialize(struct mcp_server *server)
{
    server->link.version = STR_NONE;
    server->on_reply = on_hello;
    mcp_link_ask(&server->link, "initialize",
                 arena_printf(server->link.arena,
                              "{\"protocolVersion\":\"%.*s\",\"capabilities\":{},"
                              "\"clientInfo\":{\"name\":\"runbell\",\"version\":\"1\"}}",
                              STR_ARG(mcp_version_newest())),
                 true);
}

/* ---- its tools ---- */

static void on_tools(struct mcp_server *server)
{
    struct str cursor =
        mcp_tools_read(server->link.arena, server->result, server->tools, &server->tool_count);

    if (!str_is_none(cursor) && ++server->pages < PAGES_MAX && server->tool_count < MCP_TOOLS_MAX) {
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
