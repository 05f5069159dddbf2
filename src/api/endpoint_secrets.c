/* /v1/endpoints/{endpoint_id}/headers: what is sent along, and never shown again. */
#include "api/endpoint_secrets_priv.h"

#include "format/header.h"

#define HEADERS_MAX 64
#define HEADERS_BYTES_MAX (32 * KIB)

/* ---- for all secrets ---- */

struct secret_owner call_owner(const struct call *call)
{
    return (struct secret_owner){call->principal.tenant, call->params[0]};
}

enum err call_owner_failed(struct call *call, enum err err)
{
    if (err != ERR_NOT_FOUND)
        return err;
    call_fail(call, 404, "there is no endpoint %.*s", STR_ARG(str_first(call->params[0], 64)));
    return err;
}

enum err call_delete_secrets(struct tx *tx, struct call *call, enum secret_kind kind)
{
    struct secret_owner owner = call_owner(call);
    int64_t count = 0;
    enum err err = secret_delete(tx, &owner, kind, STR_NONE, &count);

    return err ? call_owner_failed(call, err) : call_empty(call, 204);
}

/* ---- headers ---- */

static struct str lower(struct arena *arena, struct str name)
{
    char *text = arena_cstr(arena, name);

    for (size_t i = 0; i < name.len; i++)
        if (text[i] >= 'A' && text[i] <= 'Z')
            text[i] = (char)(text[i] - 'A' + 'a');
    return str_range(text, name.len);
}

static enum err list_apply(struct tx *tx, struct call *call)
{
    struct secret_owner owner = call_owner(call);
    struct json_writer *json;
    struct secrets found;
    enum err err = secret_list(tx, &owner, SECRET_HEADER, call->arena, &found);

    if (err)
        return call_owner_failed(call, err);
    json = call_json(call, 200);
    json_begin_object(json);
    json_key(json, "headers");
    json_begin_object(json);
    for (size_t i = 0; i < found.count; i++) {
        json_key_str(json, found.list[i].name);
        json_str_out(json, SECRET_SHOWN);
    }
    json_end_object(json);
    json_end_object(json);
    return OK;
}

static enum err get_prepare(struct call *call)
{
    return call_then_read(call, list_apply);
}

struct header_change {
    struct str name, id;
    struct str value; /* STR_NONE: stays as it is */
};

struct header_changes {
    struct header_change list[HEADERS_MAX];
    size_t count, bytes;
};

static enum err refuse(struct call *call, struct str name, const char *why)
{
    call_fail(call, 422, "headers: %.*s %s", STR_ARG(str_first(name, 64)), why);
    return ERR_INVALID;
}

static enum err change_check(struct call *call, struct header_changes *changes,
                             const struct header_change *change, const struct json *json)
{
    if (!header_name_is_valid(change->name))
        return refuse(call, change->name,
                      "is not the name of a header: letters, digits and "
                      "hyphens, at most 256 of them");
    if (header_is_reserved(change->name))
        return refuse(call, change->name,
                      "is written by the sender itself, or changes how the "
                      "request is framed; leave it out");
    for (size_t i = 0; i < changes->count; i++)
        if (str_eq(changes->list[i].id, change->id))
            return refuse(call, change->name, "stands there twice");
    if (json_type(json) != JSON_STRING)
        return refuse(call, change->name, "must have a string for a value");
    if (!header_value_is_valid(json_string(json)))
        return refuse(call, change->name,
                      "has a value that no header can have: printable ASCII without blanks at its "
                      "ends, at most 8192 bytes");
    return OK;
}

static enum err read_changes(struct call *call, const struct json *headers,
                             struct header_changes *changes)
{
    struct json_iter iter = json_iter(headers);
    const struct json *value;
    struct str name;

    while (json_next(&iter, &name, &value)) {
        struct header_change change = {.name = name, .id = lower(call->arena, name)};
        enum err err;

        if (changes->count == HEADERS_MAX) {
            call_fail(call, 422, "headers: there are more than 64");
            return ERR_INVALID;
        }
        err = change_check(call, changes, &change, value);
        if (err)
            return err;
        if (!str_eq(json_string(value), SECRET_SHOWN))
            change.value = json_string(value);
        changes->bytes += name.len + json_string(value).len;
        changes->list[changes->count++] = change;
    }
    if (changes->bytes > HEADERS_BYTES_MAX) {
        call_fail(call, 422, "headers: together they are longer than 32 KiB");
        return ERR_INVALID;
    }
    return OK;
}

