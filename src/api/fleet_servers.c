/* /v1/fleet/mcp-servers: the MCP servers whose tools a workspace's agents call, with what lets them
 * in: headers (sealed; a value may name secrets: "Bearer {{secret NAME}}") or tokens of an auth
 * provider. */
#include "api/fleet_servers_priv.h"

#include "api/secret_headers.h"
#include "fleet/tools.h"

#define SERVERS_MAX 100

/* ---- what is shown ---- */

static void put_server(struct json_writer *json, const struct secret *row)
{
    static const char *const members[] = {"name", "url", "oauth_mode", "oauth_provider_id",
                                          "scopes"};
    struct str names = json_raw(row->about, STR("header_names")), name;
    struct str auth_type = json_raw(row->about, STR("auth_type"));
    size_t at = 0;

    json_begin_object(json);
    json_put_str(json, "id", row->secret_id);
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        json_put_raw(json, members[i], json_raw(row->about, str_of(members[i])));
    json_put_raw(json, "auth_type", str_is_none(auth_type) ? STR("\"headers\"") : auth_type);
    json_key(json, "headers");
    json_begin_array(json);
    while (json_raw_next(names, &at, &(struct str){0}, &name)) {
        json_begin_object(json);
        json_put_raw(json, "key", name);
        json_put_str(json, "value", SECRET_SHOWN);
        json_end_object(json);
    }
    json_end_array(json);
    json_put_bool(json, "can_invoke", true);
    json_put_time(json, "created_at", row->created_us);
    json_end_object(json);
}

/* An array; below /v1/fleet a page, if one is asked for. */
static enum err list_apply(struct tx *tx, struct call *call)
{
    bool is_paged = str_starts(str_of(call->route->path), STR("/v1/fleet/")) &&
                    (!str_is_none(query_get(&call->query, "page_size")) ||
                     !str_is_none(query_get(&call->query, "cursor")));
    struct secrets found;
    struct json_writer *json;
    enum err err = fleet_secrets_of(tx, call, SECRET_MCP_SERVER, &found);

    if (err)
        return err;
    if (is_paged) {
        fleet_page_begin(call, &json);
    } else {
        json = call_json(call, 200);
        json_begin_array(json);
    }
    for (size_t i = 0; i < found.count; i++)
        put_server(json, &found.list[i]);
    if (is_paged)
        fleet_page_end(call, 0, STR_NONE);
    else
        json_end_array(json);
    return OK;
}

static enum err list_prepare(struct call *call)
{
    return call_then_read(call, list_apply);
}

static enum err not_found(struct call *call)
{
    call_fail(call, 404, "there is no MCP server %.*s", STR_ARG(str_first(call->params[0], 64)));
    return ERR_NOT_FOUND;
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    const struct secret *row;
    struct secrets found;
    enum err err = fleet_secrets_of(tx, call, SECRET_MCP_SERVER, &found);

    if (err)
        return err;
    if (!(row = secrets_find(&found, SECRET_MCP_SERVER, call->params[0])))
        return not_found(call);
    put_server(call_json(call, 200), row);
    return OK;
}

static enum err get_prepare(struct call *call)
{
    return call_then_read(call, get_apply);
}

/* ---- for bundles ---- */

enum err fleet_server_auths(struct tx *tx, struct call *call, struct server_auths *auths)
{
    struct secrets found;
    struct server_auth *list;
    enum err err = fleet_secrets_of(tx, call, SECRET_MCP_SERVER, &found);

    if (err)
        return err;
    list = ARENA_ARRAY(call->arena, struct server_auth, found.count + 1);
    for (size_t i = 0; i < found.count; i++) {
        struct str about = arena_str(call->arena, found.list[i].about);
        const struct json *root, *names;
        struct str *texts;
        bool is_oauth;

        if (json_parse(call->arena, about, &root, NULL))
            continue;
        is_oauth = str_eq(json_string(json_get(root, "auth_type")), STR("oauth"));
        names = json_get(root, is_oauth ? "scopes" : "secret_names");
        texts = ARENA_ARRAY(call->arena, struct str, json_count(names) + 1);
        for (size_t n = 0; n < json_count(names); n++)
            texts[n] = json_string(json_item(names, n));
        list[auths->count++] =
            (struct server_auth){.url = json_string(json_get(root, "url")),
                                 .is_oauth = is_oauth,
                                 .provider = json_string(json_get(root, "oauth_provider_id")),
                                 .names = texts,
                                 .count = json_count(names)};
    }
    auths->list = list;
    return OK;
}

/* ---- change ---- */

/* Another one of the same URL? Tools are found by it. */
static bool is_taken(struct tx *tx, const struct secrets *found, const struct secret *row)
{
    const struct json *about, *mine;

    if (json_parse(tx->arena, row->about, &mine, NULL))
        return false;
    for (size_t i = 0; i < found->count; i++) {
        if (found->list[i].kind != SECRET_MCP_SERVER ||
            str_eq(found->list[i].secret_id, row->secret_id) ||
            json_parse(tx->arena, found->list[i].about, &about, NULL))
            continue;
        if (tools_url_eq(json_string(json_get(about, "url")), json_string(json_get(mine, "url"))))
            return true;
    }
    return false;
}

static enum err check_provider(const struct secrets *all, struct call *call,
                               const struct server_body *body)
{
    if (str_is_empty(body->provider) || secrets_find(all, SECRET_AUTH_PROVIDER, body->provider))
        return OK;
    call_fail(call, 422, "oauth_provider_id: there is no auth provider %.*s",
              STR_ARG(str_first(body->provider, 64)));
    return ERR_INVALID;
}

