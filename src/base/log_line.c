/* log_line.c -- one line is one line whatever is in it: control characters and bytes that are not
 * UTF-8 are written as escapes, so that nobody can forge a line or trouble a terminal. */
#include "base/log_line_priv.h"

#include <stdio.h>

/* Always kept free for what ends a value and the line: a quote, a brace, a newline. */
#define RESERVE 4

void log_line_begin(struct log_line *line, bool is_json)
{
    line->len = 0;
    line->is_json = is_json;
    if (is_json)
        line->text[line->len++] = '{';
}

static bool put(struct log_line *line, struct str text)
{
    if (line->len + text.len > sizeof(line->text) - RESERVE)
        return false;
    memcpy(line->text + line->len, text.data, text.len);
    line->len += text.len;
    return true;
}

/* False: there is no room for it, and nothing is written. */
static bool put_name(struct log_line *line, const char *name)
{
    size_t before = line->len;
    bool is_first = line->is_json ? before == 1 : before == 0;
    struct str separator = line->is_json ? STR(",\"") : STR(" ");
    bool fits = put(line, str_from(separator, is_first ? 1 : 0)) && put(line, str_of(name)) &&
                put(line, line->is_json ? STR("\":") : STR("="));

    if (!fits)
        line->len = before;
    return fits;
}

/* The first character of the text as it is written; *len: how long it was. A byte that is no
 * character stands in JSON as the escape's own text. */
static struct str escaped(struct str text, bool is_json, size_t *len, char *room, size_t size)
{
    size_t utf8 = str_utf8_len(text);
    unsigned char c = (unsigned char)text.data[0];
    int written;

    *len = utf8 ? utf8 : 1;
    if (utf8 > 0 && c >= 0x20 && c != 0x7f && c != '"' && c != '\\')
        return str_first(text, utf8);
    if (c == '\n')
        return STR("\\n");
    if (c == '"' || c == '\\')
        written = snprintf(room, size, "\\%c", c);
    else if (!is_json)
        written = snprintf(room, size, "\\x%02x", c);
    else if (utf8 == 0)
        written = snprintf(room, size, "\\\\x%02x", c);
    else
        written = snprintf(room, size, "\\u%04x", c);
    return str_range(room, (size_t)written);
}

static void put_quoted(struct log_line *line, struct str text)
{
    char room[8];
    size_t len;

    line->text[line->len++] = '"'; /* of the reserve */
    while (text.len && put(line, escaped(text, line->is_json, &len, room, sizeof(room))))
        text = str_from(text, len);
    line->text[line->len++] = '"';
}

void log_line_put_text(struct log_line *line, const char *name, struct str text)
{
    if (put_name(line, name))
        put_quoted(line, text);
}

void log_line_put_word(struct log_line *line, const char *name, struct str word)
{
    if (line->is_json)
        log_line_put_text(line, name, word);
    else if (put_name(line, name))
        (void)put(line, word);
}

void log_line_put_number(struct log_line *line, const char *name, int64_t number)
{
    size_t before = line->len;
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%lld", (long long)number);

    if (!put_name(line, name) || !put(line, str_range(digits, (size_t)len)))
        line->len = before;
}

struct str log_line_end(struct log_line *line, bool has_newline)
{
    if (line->is_json)
        line->text[line->len++] = '}';
    if (has_newline)
        line->text[line->len++] = '\n';
    return str_range(line->text, line->len);
}
