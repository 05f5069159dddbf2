/* template.c -- see template.h. */
#include "format/template.h"

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

/* A placeholder at the front of `text`: its name, and how long it is with its braces. */
struct placeholder {
    struct str name;
    size_t len;
};

static bool placeholder_at(struct str text, struct placeholder *found)
{
    size_t braces = text.len > 1 && text.data[1] == '{' ? 2 : 1, end = braces;

    if (text.len == 0 || text.data[0] != '{')
        return false;
    while (end < text.len && is_name_char(text.data[end]))
        end++;
    if (end == braces || end - braces > TEMPLATE_NAME_BYTES_MAX || text.len - end < braces)
        return false;
    for (size_t i = 0; i < braces; i++)
        if (text.data[end + i] != '}')
            return false;
    *found = (struct placeholder){str_range(text.data + braces, end - braces), end + braces};
    return true;
}

static bool same_name(struct str name, struct str written)
{
    if (name.len != written.len)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] != (written.data[i] == '-' ? '_' : written.data[i]))
            return false;
    return true;
}

static const struct template_variable *find(const struct template_variable *list, size_t count,
                                            struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (same_name(list[i].name, name))
            return &list[i];
    return NULL;
}

static void add_value(struct buf *out, const struct template_fill *fill, struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];

        if (!fill->escapes_markup || (c != '&' && c != '<' && c != '>'))
            buf_add_char(out, c);
        else
            buf_add_cstr(out, c == '&' ? "&amp;" : c == '<' ? "&lt;" : "&gt;");
    }
}

/* A string without its escapes. */
static void write_filled(struct json_writer *w, struct str text, const struct template_fill *fill)
{
    const struct template_variable *variable;
    struct placeholder found;
    struct buf out;

    if (placeholder_at(text, &found) && found.len == text.len &&
        (variable = find(fill->variables, fill->count, found.name)) && variable->json.data) {
        json_raw_out(w, variable->json);
        return;
    }
    buf_init(&out, w->out->max);
    while (text.len > 0) {
        size_t brace = str_find_char(text, '{');

        buf_add(&out, str_first(text, brace));
        text = str_from(text, brace);
        if (text.len == 0)
            break;
        if (placeholder_at(text, &found) &&
            (variable = find(fill->variables, fill->count, found.name))) {
            add_value(&out, fill, variable->text);
            text = str_from(text, found.len);
        } else {
            buf_add_char(&out, text.data[0]);
            text = str_from(text, 1);
        }
    }
    w->out->failed |= out.failed;
    json_str_out(w, buf_str(&out));
    buf_release(&out);
}

static void write_string(struct json_writer *w, struct str quoted, const struct template_fill *fill)
{
    const struct json *value;
    struct arena arena;

    if (fill->is_verbatim || str_find_char(quoted, '{') == quoted.len) {
        json_raw_out(w, quoted);
        return;
    }
    arena_init(&arena);
    if (json_parse(&arena, quoted, &value, NULL) == OK)
        write_filled(w, json_string(value), fill);
    else
        json_raw_out(w, quoted);
    arena_release(&arena);
}

static void write_value(struct json_writer *w, struct str text, const struct template_fill *fill)
{
    struct str key, value;
    size_t position = 0;

    if (text.data[0] == '{') {
        json_begin_object(w);
        while (json_raw_next(text, &position, &key, &value)) {
            json_key_raw(w, key);
            write_value(w, value, fill);
        }
        json_end_object(w);
    } else if (text.data[0] == '[') {
        json_begin_array(w);
        while (json_raw_next(text, &position, &key, &value))
            write_value(w, value, fill);
        json_end_array(w);
    } else if (text.data[0] == '"') {
        write_string(w, text, fill);
    } else {
        json_raw_out(w, text);
    }
}

void template_write_members(struct json_writer *w, struct str object_text,
                            const struct template_fill *fill,
                            const struct template_variable *hidden, size_t hidden_count)
{
    struct str key, value;
    size_t position = 0;

    while (json_raw_next(object_text, &position, &key, &value)) {
        if (find(hidden, hidden_count, key))
            continue;
        json_key_raw(w, key);
        write_value(w, value, fill);
    }
}

/* ---- what would stay ---- */

struct finding {
    const struct template_fill *fill;
    struct arena *arena;
    struct str *names;
    size_t count, max;
};

static void find_in_string(struct finding *f, struct str text)
{
    struct placeholder found;

    for (; text.len > 0; text = str_from(text, 1)) {
        bool is_new = true;

        text = str_from(text, str_find_char(text, '{'));
        if (!placeholder_at(text, &found) || find(f->fill->variables, f->fill->count, found.name))
            continue;
        for (size_t i = 0; i < f->count; i++)
            is_new &= !str_eq(f->names[i], found.name);
        if (is_new && f->count < f->max)
            f->names[f->count++] = arena_str(f->arena, found.name);
        text = str_from(text, found.len - 1);
    }
}

static void find_in_value(struct finding *f, struct str text)
{
    struct str key, value;
    size_t position = 0;

    if (text.data[0] == '{' || text.data[0] == '[') {
        while (json_raw_next(text, &position, &key, &value))
            find_in_value(f, value);
    } else if (text.data[0] == '"') {
        find_in_string(f, text);
    }
}

size_t template_unknown(struct str json_text, const struct template_fill *fill, struct arena *arena,
                        struct str *names, size_t max)
{
    struct finding finding = {.fill = fill, .arena = arena, .names = names, .max = max};

    find_in_value(&finding, str_trim(json_text));
    return finding.count;
}

size_t template_hidden(struct str object_text, const struct template_variable *hidden,
                       size_t hidden_count, struct arena *arena, struct str *names, size_t max)
{
    struct str key, value;
    size_t position = 0, count = 0;

    while (count < max && json_raw_next(object_text, &position, &key, &value))
        if (find(hidden, hidden_count, key))
            names[count++] = arena_str(arena, key);
    return count;
}
