/* /mcp: assistants as tools of the Model Context Protocol, by its HTTP transport, without sessions.
 *
 * tools/list asks the workers for the input of one assistant after the other. tools/call makes a
 * stateless run and answers with what it comes to (run_stream.c writes that). Whatever is wrong
 * with a message is told as JSON-RPC does. */
#include "api/route.h"
#include "api/runs_priv.h"

#include "store/assistants.h"

#define TOOLS_MAX 1000 /* of a workspace: those that were made first */
#define TOOLS_OF_A_PAGE 50
#define NAME_CHARS_MAX 64
#define NAME_ID_CHARS 8 /* of the id, behind a name that is taken */

enum rpc_error {
    RPC_PARSE = -32700,
    RPC_REQUEST = -32600,
    RPC_METHOD = -32601,
    RPC_PARAMS = -32602
};

struct mcp_call {
    struct str id; /* of the request, as JSON */
    struct str params;
    struct str tool;            /* its name */
    struct create_call *create; /* the run that is the tool's call */
    struct assistant *assistants;
    struct str *names;
    size_t count, at, end; /* all; the page that is being told */
};

/* ---- messages ---- */

static struct json_writer *answer_begin(struct call *call, int status, struct str id)
{
    struct json_writer *json = call_json(call, status);

    json_begin_object(json);
    json_put_str(json, "jsonrpc", STR("2.0"));
    json_put_raw(json, "id", id);
    return json;
}

static enum err rpc_fail(struct call *call, int status, struct str id, enum rpc_error code,
                         struct str message)
{
    struct json_writer *json = answer_begin(call, status, id);

    json_key(json, "error");
    json_begin_object(json);
    json_put_i64(json, "code", code);
    json_put_str(json, "message", message);
    json_end_object(json);
    json_end_object(json);
    return OK;
}

static enum err params_fail(struct call *call, const struct mcp_call *mcp, struct str message)
{
    return rpc_fail(call, 200, mcp->id, RPC_PARAMS, message);
}

/* ---- tools ---- */

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* A name that clients and models take: of a few letters only. */
static struct str plain_name(struct arena *arena, const struct assistant *assistant)
{
    char *name = arena_cstr(arena, str_first(assistant->name, NAME_CHARS_MAX));

    for (char *c = name; *c; c++)
        if (!is_name_char(*c))
            *c = '_';
    return *name ? str_of(name) : assistant->assistant_id;
}

static bool is_taken(const struct str *names, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(names[i], name))
            return true;
    return false;
}

/* Who had a name first keeps it. */
static struct str own_name(struct arena *arena, const struct assistant *assistant,
                           const struct str *names, size_t count)
{
    struct str name = plain_name(arena, assistant), id = assistant->assistant_id;

    if (!is_taken(names, count, name))
        return name;
    name = str_first(name, NAME_CHARS_MAX - NAME_ID_CHARS - 1);
    id = str_from(id, id.len > NAME_ID_CHARS ? id.len - NAME_ID_CHARS : 0);
    return arena_printf(arena, "%.*s_%.*s", STR_ARG(name), STR_ARG(id));
}

static const struct graph *graph_of(const struct call *call, const struct assistant *assistant)
{
    return graphs_find(&call->setup->agent->graphs, assistant->graph_id);
}

/* Those whose graph runs here. */
static enum err tools_load(struct tx *tx, struct call *call, struct mcp_call *mcp)
{
    const struct assistant_filter filter = {
        .tenant = call->principal.tenant,
        .sort_by = STR("created_at"),
        .ascending = true,
        .limit = TOOLS_MAX,
    };
    size_t found, count = 0;
    enum err err = assistant_search(tx, &filter, call->arena, &mcp->assistants, &found);

    if (err)
        return err;
    mcp->names = ARENA_ARRAY(call->arena, struct str, found + 1);
    for (size_t i = 0; i < found; i++) {
        if (!graph_of(call, &mcp->assistants[i]))
            continue;
        mcp->assistants[count] = mcp->assistants[i];
        mcp->names[count] = own_name(call->arena, &mcp->assistants[count], mcp->names, count);
        count++;
    }
    mcp->count = count;
    return OK;
}

/* ---- tools/list ---- */

/* What a client has to know of a conversation: graphs describe every kind of message there is. */
#define MESSAGES_SCHEMA                                                                            \
    "{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"                          \
    "\"role\":{\"type\":\"string\"},\"content\":{\"type\":\"string\"}},"                           \
    "\"required\":[\"role\",\"content\"]}}"

static void properties_put(struct json_writer *json, struct str properties, bool *refers)
{
    struct str key, value;
    size_t at = 0;

    json_key(json, "properties");
    json_begin_object(json);
    while (!str_is_none(properties) && json_raw_next(properties, &at, &key, &value)) {
        bool is_messages = str_eq(key, STR("messages")) && str_contains(value, STR("Message"));

        json_key_raw(json, key);
        json_raw_out(json, is_messages ? STR(MESSAGES_SCHEMA) : value);
        *refers |= !is_messages && str_contains(value, STR("\"$ref\""));
    }
    json_end_object(json);
}

