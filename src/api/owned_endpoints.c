/* owned_endpoints.c -- see owned_endpoints.h. */
#include "api/owned_endpoints.h"

/* ---- headers ---- */

/* Documented examples set it to what the sender writes anyway. */
static bool is_said_already(const struct header_pair *pair)
{
    struct str type = str_first(pair->value, str_find_char(pair->value, ';'));

    return str_eq_nocase(pair->name, STR("content-type")) &&
           (str_eq_nocase(str_trim(type), STR("application/json")) ||
            str_eq(pair->value, SECRET_SHOWN));
}

struct str owned_headers_read(struct arena *arena, const struct header_pair *pairs, size_t count,
                              struct secret_headers **headers)
{
    struct str why = STR_NONE;

    *headers = ARENA_NEW(arena, struct secret_headers);
    for (size_t i = 0; str_is_none(why) && i < count; i++)
        if (!is_said_already(&pairs[i]))
            why = secret_headers_add(arena, *headers, pairs[i].name, pairs[i].value);
    return why;
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

struct str owned_endpoint_id(const struct json *list, size_t index)
{
    return json_string(json_get(json_item(list, index), "endpoint_id"));
}

/* The endpoint that was told this URL before; else the one that stood in this place. */
static enum err find_before(struct tx *tx, struct str tenant, const struct owned_endpoint *endpoint,
                            struct endpoint_row *found)
{
    struct str in_place = owned_endpoint_id(endpoint->before, endpoint->index);
    enum err err = ERR_NOT_FOUND;

    for (size_t i = 0; i < json_count(endpoint->before); i++) {
        err = endpoint_get(tx, tenant, owned_endpoint_id(endpoint->before, i), tx->arena, found);
        if (err && err != ERR_NOT_FOUND)
            return err;
        if (!err && str_eq(found->url, endpoint->url))
            return OK;
    }
    return str_is_none(in_place) ? ERR_NOT_FOUND
                                 : endpoint_get(tx, tenant, in_place, tx->arena, found);
}

static void explain(struct tx *tx, struct owned_endpoint *endpoint, struct str header,
                    bool has_moved)
{
    endpoint->why = arena_printf(
        tx->arena, "headers: %.*s is ***, but %s: give its value", STR_ARG(str_first(header, 64)),
        has_moved ? "this URL is of another host, to which stored values do not go along"
                  : "nothing is stored for it");
}

enum err owned_endpoint_place(struct tx *tx, struct str tenant, struct owned_endpoint *endpoint)
{
    struct endpoint_row row = {
        .tenant = tenant,
        .kind = endpoint->kind,
        .url = endpoint->url,
        .owner = endpoint->owner,
        .name = endpoint->name,
    };
    struct secret_owner owner = {.tenant = tenant}, was = {.tenant = tenant};
    struct endpoint_row before, placed;
    struct str missing;
    bool has_moved = false;
    enum err err = find_before(tx, tenant, endpoint, &before);
    bool has_before = err == OK;

    if (err && err != ERR_NOT_FOUND)
        return err;
    if (has_before)
        endpoint_tell_alike(&row, &before);
    err = endpoint_add(tx, &row);
    if (err && err != ERR_CONFLICT)
        return err;
    if ((err = endpoint_get(tx, tenant, row.endpoint_id, tx->arena, &placed)))
        return err;
    endpoint->endpoint_id = owner.endpoint_id = row.endpoint_id;
    has_moved = has_before && !str_eq(before.origin, placed.origin);
    if (has_before && !has_moved)
        was.endpoint_id = before.endpoint_id;
    err = secret_headers_store(tx, &owner, &was, endpoint->headers, &missing);
    if (!str_is_none(missing))
        explain(tx, endpoint, missing, has_moved);
    return err;
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
