/* /v1/fleet/auth-providers: where tokens for MCP servers come from (OAuth 2). What is known of a
 * provider is kept and shown as it was given; the client's secret is sealed and never shown.
 *
 * A server without people gets its tokens by client credentials; what browsers need besides
 * (auth_url, redirect URIs) is kept for those that have one. */
#include "api/fleet_servers_priv.h"

#include "delivery/target.h"

#define PROVIDERS_MAX 50
#define FIELD_BYTES_MAX 4096
#define ABOUT_BYTES_MAX (64 * KIB)
#define SCOPES_MAX 64

/* ---- what is shown ---- */

static const char *const members[] = {
    "name",
    "client_id",
    "auth_url",
    "token_url",
    "uses_pkce",
    "token_endpoint_auth_method",
    "scopes",
    "authorization_params",
    "allowed_redirect_uris",
    "default_redirect_uri",
};

void fleet_provider_out(struct json_writer *json, const struct secret *secret)
{
    json_begin_object(json);
    json_put_str(json, "id", secret->secret_id);
    json_put_str(json, "provider_slug", secret->secret_id);
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        json_put_raw(json, members[i], json_raw(secret->about, str_of(members[i])));
    json_put_bool(json, "has_client_secret",
                  str_eq(json_raw(secret->about, STR("has_client_secret")), STR("true")));
    json_put_str(json, "owner", STR("workspace"));
    json_put_time(json, "created_at", secret->created_us);
    json_end_object(json);
}

static enum err not_found(struct call *call)
{
    call_fail(call, 404, "there is no auth provider %.*s", STR_ARG(str_first(call->params[0], 64)));
    return ERR_NOT_FOUND;
}

static enum err list_apply(struct tx *tx, struct call *call)
{
    struct secrets found;
    struct json_writer *json;
    enum err err = fleet_secrets_of(tx, call, SECRET_AUTH_PROVIDER, &found);

    if (err)
        return err;
    fleet_page_begin(call, &json);
    for (size_t i = 0; i < found.count; i++)
        fleet_provider_out(json, &found.list[i]);
    fleet_page_end(call, 0, STR_NONE);
    return OK;
}

static enum err list_prepare(struct call *call)
{
    return call_then_read(call, list_apply);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct secrets found;
    const struct secret *secret;
    enum err err = fleet_secrets_of(tx, call, SECRET_AUTH_PROVIDER, &found);

    if (err)
        return err;
    if (!(secret = secrets_find(&found, SECRET_AUTH_PROVIDER, call->params[0])))
        return not_found(call);
    fleet_provider_out(call_json(call, 200), secret);
    return OK;
}

static enum err get_prepare(struct call *call)
{
    return call_then_read(call, get_apply);
}

/* ---- what a body says ---- */

struct provider_body {
    struct str slug;
    struct str secret; /* STR_NONE: as it is */
    struct str about;  /* of the body: the members that it has */
};

