/* fleet_server_body.c -- the members of an MCP server: checked, and put together with what is known
 * of it. */
#include "api/fleet_servers_priv.h"

#include "api/secret_headers.h"
#include "fleet/env_name.h"
#include "format/header.h"
#include "format/url.h"

#define HEADERS_BYTES_MAX (64 * KIB)
#define HEADERS_MAX 32
#define SCOPES_MAX 64

/* ---- each member by itself ---- */

static enum err check_headers(struct call *call, const struct json *list)
{
    if (!json_is_absent(list) && json_type(list) != JSON_ARRAY)
        return call_refuse(call, "headers: must be an array of {key, value}");
    if (json_count(list) > HEADERS_MAX)
        return call_refuse(call, "headers: at most 32");
    for (size_t i = 0; i < json_count(list); i++) {
        struct str name = json_string(json_get(json_item(list, i), "key"));
        struct str value = json_string(json_get(json_item(list, i), "value"));

        if (str_is_none(name) || !header_name_is_valid(name) || header_is_reserved(name))
            return call_refuse(call, "headers: each needs a key that is the name of a header");
        if (str_is_none(value) || !header_value_is_valid(value))
            return call_refuse(call, "headers: each needs a value, a text of one line");
    }
    return OK;
}

static enum err check_scopes(struct call *call, const struct json *list)
{
    bool is_fine = json_is_absent(list) || json_type(list) == JSON_ARRAY;

    for (size_t i = 0; is_fine && i < json_count(list); i++)
        is_fine = json_string(json_item(list, i)).len > 0 &&
                  str_find_char(json_string(json_item(list, i)), ' ') ==
                      json_string(json_item(list, i)).len;
    if (is_fine && json_count(list) <= SCOPES_MAX)
        return OK;
    return call_refuse(call, "scopes: must be an array of at most 64 texts without blanks");
}

static enum err check_url(struct call *call, struct str text)
{
    const char *why;
    struct url url;

    if (str_is_none(text))
        return OK;
    if (url_parse(call->arena, text, &url, &why) || url.is_relative)
        return call_refuse(call, "url: must be an http or https URL");
    return OK;
}

enum err server_body_read(struct call *call, struct server_body *body)
{
    static const char *const auth_types[] = {"headers", "oauth", NULL};
    static const char *const modes[] = {"legacy_shared_provider", "per_user_dynamic_client", NULL};
    enum err err = call_body_object(call);

    body->name = body->url = body->auth_type = body->oauth_mode = body->provider = STR_NONE;
    if (err || (err = call_get_text(call, "name", &body->name)) ||
        (err = call_get_text(call, "url", &body->url)) ||
        (err = call_get_word(call, "auth_type", auth_types, &body->auth_type)) ||
        (err = call_get_word(call, "oauth_mode", modes, &body->oauth_mode)) ||
        (err = call_get_text(call, "oauth_provider_id", &body->provider)))
        return err;
    body->scopes = json_get(call->body, "scopes");
    body->has_headers = json_get(call->body, "headers") != NULL;
    if (!body->is_patch && str_is_none(body->name))
        return call_refuse(call, "name: must be a text of 1 to 200 bytes");
    if (!body->is_patch && str_is_none(body->url))
        return call_refuse(call, "url: must be given");
    if (!str_is_none(body->name) && (body->name.len == 0 || body->name.len > SERVER_NAME_BYTES_MAX))
        return call_refuse(call, "name: must be a text of 1 to 200 bytes");
    if ((err = check_url(call, body->url)) || (err = check_scopes(call, body->scopes)))
        return err;
    return check_headers(call, json_get(call->body, "headers"));
}

/* ---- together with what is known ---- */

/* What the headers come to, as JSON. */
struct headers_out {
    struct call *call;
    struct str server; /* its name */
    const struct json *was;
    struct buf values_out, names_out, secrets_out;
    struct json_writer values, names, secrets;
    bool has_kept;
};

/* "MY_SERVER_AUTHORIZATION", for a value that stands there itself. */
static struct str derived_name(struct call *call, struct str server, struct str header)
{
    return env_name(call->arena,
                    arena_printf(call->arena, "%.*s_%.*s", STR_ARG(server), STR_ARG(header)));
}

/* The secrets that a value names, else the name it would have. */
static void secrets_out(struct headers_out *out, struct str header, struct str value)
{
    const struct str open = STR("{{secret "), close = STR("}}");
    size_t at = str_find(value, open);

    if (at == value.len)
        json_str_out(&out->secrets, derived_name(out->call, out->server, header));
    for (; at < value.len; at = str_find(value, open)) {
        value = str_from(value, at + open.len);
        at = str_find(value, close);
        json_str_out(&out->secrets, str_trim(str_first(value, at)));
        value = str_from(value, at + close.len);
    }
}

/* "***" is what it was. */
static enum err header_add(struct headers_out *out, struct str name, struct str value)
{
    if (str_eq(value, SECRET_SHOWN)) {
        value = json_string(json_get(out->was, arena_cstr(out->call->arena, name)));
        out->has_kept = true;
    }
    if (str_is_none(value)) {
        call_fail(out->call, 422, "headers: %.*s has no value yet that *** could keep",
                  STR_ARG(name));
        return ERR_INVALID;
    }
    json_key_str(&out->values, name);
    json_str_out(&out->values, value);
    json_str_out(&out->names, name);
    secrets_out(out, name, value);
    return OK;
}

