/* What all searches and lists have in common. */
#include "api/search.h"

static enum err names_check(struct call *call, const char *key, const struct json *names)
{
    struct json_iter iter = json_iter(names);
    const struct json *name;
    bool is_good = json_type(names) == JSON_ARRAY;

    while (is_good && json_next(&iter, NULL, &name))
        is_good = json_type(name) == JSON_STRING;
    if (is_good)
        return OK;
    call_fail(call, 422, "%s: must be an array of names", key);
    return ERR_INVALID;
}

enum err search_select_check(struct call *call, const struct json *names,
                             const char *const *members, const char *prefix)
{
    struct str front = str_of(prefix);
    struct json_iter iter = json_iter(names);
    const struct json *item;

    while (names && json_next(&iter, NULL, &item)) {
        struct str name = json_string(item);

        if (str_is_one_of(name, members) ||
            (prefix && name.len > front.len && str_starts(name, front)))
            continue;
        call_fail(call, 422, "select: must be %.*s%s%.*s%s, not \"%.*s\"",
                  STR_ARG(arena_words(call->arena, members)), prefix ? ", or " : "", STR_ARG(front),
                  prefix ? "KEY" : "", STR_ARG(str_first(name, 40)));
        return ERR_INVALID;
    }
    return OK;
}

enum err search_body_names(struct call *call, const char *key, const struct json **names)
{
    const struct json *member = json_get(call->body, key);

    if (json_is_absent(member))
        return OK;
    *names = member;
    return names_check(call, key, member);
}

enum err search_read(struct call *call, const char *const *orders, const char *const *members,
                     struct search *search)
{
    static const char *const directions[] = {"asc", "desc", NULL};
    struct str direction = STR_NONE;
    enum err err;

    *search = (struct search){.limit = 10, .sort_by = STR_NONE};
    if ((err = call_get_int(call, "limit", 1, 1000, &search->limit)) ||
        (err = call_get_int(call, "offset", 0, INT64_MAX, &search->offset)) ||
        (err = call_get_word(call, "sort_by", orders, &search->sort_by)) ||
        (err = call_get_word(call, "sort_order", directions, &direction)) ||
        (err = search_body_names(call, "select", &search->select)))
        return err;
    search->ascending = str_eq(direction, STR("asc"));
    return search_select_check(call, search->select, members, NULL);
}

enum err search_query_names(struct call *call, const char *key, const struct json **names)
{
    struct str value = query_get(&call->query, key), text;
    struct json_writer json;
    size_t position = 0;
    struct buf out;

    if (str_is_empty(value))
        return OK;
    buf_init(&out, 64 * KIB);
    json_writer_init(&json, &out);
    if (value.data[0] == '[') {
        buf_add(&out, value);
    } else {
        json_begin_array(&json);
        while (query_next(&call->query, key, &position, &value))
            json_str_out(&json, value);
        json_end_array(&json);
    }
    text = arena_str(call->arena, buf_str(&out));
    buf_release(&out);
    if (!json_parse(call->arena, text, names, NULL))
        return names_check(call, key, *names);
    call_fail(call, 422, "%s: is not a JSON array of names", key);
    return ERR_INVALID;
}

void picker_init(struct picker *picker, struct json_writer *out, const struct json *names)
{
    *picker = (struct picker){.out = out, .names = names};
    buf_init(&picker->object, REPLY_BYTES_MAX);
}

struct json_writer *picker_begin(struct picker *picker)
{
    if (!picker->names)
        return picker->out;
    buf_clear(&picker->object);
    json_writer_init(&picker->writer, &picker->object);
    return &picker->writer;
}

static bool is_picked(const struct picker *picker, struct str name)
{
    struct json_iter iter = json_iter(picker->names);
    const struct json *picked;

    if (str_eq(name, STR("extracted"))) /* asked for by itself */
        return true;
    while (json_next(&iter, NULL, &picked))
        if (str_eq(json_string(picked), name))
            return true;
    return false;
}

void picker_end(struct picker *picker)
{
    struct str name, value;
    size_t position = 0;

    if (!picker->names)
        return;
    json_begin_object(picker->out);
    while (json_raw_next(buf_str(&picker->object), &position, &name, &value)) {
        if (!is_picked(picker, name))
            continue;
        json_key_str(picker->out, name);
        json_raw_out(picker->out, value);
    }
    json_end_object(picker->out);
}

void picker_release(struct picker *picker)
{
    buf_release(&picker->object);
}
