/* /v1/endpoints/{endpoint_id}/headers: what is sent along, and never shown again. */
#include "api/endpoint_secrets_priv.h"

/* ---- for all secrets ---- */

enum err call_owner(struct tx *tx, struct call *call, struct secret_owner *owner)
{
    struct endpoint_row row;

    *owner = (struct secret_owner){call->principal.tenant, call->params[0]};
    return endpoint_of(tx, call, tx->arena, &row);
}

enum err call_delete_secrets(struct tx *tx, struct call *call, enum secret_kind kind)
{
    struct secret_owner owner;
    int64_t count = 0;
    enum err err = call_owner(tx, call, &owner);

    if (!err)
        err = secret_delete(tx, &owner, kind, STR_NONE, &count);
    return err ? err : call_empty(call, 204);
}

/* ---- headers ---- */

static enum err list_apply(struct tx *tx, struct call *call)
{
    struct secret_owner owner;
    struct json_writer *json;
    enum err err = call_owner(tx, call, &owner);

    if (err)
        return err;
    json = call_json(call, 200);
    json_begin_object(json);
    json_key(json, "headers");
    err = secret_headers_out(tx, &owner, json);
    json_end_object(json);
    return err;
}

static enum err get_prepare(struct call *call)
{
    return call_then_read(call, list_apply);
}

static enum err put_apply(struct tx *tx, struct call *call)
{
    struct secret_owner owner;
    enum err err = call_owner(tx, call, &owner);

    if (!err)
        err = secret_headers_put(tx, call, &owner, call->data);
    return err ? err : list_apply(tx, call);
}

static enum err put_prepare(struct call *call)
{
    struct secret_headers *changes = ARENA_NEW(call->arena, struct secret_headers);
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
    err = secret_headers_read(call, headers, changes);
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
    struct secret_owner owner;
    int64_t count = 0;
    enum err err = call_owner(tx, call, &owner);

    if (!err)
        err = secret_delete(tx, &owner, SECRET_HEADER, secret_header_id(tx->arena, call->params[1]),
                            &count);
    if (err)
        return err;
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
