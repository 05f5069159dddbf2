/* csv.c -- see csv.h. */
#include "format/csv.h"

void csv_init(struct csv *csv, struct str text)
{
    static const struct str mark = {"\xef\xbb\xbf", 3};

    *csv = (struct csv){.rest = str_starts(text, mark) ? str_from(text, mark.len) : text};
}

static enum err refuse(struct csv *csv, enum err err, const char *why)
{
    csv->why = why;
    return err;
}

/* LF or CRLF in front is taken. */
static bool line_end_take(struct csv *csv)
{
    size_t len = str_starts(csv->rest, STR("\r\n")) ? 2 : str_starts(csv->rest, STR("\n"));

    csv->rest = str_from(csv->rest, len);
    csv->lines += len > 0;
    return len > 0;
}

static size_t plain_len(struct str text)
{
    size_t at = 0;

    while (at < text.len && text.data[at] != ',' && text.data[at] != '\n' &&
           !(text.data[at] == '\r' && at + 1 < text.len && text.data[at + 1] == '\n'))
        at++;
    return at;
}

/* Behind the quote that opens it; up to the one that closes it. */
static enum err quoted_take(struct csv *csv, struct arena *arena, struct str *field)
{
    struct buf out;
    enum err err = ERR_INVALID;

    buf_init(&out, csv->rest.len + 1);
    for (;;) {
        size_t at = str_find_char(csv->rest, '"');
        struct str piece = str_first(csv->rest, at);

        for (size_t i = 0; i < piece.len; i++)
            csv->lines += piece.data[i] == '\n';
        buf_add(&out, piece);
        if (at == csv->rest.len)
            break;
        csv->rest = str_from(csv->rest, at + 1);
        if (csv->rest.len == 0 || csv->rest.data[0] != '"') {
            err = OK;
            break;
        }
        buf_add(&out, STR("\""));
        csv->rest = str_from(csv->rest, 1);
    }
    *field = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return err ? refuse(csv, err, "a quote is not closed") : OK;
}

static enum err field_take(struct csv *csv, struct arena *arena, struct str *field)
{
    enum err err;

    if (csv->rest.len == 0 || csv->rest.data[0] != '"') {
        size_t len = plain_len(csv->rest);

        *field = arena_str(arena, str_first(csv->rest, len));
        csv->rest = str_from(csv->rest, len);
        return OK;
    }
    csv->rest = str_from(csv->rest, 1);
    err = quoted_take(csv, arena, field);
    if (!err && plain_len(csv->rest) > 0)
        err = refuse(csv, ERR_INVALID, "there is something between a closing quote and the comma");
    return err;
}

enum err csv_next(struct csv *csv, struct arena *arena, struct str *fields, size_t max,
                  size_t *count)
{
    enum err err = OK;

    *count = 0;
    while (line_end_take(csv))
        ;
    if (csv->rest.len == 0)
        return ERR_NOT_FOUND;
    csv->line = csv->lines + 1;
    for (;;) {
        if (*count == max)
            return refuse(csv, ERR_LIMIT, "there are too many fields");
        if ((err = field_take(csv, arena, &fields[*count])))
            return err;
        ++*count;
        if (csv->rest.len == 0 || csv->rest.data[0] != ',')
            break;
        csv->rest = str_from(csv->rest, 1);
    }
    line_end_take(csv);
    return OK;
}

static bool needs_quotes(struct str field)
{
    for (size_t i = 0; i < field.len; i++)
        if (field.data[i] == ',' || field.data[i] == '"' || field.data[i] == '\n' ||
            field.data[i] == '\r')
            return true;
    return false;
}

void csv_field_write(struct buf *out, struct str field)
{
    if (!needs_quotes(field)) {
        buf_add(out, field);
        return;
    }
    buf_add(out, STR("\""));
    for (size_t at = 0; at < field.len;) {
        size_t len = str_find_char(str_from(field, at), '"');

        buf_add(out, str_first(str_from(field, at), len));
        if (at + len < field.len)
            buf_add(out, STR("\"\""));
        at += len + 1;
    }
    buf_add(out, STR("\""));
}