static enum err put(struct tx *tx, struct call *call, const struct secrets *all)
{
    struct server_body *body = call->data;
    const struct secret_owner owner = secret_owner_workspace(call->principal.tenant);
    const struct secret *was =
        str_is_none(body->id) ? NULL : secrets_find(all, SECRET_MCP_SERVER, body->id);
    struct secret row = {.created_us = was ? was->created_us : tx->now_us};
    size_t count = 0;
    enum err err;

    if (!str_is_none(body->id) && !was)
        return not_found(call);
    for (size_t i = 0; i < all->count; i++)
        count += all->list[i].kind == SECRET_MCP_SERVER;
    if (!was && count >= SERVERS_MAX)
        return call_refuse(call, "a workspace has at most 100 MCP servers");
    if ((err = check_provider(all, call, body)) || (err = server_body_apply(call, body, was, &row)))
        return err;
    if (!was)
        row.secret_id = call_new_id(call);
    if (is_taken(tx, all, &row)) {
        call_fail(call, 409, "url: there is an MCP server of this URL already");
        return ERR_CONFLICT;
    }
    if ((err = secret_put(tx, &owner, &row)))
        return err;
    put_server(call_json(call, was ? 200 : 201), &row);
    return OK;
}

static enum err put_apply(struct tx *tx, struct call *call)
{
    struct secrets all;
    enum err err = fleet_secrets_open(tx, call, &all);

    if (err)
        return err;
    err = put(tx, call, &all);
    secrets_wipe(&all);
    return err;
}

static enum err change_prepare(struct call *call, struct str id, bool is_patch)
{
    struct server_body *body = ARENA_NEW(call->arena, struct server_body);
    enum err err;

    body->id = id;
    body->is_patch = is_patch;
    call->data = body;
    err = server_body_read(call, body);
    return err ? err : call_then_write(call, put_apply);
}

static enum err create_prepare(struct call *call)
{
    return change_prepare(call, STR_NONE, false);
}

static enum err put_prepare(struct call *call)
{
    return change_prepare(call, call->params[0], false);
}

static enum err patch_prepare(struct call *call)
{
    return change_prepare(call, call->params[0], true);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    enum err err = fleet_secret_remove(tx, call, SECRET_MCP_SERVER);

    return err == ERR_NOT_FOUND ? not_found(call) : err;
}

static enum err delete_prepare(struct call *call)
{
    return call_then_write(call, delete_apply);
}

/* ---- its auth provider ---- */

static enum err provider_apply(struct tx *tx, struct call *call)
{
    const struct secret *row, *provider;
    struct secrets servers, providers;
    struct str slug;
    const struct json *about;
    enum err err = fleet_secrets_of(tx, call, SECRET_MCP_SERVER, &servers);

    if (!err)
        err = fleet_secrets_of(tx, call, SECRET_AUTH_PROVIDER, &providers);
    if (err)
        return err;
    if (!(row = secrets_find(&servers, SECRET_MCP_SERVER, call->params[0])) ||
        json_parse(tx->arena, row->about, &about, NULL))
        return not_found(call);
    slug = json_string(json_get(about, "oauth_provider_id"));
    if ((provider = secrets_find(&providers, SECRET_AUTH_PROVIDER, slug))) {
        fleet_provider_out(call_json(call, 200), provider);
        return OK;
    }
    call_fail(call, 404, "the MCP server has no auth provider");
    return ERR_NOT_FOUND;
}

static enum err provider_prepare(struct call *call)
{
    return call_then_read(call, provider_apply);
}

#define FLEET (ROUTE_PROBLEM | ROUTE_TRACES)
#define RESOURCE(PATH)                                                                             \
    {HTTP_GET,                                                                                     \
     PATH,                                                                                         \
     list_prepare,                                                                                 \
     PERMIT_EDIT,                                                                                  \
     FLEET,                                                                                        \
     "List the workspace's MCP servers: an array; below /v1/fleet with page_size or cursor a "     \
     "page"},                                                                                      \
        {HTTP_POST, PATH, create_prepare, PERMIT_EDIT, FLEET, "Make an MCP server known"},         \
        {HTTP_GET, PATH "/{mcp_server_id}", get_prepare, PERMIT_EDIT, FLEET, "Get an MCP server"}, \
        {HTTP_PUT,    PATH "/{mcp_server_id}",                                                     \
         put_prepare, PERMIT_EDIT,                                                                 \
         FLEET,       "Replace what is known of an MCP server"},                                   \
        {HTTP_PATCH,    PATH "/{mcp_server_id}",                                                   \
         patch_prepare, PERMIT_EDIT,                                                               \
         FLEET,         "Change what is known of an MCP server"},                                  \
        {HTTP_DELETE, PATH "/{mcp_server_id}", delete_prepare, PERMIT_EDIT,                        \
         FLEET,       "Forget an MCP server"},                                                     \
    {                                                                                              \
        HTTP_GET, PATH "/{mcp_server_id}/oauth-provider", provider_prepare, PERMIT_EDIT, FLEET,    \
            "The auth provider that an MCP server's tokens come from"                              \
    }

/* The same in three places, where clients look for it. */
static const struct route routes[] = {
    RESOURCE("/v1/fleet/mcp-servers"),
    RESOURCE("/platform/fleet/mcp-servers"),
    RESOURCE("/v1/deepagents/mcp-servers"),
};

const struct route_list routes_fleet_servers = {routes, ARRAY_LEN(routes)};
