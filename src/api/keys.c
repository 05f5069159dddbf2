/* /v1/keys: who may call. A key manages exactly those keys that open nothing which it does not open
 * itself; others do not exist for it. */
#include "api/route.h"

#include "auth/key_life.h"
#include "crypto/secret.h"

/* ---- whose keys ---- */

/* As a key that opens what the caller opens. */
static struct api_key_row own_of(const struct call *call)
{
    static const struct str every = {"*", 1};

    if (call->principal.key)
        return *call->principal.key;
    return (struct api_key_row){.workspaces = &every, .workspace_count = 1};
}

static bool is_in_hand(const struct call *call, const struct api_key_row *key)
{
    const struct api_key_row own = own_of(call);

    return api_key_covers(&own, key);
}

/* Those of the workspace that was named; without a name all in hand. */
static bool has_named_workspace(const struct call *call)
{
    return !str_is_empty(
        http_header_find(call->request->headers, call->request->header_count, "x-tenant-id"));
}

static enum err key_find(struct tx *tx, struct call *call, struct api_key_row *key)
{
    enum err err = api_key_get(tx, call->params[0], call->arena, key);

    if (err == ERR_NOT_FOUND || (!err && !is_in_hand(call, key))) {
        call_fail(call, 404, "there is no key %.*s; GET /v1/keys lists those there are",
                  STR_ARG(str_first(call->params[0], UUID_TEXT_BYTES)));
        return ERR_NOT_FOUND;
    }
    return err;
}

/* To repeat the answer the key itself would have to be kept. */
static enum err refuse_repetition(struct call *call)
{
    if (str_is_none(http_header_find(call->request->headers, call->request->header_count,
                                     "idempotency-key")))
        return OK;
    call_fail(call, 422,
              "Idempotency-Key: not for API keys, which are stored nowhere and so cannot be "
              "answered twice; leave it out, and revoke a key whose answer was lost");
    return ERR_INVALID;
}

/* ---- create ---- */

static enum err draft_reply(struct tx *tx, struct call *call, struct key_draft *draft)
{
    tx_notify(tx, TOPIC_KEYS, draft->row.key_id);
    key_write(call_json(call, 200), &draft->row, str_of(draft->text.text));
    return call_then_refresh(call);
}

static enum err create_apply(struct tx *tx, struct call *call)
{
    struct key_draft *draft = call->data;
    struct str missing;
    enum err err = key_workspaces_find(tx, &draft->row, &missing);

    if (err == ERR_NOT_FOUND) {
        call_fail(call, 422,
                  "workspaces: there is no workspace %.*s; POST /v1/workspaces makes one",
                  STR_ARG(missing));
        return ERR_INVALID;
    }
    draft->row.created_us = tx->now_us;
    if (err || (err = api_key_insert(tx, &draft->row))) {
        if (err == ERR_LIMIT)
            call_fail(call, 409, "there are %d keys, as many as may be; revoke one first",
                      API_KEYS_MAX);
        return err;
    }
    return draft_reply(tx, call, draft);
}

static enum err refuse_field(struct call *call, const char *field, const char *why)
{
    call_fail(call, 422, "%s: %s", field, why);
    return ERR_INVALID;
}

/* What is not said: the workspace that was named, else what the caller opens. */
static enum err workspaces_read(struct call *call, struct api_key_row *row)
{
    const struct json *given = json_get(call->body, "workspaces");
    size_t count = json_type(given) == JSON_ARRAY ? json_count(given) : 0;
    struct str *list = ARENA_ARRAY(call->arena, struct str, count + 1);
    const char *why;

    if (json_type(given) == JSON_ABSENT) {
        count = 1;
        list[0] = call->principal.opens_all && !has_named_workspace(call) ? WORKSPACE_EVERY
                                                                          : call->principal.tenant;
    } else {
        for (size_t i = 0; i < count; i++)
            list[i] = json_string(json_item(given, i));
    }
    if (key_workspaces_set(row, list, count, &why))
        return refuse_field(call, "workspaces", why);
    if (is_in_hand(call, row))
        return OK;
    call_fail(call, 403, "workspaces: your own key does not open all of them");
    return ERR_DENIED;
}

