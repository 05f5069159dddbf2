/* json_check.c -- one byte, one step. */
#include "format/json_check.h"

static bool is_object(const struct json_check *c)
{
    size_t level = c->depth - 1;

    return c->objects[level / 8] >> (level % 8) & 1;
}

static bool is_blank(char b)
{
    return b == ' ' || b == '\t' || b == '\n' || b == '\r';
}

static bool is_digit(char b)
{
    return b >= '0' && b <= '9';
}

static void go(struct json_check *c, enum json_check_state state)
{
    c->state = state;
}

static void refuse(struct json_check *c)
{
    c->is_bad = true;
}

static void open_level(struct json_check *c, bool object)
{
    uint8_t bit;

    if (c->depth == JSON_CHECK_DEPTH_MAX) {
        refuse(c);
        return;
    }
    bit = (uint8_t)(1u << (c->depth % 8));
    c->objects[c->depth / 8] =
        (uint8_t)(object ? c->objects[c->depth / 8] | bit : c->objects[c->depth / 8] & ~bit);
    c->depth++;
    go(c, object ? JSON_CHECK_FIRST_KEY : JSON_CHECK_FIRST_ITEM);
}

static void close_level(struct json_check *c, char b)
{
    if (c->depth == 0 || (b == '}') != is_object(c)) {
        refuse(c);
        return;
    }
    c->depth--;
    go(c, JSON_CHECK_AFTER);
}

static void begin_string(struct json_check *c, bool key)
{
    c->is_key = key;
    go(c, JSON_CHECK_STRING);
}

static void begin_literal(struct json_check *c, const char *rest)
{
    c->literal = rest;
    go(c, JSON_CHECK_LITERAL);
}

static void value_step(struct json_check *c, char b)
{
    if (b == '{' || b == '[')
        open_level(c, b == '{');
    else if (b == '"')
        begin_string(c, false);
    else if (b == 't')
        begin_literal(c, "rue");
    else if (b == 'f')
        begin_literal(c, "alse");
    else if (b == 'n')
        begin_literal(c, "ull");
    else if (b == '-')
        go(c, JSON_CHECK_MINUS);
    else if (b == '0')
        go(c, JSON_CHECK_ZERO);
    else if (is_digit(b))
        go(c, JSON_CHECK_INTEGER);
    else
        refuse(c);
}

static void after_step(struct json_check *c, char b)
{
    if (b == ',' && c->depth > 0)
        go(c, is_object(c) ? JSON_CHECK_KEY : JSON_CHECK_VALUE);
    else if (b == '}' || b == ']')
        close_level(c, b);
    else
        refuse(c);
}

/* Between values, blanks mean nothing. */
static void structure_step(struct json_check *c, char b)
{
    if (is_blank(b))
        return;
    if (c->state == JSON_CHECK_AFTER)
        after_step(c, b);
    else if (c->state == JSON_CHECK_COLON && b == ':')
        go(c, JSON_CHECK_VALUE);
    else if (c->state == JSON_CHECK_FIRST_ITEM && b == ']')
        close_level(c, b);
    else if (c->state == JSON_CHECK_FIRST_KEY && b == '}')
        close_level(c, b);
    else if ((c->state == JSON_CHECK_FIRST_KEY || c->state == JSON_CHECK_KEY) && b == '"')
        begin_string(c, true);
    else if (c->state == JSON_CHECK_VALUE || c->state == JSON_CHECK_FIRST_ITEM)
        value_step(c, b);
    else
        refuse(c);
}

/* ---- strings ---- */

/* The first byte of a character beyond ASCII says how many follow, and bounds the next. */
static void utf8_begin(struct json_check *c, uint8_t b)
{
    c->utf8_min = 0x80;
    c->utf8_max = 0xbf;
    if (b >= 0xc2 && b <= 0xdf) {
        c->utf8_left = 1;
    } else if (b >= 0xe0 && b <= 0xef) {
        c->utf8_left = 2;
        c->utf8_min = b == 0xe0 ? 0xa0 : 0x80;
        c->utf8_max = b == 0xed ? 0x9f : 0xbf;
    } else if (b >= 0xf0 && b <= 0xf4) {
        c->utf8_left = 3;
        c->utf8_min = b == 0xf0 ? 0x90 : 0x80;
        c->utf8_max = b == 0xf4 ? 0x8f : 0xbf;
    } else {
        refuse(c);
    }
}

