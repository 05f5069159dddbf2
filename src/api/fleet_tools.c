/* /v1/fleet/mcp/tools and …/tool-auth-requirements: which tools an MCP server has, and what those
 * of an agent need. */
#include "api/fleet_priv.h"

#include "base/map.h"
#include "format/url.h"

#define SERVER_URL_BYTES_MAX 2048

/* ---- of a server ---- */

static enum err answered(struct call *call)
{
    if (call->ask_err == ERR_IO)
        return call_fail(call, 502, "%.*s", STR_ARG(call->ask_answer));
    if (call->ask_err == ERR_INVALID)
        return call_fail(call, 422, "%.*s", STR_ARG(call->ask_answer));
    return call_reply_answer(call);
}

static enum err tools_prepare(struct call *call)
{
    struct str text = query_get(&call->query, "url");
    struct json_writer json;
    bool refresh = false;
    const char *why = "must not be relative";
    struct url url;
    struct buf out;
    enum err err = call_query_bool(call, "force_refresh", &refresh);

    if (err)
        return err;
    if (str_is_empty(text) || text.len > SERVER_URL_BYTES_MAX ||
        url_parse(call->arena, text, &url, &why) || url.is_relative) {
        call_fail(call, 422, "url: must be the http or https URL of an MCP server");
        return ERR_INVALID;
    }
    buf_init(&out, 8 * KIB);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "url", text);
    json_put_bool(&json, "refresh", refresh);
    json_end_object(&json);
    call->ask.ask.kind = ASK_MCP_TOOLS;
    call->ask.ask.tenant = call->principal.tenant;
    call->ask.ask.graph_id = FLEET_GRAPH;
    call->ask.ask.body = arena_str(call->arena, buf_str(&out));
    buf_release(&out);
    return call_then_ask(call, answered);
}

/* ---- of an agent ---- */

/* The names of variables that the tools need, once each: those the workspace has as secrets, or
 * those that it lacks. */
static void put_names(struct call *call, const char *key, const struct json *needs,
                      const struct secrets *secrets, bool present)
{
    struct json_writer *json = &call->json;
    struct map seen;

    map_init(&seen);
    json_key(json, key);
    json_begin_array(json);
    for (size_t i = 0; i < json_count(needs); i++) {
        const struct json *names = json_get(json_item(needs, i), "required_env_vars");

        for (size_t n = 0; n < json_count(names); n++) {
            struct str name = json_string(json_item(names, n));

            if (map_find(&seen, name) || fleet_has_secret(call->arena, secrets, name) != present)
                continue;
            map_put(&seen, name, call);
            json_str_out(json, name);
        }
    }
    json_end_array(json);
    map_release(&seen);
}

static enum err needs_apply(struct tx *tx, struct call *call)
{
    const int64_t *version = call->data;
    struct server_auths servers = {.count = 0};
    struct tree_version found;
    struct tree_files files;
    struct fleet_agent agent;
    struct secrets secrets;
    const struct json *needs;
    struct json_writer *json;
    struct tree_key key;
    struct str text;
    enum err err = fleet_agent_of(tx, call, AGENT_READ, &agent);

    if (err)
        return err;
    key = (struct tree_key){agent.tenant, agent.agent_id};
    err = tree_version_get(tx, &key, *version, tx->arena, &found);
    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "the agent has no version %lld", (long long)*version);
    if (err || (err = tree_read(tx, &key, found.version, tx->arena, &files)) ||
        (err = fleet_server_auths(tx, call, &servers)) ||
        (err = fleet_secrets_of(tx, call, SECRET_WORKSPACE, &secrets)))
        return err;
    text = tool_auth_requirements(call->arena, &files, &servers);
    if ((err = json_parse(call->arena, text, &needs, NULL)))
        return err;
    json = call_json(call, 200);
    json_begin_object(json);
    json_put_raw(json, "tool_auth_requirements", text);
    put_names(call, "present_secrets", needs, &secrets, true);
    put_names(call, "missing_secrets", needs, &secrets, false);
    json_end_object(json);
    return OK;
}

static enum err needs_prepare(struct call *call)
{
    int64_t *version = ARENA_NEW(call->arena, int64_t);
    enum err err = fleet_version_read(call, query_get(&call->query, "version"), "version", version);

    call->data = version;
    return err ? err : call_then_read(call, needs_apply);
}

#define FLEET (ROUTE_PROBLEM | ROUTE_TRACES)
#define TOOLS "Which tools an MCP server has; ?force_refresh=true asks it again"

static const struct route routes[] = {
    {HTTP_GET, "/v1/fleet/mcp/tools", tools_prepare, PERMIT_EDIT, FLEET, TOOLS},
    {HTTP_GET, "/platform/fleet/mcp/tools", tools_prepare, PERMIT_EDIT, FLEET, TOOLS},
    {HTTP_GET, "/v1/deepagents/mcp/tools", tools_prepare, PERMIT_EDIT, FLEET, TOOLS},
    {HTTP_GET, "/v1/fleet/agents/{agent_id}/tool-auth-requirements", needs_prepare, PERMIT_READ,
     FLEET, "What each tool of an agent needs, and which secrets of it the workspace has"},
};

const struct route_list routes_fleet_tools = {routes, ARRAY_LEN(routes)};
