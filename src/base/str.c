/* str.c -- searching, cutting, numbers and UTF-8. */
#include "base/str.h"

#include <math.h>

#define NUMBER_TEXT_MAX 400

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

struct str str_put(char **at, struct str s)
{
    struct str copy = {*at, s.len};

    if (str_is_none(s))
        return STR_NONE;
    memcpy(*at, s.data, s.len);
    *at += s.len;
    return copy;
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

bool str_is_one_of(struct str s, const char *const *words)
{
    while (*words && !str_eq(s, str_of(*words)))
        words++;
    return *words != NULL;
}

int str_compare(struct str a, struct str b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.data, b.data, common) : 0;

    if (order)
        return order < 0 ? -1 : 1;
    return (a.len > b.len) - (a.len < b.len);
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_first(s, prefix.len), prefix);
}

bool str_starts_nocase(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq_nocase(str_first(s, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq(str_from(s, s.len - suffix.len), suffix);
}

bool str_contains(struct str s, struct str part)
{
    return part.len == 0 || str_find(s, part) < s.len;
}

size_t str_find_char(struct str s, char c)
{
    const char *at = s.len ? memchr(s.data, c, s.len) : NULL;

    return at ? (size_t)(at - s.data) : s.len;
}

size_t str_find(struct str s, struct str part)
{
    const char *at;

    if (part.len == 0)
        return 0;
    at = s.len ? memmem(s.data, s.len, part.data, part.len) : NULL;
    return at ? (size_t)(at - s.data) : s.len;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.len && is_space(s.data[0])) {
        s.data++;
        s.len--;
    }
    while (s.len && is_space(s.data[s.len - 1]))
        s.len--;
    return s;
}

struct str str_from(struct str s, size_t from)
{
    if (from > s.len)
        from = s.len;
    return from ? str_range(s.data + from, s.len - from) : s;
}

struct str str_first(struct str s, size_t len)
{
    return str_range(s.data, len < s.len ? len : s.len);
}

/* What is left of "a," after its "a": one empty piece. It is told from the text "", of which
 * nothing is left, by its address. */
static const char one_empty_piece[] = "";

bool str_split(struct str *rest, char c, struct str *piece)
{
    struct str all = *rest;
    size_t at = str_find_char(all, c);

    if (all.len == 0 && all.data != one_empty_piece)
        return false;
    *piece = str_first(all, at);
    if (at == all.len)
        *rest = STR_NONE;
    else if (at + 1 == all.len)
        *rest = str_range(one_empty_piece, 0);
    else
        *rest = str_from(all, at + 1);
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

struct str str_from_i64(int64_t value, struct integer_text *text)
{
    size_t at = INTEGER_TEXT_MAX;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        text->text[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0)
        text->text[--at] = '-';
    return str_range(text->text + at, INTEGER_TEXT_MAX - at);
}

enum err str_to_i64(struct str s, int64_t *value)
{
    bool negative = s.len && s.data[0] == '-';
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    uint64_t total = 0;

    if (s.len == (negative ? 1 : 0))
        return ERR_INVALID;
    for (size_t i = negative ? 1 : 0; i < s.len; i++) {
        uint64_t digit = (uint64_t)(unsigned char)s.data[i] - '0';
        if (digit > 9 || total > (limit - digit) / 10)
            return ERR_INVALID;
        total = total * 10 + digit;
    }
    *value = negative ? (int64_t)(0 - total) : (int64_t)total;
    return OK;
}

static size_t skip_digits(struct str s, size_t at)
{
    while (at < s.len && is_digit(s.data[at]))
        at++;
    return at;
}

/* The grammar of a JSON number; strtod alone would take "inf", "0x1" and blanks. */
static bool is_number(struct str s)
{
    size_t at = s.len && s.data[0] == '-' ? 1 : 0;
    size_t whole = at;

    at = skip_digits(s, at);
    if (at == whole || (s.data[whole] == '0' && at > whole + 1))
        return false;
    if (at < s.len && s.data[at] == '.') {
        size_t fraction = ++at;
        at = skip_digits(s, at);
        if (at == fraction)
            return false;
    }
    if (at < s.len && (s.data[at] == 'e' || s.data[at] == 'E')) {
        at++;
        if (at < s.len && (s.data[at] == '-' || s.data[at] == '+'))
            at++;
        size_t exponent = at;
        at = skip_digits(s, at);
        if (at == exponent)
            return false;
    }
    return at == s.len;
}

enum err str_to_double(struct str s, double *value)
{
    char text[NUMBER_TEXT_MAX];
    double parsed;

    if (s.len >= sizeof(text) || !is_number(s))
        return ERR_INVALID;
    memcpy(text, s.data, s.len);
    text[s.len] = '\0';
    parsed = strtod(text, NULL);
    if (!isfinite(parsed))
        return ERR_INVALID;
    *value = parsed;
    return OK;
}

enum err str_to_bool(struct str s, bool *value)
{
    static const struct {
        struct str word;
        bool value;
    } words[] = {
        {{"true", 4}, true},   {{"True", 4}, true},   {{"1", 1}, true},  {{"yes", 3}, true},
        {{"false", 5}, false}, {{"False", 5}, false}, {{"0", 1}, false}, {{"no", 2}, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_eq(s, words[i].word)) {
            *value = words[i].value;
            return OK;
        }
    }
    return ERR_INVALID;
}

size_t str_utf8_len(struct str s)
{
    const unsigned char *bytes = (const unsigned char *)s.data;
    unsigned char second_min = 0x80, second_max = 0xbf;
    size_t len;

    if (s.len == 0)
        return 0;
    if (bytes[0] < 0x80)
        return 1;
    if (bytes[0] < 0xc2 || bytes[0] > 0xf4)
        return 0;
    len = bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    /* The second byte keeps out overlong forms, surrogates and what is above U+10FFFF. */
    if (bytes[0] == 0xe0)
        second_min = 0xa0;
    else if (bytes[0] == 0xed)
        second_max = 0x9f;
    else if (bytes[0] == 0xf0)
        second_min = 0x90;
    else if (bytes[0] == 0xf4)
        second_max = 0x8f;
    if (s.len < len || bytes[1] < second_min || bytes[1] > second_max)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

bool str_is_utf8(struct str s)
{
    for (size_t at = 0; at < s.len;) {
        size_t len = str_utf8_len(str_from(s, at));
        if (!len)
            return false;
        at += len;
    }
    return true;
}
