/* /v1/fleet/secrets: what a workspace's agents need to know and nobody may read again.
 *
 * A secret is named like an environment variable; a run of a Fleet agent reads the model's keys and
 * what the headers of MCP servers refer to. Values are sealed and never shown. */
#include "api/fleet_priv.h"

#define SECRETS_MAX 150 /* of a workspace; with its MCP servers they fit into one list */
#define NAME_BYTES_MAX 128
#define VALUE_BYTES_MAX (16 * KIB)

struct secret_body {
    struct str name, value;
};

static bool name_is_valid(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        bool is_letter = (c >= 'A' && c <= 'Z') || c == '_';

        if (!is_letter && !(c >= '0' && c <= '9' && i > 0))
            return false;
    }
    return name.len > 0 && name.len <= NAME_BYTES_MAX;
}

static void put_secret(struct json_writer *json, const struct secret *secret)
{
    json_begin_object(json);
    json_put_str(json, "name", secret->name);
    json_put_bool(json, "set", str_is_none(secret->about));
    json_put_time(json, "created_at", secret->created_us);
    json_end_object(json);
}

bool fleet_has_secret(struct arena *arena, const struct secrets *secrets, struct str name)
{
    struct str own_name = arena_printf(arena, "FLEET_%.*s", STR_ARG(name));
    const struct secret *own = secrets_find(secrets, SECRET_WORKSPACE, own_name);
    const struct secret *plain = secrets_find(secrets, SECRET_WORKSPACE, name);

    return (own && str_is_none(own->about)) || (plain && str_is_none(plain->about));
}

static enum err list_apply(struct tx *tx, struct call *call)
{
    struct secrets found;
    struct json_writer *json;
    enum err err = fleet_secrets_of(tx, call, SECRET_WORKSPACE, &found);

    if (err)
        return err;
    fleet_page_begin(call, &json);
    for (size_t i = 0; i < found.count; i++)
        put_secret(json, &found.list[i]);
    fleet_page_end(call, 0, STR_NONE);
    return OK;
}

static enum err list_prepare(struct call *call)
{
    return call_then_read(call, list_apply);
}

static enum err put_apply(struct tx *tx, struct call *call)
{
    const struct secret_body *body = call->data;
    const struct secret_owner owner = secret_owner_workspace(call->principal.tenant);
    const struct secret secret = {.kind = SECRET_WORKSPACE,
                                  .secret_id = body->name,
                                  .name = body->name,
                                  .value = body->value,
                                  .about = body->value.len == 0 ? STR("{\"set\":false}") : STR_NONE,
                                  .created_us = tx->now_us};
    struct secrets found;
    bool is_new;
    enum err err = fleet_secrets_of(tx, call, SECRET_WORKSPACE, &found);

    if (err)
        return err;
    is_new = !secrets_find(&found, SECRET_WORKSPACE, body->name);
    if (is_new && found.count >= SECRETS_MAX) {
        call_fail(call, 422, "a workspace has at most %d secrets", SECRETS_MAX);
        return ERR_LIMIT;
    }
    if ((err = secret_put(tx, &owner, &secret)))
        return err;
    put_secret(call_json(call, is_new ? 201 : 200), &secret);
    return OK;
}

static enum err body_take(struct call *call, struct secret_body *body)
{
    if (str_is_none(body->value) || body->value.len > VALUE_BYTES_MAX)
        return call_refuse(call, "value: must be a text of at most 16384 bytes");
    if (!name_is_valid(body->name))
        return call_refuse(call,
                           "name: must be 1 to 128 of A-Z, 0-9 and _, not beginning with a digit");
    call->data = body;
    return call_then_write(call, put_apply);
}

static enum err post_prepare(struct call *call)
{
    struct secret_body *body = ARENA_NEW(call->arena, struct secret_body);
    enum err err = call_body_object(call);

    body->name = STR("");
    body->value = STR_NONE;
    if (err || (err = call_get_text(call, "name", &body->name)) ||
        (err = call_get_text(call, "value", &body->value)))
        return err;
    if (body->value.len == 0)
        return call_refuse(call, "value: must be a text of 1 to 16384 bytes");
    return body_take(call, body);
}

/* An empty value keeps a place for the name: whoever moves a workspace cannot read the values. */
static enum err put_prepare(struct call *call)
{
    struct secret_body *body = ARENA_NEW(call->arena, struct secret_body);
    enum err err = call_body_object(call);

    body->name = call->params[0];
    body->value = STR_NONE;
    if (err || (err = call_get_text(call, "value", &body->value)))
        return err;
    return body_take(call, body);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    enum err err = fleet_secret_remove(tx, call, SECRET_WORKSPACE);

    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "there is no secret %.*s", STR_ARG(str_first(call->params[0], 128)));
    return err;
}

static enum err delete_prepare(struct call *call)
{
    return call_then_write(call, delete_apply);
}

#define FLEET (ROUTE_PROBLEM | ROUTE_TRACES)

static const struct route routes[] = {
    {HTTP_GET, "/v1/fleet/secrets", list_prepare, PERMIT_EDIT, FLEET,
     "List the workspace's secrets, by name"},
    {HTTP_POST, "/v1/fleet/secrets", post_prepare, PERMIT_EDIT, FLEET,
     "Keep a secret for the workspace's agents, or another value for one"},
    {HTTP_PUT, "/v1/fleet/secrets/{secret_name}", put_prepare, PERMIT_EDIT, FLEET,
     "The value of a secret; empty: only its name is kept"},
    {HTTP_DELETE, "/v1/fleet/secrets/{secret_name}", delete_prepare, PERMIT_EDIT, FLEET,
     "Forget a secret"},
};

const struct route_list routes_fleet_secrets = {routes, ARRAY_LEN(routes)};
