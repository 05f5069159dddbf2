/* spec_servers.c -- what the workspace knows that an agent needs: secrets by name, and what lets it
 * into the MCP servers of its tools. */
#include "native/spec_priv.h"

#include "crypto/sha256.h"

enum err spec_refuse(struct spec_loading *l, const char *what, struct str more)
{
    *l->why = arena_printf(l->arena, "%s%.*s", what, STR_ARG(more));
    return ERR_INVALID;
}

struct str spec_take(struct spec_loading *l, struct buf *out)
{
    struct str text = arena_str(l->arena, buf_str(out));

    buf_release(out);
    return text;
}

/* ---- secrets ---- */

static struct str secret_named(const struct spec *spec, struct str name)
{
    const struct secret *found = secrets_find(&spec->secrets, SECRET_WORKSPACE, name);

    return found && found->value.len ? found->value : STR_NONE;
}

/* FLEET_X beats X. */
struct str spec_secret(const struct spec *spec, struct str name)
{
    struct str own = secret_named(spec, arena_printf(spec->arena, "FLEET_%.*s", STR_ARG(name)));

    return str_is_none(own) ? secret_named(spec, name) : own;
}

/* "Bearer {{secret NAME}}" */
static enum err header_filled(struct spec_loading *l, struct str value, struct str *filled)
{
    const struct str open = STR("{{secret "), close = STR("}}");
    struct buf out;

    buf_init(&out, 64 * KIB);
    for (;;) {
        size_t at = str_find(value, open);
        struct str name, secret;

        buf_add(&out, str_first(value, at));
        if (at == value.len)
            break;
        value = str_from(value, at + open.len);
        at = str_find(value, close);
        name = str_trim(str_first(value, at));
        secret = spec_secret(l->spec, name);
        if (str_is_none(secret)) {
            buf_release(&out);
            return spec_refuse(l, "the workspace has no secret ", name);
        }
        buf_add(&out, secret);
        value = str_from(value, at + close.len);
    }
    *filled = spec_take(l, &out);
    return OK;
}

static enum err headers_load(struct spec_loading *l, struct str object, struct server_spec *server)
{
    const struct json *root, *value;
    struct json_iter iter;
    struct str key;
    enum err err = OK;

    if (json_parse(l->arena, object, &root, NULL))
        return OK;
    iter = json_iter(root);
    server->headers = ARENA_ARRAY(l->arena, struct http_header, json_count(root) + 1);
    while (!err && json_next(&iter, &key, &value)) {
        struct http_header *header = &server->headers[server->header_count++];

        header->name = key;
        err = header_filled(l, json_string(value), &header->value);
    }
    return err;
}

/* Another client, secret or scope: another token. */
static struct str token_key(struct spec_loading *l, const struct http_oauth *oauth, struct str slug)
{
    struct sha256 secret = sha256_of(oauth->client_secret);
    struct sha256_text text;

    return arena_printf(l->arena, "mcp %.*s %.*s %.*s %.*s %d %.*s:%u%.*s %.*s",
                        STR_ARG(l->spec->row.tenant), STR_ARG(slug), STR_ARG(oauth->client_id),
                        STR_ARG(sha256_write(&secret, &text)), oauth->in_body, STR_ARG(oauth->host),
                        oauth->port, STR_ARG(oauth->target), STR_ARG(oauth->scope));
}

/* A token by client credentials: nobody is there who could log in. */
static enum err oauth_load(struct spec_loading *l, const struct json *server,
                           struct server_spec *found)
{
    struct str slug = json_string(json_get(server, "oauth_provider_id")), method;
    const struct json *scopes = json_get(server, "scopes"), *about = NULL;
    const struct secret *provider = secrets_find(&l->spec->secrets, SECRET_AUTH_PROVIDER, slug);
    struct http_oauth *oauth;
    const char *reason;
    struct url url;
    struct buf scope;

