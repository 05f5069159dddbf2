/* Questions to an MCP server, one after the other. */
#include "native/mcp.h"

#define VERSION STR("2025-06-18")
#define BODY_BYTES_MAX (5 * MIB)
#define HEADERS_MAX 40

static const struct http_budget budget = {
    .dns_ms = 5000,
    .connect_ms = 10000,
    .tls_ms = 10000,
    .first_byte_ms = 120000,
    .total_ms = 130000,
    .body_ms = 300000,
};

/* ---- what comes back ---- */

static void message_read(struct mcp_server *server, struct str text)
{
    const struct json *root, *error;

    if (json_parse(server->arena, text, &root, NULL)) {
        server->error = STR("it answered with what is no JSON");
        server->has_result = true;
        return;
    }
    if (json_i64(json_get(root, "id"), -1) != server->id)
        return; /* a notification, or a question of the server's own */
    server->has_result = true;
    error = json_get(root, "error");
    if (error)
        server->error = arena_printf(server->arena, "it says: %.*s",
                                     STR_ARG(str_first(json_string(json_get(error, "message")).data
                                                           ? json_string(json_get(error, "message"))
                                                           : STR("error"),
                                                       500)));
    else
        server->result = arena_str(server->arena, json_raw(text, STR("result")));
}

static bool stream_read(struct mcp_server *server, struct str piece)
{
    struct sse_event event;
    enum err err;

    while (!server->has_result && !(err = sse_reader_next(&server->sse, &piece, &event)))
        if (event.data.len)
            message_read(server, event.data);
    if (!server->has_result && err == ERR_LIMIT) {
        server->error = STR("its answer is larger than 4 MiB");
        server->has_result = true;
    }
    return server->has_result;
}

static void head_read(struct mcp_server *server, const struct http_result *so_far)
{
    struct str type = http_header_find(so_far->headers, so_far->header_count, "content-type");
    struct str session = http_header_find(so_far->headers, so_far->header_count, "mcp-session-id");

    server->is_stream = !str_is_none(type) && str_starts_nocase(type, STR("text/event-stream"));
    if (!str_is_none(session) && str_is_none(server->session_id))
        server->session_id = arena_str(server->arena, session);
}

static bool on_piece(void *context, const struct http_result *so_far, struct str piece)
{
    struct mcp_server *server = context;

    head_read(server, so_far);
    if (server->is_stream)
        return stream_read(server, piece);
    buf_add(&server->answer, piece);
    return server->answer.failed;
}

static void finish(struct mcp_server *server, struct str why)
{
    if (!str_is_none(why))
        why = arena_printf(server->arena, "the MCP server %.*s cannot be used: %.*s",
                           STR_ARG(server->text), STR_ARG(why));
    server->on_done(server, why);
}

static struct str failure_of(struct mcp_server *server, const struct wire_end *end)
{
    if (end->outcome == HTTP_DENIED)
        return arena_printf(server->arena,
                            "its address may not be connected to (%s); runbell.egress.allow "
                            "opens it",
                            end->rule ? end->rule : end->why);
    if (end->outcome != HTTP_ANSWERED)
        return str_of(end->why);
    if (end->status / 100 != 2)
        return arena_printf(server->arena, "it answered %d: %.*s", end->status,
                            STR_ARG(str_first(str_trim(end->body), 300)));
    return STR_NONE;
}

static void on_end(void *context, const struct wire_end *end)
{
    struct mcp_server *server = context;
    struct str why = failure_of(server, end);

    if (str_is_none(why) && server->answer.failed)
        why = STR("its answer is larger than 4 MiB");
    if (str_is_none(why) && server->id && !server->is_stream && !server->has_result)
        message_read(server, buf_str(&server->answer));
    if (str_is_none(why))
        why = server->error;
    if (str_is_none(why) && server->id && str_is_none(server->result))
        why = STR("its answer ended before the result");
    if (!str_is_none(why))
        finish(server, why);
    else
        server->on_reply(server);
}

static const struct wire_events events = {on_piece, on_end};

/* ---- questions ---- */

static size_t headers_of(struct mcp_server *server, struct http_header *headers)
{
    size_t count = 0;

    headers[count++] = (struct http_header){STR("Content-Type"), STR("application/json")};
    headers[count++] =
        (struct http_header){STR("Accept"), STR("application/json, text/event-stream")};
    if (!str_is_none(server->session_id))
        headers[count++] = (struct http_header){STR("Mcp-Session-Id"), server->session_id};
    if (!str_is_none(server->version))
        headers[count++] = (struct http_header){STR("MCP-Protocol-Version"), server->version};
    for (size_t i = 0; i < server->header_count && count < HEADERS_MAX; i++)
        headers[count++] = server->headers[i];
    return count;
}