static void put_if_there(struct json_writer *json, struct str object, const char *key)
{
    struct str value = json_raw(object, str_of(key));

    if (!str_is_none(value))
        json_put_raw(json, key, value);
}

/* `answer`: what a worker says of the graph's schemas; STR_NONE: nothing. */
static void input_put(struct json_writer *json, struct str answer)
{
    struct str schema =
        str_starts(answer, STR("{")) ? json_raw(answer, STR("input_schema")) : STR_NONE;
    bool refers = false;

    json_key(json, "inputSchema");
    json_begin_object(json);
    json_put_str(json, "type", STR("object"));
    if (str_starts(schema, STR("{")) && str_eq(json_raw(schema, STR("type")), STR("\"object\""))) {
        properties_put(json, json_raw(schema, STR("properties")), &refers);
        put_if_there(json, schema, "required");
        if (refers)
            put_if_there(json, schema, "$defs");
        if (refers)
            put_if_there(json, schema, "definitions");
    }
    json_end_object(json);
}

static struct str description_of(const struct call *call, const struct assistant *assistant)
{
    struct str of_graph = graph_of(call, assistant)->description;

    if (!str_is_none(assistant->description))
        return assistant->description;
    return str_is_none(of_graph) ? assistant->name : of_graph;
}

static enum err list_next(struct call *call);

static enum err tool_put(struct call *call)
{
    struct mcp_call *mcp = call->data;
    const struct assistant *assistant = &mcp->assistants[mcp->at];
    struct json_writer *json = &call->json;

    json_begin_object(json);
    json_put_str(json, "name", mcp->names[mcp->at]);
    json_put_str(json, "title", assistant->name);
    json_put_str(json, "description", description_of(call, assistant));
    input_put(json, call->ask_err ? STR_NONE : call->ask_answer);
    json_end_object(json);
    mcp->at++;
    return list_next(call);
}

/* Asks about the next one, or ends the list. */
static enum err list_next(struct call *call)
{
    struct mcp_call *mcp = call->data;
    struct json_writer *json = &call->json;

    if (mcp->at < mcp->end) {
        const struct assistant *assistant = &mcp->assistants[mcp->at];

        call->ask.ask.kind = ASK_GRAPH_SCHEMAS;
        call->ask.ask.tenant = assistant->tenant;
        call->ask.ask.graph_id = assistant->graph_id;
        call->ask.ask.config = assistant->config;
        return call_then_ask(call, tool_put);
    }
    json_end_array(json);
    if (mcp->end < mcp->count)
        json_put_str(json, "nextCursor",
                     arena_printf(call->arena, "%llu", (unsigned long long)mcp->end));
    json_end_object(json);
    json_end_object(json);
    return OK;
}

static enum err list_read(struct tx *tx, struct call *call)
{
    struct mcp_call *mcp = call->data;
    struct json_writer *json;
    enum err err = tools_load(tx, call, mcp);

    if (err)
        return err;
    mcp->end = mcp->at + TOOLS_OF_A_PAGE;
    if (mcp->end > mcp->count)
        mcp->end = mcp->count;
    json = answer_begin(call, 200, mcp->id);
    json_key(json, "result");
    json_begin_object(json);
    json_key(json, "tools");
    json_begin_array(json);
    return list_next(call);
}

static enum err list_start(struct call *call, struct mcp_call *mcp)
{
    const struct json *cursor = json_get(json_get(call->body, "params"), "cursor");
    int64_t at = 0;

    if (!json_is_absent(cursor) &&
        (str_to_i64(json_string(cursor), &at) || at < 0 || at > TOOLS_MAX))
        return params_fail(call, mcp, STR("cursor: is none of this list"));
    mcp->at = (size_t)at;
    return call_then_read(call, list_read);
}

/* ---- tools/call ---- */

static enum err call_apply(struct tx *tx, struct call *call)
{
    struct mcp_call *mcp = call->data;
    enum err err = tools_load(tx, call, mcp);

    if (err)
        return err;
    for (size_t i = 0; i < mcp->count; i++) {
        if (!str_eq(mcp->names[i], mcp->tool))
            continue;
        err = runs_tool_create(tx, call, mcp->create, mcp->assistants[i].assistant_id);
        call->stream.tool_id = mcp->id;
        return err;
    }
    return params_fail(call, mcp,
                       arena_printf(call->arena, "Unknown tool: %.*s", STR_ARG(mcp->tool)));
}

/* The body of /runs/wait that says the same; the assistant is found by the tool's name later. */
static struct str run_body(struct call *call, const struct mcp_call *mcp)
{
    struct str input = json_raw(mcp->params, STR("arguments"));
    struct str context = json_raw(mcp->params, STR("context"));
    struct json_writer json;
    struct buf out;

    buf_init(&out, mcp->params.len + KIB);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "assistant_id", mcp->tool);
    json_put_raw(&json, "input", str_is_none(input) ? STR("{}") : input);
    if (!str_is_none(context))
        json_put_raw(&json, "context", context);
    json_end_object(&json);
    return buf_keep(&out, call->arena);
}