static const struct secret *find_secret(const struct secrets *secrets, struct str id)
{
    for (size_t i = 0; i < secrets->count; i++)
        if (str_eq(secrets->list[i].secret_id, id))
            return &secrets->list[i];
    return NULL;
}

static bool is_kept(const struct header_changes *changes, struct str id)
{
    for (size_t i = 0; i < changes->count; i++)
        if (str_eq(changes->list[i].id, id))
            return true;
    return false;
}

static enum err put_one(struct tx *tx, struct call *call, const struct secrets *before,
                        const struct header_change *change)
{
    struct secret_owner owner = call_owner(call);
    const struct secret secret = {.kind = SECRET_HEADER,
                                  .secret_id = change->id,
                                  .name = change->name,
                                  .value = change->value,
                                  .created_us = tx->now_us};

    if (!str_is_none(change->value))
        return secret_put(tx, &owner, &secret);
    return find_secret(before, change->id)
               ? OK
               : refuse(call, change->name, "is *** and so stays as it is, but there is none yet");
}

static enum err put_apply(struct tx *tx, struct call *call)
{
    const struct header_changes *changes = call->data;
    struct secret_owner owner = call_owner(call);
    struct secrets before;
    int64_t count = 0;
    enum err err = secret_list(tx, &owner, SECRET_HEADER, tx->arena, &before);

    if (err)
        return call_owner_failed(call, err);
    for (size_t i = 0; !err && i < before.count; i++)
        if (!is_kept(changes, before.list[i].secret_id))
            err = secret_delete(tx, &owner, SECRET_HEADER, before.list[i].secret_id, &count);
    for (size_t i = 0; !err && i < changes->count; i++)
        err = put_one(tx, call, &before, &changes->list[i]);
    return err ? err : list_apply(tx, call);
}

static enum err put_prepare(struct call *call)
{
    struct header_changes *changes = ARENA_NEW(call->arena, struct header_changes);
    const struct json *headers;
    enum err err = call_body_object(call);

    if (err)
        return err;
    headers = json_get(call->body, "headers");
    if (json_type(headers) != JSON_OBJECT) {
        call_fail(call, 422,
                  "headers: must be an object of names and values, such as "
                  "{\"headers\": {\"Authorization\": \"Bearer …\"}}");
        return ERR_INVALID;
    }
    err = read_changes(call, headers, changes);
    call->data = changes;
    return err ? err : call_then_write(call, put_apply);
}

static enum err delete_all_apply(struct tx *tx, struct call *call)
{
    return call_delete_secrets(tx, call, SECRET_HEADER);
}

static enum err delete_all_prepare(struct call *call)
{
    return call_then_write(call, delete_all_apply);
}

static enum err delete_one_apply(struct tx *tx, struct call *call)
{
    struct secret_owner owner = call_owner(call);
    int64_t count = 0;
    enum err err =
        secret_delete(tx, &owner, SECRET_HEADER, lower(tx->arena, call->params[1]), &count);

    if (err)
        return call_owner_failed(call, err);
    if (count == 0)
        return call_fail(call, 404, "there is no header %.*s here",
                         STR_ARG(str_first(call->params[1], 64)));
    return call_empty(call, 204);
}

static enum err delete_one_prepare(struct call *call)
{
    return call_then_write(call, delete_one_apply);
}

#define PATH "/v1/endpoints/{endpoint_id}/headers"

static const struct route routes[] = {
    {HTTP_GET, PATH, get_prepare, PERMIT_WATCH, 0,
     "Names of the endpoint's own headers; values are ***"},
    {HTTP_PUT, PATH, put_prepare, PERMIT_EDIT, 0,
     "Set the endpoint's own headers; *** keeps a value, what is left out goes"},
    {HTTP_DELETE, PATH, delete_all_prepare, PERMIT_EDIT, 0,
     "Remove all of the endpoint's own headers"},
    {HTTP_DELETE, PATH "/{name}", delete_one_prepare, PERMIT_EDIT, 0, "Remove one header"},
};

const struct route_list routes_endpoint_headers = {routes, ARRAY_LEN(routes)};
