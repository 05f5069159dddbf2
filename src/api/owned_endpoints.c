/* owned_endpoints.c -- see owned_endpoints.h. */
#include "api/owned_endpoints.h"

#include "api/secret_headers.h"

/* ---- headers ---- */

/* The value that a header shown as "***" stands for. */
static enum err kept_value(struct tx *tx, const struct secret_owner *was,
                           struct header_pair *header)
{
    struct secrets secrets;
    struct str why;
    enum err err;

    if (!str_eq(header->value, SECRET_SHOWN))
        return OK;
    err = was->endpoint_id.data ? secrets_open(tx, was, tx->arena, &secrets, &why) : ERR_NOT_FOUND;
    for (size_t i = 0; !err && i < secrets.count; i++) {
        if (secrets.list[i].kind != SECRET_HEADER ||
            !str_eq_nocase(secrets.list[i].name, header->name))
            continue;
        header->value = secrets.list[i].value;
        return OK;
    }
    return ERR_INVALID;
}

static enum err headers_put(struct tx *tx, const struct secret_owner *owner,
                            struct owned_endpoint *endpoint)
{
    const struct secret_owner was = {owner->tenant, endpoint->was};
    int64_t count;
    enum err err = OK;

    for (size_t i = 0; !err && i < endpoint->header_count; i++) {
        err = kept_value(tx, &was, &endpoint->headers[i]);
        if (err)
            endpoint->missing = endpoint->headers[i].name;
    }
    if (!err)
        err = secret_delete(tx, owner, SECRET_HEADER, STR_NONE, &count);
    for (size_t i = 0; !err && i < endpoint->header_count; i++)
        err = secret_put(tx, owner,
                         &(struct secret){.kind = SECRET_HEADER,
                                          .secret_id = endpoint->headers[i].name,
                                          .name = endpoint->headers[i].name,
                                          .value = endpoint->headers[i].value});
    return err;
}

void owned_headers_out(struct json_writer *json, const struct header_pair *headers, size_t count)
{
    json_begin_object(json);
    for (size_t i = 0; i < count; i++) {
        json_key_str(json, headers[i].name);
        json_str_out(json, SECRET_SHOWN);
    }
    json_end_object(json);
}

/* ---- endpoints ---- */

enum err owned_endpoint_place(struct tx *tx, struct str tenant, struct owned_endpoint *endpoint)
{
    struct endpoint_row row = {
        .tenant = tenant,
        .kind = endpoint->kind,
        .url = endpoint->url,
        .owner = endpoint->owner,
        .name = endpoint->name,
    };
    struct secret_owner owner;
    enum err err = endpoint_add(tx, &row);

    if (err && err != ERR_CONFLICT)
        return err;
    endpoint->endpoint_id = row.endpoint_id;
    owner = (struct secret_owner){tenant, row.endpoint_id};
    return headers_put(tx, &owner, endpoint);
}

struct str owned_endpoint_id(const struct json *list, size_t index)
{
    return json_string(json_get(json_item(list, index), "endpoint_id"));
}

enum err owned_endpoints_parse(struct tx *tx, struct str stored, const struct json **list)
{
    *list = NULL;
    return stored.data ? json_parse(tx->arena, stored, list, NULL) : OK;
}

static bool has(const struct json *list, struct str id)
{
    for (size_t i = 0; i < json_count(list); i++)
        if (str_eq(id, owned_endpoint_id(list, i)))
            return true;
    return false;
}

enum err owned_endpoints_drop(struct tx *tx, struct str tenant, struct str had, struct str keep)
{
    const struct json *list, *kept;
    enum err err = owned_endpoints_parse(tx, had, &list);

    if (!err)
        err = owned_endpoints_parse(tx, keep, &kept);
    for (size_t i = 0; !err && i < json_count(list); i++) {
        if (has(kept, owned_endpoint_id(list, i)))
            continue;
        err = endpoint_delete(tx, tenant, owned_endpoint_id(list, i), false);
        if (err == ERR_CONFLICT || err == ERR_NOT_FOUND) /* something waits, or it is gone */
            err = OK;
    }
    return err;
}
