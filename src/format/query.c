/* query.c -- pairs, percent-decoding and its reverse. */
#include "format/query.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* "%2f…" */
static bool escape_read(struct str text, char *c)
{
    int high = text.len > 2 ? hex_value(text.data[1]) : -1;
    int low = text.len > 2 ? hex_value(text.data[2]) : -1;

    if (high < 0 || low < 0)
        return false;
    *c = (char)(high << 4 | low);
    return true;
}

/* Decoded text is never longer than `raw`. */
static enum err decode(struct arena *arena, struct str raw, bool plus_is_blank, struct str *decoded)
{
    char *text = arena_alloc(arena, raw.len);
    size_t len = 0;

    for (size_t at = 0; at < raw.len; at++) {
        char c = raw.data[at];
        if (c == '%') {
            if (!escape_read(str_from(raw, at), &c))
                return ERR_INVALID;
            at += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        if (!c)
            return ERR_INVALID;
        text[len++] = c;
    }
    if (!str_is_utf8(str_range(text, len)))
        return ERR_INVALID;
    *decoded = str_range(text, len);
    return OK;
}

static size_t count_pairs(struct str text)
{
    struct str piece;
    size_t count = 0;

    while (str_split(&text, '&', &piece))
        count += piece.len > 0;
    return count;
}

enum err query_parse(struct arena *arena, struct str text, struct query *query, const char **why)
{
    size_t count = count_pairs(text);
    struct query parsed = {.count = 0};
    struct str piece;

    if (count > QUERY_PAIRS_MAX) {
        *why = "the query has more than 1000 parameters";
        return ERR_LIMIT;
    }
    parsed.pairs = ARENA_ARRAY(arena, struct query_pair, count);
    while (str_split(&text, '&', &piece)) {
        size_t equals = str_find_char(piece, '=');
        struct query_pair *pair = &parsed.pairs[parsed.count];
        if (piece.len == 0)
            continue;
        if (decode(arena, str_first(piece, equals), true, &pair->name) ||
            decode(arena, str_from(piece, equals + 1), true, &pair->value)) {
            *why = "a query parameter is not percent-encoded UTF-8";
            return ERR_INVALID;
        }
        parsed.count++;
    }
    *query = parsed;
    return OK;
}

bool query_next(const struct query *query, const char *name, size_t *position, struct str *value)
{
    while (*position < query->count) {
        const struct query_pair *pair = &query->pairs[(*position)++];
        if (str_eq(pair->name, str_of(name))) {
            *value = pair->value;
            return true;
        }
    }
    return false;
}

struct str query_get(const struct query *query, const char *name)
{
    size_t position = 0;
    struct str value = STR_NONE;

    (void)query_next(query, name, &position, &value);
    return value;
}

enum err path_segment_decode(struct arena *arena, struct str raw, struct str *decoded)
{
    return decode(arena, raw, false, decoded);
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

bool path_is_plain(struct str path)
{
    struct str segment;
    char c;

    for (size_t at = 0; at < path.len; at++)
        if (path.data[at] == '%' && escape_read(str_from(path, at), &c) &&
            (is_unreserved(c) || c == '/' || c == '\\'))
            return false;
    while (str_split(&path, '/', &segment))
        if (str_eq(segment, STR(".")) || str_eq(segment, STR("..")))
            return false;
    return true;
}

void percent_write(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (is_unreserved(text.data[i]))
            buf_add_char(out, text.data[i]);
        else
            buf_addf(out, "%%%02X", (unsigned)(unsigned char)text.data[i]);
    }
}

/* An escape begins with '%', which is less than every byte that stays; and the digits of two
 * escapes are in the order of their bytes. */
int percent_compare(struct str a, struct str b)
{
    size_t least = a.len < b.len ? a.len : b.len;

    for (size_t i = 0; i < least; i++) {
        bool stays = is_unreserved(a.data[i]);

        if (a.data[i] == b.data[i])
            continue;
        if (stays != is_unreserved(b.data[i]))
            return stays ? 1 : -1;
        return (unsigned char)a.data[i] < (unsigned char)b.data[i] ? -1 : 1;
    }
    return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}
