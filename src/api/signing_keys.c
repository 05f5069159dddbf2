/* /v1/endpoints/{endpoint_id}/signing-keys, and the page of public keys /v1/webhook-keys. */
#include "api/endpoint_secrets_priv.h"

#include "base/hex.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "crypto/webhook_signature.h"

#define OVERLAP_S (24 * 3600)
#define OVERLAP_S_MAX (30 * 24 * 3600)
#define SECRET_CHARS_MAX 128
#define KEY_ID_BYTES 9
#define HMAC STR("hmac")
#define ED25519 STR("ed25519")

/* ---- a key ---- */

/* A key to be put: made here, or brought along. */
struct new_key {
    struct secret secret;
    bool is_made; /* then the reply shows it, once */
    int64_t overlap_s;
};

static struct str to_arena(struct call *call, struct buf *out)
{
    struct str text;

    REQUIRE(!out->failed);
    text = arena_str(call->arena, buf_str(out));
    secret_wipe(out->data, out->cap);
    buf_release(out);
    return text;
}

static struct str make_secret(struct call *call, struct str type)
{
    struct buf out;

    buf_init(&out, SECRET_CHARS_MAX);
    if (str_eq(type, ED25519))
        webhook_secret_make_ed25519(&out);
    else
        webhook_secret_make(&out);
    return to_arena(call, &out);
}

/* "key_" and 12 characters that need no escaping in a path. */
static struct str make_id(struct call *call)
{
    uint8_t bytes[KEY_ID_BYTES];
    char text[2 * KEY_ID_BYTES];

    random_bytes(bytes, sizeof(bytes));
    hex_write(text, bytes, sizeof(bytes));
    return arena_printf(call->arena, "key_%.*s", (int)sizeof(text), text);
}

/* Its kind, and its public half if it has one. */
static enum err describe(struct call *call, struct new_key *new)
{
    struct webhook_key key;
    const char *why = NULL;
    struct buf out;

    if (webhook_key_init(&key, new->secret.value, &why)) {
        call_fail(call, 422, "secret: %s", why);
        return ERR_INVALID;
    }
    new->secret.name = key.is_ed25519 ? ED25519 : HMAC;
    if (key.is_ed25519) {
        buf_init(&out, SECRET_CHARS_MAX);
        webhook_key_write_public(&out, &key);
        new->secret.about = to_arena(call, &out);
    }
    webhook_key_release(&key);
    return OK;
}

static enum err read_key(struct call *call, struct new_key *new)
{
    static const char *const types[] = {"hmac", "ed25519", NULL};
    struct str type = HMAC, secret = STR_NONE;
    enum err err = call_body_object(call);

    new->overlap_s = OVERLAP_S;
    if (err || (err = call_get_word(call, "type", types, &type)) ||
        (err = call_get_text(call, "secret", &secret)) ||
        (err = call_get_int(call, "overlap_s", 0, OVERLAP_S_MAX, &new->overlap_s)))
        return err;
    new->is_made = str_is_none(secret);
    new->secret = (struct secret){.kind = SECRET_SIGNING_KEY,
                                  .secret_id = make_id(call),
                                  .value = new->is_made ? make_secret(call, type) : secret};
    return describe(call, new);
}

/* ---- as JSON ---- */

static void write_key(struct json_writer *json, const struct secret *key)
{
    bool is_ed25519 = str_eq(key->name, ED25519);

    json_put_str(json, "key_id", key->secret_id);
    json_put_str(json, "type", key->name);
    json_put_str(json, "prefix", is_ed25519 ? STR("whsk_") : STR("whsec_"));
    json_put_str(json, "public_key", key->about);
    json_put_time(json, "created_at", key->created_us);
    json_put_time(json, "expires_at", key->expires_us);
}

static enum err write_list(struct tx *tx, struct call *call, int status, const struct new_key *new)
{
    struct json_writer *json;
    struct secret_owner owner;
    struct secrets found;
    enum err err = call_owner(tx, call, &owner);

    if (!err)
        err = secret_list(tx, &owner, SECRET_SIGNING_KEY, call->arena, &found);
    if (err)
        return err;
    json = call_json(call, status);
    json_begin_array(json);
    for (size_t i = 0; i < found.count; i++) {
        json_begin_object(json);
        write_key(json, &found.list[i]);
        if (new &&new->is_made && str_eq(found.list[i].secret_id, new->secret.secret_id))
            json_put_str(json, "secret", new->secret.value);
        json_end_object(json);
    }
    json_end_array(json);
    return OK;
}

/* ---- the routes of an endpoint ---- */

static enum err list_apply(struct tx *tx, struct call *call)
{
    return write_list(tx, call, 200, NULL);
}

static enum err list_prepare(struct call *call)
{
    return call_then_read(call, list_apply);
}

static enum err add(struct tx *tx, struct call *call, struct new_key *new)
{
    struct secret_owner owner;
    struct secrets found;
    enum err err = call_owner(tx, call, &owner);

    new->secret.created_us = tx->now_us;
    if (!err)
        err = secret_put(tx, &owner, &new->secret);
    if (!err)
        err = secret_list(tx, &owner, SECRET_SIGNING_KEY, tx->arena, &found);
    if (err)
        return err;
    if (found.count <= WEBHOOK_KEYS_MAX)
        return OK;
    call_fail(call, 409,
              "an endpoint has at most %d signing keys at a time: delete one, or wait until one "
              "expires",
              WEBHOOK_KEYS_MAX);
    return ERR_CONFLICT;
}

