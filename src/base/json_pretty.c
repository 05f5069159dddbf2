/* json_pretty.c -- JSON text laid out for people. Numbers and strings stay as they stand. */
#include "base/json.h"

#define INDENT 2

static void new_line(struct buf *out, size_t depth)
{
    buf_add_char(out, '\n');
    for (size_t i = 0; i < depth * INDENT; i++)
        buf_add_char(out, ' ');
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_space(struct str text, size_t at)
{
    while (at < text.len && is_space(text.data[at]))
        at++;
    return at;
}

/* From the opening quote; returns the position behind the closing one. */
static size_t copy_string(struct buf *out, struct str text, size_t at)
{
    size_t end = at + 1;

    while (end < text.len && text.data[end] != '"')
        end += text.data[end] == '\\' ? 2 : 1;
    end = end < text.len ? end + 1 : text.len;
    buf_add(out, str_range(text.data + at, end - at));
    return end;
}

static void open_container(struct buf *out, struct str text, size_t *at, size_t *depth)
{
    char open = text.data[*at], close = open == '{' ? '}' : ']';
    size_t next = skip_space(text, *at + 1);

    buf_add_char(out, open);
    if (next < text.len && text.data[next] == close) {
        buf_add_char(out, close);
        *at = next + 1;
        return;
    }
    new_line(out, ++*depth);
    *at = next;
}

void json_pretty(struct buf *out, struct str text)
{
    size_t depth = 0, at = skip_space(text, 0);

    while (at < text.len) {
        char c = text.data[at];

        if (c == '"') {
            at = copy_string(out, text, at);
        } else if (c == '{' || c == '[') {
            open_container(out, text, &at, &depth);
        } else if (c == '}' || c == ']') {
            new_line(out, depth ? --depth : 0);
            buf_add_char(out, c);
            at++;
        } else {
            buf_add_char(out, c);
            if (c == ',')
                new_line(out, depth);
            else if (c == ':')
                buf_add_char(out, ' ');
            at++;
        }
        at = skip_space(text, at);
    }
    buf_add_char(out, '\n');
}