static enum err draft_read(struct call *call, struct key_draft *draft)
{
    struct api_key_row *row = &draft->row;
    struct str expires = STR_NONE;
    const char *why;
    enum err err;

    row->name = STR("");
    row->role = str_of(role_name(ROLE_ADMIN));
    if ((err = call_body_object(call)) || (err = call_get_text(call, "name", &row->name)) ||
        (err = call_get_text(call, "email", &row->email)) ||
        (err = call_get_word(call, "role", role_names, &row->role)) ||
        (err = call_get_text(call, "expires", &expires)) || (err = workspaces_read(call, row)))
        return err;
    if ((err = call_get_limits(call, &row->limits)))
        return err;
    if (key_name_check(row->name, &why))
        return refuse_field(call, "name", why);
    if (!str_is_none(row->email) && key_email_check(row->email, &why))
        return refuse_field(call, "email", why);
    if (!str_is_none(expires) &&
        key_expiry_parse(expires, loop_wall_us(http_exchange_loop(call->exchange)),
                         &row->expires_us, &why))
        return refuse_field(call, "expires", why);
    return OK;
}

static struct key_draft *draft_new(struct call *call)
{
    struct loop *loop = http_exchange_loop(call->exchange);
    struct key_draft *draft = ARENA_NEW(call->arena, struct key_draft);

    key_draft_make(draft, uuid_v7(loop_rng(loop), loop_wall_us(loop)));
    call->data = draft;
    return draft;
}

static enum err create_prepare(struct call *call)
{
    struct key_draft *draft = draft_new(call);
    enum err err = refuse_repetition(call);

    if (err || (err = draft_read(call, draft)))
        return err;
    return call_then_write(call, create_apply);
}

/* ---- change ---- */

static enum err change_apply(struct tx *tx, struct call *call)
{
    const struct api_key_row *wanted = call->data;
    struct api_key_row key;
    enum err err = key_find(tx, call, &key);

    if (err)
        return err;
    if (!str_is_none(wanted->name))
        key.name = wanted->name;
    if (json_get(call->body, "limits"))
        key.limits = wanted->limits;
    if ((err = api_key_change(tx, &key)))
        return err;
    tx_notify(tx, TOPIC_KEYS, key.key_id);
    key_write(call_json(call, 200), &key, STR_NONE);
    return call_then_refresh(call);
}

static enum err change_prepare(struct call *call)
{
    struct api_key_row *wanted = ARENA_NEW(call->arena, struct api_key_row);
    const char *why;
    enum err err;

    if ((err = call_body_object(call)) || (err = call_get_text(call, "name", &wanted->name)) ||
        (err = call_get_limits(call, &wanted->limits)))
        return err;
    if (!str_is_none(wanted->name) && key_name_check(wanted->name, &why))
        return refuse_field(call, "name", why);
    call->data = wanted;
    return call_then_write(call, change_apply);
}

/* ---- list ---- */

static bool is_listed(const struct call *call, const struct api_key_row *key)
{
    const struct api_key_row here = {.workspaces = &call->principal.tenant, .workspace_count = 1};

    return is_in_hand(call, key) && (!has_named_workspace(call) || api_key_covers(key, &here));
}

static enum err list_apply(struct tx *tx, struct call *call)
{
    struct api_keys keys;
    struct json_writer *json;
    enum err err = api_key_list(tx, call->arena, &keys);

    if (err)
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = 0; i < keys.count; i++)
        if (is_listed(call, &keys.list[i]))
            key_write(json, &keys.list[i], STR_NONE);
    json_end_array(json);
    return OK;
}

static enum err list_prepare(struct call *call)
{
    return call_then_read(call, list_apply);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct api_key_row key;
    enum err err = key_find(tx, call, &key);

    if (!err)
        key_write(call_json(call, 200), &key, STR_NONE);
    return err;
}

static enum err get_prepare(struct call *call)
{
    return call_then_read(call, get_apply);
}

/* ---- rotate ---- */

struct rotation {
    struct key_draft *draft;
    int64_t overlap_s;
};

static enum err rotate_apply(struct tx *tx, struct call *call)
{
    struct rotation *rotation = call->data;
    struct api_key_row old;
    enum err err = key_find(tx, call, &old);

