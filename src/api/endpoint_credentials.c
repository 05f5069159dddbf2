/* /v1/endpoints/{endpoint_id}/client-certificate and …/oauth: how we prove who we are to a
 * receiver. */
#include "api/endpoint_secrets_priv.h"

#include "format/url.h"
#include "http/tls.h"

#define PEM_BYTES_MAX (64 * KIB)
#define FIELD_BYTES_MAX (4 * KIB)
#define ABOUT_BYTES_MAX (32 * KIB)
#define ONLY STR("one") /* an endpoint has one of each */

/* ---- for both ---- */

static enum err show(struct tx *tx, struct call *call, enum secret_kind kind, const char *what)
{
    struct secret_owner owner;
    struct secrets found;
    enum err err = call_owner(tx, call, &owner);

    if (!err)
        err = secret_list(tx, &owner, kind, call->arena, &found);
    if (err)
        return err;
    if (found.count == 0)
        return call_fail(call, 404, "this endpoint has no %s", what);
    json_raw_out(call_json(call, 200), found.list[0].about);
    return OK;
}

static enum err put(struct tx *tx, struct call *call)
{
    struct secret *secret = call->data;
    struct secret_owner owner;
    enum err err = call_owner(tx, call, &owner);

    secret->created_us = tx->now_us;
    if (!err)
        err = secret_put(tx, &owner, secret);
    if (err)
        return err;
    json_raw_out(call_json(call, 200), secret->about);
    return OK;
}

static enum err then_put(struct call *call, enum secret_kind kind, struct str value,
                         struct str about)
{
    struct secret *secret = ARENA_NEW(call->arena, struct secret);

    *secret = (struct secret){
        .kind = kind, .secret_id = ONLY, .name = ONLY, .about = about, .value = value};
    call->data = secret;
    return call_then_write(call, put);
}

/* ---- client certificate ---- */

static struct str certificate_about(struct call *call, const struct tls_identity_facts *facts)
{
    struct json_writer json;
    struct str text;
    struct buf out;

