/* json_check.h -- is it JSON? Asked of text that is too large to be held, as it passes by in
 * pieces.
 *
 * RFC 8259, in UTF-8, one value, at most JSON_CHECK_DEPTH_MAX deep: what base/json.h would read. No
 * allocation. */
#ifndef FORMAT_JSON_CHECK_H
#define FORMAT_JSON_CHECK_H

#include "base/str.h"

#define JSON_CHECK_DEPTH_MAX 512

enum json_check_state {
    JSON_CHECK_VALUE,      /* a value must begin */
    JSON_CHECK_FIRST_ITEM, /* a value, or the end of an empty array */
    JSON_CHECK_FIRST_KEY,  /* a key, or the end of an empty object */
    JSON_CHECK_KEY,        /* a key */
    JSON_CHECK_COLON,      /* behind a key */
    JSON_CHECK_AFTER,      /* behind a value: a comma, or the end of what it stands in */
    JSON_CHECK_STRING,     /* within */
    JSON_CHECK_ESCAPE,     /* behind a backslash */
    JSON_CHECK_HEX,        /* within \uXXXX */
    JSON_CHECK_LITERAL,    /* within true, false, null */
    JSON_CHECK_MINUS,      /* numbers: behind the minus */
    JSON_CHECK_ZERO,       /* a leading zero */
    JSON_CHECK_INTEGER,    /* digits */
    JSON_CHECK_POINT,      /* behind the point */
    JSON_CHECK_FRACTION,   /* digits behind it */
    JSON_CHECK_E,          /* behind e */
    JSON_CHECK_E_SIGN,     /* behind its sign */
    JSON_CHECK_EXPONENT    /* its digits */
};

/* Zero-initialised: the beginning. */
struct json_check {
    enum json_check_state state;
    bool is_bad, is_key; /* is_key: the string within is one */
    size_t depth;
    uint8_t objects[JSON_CHECK_DEPTH_MAX / 8]; /* bit i: level i is an object, else an array */
    const char *literal;                       /* what of it must still come */
    unsigned hex_left, hex;                    /* of \uXXXX */
    bool wants_low;                            /* a high surrogate must be followed by a low one */
    unsigned utf8_left;
    uint8_t utf8_min, utf8_max; /* of the next byte */
};

void json_check_feed(struct json_check *check, struct str bytes);
/* At the end: was it one whole value? */
bool json_check_is_json(const struct json_check *check);

#endif