/* `params` is a JSON object; a notification has no id and no answer. */
static void ask(struct mcp_server *server, const char *method, struct str params, bool has_id)
{
    struct http_header *headers = ARENA_ARRAY(server->arena, struct http_header, HEADERS_MAX);
    static int64_t last_id; /* main loop only */
    struct http_client_request request = {
        .https = server->url.scheme_is_https,
        .host = server->url.host,
        .port = server->url.port,
        .method = STR("POST"),
        .target = server->url.target,
        .headers = headers,
        .header_count = headers_of(server, headers),
        .budget = budget,
    };

    server->id = has_id ? ++last_id : 0;
    server->result = server->error = STR_NONE;
    server->has_result = server->is_stream = false;
    buf_clear(&server->answer);
    sse_reader_release(&server->sse);
    sse_reader_init(&server->sse, MCP_ANSWER_BYTES_MAX);
    buf_clear(&server->body);
    buf_addf(&server->body, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\"", method);
    if (has_id)
        buf_addf(&server->body, ",\"id\":%lld", (long long)server->id);
    if (!str_is_none(params)) {
        buf_add_cstr(&server->body, ",\"params\":");
        buf_add(&server->body, params);
    }
    buf_add_char(&server->body, '}');
    request.body = buf_str(&server->body);
    wire_start(&server->wire, &request, &events, server);
}

/* ---- opening ---- */

static void tools_ask(struct mcp_server *server, struct str cursor);

static void tool_read(struct mcp_server *server, struct str text)
{
    struct mcp_tool *tool = &server->tools[server->tool_count];
    const struct json *json;
    struct str schema = json_raw(text, STR("inputSchema"));

    if (server->tool_count == MCP_TOOLS_MAX || json_parse(server->arena, text, &json, NULL) ||
        str_is_none(json_string(json_get(json, "name"))))
        return;
    *tool = (struct mcp_tool){.name = json_string(json_get(json, "name")),
                              .description = json_string(json_get(json, "description")),
                              .schema = schema};
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

    if (json_parse(server->arena, server->result, &root, NULL) == OK)
        cursor = json_string(json_get(root, "nextCursor"));
    if (!str_is_none(list) && list.len && list.data[0] == '[')
        while (json_raw_next(list, &at, &key, &value))
            tool_read(server, value);
    if (!str_is_none(cursor) && at > 2 && server->tool_count < MCP_TOOLS_MAX) {
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

    buf_init(&out, 64 * KIB);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    if (!str_is_none(cursor))
        json_put_str(&json, "cursor", cursor);
    json_end_object(&json);
    server->on_reply = on_tools;
    ask(server, "tools/list", buf_str(&out), true);
    buf_release(&out);
}

static void on_told(struct mcp_server *server)
{
    tools_ask(server, STR_NONE);
}

static void on_hello(struct mcp_server *server)
{
    const struct json *root;

    server->version = VERSION;
    if (json_parse(server->arena, server->result, &root, NULL) == OK &&
        !str_is_none(json_string(json_get(root, "protocolVersion"))))
        server->version = json_string(json_get(root, "protocolVersion"));
    server->on_reply = on_told;
    ask(server, "notifications/initialized", STR_NONE, false);
}

void mcp_open(struct mcp_server *server, void (*on_done)(struct mcp_server *, struct str why),
              void *context)
{
    server->on_done = on_done;
    server->context = context;
    server->on_reply = on_hello;
    server->tools = ARENA_ARRAY(server->arena, struct mcp_tool, MCP_TOOLS_MAX + 1);
    server->tool_count = 0;
    ask(server, "initialize",
        STR("{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},"
            "\"clientInfo\":{\"name\":\"runbell\",\"version\":\"1\"}}"),
        true);
}

/* ---- calling ---- */

static void on_result(struct mcp_server *server)
{
    finish(server, STR_NONE);
}

void mcp_call(struct mcp_server *server, struct str tool, struct str args,
              void (*on_done)(struct mcp_server *, struct str why), void *context)
{
    struct json_writer json;
    struct buf out;

    server->on_done = on_done;
    server->context = context;
    server->on_reply = on_result;
    buf_init(&out, BODY_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "name", tool);
    json_put_raw(&json, "arguments", args);
    json_end_object(&json);
    ask(server, "tools/call", buf_str(&out), true);
    buf_release(&out);
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
    *server = (struct mcp_server){.arena = arena};
    wire_init(&server->wire, loop, client);
    buf_init(&server->body, BODY_BYTES_MAX);
    buf_init(&server->answer, MCP_ANSWER_BYTES_MAX);
    sse_reader_init(&server->sse, MCP_ANSWER_BYTES_MAX);
}

void mcp_stop(struct mcp_server *server)
{
    wire_stop(&server->wire);
}

void mcp_release(struct mcp_server *server)
{
    mcp_stop(server);
    buf_release(&server->body);
    buf_release(&server->answer);
    sse_reader_release(&server->sse);
}