    if (err || (err = key_rotate(tx, &old, rotation->overlap_s * US_PER_SECOND, rotation->draft)))
        return err;
    return draft_reply(tx, call, rotation->draft);
}

static enum err rotate_prepare(struct call *call)
{
    struct rotation *rotation = ARENA_NEW(call->arena, struct rotation);
    enum err err = refuse_repetition(call);

    rotation->draft = draft_new(call);
    if (err || (err = call_body_object(call)) ||
        (err = call_get_int(call, "overlap_s", 0, KEY_OVERLAP_S_MAX, &rotation->overlap_s)))
        return err;
    call->data = rotation;
    return call_then_write(call, rotate_apply);
}

/* ---- revoke ---- */

/* Without it nobody could manage keys any more, but by the command line. */
static bool is_last_admin(const struct api_keys *keys, struct str key_id, int64_t now_us)
{
    bool is_admin = false;

    for (size_t i = 0; i < keys->count; i++) {
        const struct api_key_row *key = &keys->list[i];

        if (!str_eq(key->role, str_of(role_name(ROLE_ADMIN))) ||
            (key->expires_us && key->expires_us <= now_us))
            continue;
        if (!str_eq(key->key_id, key_id))
            return false;
        is_admin = true;
    }
    return is_admin;
}

static enum err revoke_apply(struct tx *tx, struct call *call)
{
    struct api_key_row key;
    struct api_keys keys;
    enum err err = key_find(tx, call, &key);

    if (err || (err = api_key_list(tx, tx->arena, &keys)))
        return err;
    if (is_last_admin(&keys, key.key_id, tx->now_us))
        return call_fail(call, 409,
                         "this is the last key of an admin: make another one first, or nobody "
                         "could manage keys any more");
    if ((err = api_key_revoke(tx, key.key_id)))
        return err;
    tx_notify(tx, TOPIC_KEYS, key.key_id);
    call_empty(call, 204);
    return call_then_refresh(call);
}

static enum err revoke_prepare(struct call *call)
{
    return call_then_write(call, revoke_apply);
}

/* ---- oneself ---- */

static void permissions_out(struct json_writer *json, enum role role)
{
    json_key(json, "permissions");
    json_begin_array(json);
    for (int i = 0; i < PERMISSION_COUNT; i++)
        if (role_permits(role, (enum permission)i))
            json_str_out(json, str_of(permission_name((enum permission)i)));
    json_end_array(json);
}

static enum err self_prepare(struct call *call)
{
    const struct principal *principal = &call->principal;
    struct json_writer *json = call_json(call, 200);
    struct uuid_text text;

    json_begin_object(json);
    json_put_str(json, "workspace_id", principal->tenant);
    json_put_str(json, "tenant_id", workspace_uuid(principal->tenant, &text));
    json_put_str(json, "role", str_of(role_name(principal->role)));
    permissions_out(json, principal->role);
    json_put_bool(json, "all_workspaces", principal->opens_all);
    json_key(json, "key");
    if (principal->key)
        key_write(json, principal->key, STR_NONE);
    else
        json_null_out(json);
    json_end_object(json);
    return OK;
}

static const struct route routes[] = {
    {HTTP_GET, "/v1/self", self_prepare, PERMIT_KNOWN, 0, "Who calls, and what the key may do"},
    {HTTP_POST, "/v1/keys", create_prepare, PERMIT_ADMIN, 0, "Make an API key; it is shown once"},
    {HTTP_GET, "/v1/keys", list_prepare, PERMIT_ADMIN, 0, "List API keys"},
    {HTTP_GET, "/v1/keys/{key_id}", get_prepare, PERMIT_ADMIN, 0, "An API key, without itself"},
    {HTTP_PATCH, "/v1/keys/{key_id}", change_prepare, PERMIT_ADMIN, 0,
     "Change an API key's name or limits"},
    {HTTP_POST, "/v1/keys/{key_id}/rotate", rotate_prepare, PERMIT_ADMIN, 0,
     "Another key in place of this one, which ends at once or after overlap_s"},
    {HTTP_DELETE, "/v1/keys/{key_id}", revoke_prepare, PERMIT_ADMIN, 0,
     "Revoke an API key: it is let in no more when this is answered"},
};

const struct route_list routes_keys = {routes, ARRAY_LEN(routes)};
