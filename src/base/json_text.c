/* json_text.c -- JSON as text: finds spans in text that json_parse has taken already. Never
 * recurses, never reads beyond the end, whatever the text is; of text that is not JSON the spans
 * mean nothing. */
#include "base/arena.h"
#include "base/json.h"
#include "base/map.h"

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

/* Is the character behind these escaped? */
static bool is_escaped(const char *from, const char *end)
{
    const char *at = end;

    while (at > from && at[-1] == '\\')
        at--;
    return (end - at) % 2 != 0;
}

/* `at` is at the opening quote; gives the position behind the closing one. */
static size_t skip_string(struct str text, size_t at)
{
    const char *first = text.data + at + 1, *end = text.data + text.len, *quote = first;

    while (quote < end && (quote = memchr(quote, '"', (size_t)(end - quote))) != NULL) {
        if (!is_escaped(first, quote))
            return (size_t)(quote - text.data) + 1;
        quote++;
    }
    return text.len;
}

static size_t skip_container(struct str text, size_t at)
{
    size_t depth = 0;

    while (at < text.len) {
        char c = text.data[at];
        if (c == '"') {
            at = skip_string(text, at);
            continue;
        }
        at++;
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && --depth == 0)
            break;
    }
    return at;
}

static size_t skip_value(struct str text, size_t at)
{
    char c = at < text.len ? text.data[at] : '\0';

    if (c == '"')
        return skip_string(text, at);
    if (c == '{' || c == '[')
        return skip_container(text, at);
    while (at < text.len && !is_space(text.data[at]) && !strchr(",]}", text.data[at]))
        at++;
    return at;
}

static struct str span(struct str text, size_t from, size_t to)
{
    return str_range(text.data + from, to - from);
}

bool json_raw_next(struct str container_text, size_t *position, struct str *key, struct str *value)
{
    struct str text = container_text;
    size_t first = skip_space(text, 0);
    size_t at = *position ? skip_space(text, *position) : first;
    size_t from;

    if (at >= text.len)
        return false;
    if (*position == 0 || text.data[at] == ',')
        at = skip_space(text, at + 1);
    if (at >= text.len || text.data[at] == '}' || text.data[at] == ']')
        return false;
    *key = STR_NONE;
    if (text.data[first] == '{') {
        from = at;
        at = skip_string(text, at);
        if (at < from + 2)
            return false;
        *key = span(text, from + 1, at - 1);
        at = skip_space(text, at);     /* to the colon */
        at = skip_space(text, at + 1); /* past it */
        if (at >= text.len)
            return false;
    }
    from = at;
    at = skip_value(text, at);
    if (at == from)
        return false;
    *value = span(text, from, at);
    *position = at;
    return true;
}

static unsigned hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    return (unsigned)((c | 0x20) - 'a' + 10) & 15;
}

static unsigned hex4(struct str digits)
{
    unsigned code = 0;

    for (size_t i = 0; i < 4 && i < digits.len; i++)
        code = code << 4 | hex_digit(digits.data[i]);
    return code;
}

static void put_utf8(struct buf *out, unsigned code)
{
    if (code < 0x80) {
        buf_add_char(out, (char)code);
    } else if (code < 0x800) {
        buf_add_char(out, (char)(0xc0 | code >> 6));
        buf_add_char(out, (char)(0x80 | (code & 0x3f)));
    } else if (code < 0x10000) {
        buf_add_char(out, (char)(0xe0 | code >> 12));
        buf_add_char(out, (char)(0x80 | (code >> 6 & 0x3f)));
        buf_add_char(out, (char)(0x80 | (code & 0x3f)));
    } else {
        buf_add_char(out, (char)(0xf0 | code >> 18));
        buf_add_char(out, (char)(0x80 | (code >> 12 & 0x3f)));
        buf_add_char(out, (char)(0x80 | (code >> 6 & 0x3f)));
        buf_add_char(out, (char)(0x80 | (code & 0x3f)));
    }
}

/* `raw` begins behind the "\u"; gives the bytes used: 4, or 10 for a surrogate pair. */
static size_t put_unicode_escape(struct buf *out, struct str raw)
{
    unsigned code = hex4(raw);

    if (code >= 0xd800 && code < 0xdc00 && raw.len >= 10) {
        unsigned low = hex4(str_from(raw, 6));
        put_utf8(out, 0x10000 + ((code - 0xd800) << 10) + ((low - 0xdc00) & 0x3ff));
        return 10;
    }
    put_utf8(out, code);
    return 4;
}