static enum err headers_add(struct headers_out *out, const struct server_body *body)
{
    const struct json *list = json_get(out->call->body, "headers"), *value;
    struct json_iter iter = json_iter(out->was);
    struct str key;
    enum err err = OK;

    for (size_t i = 0; !err && i < json_count(list); i++)
        err = header_add(out, json_string(json_get(json_item(list, i), "key")),
                         json_string(json_get(json_item(list, i), "value")));
    if (body->has_headers || !body->is_patch)
        return err;
    while (!err && json_next(&iter, &key, &value)) {
        err = header_add(out, key, json_string(value));
        out->has_kept = true;
    }
    return err;
}

static struct str text_of(const struct json *about, const char *key, struct str said)
{
    return str_is_none(said) ? json_string(json_get(about, key)) : said;
}

static bool is_same_origin(struct call *call, struct str a, struct str b)
{
    struct url left, right;
    const char *why;

    if (str_is_none(a) || url_parse(call->arena, a, &left, &why) ||
        url_parse(call->arena, b, &right, &why))
        return false;
    return str_eq_nocase(left.host, right.host) && left.port == right.port &&
           left.scheme_is_https == right.scheme_is_https;
}

static void about_write(struct headers_out *out, const struct server_body *body,
                        const struct json *was, struct buf *about)
{
    const struct json *scopes =
        body->scopes || !body->is_patch ? body->scopes : json_get(was, "scopes");
    struct str auth_type = text_of(was, "auth_type", body->auth_type);
    struct json_writer json;

    json_writer_init(&json, about);
    json_begin_object(&json);
    json_put_str(&json, "name", out->server);
    json_put_str(&json, "url", text_of(was, "url", body->url));
    json_put_str(&json, "auth_type", str_is_none(auth_type) ? STR("headers") : auth_type);
    json_put_str(&json, "oauth_mode", text_of(was, "oauth_mode", body->oauth_mode));
    json_put_str(&json, "oauth_provider_id", text_of(was, "oauth_provider_id", body->provider));
    json_key(&json, "scopes");
    json_begin_array(&json);
    for (size_t i = 0; i < json_count(scopes); i++)
        json_str_out(&json, json_string(json_item(scopes, i)));
    json_end_array(&json);
    json_put_raw(&json, "header_names", buf_str(&out->names_out));
    json_put_raw(&json, "secret_names", buf_str(&out->secrets_out));
    json_end_object(&json);
}

static struct headers_out *headers_begin(struct call *call)
{
    struct headers_out *out = ARENA_NEW(call->arena, struct headers_out);

    out->call = call;
    buf_init(&out->values_out, HEADERS_BYTES_MAX);
    buf_init(&out->names_out, HEADERS_BYTES_MAX);
    buf_init(&out->secrets_out, HEADERS_BYTES_MAX);
    json_writer_init(&out->values, &out->values_out);
    json_writer_init(&out->names, &out->names_out);
    json_writer_init(&out->secrets, &out->secrets_out);
    json_begin_object(&out->values);
    json_begin_array(&out->names);
    json_begin_array(&out->secrets);
    return out;
}

static void headers_end(struct headers_out *out, struct secret *row, struct buf *about)
{
    struct arena *arena = out->call->arena;

    row->value = arena_str(arena, buf_str(&out->values_out));
    row->about = arena_str(arena, buf_str(about));
    buf_release(&out->values_out);
    buf_release(&out->names_out);
    buf_release(&out->secrets_out);
    buf_release(about);
}

enum err server_body_apply(struct call *call, const struct server_body *body,
                           const struct secret *was, struct secret *row)
{
    const struct json *about = NULL, *values = NULL, *known;
    struct headers_out *out = headers_begin(call);
    struct buf about_out;
    enum err err;

    if (was && (json_parse(call->arena, was->about, &about, NULL) ||
                json_parse(call->arena, was->value, &values, NULL)))
        about = values = NULL;
    known = body->is_patch ? about : NULL;
    out->was = values;
    out->server = text_of(known, "name", body->name);
    err = headers_add(out, body);
    json_end_object(&out->values);
    json_end_array(&out->names);
    json_end_array(&out->secrets);
    buf_init(&about_out, 4 * HEADERS_BYTES_MAX);
    about_write(out, body, known, &about_out);
    if (!err && (out->values_out.failed || out->names_out.failed || out->secrets_out.failed ||
                 about_out.failed))
        err = call_refuse(call, "headers: together at most 64 KiB");
    if (!err && out->has_kept &&
        !is_same_origin(call, json_string(json_get(about, "url")),
                        text_of(about, "url", body->url)))
        err = call_refuse(call, "headers: must be given again for another host");
    row->kind = SECRET_MCP_SERVER;
    row->secret_id = body->id;
    row->name = out->server;
    headers_end(out, row, &about_out);
    return err;
}