    buf_init(&out, ABOUT_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "subject", str_of(facts->subject));
    json_put_str(&json, "expires", str_of(facts->not_after));
    json_put_str(&json, "key", SECRET_SHOWN);
    json_end_object(&json);
    text = arena_str(call->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static enum err certificate_put_prepare(struct call *call)
{
    struct str certificate = STR_NONE, key = STR_NONE, pem;
    struct tls_identity_facts facts;
    const char *why = NULL;
    enum err err = call_body_object(call);

    if (err || (err = call_get_text(call, "certificate", &certificate)) ||
        (err = call_get_text(call, "key", &key)))
        return err;
    if (str_is_none(certificate) || str_is_none(key) || certificate.len + key.len > PEM_BYTES_MAX) {
        call_fail(call, 422,
                  "certificate and key: both must be there, as PEM, together at most 64 "
                  "KiB; the certificate with its chain behind it");
        return ERR_INVALID;
    }
    pem = arena_concat(call->arena, (const struct str[]){certificate, STR("\n"), key}, 3);
    if (tls_identity_check(pem, &facts, &why)) {
        call_fail(call, 422, "certificate and key: %s", why);
        return ERR_INVALID;
    }
    return then_put(call, SECRET_CLIENT_CERTIFICATE, pem, certificate_about(call, &facts));
}

static enum err certificate_get(struct tx *tx, struct call *call)
{
    return show(tx, call, SECRET_CLIENT_CERTIFICATE, "client certificate");
}

static enum err certificate_get_prepare(struct call *call)
{
    return call_then_read(call, certificate_get);
}

static enum err certificate_delete(struct tx *tx, struct call *call)
{
    return call_delete_secrets(tx, call, SECRET_CLIENT_CERTIFICATE);
}

static enum err certificate_delete_prepare(struct call *call)
{
    return call_then_write(call, certificate_delete);
}

/* ---- OAuth ---- */

struct oauth_input {
    struct str token_url, client_id, client_secret, scope, audience, auth;
};

static struct str oauth_about(struct call *call, const struct oauth_input *input)
{
    struct json_writer json;
    struct str text;
    struct buf out;

    buf_init(&out, ABOUT_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "token_url", input->token_url);
    json_put_str(&json, "client_id", input->client_id);
    json_put_str(&json, "client_secret", SECRET_SHOWN);
    json_put_str(&json, "scope", input->scope);
    json_put_str(&json, "audience", input->audience);
    json_put_str(&json, "auth", input->auth);
    json_end_object(&json);
    text = arena_str(call->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static enum err check_length(struct call *call, const char *name, struct str value, bool is_needed)
{
    if (value.len <= FIELD_BYTES_MAX && (!is_needed || value.len > 0))
        return OK;
    call_fail(call, 422, "%s: must be there and have at most 4096 characters", name);
    return ERR_INVALID;
}

/* The token's endpoint is vetted as a receiver is; its URL holds no secrets. */
static enum err check_token_url(struct call *call, struct str text)
{
    struct url url = {0};
    struct str why;

    if (str_is_none(text) || text.len > FIELD_BYTES_MAX) {
        call_fail(call, 422, "token_url: must be the URL of the token's endpoint");
        return ERR_INVALID;
    }
    if (target_check_token(call->setup->egress, call->arena, text, &url, &why)) {
        call_fail(call, 422, "token_url: %.*s", STR_ARG(why));
        return ERR_INVALID;
    }
    return OK;
}

static enum err oauth_put_prepare(struct call *call)
{
    static const char *const auths[] = {"basic", "body", NULL};
    struct oauth_input input = {.auth = STR("basic")};
    enum err err = call_body_object(call);

    if (err || (err = call_get_text(call, "token_url", &input.token_url)) ||
        (err = call_get_text(call, "client_id", &input.client_id)) ||
        (err = call_get_text(call, "client_secret", &input.client_secret)) ||
        (err = call_get_text(call, "scope", &input.scope)) ||
        (err = call_get_text(call, "audience", &input.audience)) ||
        (err = call_get_word(call, "auth", auths, &input.auth)))
        return err;
    if ((err = check_token_url(call, input.token_url)) ||
        (err = check_length(call, "client_id", input.client_id, true)) ||
        (err = check_length(call, "client_secret", input.client_secret, true)) ||
        (err = check_length(call, "scope", input.scope, false)) ||
        (err = check_length(call, "audience", input.audience, false)))
        return err;
    return then_put(call, SECRET_OAUTH, input.client_secret, oauth_about(call, &input));
}

static enum err oauth_get(struct tx *tx, struct call *call)
{
    return show(tx, call, SECRET_OAUTH, "OAuth client");
}

static enum err oauth_get_prepare(struct call *call)
{
    return call_then_read(call, oauth_get);
}

static enum err oauth_delete(struct tx *tx, struct call *call)
{
    return call_delete_secrets(tx, call, SECRET_OAUTH);
}

static enum err oauth_delete_prepare(struct call *call)
{
    return call_then_write(call, oauth_delete);
}

#define CERTIFICATE "/v1/endpoints/{endpoint_id}/client-certificate"
#define OAUTH "/v1/endpoints/{endpoint_id}/oauth"

static const struct route routes[] = {
    {HTTP_GET, CERTIFICATE, certificate_get_prepare, PERMIT_WATCH, 0,
     "The endpoint's client certificate"},
    {HTTP_PUT, CERTIFICATE, certificate_put_prepare, PERMIT_EDIT, 0,
     "Set the client certificate (certificate, key: PEM) that is shown to the receiver"},
    {HTTP_DELETE, CERTIFICATE, certificate_delete_prepare, PERMIT_EDIT, 0,
     "Remove the client certificate"},
    {HTTP_GET, OAUTH, oauth_get_prepare, PERMIT_WATCH, 0,
     "The endpoint's OAuth client, without its secret"},
    {HTTP_PUT, OAUTH, oauth_put_prepare, PERMIT_EDIT, 0,
     "Set OAuth client credentials: token_url, client_id, client_secret, scope, audience, auth"},
    {HTTP_DELETE, OAUTH, oauth_delete_prepare, PERMIT_EDIT, 0, "Remove the OAuth client"},
};

const struct route_list routes_endpoint_credentials = {routes, ARRAY_LEN(routes)};