/* The text that `raw`, from between the quotes, stands for. */
static void unescape(struct buf *out, struct str raw)
{
    static const char from[] = "bfnrt";
    static const char to[] = "\b\f\n\r\t";

    for (size_t at = str_find_char(raw, '\\'); at < raw.len; at = str_find_char(raw, '\\')) {
        char c = at + 1 < raw.len ? raw.data[at + 1] : '\0';
        const char *simple = c ? strchr(from, c) : NULL;

        buf_add(out, str_first(raw, at));
        raw = str_from(raw, at + 2);
        if (c == 'u')
            raw = str_from(raw, put_unicode_escape(out, raw));
        else
            buf_add_char(out, simple ? to[simple - from] : c);
    }
    buf_add(out, raw);
}

/* Unescaped only where there is an escape: hardly ever. `space` holds the result then. */
static struct str key_text(struct str raw, struct buf *space)
{
    if (str_find_char(raw, '\\') == raw.len)
        return raw;
    buf_clear(space);
    unescape(space, raw);
    return buf_str(space);
}

struct str json_raw(struct str object_text, struct str key)
{
    size_t position = 0;
    struct str name, value, found = STR_NONE;
    struct buf space;

    buf_init(&space, object_text.len);
    while (json_raw_next(object_text, &position, &name, &value))
        if (str_eq(key_text(name, &space), key))
            found = value; /* the last of several equal keys, as json_get_str */
    buf_release(&space);
    return found;
}

void json_without(struct buf *out, struct str object_text, bool (*drops)(struct str key))
{
    struct str raw_key, value;
    size_t position = 0, kept = 0;
    struct buf space;

    buf_init(&space, object_text.len);
    buf_add_char(out, '{');
    while (json_raw_next(object_text, &position, &raw_key, &value)) {
        if (drops(key_text(raw_key, &space)))
            continue;
        buf_add_cstr(out, kept++ > 0 ? ",\"" : "\"");
        buf_add(out, raw_key);
        buf_add_cstr(out, "\":");
        buf_add(out, value);
    }
    buf_add_char(out, '}');
    buf_release(&space);
}

void json_scrub_nul(char *text, size_t len)
{
    for (size_t at = 0; at + 1 < len; at++) {
        if (text[at] != '\\')
            continue;
        if (len - at >= 6 && memcmp(text + at, "\\u0000", 6) == 0)
            memcpy(text + at, "\\ufffd", 6);
        at++; /* what is escaped is no beginning of an escape: \\u0000 stays */
    }
}

struct member {
    struct member *next;
    struct str raw_key;
    struct str value;
};

struct merge {
    struct arena arena;
    struct map by_key;
    struct member *first;
    struct member **last;
    struct buf space;
};

static void merge_in(struct merge *m, struct str object_text)
{
    struct str raw_key, value;
    size_t position = 0;

    while (json_raw_next(object_text, &position, &raw_key, &value)) {
        struct str key = key_text(raw_key, &m->space);
        struct member *member = map_find(&m->by_key, key);
        if (!member) {
            member = ARENA_NEW(&m->arena, struct member);
            member->raw_key = raw_key;
            *m->last = member;
            m->last = &member->next;
            map_put(&m->by_key, key, member);
        }
        member->value = value;
    }
}

void json_merge(struct buf *out, struct str base, struct str over)
{
    struct merge m = {.first = NULL};

    m.last = &m.first;
    arena_init(&m.arena);
    map_init(&m.by_key);
    buf_init(&m.space, base.len + over.len);
    merge_in(&m, base);
    merge_in(&m, over);

    buf_add_char(out, '{');
    for (const struct member *member = m.first; member; member = member->next) {
        if (member != m.first)
            buf_add_char(out, ',');
        buf_add_char(out, '"');
        buf_add(out, member->raw_key);
        buf_add(out, STR("\":"));
        buf_add(out, member->value);
    }
    buf_add_char(out, '}');
    buf_release(&m.space);
    map_release(&m.by_key);
    arena_release(&m.arena);
}

struct str json_with(struct arena *arena, struct str object_text, struct str key, struct str value,
                     size_t max)
{
    struct json_writer json;
    struct buf one, all;

    buf_init(&one, max);
    buf_init(&all, max);
    json_writer_init(&json, &one);
    json_begin_object(&json);
    json_key_str(&json, key);
    json_raw_out(&json, value);
    json_end_object(&json);
    if (one.failed)
        all.failed = true;
    else
        json_merge(&all, object_text, buf_str(&one));
    buf_release(&one);
    return buf_keep(&all, arena);
}
