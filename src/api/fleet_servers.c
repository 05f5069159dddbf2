/* /v1/fleet/mcp-servers: the MCP servers whose tools a workspace's agents call, with the headers
 * that let them in. Headers are sealed; a value may name secrets: "Bearer {{secret NAME}}". */
#include "api/fleet_priv.h"

#include "api/secret_headers.h"
#include "fleet/tools.h"
#include "format/header.h"
#include "format/url.h"
#include "store/secrets.h"

#define SERVERS_MAX 100
#define NAME_BYTES_MAX 200
#define HEADERS_BYTES_MAX (64 * KIB)
#define HEADERS_MAX 32

struct server_body {
    struct str id, name, url;
    struct str headers; /* JSON object name → value */
    struct str names;   /* JSON array of the headers' names */
    struct str secrets; /* JSON array: what somebody else needs to be let in, by name */
};

static enum err refuse(struct call *call, const char *why)
{
    call_fail(call, 422, "%s", why);
    return ERR_INVALID;
}

/* ---- what is shown ---- */

static void put_server(struct json_writer *json, struct str id, struct str about)
{
    struct str names = json_raw(about, STR("header_names")), name;
    size_t at = 0;

    json_begin_object(json);
    json_put_str(json, "id", id);
    json_put_raw(json, "name", json_raw(about, STR("name")));
    json_put_raw(json, "url", json_raw(about, STR("url")));
    json_put_str(json, "auth_type", STR("headers"));
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
    json_end_object(json);
}

static enum err servers_of(struct tx *tx, struct call *call, struct secrets *found)
{
    const struct secret_owner owner = secret_owner_workspace(call->principal.tenant);

    return secret_list(tx, &owner, SECRET_MCP_SERVER, tx->arena, found);
}

static enum err list_apply(struct tx *tx, struct call *call)
{
    bool is_paged = !str_is_none(query_get(&call->query, "page_size")) ||
                    !str_is_none(query_get(&call->query, "cursor"));
    struct secrets found;
    struct json_writer *json;
    enum err err = servers_of(tx, call, &found);

    if (err)
        return err;
    if (is_paged) {
        fleet_page_begin(call, &json);
    } else {
        json = call_json(call, 200);
        json_begin_array(json);
    }
    for (size_t i = 0; i < found.count; i++)
        put_server(json, found.list[i].secret_id, found.list[i].about);
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
    struct secrets found;
    enum err err = servers_of(tx, call, &found);

    for (size_t i = 0; !err && i < found.count; i++)
        if (str_eq(found.list[i].secret_id, call->params[0])) {
            put_server(call_json(call, 200), found.list[i].secret_id, found.list[i].about);
            return OK;
        }
    return err ? err : not_found(call);
}

static enum err get_prepare(struct call *call)
{
    return call_then_read(call, get_apply);
}

/* ---- what a body says ---- */

/* What the headers come to, as JSON. */
struct headers_out {
    struct buf values_out, names_out, secrets_out;
    struct json_writer values, names, secrets;
};

/* "MY_SERVER_AUTHORIZATION", for a value that stands there itself. */
static struct str derived_name(struct call *call, struct str server, struct str header)
{
    struct str text = arena_printf(call->arena, "%.*s_%.*s", STR_ARG(server), STR_ARG(header));
    char *name = arena_cstr(call->arena, text);

    for (char *c = name; *c; c++) {
        bool is_small = *c >= 'a' && *c <= 'z';
        bool is_plain = (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');

        *c = is_small ? (char)(*c - 'a' + 'A') : is_plain ? *c : '_';
    }
    return str_of(name);
}

/* The secrets that a value names, else the name it would have. */
static void secrets_out(struct call *call, const struct server_body *body, struct str header,
                        struct str value, struct json_writer *json)
{
    const struct str open = STR("{{secret "), close = STR("}}");
    size_t at = str_find(value, open);