static bool slug_is_valid(struct str slug)
{
    for (size_t i = 0; i < slug.len; i++) {
        char c = slug.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return slug.len >= 1 && slug.len <= 64;
}

/* The client's secret goes there, so it is vetted as a receiver is. */
static enum err check_url(struct call *call, const char *key)
{
    struct str text = STR_NONE, why;
    struct url url = {0};
    enum err err = call_get_text(call, key, &text);

    if (err || str_is_empty(text))
        return err;
    if (text.len > FIELD_BYTES_MAX ||
        target_check(&target_rules_none, call->setup->egress, call->arena, text, &url, &why)) {
        call_fail(call, 422, "%s: %s%.*s", key, text.len > FIELD_BYTES_MAX ? "is too long" : "",
                  STR_ARG(text.len > FIELD_BYTES_MAX ? STR("") : why));
        return ERR_INVALID;
    }
    if (url.scheme_is_https || call->setup->egress->dev)
        return OK;
    call_fail(call, 422, "%s: must begin with https://", key);
    return ERR_INVALID;
}

static enum err check_texts(struct call *call, const char *key)
{
    const struct json *list = json_get(call->body, key);
    bool is_fine = json_is_absent(list) || json_type(list) == JSON_ARRAY;

    for (size_t i = 0; is_fine && i < json_count(list); i++)
        is_fine = json_type(json_item(list, i)) == JSON_STRING;
    if (is_fine && json_count(list) <= SCOPES_MAX)
        return OK;
    call_fail(call, 422, "%s: must be an array of at most 64 texts", key);
    return ERR_INVALID;
}

static enum err check_members(struct call *call)
{
    static const char *const methods[] = {"client_secret_basic", "client_secret_post", "none",
                                          NULL};
    bool uses_pkce;
    struct str name = STR_NONE, client_id = STR_NONE, ignored = STR_NONE;
    enum err err;

    if ((err = call_get_text(call, "name", &name)) ||
        (err = call_get_text(call, "client_id", &client_id)) ||
        (err = call_get_text(call, "default_redirect_uri", &ignored)) ||
        (err = call_get_word(call, "token_endpoint_auth_method", methods, &ignored)) ||
        (err = call_get_object(call, "authorization_params", &ignored)) ||
        (err = call_get_bool(call, "uses_pkce", &uses_pkce)) ||
        (err = check_url(call, "auth_url")) || (err = check_url(call, "token_url")) ||
        (err = check_texts(call, "scopes")) || (err = check_texts(call, "allowed_redirect_uris")))
        return err;
    if (name.len > 200)
        return call_refuse(call, "name: must have at most 200 bytes");
    if (client_id.len > FIELD_BYTES_MAX)
        return call_refuse(call, "client_id: must have at most 4096 bytes");
    return OK;
}

static enum err body_read(struct call *call, struct provider_body **body)
{
    struct provider_body *read = ARENA_NEW(call->arena, struct provider_body);
    struct json_writer json;
    struct buf out;
    enum err err = call_body_object(call);

    read->secret = read->slug = STR_NONE;
    call->data = *body = read;
    if (err || (err = call_get_text(call, "provider_slug", &read->slug)) ||
        (err = call_get_text(call, "client_secret", &read->secret)) || (err = check_members(call)))
        return err;
    if (read->secret.len > FIELD_BYTES_MAX)
        return call_refuse(call, "client_secret: must have at most 4096 bytes");
    buf_init(&out, ABOUT_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        struct str raw = json_raw(call->body_text, str_of(members[i]));

        if (!str_is_none(raw))
            json_put_raw(&json, members[i], raw);
    }
    if (!str_is_none(read->secret))
        json_put_bool(&json, "has_client_secret", read->secret.len > 0);
    json_end_object(&json);
    if (out.failed)
        err = call_refuse(call, "the provider is larger than 64 KiB");
    read->about = arena_str(call->arena, buf_str(&out));
    buf_release(&out);
    return err;
}

/* ---- create, change ---- */

static enum err put(struct tx *tx, struct call *call, const struct secret *secret, int status)
{
    const struct secret_owner owner = secret_owner_workspace(call->principal.tenant);
    const struct json *about;
    enum err err = json_parse(tx->arena, secret->about, &about, NULL);

    if (!err && !(json_has_text(about, "client_id") && json_has_text(about, "token_url")))
        return call_refuse(call, "client_id and token_url: must be given");
    if (!err)
        err = secret_put(tx, &owner, secret);
    if (!err)
        fleet_provider_out(call_json(call, status), secret);
    return err;
}

static enum err create_apply(struct tx *tx, struct call *call)
{
    const struct provider_body *body = call->data;
    const struct secret secret = {
        .kind = SECRET_AUTH_PROVIDER,
        .secret_id = body->slug,
        .name = body->slug,
        .about = body->about,
        .value = str_is_none(body->secret) ? STR("") : body->secret,
        .created_us = tx->now_us,
    };
    struct secrets found;
    enum err err = fleet_secrets_of(tx, call, SECRET_AUTH_PROVIDER, &found);

    if (err)
        return err;
    if (secrets_find(&found, SECRET_AUTH_PROVIDER, body->slug)) {
        call_fail(call, 409, "provider_slug: there is an auth provider %.*s already",
                  STR_ARG(body->slug));
        return ERR_CONFLICT;
    }
    if (found.count >= PROVIDERS_MAX)
        return call_refuse(call, "a workspace has at most 50 auth providers");
    return put(tx, call, &secret, 201);
}

static enum err create_prepare(struct call *call)
{
    struct provider_body *body;
    enum err err = body_read(call, &body);

    if (err)
        return err;
    if (str_is_none(body->slug) || !slug_is_valid(body->slug))
        return call_refuse(call,
                           "provider_slug: must be 1 to 64 lower-case letters, digits, - and _");
    return call_then_write(call, create_apply);
}

/* What the body says over what is known; `all` with values. */
static enum err change(struct tx *tx, struct call *call, const struct secrets *all)
{
    const struct provider_body *body = call->data;
    const struct secret *was = secrets_find(all, SECRET_AUTH_PROVIDER, call->params[0]);
    struct secret secret;

    if (!was)
        return not_found(call);
    /* The secret is for whoever it was given for. */
    if (str_is_none(body->secret) && !str_is_none(json_raw(body->about, STR("token_url"))) &&
        !str_eq(json_raw(body->about, STR("token_url")), json_raw(was->about, STR("token_url"))))
        return call_refuse(call, "client_secret: must be given again for another token_url");
    secret = *was;
    secret.about = call_merge(call, was->about, body->about);
    if (!str_is_none(body->secret))
        secret.value = body->secret;
    return put(tx, call, &secret, 200);
}

static enum err patch_apply(struct tx *tx, struct call *call)
{
    struct secrets all;
    enum err err = fleet_secrets_open(tx, call, &all);

    if (err)
        return err;
    err = change(tx, call, &all);
    secrets_wipe(&all);
    return err;
}

static enum err patch_prepare(struct call *call)
{
    struct provider_body *body;
    enum err err = body_read(call, &body);

    return err ? err : call_then_write(call, patch_apply);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    enum err err = fleet_secret_remove(tx, call, SECRET_AUTH_PROVIDER);

    return err == ERR_NOT_FOUND ? not_found(call) : err;
}

static enum err delete_prepare(struct call *call)
{
    return call_then_write(call, delete_apply);
}

#define FLEET (ROUTE_PROBLEM | ROUTE_TRACES)
#define PATH "/v1/fleet/auth-providers"

static const struct route routes[] = {
    {HTTP_GET, PATH, list_prepare, PERMIT_EDIT, FLEET,
     "List where tokens for MCP servers come from"},
    {HTTP_POST, PATH, create_prepare, PERMIT_EDIT, FLEET, "Make an auth provider known"},
    {HTTP_GET, PATH "/{provider_slug}", get_prepare, PERMIT_EDIT, FLEET, "Get an auth provider"},
    {HTTP_PATCH, PATH "/{provider_slug}", patch_prepare, PERMIT_EDIT, FLEET,
     "Change an auth provider"},
    {HTTP_DELETE, PATH "/{provider_slug}", delete_prepare, PERMIT_EDIT, FLEET,
     "Forget an auth provider"},
};

const struct route_list routes_fleet_auth_providers = {routes, ARRAY_LEN(routes)};
