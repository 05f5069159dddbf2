/* Namespaces of items as text. */
#include "store/namespaces.h"

#define NAMESPACE_BYTES_MAX (64 * KIB)
#define ANY STR("*")

enum err namespace_join(struct arena *arena, const struct json *labels, struct str *text)
{
    struct json_iter iter = json_iter(labels);
    const struct json *item;
    struct buf out;
    enum err err = OK;

    buf_init(&out, NAMESPACE_BYTES_MAX);
    while (!err && json_next(&iter, NULL, &item)) {
        struct str label = json_string(item);

        if (str_is_none(label) || str_find_char(label, ITEM_LABEL_END) < label.len)
            err = ERR_INVALID;
        buf_add(&out, label);
        buf_add_char(&out, ITEM_LABEL_END);
    }
    if (!err && out.failed)
        err = ERR_LIMIT;
    if (!err)
        *text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return err;
}

/* Takes the first label off the front. False: there is none. */
static bool label_take(struct str *text, struct str *label)
{
    return text->len > 0 && str_split(text, ITEM_LABEL_END, label);
}

void namespace_out(struct json_writer *json, struct str text)
{
    struct str label;

    json_begin_array(json);
    while (label_take(&text, &label))
        json_str_out(json, label);
    json_end_array(json);
}

struct str namespace_cut(struct str text, int64_t depth)
{
    struct str rest = text, label;

    if (depth <= 0)
        return text;
    for (int64_t i = 0; i < depth && label_take(&rest, &label); i++)
        ;
    return str_first(text, text.len - rest.len);
}

bool namespace_starts(struct str text, struct str pattern)
{
    struct str wanted, label;

    while (label_take(&pattern, &wanted))
        if (!label_take(&text, &label) || (!str_eq(wanted, ANY) && !str_eq(wanted, label)))
            return false;
    return true;
}

static size_t depth_of(struct str text)
{
    size_t depth = 0;
    struct str label;

    while (label_take(&text, &label))
        depth++;
    return depth;
}

bool namespace_ends(struct str text, struct str pattern)
{
    size_t depth = depth_of(text), wanted = depth_of(pattern);
    struct str label;

    if (wanted > depth)
        return false;
    while (depth-- > wanted)
        label_take(&text, &label);
    return namespace_starts(text, pattern);
}

struct str namespace_literal(struct str pattern)
{
    struct str rest = pattern, label;
    size_t len = 0;

    while (label_take(&rest, &label) && !str_eq(label, ANY))
        len = pattern.len - rest.len;
    return str_first(pattern, len);
}
