/* filter_syntax.c -- text to calls, lists and literals, by the grammar in filter.h.
 *
 * One pass, one function per rule. Nesting is bounded by FILTER_DEPTH_MAX, the number of parts by
 * FILTER_PARTS_MAX, so that neither the stack nor the memory follows the text without a bound. */
#include "format/filter_syntax_priv.h"

#include <stdarg.h>
#include <stdio.h>

struct parser {
    struct str text;
    size_t at;
    unsigned depth;
    size_t part_count;
    struct arena *arena;
    struct filter_error *error;
};

enum err filter_refuse(struct filter_error *error, enum err err, size_t position,
                       const char *format, ...)
{
    char words[160];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    error->position = position;
    snprintf(error->text, sizeof(error->text), "%s (at position %zu)", words, position);
    return err;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* NUL at the end: the text holds none (filter_syntax_parse). */
static char peek(const struct parser *p)
{
    return p->at < p->text.len ? p->text.data[p->at] : '\0';
}

static char peek_after(const struct parser *p, size_t ahead)
{
    return p->at + ahead < p->text.len ? p->text.data[p->at + ahead] : '\0';
}

static void skip_blanks(struct parser *p)
{
    while (peek(p) == ' ' || peek(p) == '\t' || peek(p) == '\n' || peek(p) == '\r')
        p->at++;
}

static struct str since(const struct parser *p, size_t start)
{
    return str_range(p->text.data + start, p->at - start);
}

static enum err part_new(struct parser *p, enum filter_part_kind kind, struct filter_part **part)
{
    if (p->part_count++ == FILTER_PARTS_MAX)
        return filter_refuse(p->error, ERR_LIMIT, p->at, "the filter has more than %d parts",
                             FILTER_PARTS_MAX);
    *part = ARENA_NEW(p->arena, struct filter_part);
    (*part)->kind = kind;
    (*part)->position = p->at;
    return OK;
}

/* ---- strings ---- */

static size_t utf8_put(char *at, uint32_t code)
{
    if (code == 0 || (code >= 0xd800 && code < 0xe000))
        code = 0xfffd;
    if (code < 0x80) {
        at[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        at[0] = (char)(0xc0 | code >> 6);
        at[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        at[0] = (char)(0xe0 | code >> 12);
        at[1] = (char)(0x80 | (code >> 6 & 0x3f));
        at[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    at[0] = (char)(0xf0 | code >> 18);
    at[1] = (char)(0x80 | (code >> 12 & 0x3f));
    at[2] = (char)(0x80 | (code >> 6 & 0x3f));
    at[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* The four hex digits behind "\u" at `at`; false if they are not there. */
static bool hex4(const struct parser *p, size_t at, uint32_t *code)
{
    uint32_t value = 0;

    for (size_t i = at + 2; i < at + 6; i++) {
        char c = i < p->text.len ? p->text.data[i] : '\0';
        uint32_t digit;

        if (is_digit(c))
            digit = (uint32_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (uint32_t)((c | 0x20) - 'a' + 10);
        else
            return false;
        value = value << 4 | digit;
    }
    *code = value;
    return true;
}

/* At "\uXXXX": writes the character, takes a second escape along if the two are a surrogate pair.
 */
static bool unicode_escape(struct parser *p, char *out, size_t *len)
{
    uint32_t code, low;

    if (!hex4(p, p->at, &code))
        return false;
    p->at += 6;
    if (code >= 0xd800 && code < 0xdc00 && peek(p) == '\\' && peek_after(p, 1) == 'u' &&
        hex4(p, p->at, &low) && low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        p->at += 6;
    }
    *len += utf8_put(out + *len, code);
    return true;
}

/* At a backslash. In double quotes JSON's escapes; in single quotes only \', so that a JSON text
 * may stand in them as it is. What is no escape stays, both characters of it. */
static void escape(struct parser *p, char quote, char *out, size_t *len)
{
    static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
    char c = peek_after(p, 1);
    const char *letter = c ? strchr(letters, c) : NULL;

    if (c == quote || (quote == '"' && (c == '\\' || c == '/'))) {
        out[(*len)++] = c;
        p->at += 2;
        return;
    }
    if (quote == '"' && letter) {
        out[(*len)++] = meant[letter - letters];
        p->at += 2;
        return;
    }
    if (quote == '"' && c == 'u' && unicode_escape(p, out, len))
        return;
    out[(*len)++] = '\\';
    p->at++;
    if (c) {
        out[(*len)++] = c;
        p->at++;
    }
}

static size_t closing_quote(const struct parser *p, char quote)
{
    size_t at = p->at + 1;

    while (at < p->text.len && p->text.data[at] != quote)
        at += p->text.data[at] == '\\' ? 2 : 1;
    return at;
}

static enum err string_parse(struct parser *p, struct filter_part *part)
{
    char quote = peek(p), *out;
    size_t end = closing_quote(p, quote), len = 0;

    if (end >= p->text.len)
        return filter_refuse(p->error, ERR_INVALID, p->at, "this string has no closing quote");
    out = arena_alloc(p->arena, end - p->at);
    for (p->at++; p->at < end;) {
        if (peek(p) == '\\')
            escape(p, quote, out, &len);
        else
            out[len++] = p->text.data[p->at++];
    }
    p->at = end + 1;
    part->text = str_range(out, len);
    return OK;
}

/* ---- numbers and durations ---- */

static bool unit_seconds(struct str unit, double *seconds)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};

    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (str_eq(unit, str_of(units[i].name))) {
            *seconds = units[i].seconds;
            return true;
        }
    return false;
}

static void digits(struct parser *p)
{
    while (is_digit(peek(p)))
        p->at++;
}

static enum err number_parse(struct parser *p, struct filter_part *part)
{
    size_t start = p->at, unit_at;
    double seconds;
    struct str number;

    if (peek(p) == '+' || peek(p) == '-')
        p->at++;
    digits(p);
    if (peek(p) == '.' && is_digit(peek_after(p, 1))) {
        p->at++;
        digits(p);
    }
    if ((peek(p) | 0x20) == 'e' && (is_digit(peek_after(p, 1)) || (strchr("+-", peek_after(p, 1)) &&
                                                                   is_digit(peek_after(p, 2))))) {
        p->at += 2;
        digits(p);
    }
    number = since(p, start);
    for (unit_at = p->at; is_letter(peek(p)) || is_digit(peek(p));)
        p->at++;
    part->text = since(p, start);
    if (str_starts(number, STR("+")))
        number = str_from(number, 1);
    if (str_to_double(number, &part->number))
        return filter_refuse(p->error, ERR_INVALID, start, "this is not a number");
    if (p->at == unit_at)
        return OK;
    if (!unit_seconds(since(p, unit_at), &seconds))
        return filter_refuse(p->error, ERR_INVALID, unit_at,
                             "after a number can stand us, ms, s, m, h or d");
    part->kind = PART_DURATION;
    part->number *= seconds;
    return OK;
}

/* ---- lists, words, calls ---- */

static enum err part_parse(struct parser *p, struct filter_part **part);

/* Behind the opening bracket: parts up to the closing one. */
static enum err parts_parse(struct parser *p, char close, struct filter_part *owner)
{
    struct filter_part **tail = &owner->first;
    size_t start = p->at - 1;

    if (p->depth++ == FILTER_DEPTH_MAX)
        return filter_refuse(p->error, ERR_LIMIT, start, "the filter is nested deeper than %d",
                             FILTER_DEPTH_MAX);
    for (;;) {
        enum err err;

        skip_blanks(p);
        if (peek(p) == close)
            break;
        if (peek(p) == '\0')
            return filter_refuse(p->error, ERR_INVALID, start, "this '%c' is not closed",
                                 p->text.data[start]);
        if ((err = part_parse(p, tail)))
            return err;
        owner->count++;
        tail = &(*tail)->next;
        skip_blanks(p);
        if (peek(p) == ',')
            p->at++;
        else if (peek(p) != close && peek(p) != '\0')
            return filter_refuse(p->error, ERR_INVALID, p->at, "here must stand ',' or '%c'",
                                 close);
    }
    p->at++;
    p->depth--;
    return OK;
}

static bool constant(struct filter_part *part)
{
    static const struct {
        const char *word;
        enum filter_part_kind kind;
        double number;
    } constants[] = {{"null", PART_NULL, 0},  {"None", PART_NULL, 0}, {"true", PART_BOOL, 1},
                     {"True", PART_BOOL, 1},  {"TRUE", PART_BOOL, 1}, {"false", PART_BOOL, 0},
                     {"False", PART_BOOL, 0}, {"FALSE", PART_BOOL, 0}};

    for (size_t i = 0; i < ARRAY_LEN(constants); i++)
        if (str_eq(part->text, str_of(constants[i].word))) {
            part->kind = constants[i].kind;
            part->number = constants[i].number;
            return true;
        }
    return false;
}

static enum err word_parse(struct parser *p, struct filter_part *part)
{
    size_t start = p->at;
    enum err err;

    while (is_letter(peek(p)) || is_digit(peek(p)) ||
           (peek(p) == '.' && is_letter(peek_after(p, 1))))
        p->at++;
    part->text = since(p, start);
    if (constant(part))
        return OK;
    skip_blanks(p);
    if (peek(p) != '(')
        return OK;
    p->at++;
    part->kind = PART_CALL;
    err = parts_parse(p, ')', part);
    part->end = p->at;
    return err;
}

static enum err part_parse(struct parser *p, struct filter_part **out)
{
    struct filter_part *part = NULL;
    char c = peek(p);
    enum err err = part_new(p, PART_PATH, &part);

    if (err)
        return err;
    *out = part;
    if (c == '"' || c == '\'') {
        part->kind = PART_STRING;
        return string_parse(p, part);
    }
    if (c == '[') {
        part->kind = PART_LIST;
        p->at++;
        return parts_parse(p, ']', part);
    }
    if (is_digit(c) || c == '-' || c == '+') {
        part->kind = PART_NUMBER;
        return number_parse(p, part);
    }
    if (is_letter(c))
        return word_parse(p, part);
    return filter_refuse(p->error, ERR_INVALID, p->at,
                         c ? "a condition or a value must begin here"
                           : "the filter ends too early");
}

enum err filter_syntax_parse(struct arena *arena, struct str text, struct filter_part **root,
                             struct filter_error *error)
{
    struct parser p = {.text = text, .arena = arena, .error = error};
    struct filter_part *part;
    enum err err;

    if (text.len > FILTER_BYTES_MAX)
        return filter_refuse(error, ERR_LIMIT, 0, "the filter is longer than %zu bytes",
                             FILTER_BYTES_MAX);
    if (!str_is_utf8(text) || str_find_char(text, '\0') < text.len)
        return filter_refuse(error, ERR_INVALID, 0, "the filter is not UTF-8 text");
    skip_blanks(&p);
    if ((err = part_parse(&p, &part)))
        return err;
    skip_blanks(&p);
    if (p.at < text.len)
        return filter_refuse(error, ERR_INVALID, p.at,
                             "the filter has ended before this: join conditions with and(…, …)");
    *root = part;
    return OK;
}