static enum err call_start(struct call *call, struct mcp_call *mcp)
{
    const struct json *params = json_get(call->body, "params");
    const struct json *arguments = json_get(params, "arguments");
    enum err err;

    mcp->tool = json_string(json_get(params, "name"));
    if (str_is_empty(mcp->tool))
        return params_fail(call, mcp, STR("name: must be the name of a tool"));
    if (!json_is_absent(arguments) && json_type(arguments) != JSON_OBJECT)
        return params_fail(call, mcp, STR("arguments: must be an object"));
    err = runs_tool_read(call, run_body(call, mcp), &mcp->create);
    return err ? err : call_then_write(call, call_apply);
}

/* ---- the other methods ---- */

static enum err initialize(struct call *call, struct mcp_call *mcp)
{
    static const char *const known[] = {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25",
                                        NULL};
    struct str asked = json_string(json_get(json_get(call->body, "params"), "protocolVersion"));
    struct json_writer *json = answer_begin(call, 200, mcp->id);

    json_key(json, "result");
    json_begin_object(json);
    json_put_str(json, "protocolVersion",
                 !str_is_none(asked) && str_is_one_of(asked, known) ? asked : STR("2025-11-25"));
    json_put_raw(json, "capabilities", STR("{\"tools\":{\"listChanged\":false}}"));
    json_key(json, "serverInfo");
    json_begin_object(json);
    json_put_str(json, "name", STR("runbell"));
    json_put_str(json, "version", STR(RUNBELL_VERSION));
    json_end_object(json);
    json_end_object(json);
    json_end_object(json);
    return OK;
}

static enum err ping(struct call *call, struct mcp_call *mcp)
{
    struct json_writer *json = answer_begin(call, 200, mcp->id);

    json_put_raw(json, "result", STR("{}"));
    json_end_object(json);
    return OK;
}

static enum err method_start(struct call *call, struct mcp_call *mcp, struct str method)
{
    static const struct {
        const char *name;
        enum err (*start)(struct call *call, struct mcp_call *mcp);
    } methods[] = {
        {"initialize", initialize},
        {"ping", ping},
        {"tools/list", list_start},
        {"tools/call", call_start},
    };

    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (str_eq(method, str_of(methods[i].name)))
            return methods[i].start(call, mcp);
    return rpc_fail(call, 200, mcp->id, RPC_METHOD,
                    STR("known methods are initialize, ping, tools/list, tools/call"));
}

/* ---- the request ---- */

static bool accepts_both(const struct call *call)
{
    struct str accept =
        http_header_find(call->request->headers, call->request->header_count, "accept");

    return !str_is_none(accept) &&
           (str_contains(accept, STR("*/*")) || (str_contains(accept, STR("application/json")) &&
                                                 str_contains(accept, STR("text/event-stream"))));
}

static enum err mcp_prepare(struct call *call)
{
    struct mcp_call *mcp = ARENA_NEW(call->arena, struct mcp_call);
    struct str method, params;
    enum json_type type;

    if (!accepts_both(call))
        return call_fail(call, 406,
                         "accept: must name both application/json and text/event-stream");
    if (call_body_object(call))
        return rpc_fail(call, 400, STR("null"), RPC_PARSE, STR("the body must be a JSON object"));
    call->data = mcp;
    method = json_string(json_get(call->body, "method"));
    type = json_type(json_get(call->body, "id"));
    params = json_raw(call->body_text, STR("params"));
    mcp->id = json_raw(call->body_text, STR("id"));
    mcp->params = str_starts(params, STR("{")) ? params : STR("{}");
    if (str_is_none(method) && (json_get(call->body, "result") || json_get(call->body, "error")))
        return call_empty(call, 202); /* an answer: this server asks nothing */
    if (!str_eq(json_string(json_get(call->body, "jsonrpc")), STR("2.0")) || str_is_none(method))
        return rpc_fail(call, 400, STR("null"), RPC_REQUEST,
                        STR("the body must be a message of JSON-RPC 2.0 with a method"));
    if (str_is_none(mcp->id))
        return call_empty(call, 202); /* a notification */
    if (type != JSON_STRING && type != JSON_NUMBER)
        return rpc_fail(call, 400, STR("null"), RPC_REQUEST, STR("id: must be a text or a number"));
    return method_start(call, mcp, method);
}

static enum err session_end(struct call *call)
{
    return call_fail(call, 404, "There are no sessions: every request stands for itself.");
}

static const struct route routes[] = {
    {HTTP_POST, "/mcp", mcp_prepare, PERMIT_RUN, ROUTE_FOLLOWS,
     "Assistants as tools of the Model Context Protocol"},
    {HTTP_POST, "/mcp/", mcp_prepare, PERMIT_RUN, ROUTE_FOLLOWS, "The same"},
    {HTTP_DELETE, "/mcp", session_end, PERMIT_RUN, 0, "End a session: there are none"},
};

const struct route_list routes_mcp = {routes, ARRAY_LEN(routes)};