    if (at == value.len)
        json_str_out(json, derived_name(call, body->name, header));
    for (; at < value.len; at = str_find(value, open)) {
        value = str_from(value, at + open.len);
        at = str_find(value, close);
        json_str_out(json, str_trim(str_first(value, at)));
        value = str_from(value, at + close.len);
    }
}

static enum err header_read(struct call *call, const struct server_body *body,
                            const struct json *item, struct headers_out *out)
{
    struct str name = json_string(json_get(item, "key"));
    struct str value = json_string(json_get(item, "value"));

    if (str_is_none(name) || !header_name_is_valid(name) || header_is_reserved(name))
        return refuse(call, "headers: each needs a key that is the name of a header");
    if (str_is_none(value) || !header_value_is_valid(value) || str_eq(value, SECRET_SHOWN))
        return refuse(call, "headers: each needs a value, a text of one line");
    json_key_str(&out->values, name);
    json_str_out(&out->values, value);
    json_str_out(&out->names, name);
    secrets_out(call, body, name, value, &out->secrets);
    return OK;
}

static struct str finished(struct call *call, struct buf *out)
{
    struct str text = arena_str(call->arena, buf_str(out));

    buf_release(out);
    return text;
}

static enum err headers_read(struct call *call, struct server_body *body)
{
    const struct json *list = json_get(call->body, "headers");
    struct headers_out *out = ARENA_NEW(call->arena, struct headers_out);
    enum err err = OK;

    if (list && !json_is_null(list) && json_type(list) != JSON_ARRAY)
        return refuse(call, "headers: must be an array of {key, value}");
    if (json_count(list) > HEADERS_MAX)
        return refuse(call, "headers: at most 32");
    buf_init(&out->values_out, HEADERS_BYTES_MAX);
    buf_init(&out->names_out, HEADERS_BYTES_MAX);
    buf_init(&out->secrets_out, HEADERS_BYTES_MAX);
    json_writer_init(&out->values, &out->values_out);
    json_writer_init(&out->names, &out->names_out);
    json_writer_init(&out->secrets, &out->secrets_out);
    json_begin_object(&out->values);
    json_begin_array(&out->names);
    json_begin_array(&out->secrets);
    for (size_t i = 0; !err && i < json_count(list); i++)
        err = header_read(call, body, json_item(list, i), out);
    json_end_object(&out->values);
    json_end_array(&out->names);
    json_end_array(&out->secrets);
    if (!err && (out->values_out.failed || out->names_out.failed || out->secrets_out.failed))
        err = refuse(call, "headers: together at most 64 KiB");
    body->headers = finished(call, &out->values_out);
    body->names = finished(call, &out->names_out);
    body->secrets = finished(call, &out->secrets_out);
    return err;
}

static enum err body_read(struct call *call, struct server_body *body)
{
    static const char *const auth_types[] = {"headers", NULL};
    struct str auth_type = STR("headers");
    const char *why;
    struct url url;
    enum err err = call_body_object(call);

    if (err || (err = call_get_text(call, "name", &body->name)) ||
        (err = call_get_text(call, "url", &body->url)) ||
        (err = call_get_word(call, "auth_type", auth_types, &auth_type)))
        return err;
    if (str_is_none(body->name) || body->name.len == 0 || body->name.len > NAME_BYTES_MAX)
        return refuse(call, "name: must be a text of 1 to 200 bytes");
    if (str_is_none(body->url))
        return refuse(call, "url: must be given");
    if (url_parse(call->arena, body->url, &url, &why) || url.is_relative)
        return refuse(call, "url: must be an http or https URL");
    return headers_read(call, body);
}

/* ---- for bundles ---- */

enum err fleet_server_auths(struct tx *tx, struct call *call, struct server_auths *auths)
{
    struct secrets found;
    struct server_auth *list;
    enum err err = servers_of(tx, call, &found);

    if (err)
        return err;
    list = ARENA_ARRAY(call->arena, struct server_auth, found.count + 1);
    for (size_t i = 0; i < found.count; i++) {
        struct str about = arena_str(call->arena, found.list[i].about);
        const struct json *root, *names;
        struct str *texts;

        if (json_parse(call->arena, about, &root, NULL))
            continue;
        names = json_get(root, "secret_names");
        texts = ARENA_ARRAY(call->arena, struct str, json_count(names) + 1);
        for (size_t n = 0; n < json_count(names); n++)
            texts[n] = json_string(json_item(names, n));
        list[auths->count++] = (struct server_auth){
            .url = json_string(json_get(root, "url")), .names = texts, .count = json_count(names)};
    }
    auths->list = list;
    return OK;
}

/* ---- change ---- */

static struct str about_of(struct tx *tx, const struct server_body *body)
{
    struct json_writer json;
    struct buf out;
    struct str text;