    if (!provider || json_parse(l->arena, provider->about, &about, NULL))
        return spec_refuse(l, "there is no auth provider for the MCP server ", found->url);
    if (url_parse(l->arena, json_string(json_get(about, "token_url")), &url, &reason))
        return spec_refuse(l, "the token_url cannot be used of the auth provider ", slug);
    if (json_count(scopes) == 0)
        scopes = json_get(about, "scopes");
    buf_init(&scope, 64 * KIB);
    for (size_t i = 0; i < json_count(scopes); i++) {
        buf_add(&scope, i ? STR(" ") : STR(""));
        buf_add(&scope, json_string(json_item(scopes, i)));
    }
    method = json_string(json_get(about, "token_endpoint_auth_method"));
    oauth = ARENA_NEW(l->arena, struct http_oauth);
    *oauth = (struct http_oauth){
        .https = url.scheme_is_https,
        .host = url.host,
        .port = url.port,
        .target = url.target,
        .client_id = json_string(json_get(about, "client_id")),
        .client_secret = provider->value,
        .scope = scope.len ? spec_take(l, &scope) : STR_NONE,
        .audience = STR_NONE,
        .in_body = str_eq(method, STR("client_secret_post")),
    };
    buf_release(&scope);
    oauth->key = token_key(l, oauth, slug);
    found->oauth = oauth;
    return OK;
}

static enum err server_add(struct spec_loading *l, struct str url)
{
    struct spec *spec = l->spec;
    struct server_spec *server = &spec->servers[spec->server_count];

    if (spec_server(spec, url) < spec->server_count)
        return OK;
    if (spec->server_count == SPEC_SERVERS_MAX)
        return spec_refuse(l, "an agent's tools can be of at most 20 MCP servers", STR(""));
    *server = (struct server_spec){.url = url};
    spec->server_count++;
    for (size_t i = 0; i < spec->secrets.count; i++) {
        const struct secret *known = &spec->secrets.list[i];
        const struct json *about;

        if (known->kind != SECRET_MCP_SERVER || json_parse(l->arena, known->about, &about, NULL) ||
            !tools_url_eq(json_string(json_get(about, "url")), url))
            continue;
        if (str_eq(json_string(json_get(about, "auth_type")), STR("oauth")) &&
            json_has_text(about, "oauth_provider_id") && oauth_load(l, about, server))
            return ERR_INVALID;
        return headers_load(l, known->value, server);
    }
    return OK;
}

enum err spec_server_load(struct tx *tx, struct str tenant, struct str url, struct arena *arena,
                          struct spec *spec, struct str *why)
{
    const struct secret_owner owner = secret_owner_workspace(tenant);
    struct spec_loading l = {.spec = spec, .arena = arena, .why = why};
    enum err err;

    *spec = (struct spec){.arena = arena, .row = {.tenant = tenant}};
    err = secrets_open(tx, &owner, arena, &spec->secrets, why);
    if (err == ERR_DENIED)
        err = ERR_INVALID;
    return err ? err : server_add(&l, url);
}

enum err spec_servers_load(struct spec_loading *l)
{
    enum err err = OK;

    for (size_t a = 0; a < l->spec->count; a++)
        for (size_t i = 0; !err && i < l->spec->agents[a].tools.count; i++)
            err = server_add(l, l->spec->agents[a].tools.list[i].server_url);
    return err;
}

enum err spec_server_aim(const struct server_spec *from, struct mcp_server *server, struct str *why)
{
    const char *reason = "must not be relative";

    server->text = from->url;
    server->link.headers = from->headers;
    server->link.header_count = from->header_count;
    server->link.oauth = from->oauth;
    if (!url_parse(server->link.arena, from->url, &server->link.url, &reason) &&
        !server->link.url.is_relative)
        return OK;
    *why = arena_printf(server->link.arena, "the URL %.*s of an MCP server %s", STR_ARG(from->url),
                        reason);
    return ERR_INVALID;
}

size_t spec_server(const struct spec *spec, struct str url)
{
    size_t i = 0;

    while (i < spec->server_count && !tools_url_eq(spec->servers[i].url, url))
        i++;
    return i;
}