static enum err create_apply(struct tx *tx, struct call *call)
{
    struct new_key *new = call->data;
    struct json_writer *json;
    enum err err = add(tx, call, new);

    if (err)
        return err;
    json = call_json(call, 201);
    json_begin_object(json);
    write_key(json, &new->secret);
    if (new->is_made)
        json_put_str(json, "secret", new->secret.value);
    json_end_object(json);
    return OK;
}

static enum err change_prepare(struct call *call, call_tx_step step)
{
    struct new_key *new = ARENA_NEW(call->arena, struct new_key);
    enum err err = read_key(call, new);

    call->data = new;
    return err ? err : call_then_write(call, step);
}

static enum err create_prepare(struct call *call)
{
    return change_prepare(call, create_apply);
}

/* Those of the same type stay valid for the overlap. */
static enum err rotate_apply(struct tx *tx, struct call *call)
{
    struct new_key *new = call->data;
    struct secret_owner owner;
    enum err err = call_owner(tx, call, &owner);

    if (!err)
        err = secret_expire(tx, &owner, SECRET_SIGNING_KEY, new->secret.name,
                            tx->now_us + new->overlap_s *US_PER_SECOND);
    if (!err)
        err = add(tx, call, new);
    return err ? err : write_list(tx, call, 200, new);
}

static enum err rotate_prepare(struct call *call)
{
    return change_prepare(call, rotate_apply);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    struct secret_owner owner;
    int64_t count = 0;
    enum err err = call_owner(tx, call, &owner);

    if (!err)
        err = secret_delete(tx, &owner, SECRET_SIGNING_KEY, call->params[1], &count);
    if (err)
        return err;
    if (count == 0)
        return call_fail(call, 404, "there is no signing key %.*s here",
                         STR_ARG(str_first(call->params[1], 64)));
    return call_empty(call, 204);
}

static enum err delete_prepare(struct call *call)
{
    return call_then_write(call, delete_apply);
}

/* ---- public keys, in the manner of a JSON Web Key Set ---- */

static void write_base64url(struct json_writer *json, struct str base64)
{
    char text[SECRET_CHARS_MAX];
    size_t len = 0;

    for (; len < base64.len && base64.data[len] != '='; len++) {
        char c = base64.data[len];

        text[len] = c;
        if (c == '+' || c == '/')
            text[len] = c == '+' ? '-' : '_';
    }
    json_put_str(json, "x", str_range(text, len));
}

static void write_public(struct json_writer *json, struct str whpk, const struct secret *key)
{
    json_begin_object(json);
    json_put_str(json, "kty", STR("OKP"));
    json_put_str(json, "crv", STR("Ed25519"));
    json_put_str(json, "alg", STR("EdDSA"));
    json_put_str(json, "use", STR("sig"));
    json_put_str(json, "kid", key ? key->secret_id : whpk);
    write_base64url(json, str_from(whpk, 5));
    json_put_str(json, "public_key", whpk);
    if (key)
        json_put_time(json, "expires_at", key->expires_us);
    json_end_object(json);
}

static void write_public_keys(struct call *call, const struct secrets *own)
{
    struct json_writer *json = call_json(call, 200);

    json_begin_object(json);
    json_key(json, "keys");
    json_begin_array(json);
    for (size_t i = 0; i < own->count; i++)
        write_public(json, own->list[i].about, &own->list[i]);
    for (size_t i = 0; i < call->setup->public_key_count; i++)
        write_public(json, call->setup->public_keys[i], NULL);
    json_end_array(json);
    json_end_object(json);
}

static enum err public_apply(struct tx *tx, struct call *call)
{
    struct secrets own;
    enum err err =
        secret_public_keys(tx, query_get(&call->query, "endpoint_id"), call->arena, &own);

    if (!err)
        write_public_keys(call, &own);
    return err;
}

static enum err public_prepare(struct call *call)
{
    static const struct secrets none;

    if (!str_is_empty(query_get(&call->query, "endpoint_id")))
        return call_then_read(call, public_apply);
    write_public_keys(call, &none);
    return OK;
}

#define PATH "/v1/endpoints/{endpoint_id}/signing-keys"

static const struct route routes[] = {
    {HTTP_GET, PATH, list_prepare, PERMIT_WATCH, 0,
     "The endpoint's own signing keys, newest first"},
    {HTTP_POST, PATH, create_prepare, PERMIT_EDIT, 0,
     "Make a signing key (type hmac or ed25519), or import one (secret)"},
    {HTTP_POST, PATH "/rotate", rotate_prepare, PERMIT_EDIT, 0,
     "A new key now; those of its type stay valid for overlap_s (a day)"},
    {HTTP_DELETE, PATH "/{key_id}", delete_prepare, PERMIT_EDIT, 0, "Revoke a signing key at once"},
    {HTTP_GET, "/v1/webhook-keys", public_prepare, PERMIT_ANYONE, 0,
     "Public keys that verify v1a signatures: the server's, with ?endpoint_id= also an endpoint's"},
};

const struct route_list routes_signing_keys = {routes, ARRAY_LEN(routes)};