    buf_init(&out, HEADERS_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "name", body->name);
    json_put_str(&json, "url", body->url);
    json_put_raw(&json, "header_names", body->names);
    json_put_raw(&json, "secret_names", body->secrets);
    json_end_object(&json);
    text = arena_str(tx->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

/* Another one of the same URL? Tools are found by it. */
static bool is_taken(struct tx *tx, const struct secrets *found, const struct server_body *body)
{
    for (size_t i = 0; i < found->count; i++) {
        const struct json *about;

        if (str_eq(found->list[i].secret_id, body->id) ||
            json_parse(tx->arena, found->list[i].about, &about, NULL))
            continue;
        if (tools_url_eq(json_string(json_get(about, "url")), body->url))
            return true;
    }
    return false;
}

static enum err put_apply(struct tx *tx, struct call *call)
{
    struct server_body *body = call->data;
    const struct secret_owner owner = secret_owner_workspace(call->principal.tenant);
    bool is_new = str_is_none(body->id), is_there = false;
    struct secret secret;
    struct secrets found;
    enum err err = servers_of(tx, call, &found);

    if (err)
        return err;
    if (is_new)
        body->id = call_new_id(call);
    for (size_t i = 0; i < found.count; i++)
        is_there = is_there || str_eq(found.list[i].secret_id, body->id);
    if (!is_new && !is_there)
        return not_found(call);
    if (is_new && found.count >= SERVERS_MAX)
        return refuse(call, "a workspace has at most 100 MCP servers");
    if (is_taken(tx, &found, body)) {
        call_fail(call, 409, "url: there is an MCP server of this URL already");
        return ERR_CONFLICT;
    }
    secret = (struct secret){.kind = SECRET_MCP_SERVER,
                             .secret_id = body->id,
                             .name = body->name,
                             .about = about_of(tx, body),
                             .value = body->headers,
                             .created_us = tx->now_us};
    if ((err = secret_put(tx, &owner, &secret)))
        return err;
    put_server(call_json(call, is_new ? 201 : 200), secret.secret_id, secret.about);
    return OK;
}

static enum err create_prepare(struct call *call)
{
    struct server_body *body = ARENA_NEW(call->arena, struct server_body);
    enum err err = body_read(call, body);

    call->data = body;
    return err ? err : call_then_write(call, put_apply);
}

static enum err put_prepare(struct call *call)
{
    struct server_body *body = ARENA_NEW(call->arena, struct server_body);
    enum err err = body_read(call, body);

    body->id = call->params[0];
    call->data = body;
    return err ? err : call_then_write(call, put_apply);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    const struct secret_owner owner = secret_owner_workspace(call->principal.tenant);
    int64_t count = 0;
    enum err err = secret_delete(tx, &owner, SECRET_MCP_SERVER, call->params[0], &count);

    if (err)
        return err;
    return count == 0 ? not_found(call) : call_empty(call, 204);
}

static enum err delete_prepare(struct call *call)
{
    return call_then_write(call, delete_apply);
}

#define FLEET (ROUTE_PROBLEM | ROUTE_TRACES)
#define PATH "/v1/fleet/mcp-servers"

static const struct route routes[] = {
    {HTTP_GET, PATH, list_prepare, PERMIT_EDIT, FLEET,
     "List the workspace's MCP servers: an array; with page_size or cursor a page"},
    {HTTP_POST, PATH, create_prepare, PERMIT_EDIT, FLEET, "Make an MCP server known"},
    {HTTP_GET, PATH "/{mcp_server_id}", get_prepare, PERMIT_EDIT, FLEET, "Get an MCP server"},
    {HTTP_PUT, PATH "/{mcp_server_id}", put_prepare, PERMIT_EDIT, FLEET,
     "Replace what is known of an MCP server"},
    {HTTP_DELETE, PATH "/{mcp_server_id}", delete_prepare, PERMIT_EDIT, FLEET,
     "Forget an MCP server"},
    {HTTP_GET, "/platform/fleet/mcp-servers", list_prepare, PERMIT_EDIT, FLEET,
     "The same list, where other clients look for it"},
};

const struct route_list routes_fleet_servers = {routes, ARRAY_LEN(routes)};