static void string_step(struct json_check *c, uint8_t b)
{
    if (c->utf8_left > 0) {
        if (b < c->utf8_min || b > c->utf8_max)
            refuse(c);
        c->utf8_left--;
        c->utf8_min = 0x80;
        c->utf8_max = 0xbf;
    } else if (c->wants_low && b != '\\') {
        refuse(c);
    } else if (b == '"') {
        go(c, c->is_key ? JSON_CHECK_COLON : JSON_CHECK_AFTER);
    } else if (b == '\\') {
        go(c, JSON_CHECK_ESCAPE);
    } else if (b < 0x20) {
        refuse(c);
    } else if (b >= 0x80) {
        utf8_begin(c, b);
    }
}

static void escape_step(struct json_check *c, char b)
{
    if (b == 'u') {
        c->hex_left = 4;
        c->hex = 0;
        go(c, JSON_CHECK_HEX);
    } else if (!c->wants_low && b && strchr("\"\\/bfnrt", b)) {
        go(c, JSON_CHECK_STRING);
    } else {
        refuse(c);
    }
}

static void hex_step(struct json_check *c, char b)
{
    char low = (char)(b | 0x20);
    bool is_low;

    if (is_digit(b))
        c->hex = c->hex * 16 + (unsigned)(b - '0');
    else if (low >= 'a' && low <= 'f')
        c->hex = c->hex * 16 + (unsigned)(low - 'a' + 10);
    else
        refuse(c);
    if (--c->hex_left > 0)
        return;
    is_low = c->hex >= 0xdc00 && c->hex <= 0xdfff;
    if (is_low != c->wants_low)
        refuse(c);
    c->wants_low = c->hex >= 0xd800 && c->hex <= 0xdbff;
    go(c, JSON_CHECK_STRING);
}

static void literal_step(struct json_check *c, char b)
{
    if (b != *c->literal)
        refuse(c);
    else if (*++c->literal == '\0')
        go(c, JSON_CHECK_AFTER);
}

/* ---- numbers ---- */

static bool may_end(enum json_check_state state)
{
    return state == JSON_CHECK_ZERO || state == JSON_CHECK_INTEGER ||
           state == JSON_CHECK_FRACTION || state == JSON_CHECK_EXPONENT;
}

static void number_step(struct json_check *c, char b)
{
    enum json_check_state s = c->state;

    if (s == JSON_CHECK_MINUS && is_digit(b))
        go(c, b == '0' ? JSON_CHECK_ZERO : JSON_CHECK_INTEGER);
    else if ((s == JSON_CHECK_ZERO || s == JSON_CHECK_INTEGER) && b == '.')
        go(c, JSON_CHECK_POINT);
    else if ((s == JSON_CHECK_POINT || s == JSON_CHECK_FRACTION) && is_digit(b))
        go(c, JSON_CHECK_FRACTION);
    else if (may_end(s) && s != JSON_CHECK_EXPONENT && (b | 0x20) == 'e')
        go(c, JSON_CHECK_E);
    else if (s == JSON_CHECK_E && (b == '+' || b == '-'))
        go(c, JSON_CHECK_E_SIGN);
    else if ((s == JSON_CHECK_E || s == JSON_CHECK_E_SIGN) && is_digit(b))
        go(c, JSON_CHECK_EXPONENT);
    else if ((s == JSON_CHECK_INTEGER || s == JSON_CHECK_EXPONENT) && is_digit(b))
        return;
    else if (may_end(s)) {
        go(c, JSON_CHECK_AFTER);
        structure_step(c, b);
    } else {
        refuse(c);
    }
}

/* ---- all ---- */

static void step(struct json_check *c, char b)
{
    if (c->state == JSON_CHECK_STRING)
        string_step(c, (uint8_t)b);
    else if (c->state == JSON_CHECK_ESCAPE)
        escape_step(c, b);
    else if (c->state == JSON_CHECK_HEX)
        hex_step(c, b);
    else if (c->state == JSON_CHECK_LITERAL)
        literal_step(c, b);
    else if (c->state >= JSON_CHECK_MINUS)
        number_step(c, b);
    else
        structure_step(c, b);
}

void json_check_feed(struct json_check *c, struct str bytes)
{
    for (size_t i = 0; i < bytes.len && !c->is_bad; i++)
        step(c, bytes.data[i]);
}

bool json_check_is_json(const struct json_check *c)
{
    return !c->is_bad && c->depth == 0 && (c->state == JSON_CHECK_AFTER || may_end(c->state));
}
