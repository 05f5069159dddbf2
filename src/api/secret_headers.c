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

static enum err refuse(struct call *call, struct str name, const char *why)
{
    call_fail(call, 422, "headers: %.*s %s", STR_ARG(str_first(name, 64)), why);
    return ERR_INVALID;
}

static enum err change_check(struct call *call, struct secret_headers *changes,
                             const struct secret_header *change, const struct json *json)
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

enum err secret_headers_read(struct call *call, const struct json *headers,
                             struct secret_headers *changes)
{
    struct json_iter iter = json_iter(headers);
    const struct json *value;
    struct str name;

    while (json_next(&iter, &name, &value)) {
        struct secret_header change = {.name = name, .id = secret_header_id(call->arena, name)};
        enum err err;

        if (changes->count == SECRET_HEADERS_MAX) {
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

static bool is_kept(const struct secret_headers *changes, struct str id)
{
    for (size_t i = 0; i < changes->count; i++)
        if (str_eq(changes->list[i].id, id))
            return true;
    return false;
}

static enum err put_one(struct tx *tx, struct call *call, const struct secret_owner *owner,
                        const struct secrets *before, const struct secret_header *change)
{
    const struct secret secret = {.kind = SECRET_HEADER,
                                  .secret_id = change->id,
                                  .name = change->name,
                                  .value = change->value,
                                  .created_us = tx->now_us};

    if (!str_is_none(change->value))
        return secret_put(tx, owner, &secret);
    return find_secret(before, change->id)
               ? OK
               : refuse(call, change->name, "is *** and so stays as it is, but there is none yet");
}

enum err secret_headers_put(struct tx *tx, struct call *call, const struct secret_owner *owner,
                            const struct secret_headers *headers)
{
    struct secrets before;
    int64_t count = 0;
    enum err err = secret_list(tx, owner, SECRET_HEADER, tx->arena, &before);

    for (size_t i = 0; !err && i < before.count; i++)
        if (!is_kept(headers, before.list[i].secret_id))
            err = secret_delete(tx, owner, SECRET_HEADER, before.list[i].secret_id, &count);
    for (size_t i = 0; !err && i < headers->count; i++)
        err = put_one(tx, call, owner, &before, &headers->list[i]);
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
