/* Headers that nobody sees again: which may be set, and how they are kept. */
#include "api/secret_headers.h"

#include "format/header.h"

#define HEADERS_BYTES_MAX (32 * KIB)

struct str secret_header_id(struct arena *arena, struct str name)
{
    char *text = arena_cstr(arena, name);

    for (size_t i = 0; i < name.len; i++)
        if (text[i] >= 'A' && text[i] <= 'Z')
            text[i] = (char)(text[i] - 'A' + 'a');
    return str_range(text, name.len);
}

static struct str why_not(const struct secret_headers *headers, const struct secret_header *header,
                          struct str value)
{
    const char *problem = header_problem(header->name, value);

    if (header_is_reserved(header->name))
        return STR(
            "is written by the sender itself, or changes how the request is framed; leave it "
            "out");
    for (size_t i = 0; i < headers->count; i++)
        if (str_eq(headers->list[i].id, header->id))
            return STR("stands there twice");
    if (problem)
        return str_of(problem);
    if (headers->count == SECRET_HEADERS_MAX)
        return STR("is one too many: there may be 64");
    if (headers->bytes + header->name.len + value.len > HEADERS_BYTES_MAX)
        return STR("is too much: together they may have 32 KiB");
    return STR_NONE;
}

struct str secret_headers_add(struct arena *arena, struct secret_headers *headers, struct str name,
                              struct str value)
{
    struct secret_header header = {.name = name, .id = secret_header_id(arena, name)};
    struct str why = why_not(headers, &header, value);

    if (!str_is_none(why))
        return arena_printf(arena, "headers: %.*s %.*s", STR_ARG(str_first(name, 64)),
                            STR_ARG(why));
    if (!str_eq(value, SECRET_SHOWN))
        header.value = value;
    headers->bytes += name.len + value.len;
    headers->list[headers->count++] = header;
    return STR_NONE;
}

enum err secret_headers_read(struct call *call, const struct json *headers,
                             struct secret_headers *changes)
{
    struct json_iter iter = json_iter(headers);
    const struct json *value;
    struct str name;

    while (json_next(&iter, &name, &value)) {
        struct str why = secret_headers_add(call->arena, changes, name, json_string(value));

        if (str_is_none(why))
            continue;
        call_fail(call, 422, "%.*s", STR_ARG(why));
        return ERR_INVALID;
    }
    return OK;
}

static bool is_kept(const struct secret_headers *changes, struct str id)
{
    for (size_t i = 0; i < changes->count; i++)
        if (str_eq(changes->list[i].id, id))
            return true;
    return false;
}

static enum err put_one(struct tx *tx, const struct secret_owner *owner,
                        const struct secret_header *header, struct str value)
{
    return secret_put(tx, owner,
                      &(struct secret){.kind = SECRET_HEADER,
                                       .secret_id = header->id,
                                       .name = header->name,
                                       .value = value,
                                       .created_us = tx->now_us});
}

/* What `was` has under these names. */
static enum err take_along(struct tx *tx, const struct secret_owner *owner,
                           const struct secret_owner *was, const struct secret_headers *headers,
                           struct str *missing)
{
    struct secrets before = {0};
    struct str why;
    enum err err = OK;

    if (!str_is_none(was->endpoint_id))
        err = secrets_open(tx, was, tx->arena, &before, &why);
    for (size_t i = 0; !err && i < headers->count; i++) {
        const struct secret_header *header = &headers->list[i];
        const struct secret *found = NULL;

        if (!str_is_none(header->value))
            continue;
        for (size_t k = 0; k < before.count; k++)
            if (before.list[k].kind == SECRET_HEADER &&
                str_eq_nocase(before.list[k].secret_id, header->id))
                found = &before.list[k];
        if (!found) {
            *missing = header->name;
            err = ERR_INVALID;
        } else if (!str_eq(was->endpoint_id, owner->endpoint_id) ||
                   !str_eq(found->secret_id, header->id)) {
            err = put_one(tx, owner, header, found->value);
        }
    }
    secrets_wipe(&before);
    return err;
}

enum err secret_headers_store(struct tx *tx, const struct secret_owner *owner,
                              const struct secret_owner *was, const struct secret_headers *headers,
                              struct str *missing)
{
    bool keeps_any = false;
    struct secrets before;
    int64_t count = 0;
    enum err err;

    for (size_t i = 0; i < headers->count; i++)
        keeps_any |= str_is_none(headers->list[i].value);
    *missing = STR_NONE;
    err = keeps_any ? take_along(tx, owner, was, headers, missing) : OK;
    if (!err)
        err = secret_list(tx, owner, SECRET_HEADER, tx->arena, &before);
    for (size_t i = 0; !err && i < before.count; i++)
        if (!is_kept(headers, before.list[i].secret_id))
            err = secret_delete(tx, owner, SECRET_HEADER, before.list[i].secret_id, &count);
    for (size_t i = 0; !err && i < headers->count; i++)
        if (!str_is_none(headers->list[i].value))
            err = put_one(tx, owner, &headers->list[i], headers->list[i].value);
    return err;
}

enum err secret_headers_put(struct tx *tx, struct call *call, const struct secret_owner *owner,
                            const struct secret_headers *headers)
{
    struct str missing;
    enum err err = secret_headers_store(tx, owner, owner, headers, &missing);

    if (!str_is_none(missing))
        call_fail(call, 422, "headers: %.*s is *** and so stays as it is, but there is none yet",
                  STR_ARG(str_first(missing, 64)));
    return err;
}

enum err secret_headers_out(struct tx *tx, const struct secret_owner *owner,
                            struct json_writer *json)
{
    struct secrets found;
    enum err err = secret_list(tx, owner, SECRET_HEADER, tx->arena, &found);

    if (err)
        return err;
    json_begin_object(json);
    for (size_t i = 0; i < found.count; i++) {
        json_key_str(json, found.list[i].name);
        json_str_out(json, SECRET_SHOWN);
    }
    json_end_object(json);
    return OK;
}
