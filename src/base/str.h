/* str.h -- a borrowed piece of text: pointer and length, passed by value.
 *
 * Never NUL-terminated by contract and never owned; whoever keeps one says so (`_keep`). An
 * absent string is STR_NONE (data == NULL); an empty one has data != NULL and len 0. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <string.h>

#include "base/base.h"
#include "base/err.h"

struct str {
    const char *data;
    size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_NONE ((struct str){NULL, 0})
/* For printf: printf("%.*s", STR_ARG(name)) */
#define STR_ARG(s) ((int)(s).len), ((s).data ? (s).data : "")

static inline struct str str_of(const char *cstr) /* NULL gives STR_NONE */
{
    return (struct str){cstr, cstr ? strlen(cstr) : 0};
}

static inline struct str str_range(const char *data, size_t len)
{
    return (struct str){data, len};
}

static inline bool str_is_none(struct str s)
{
    return s.data == NULL;
}

static inline bool str_is_empty(struct str s)
{
    return s.len == 0;
}

/* Copies it to *at, and moves *at behind it: for texts that lie behind the struct they belong to.
 * STR_NONE stays STR_NONE. */
struct str str_put(char **at, struct str s);

bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b);             /* ASCII */
bool str_is_one_of(struct str s, const char *const *words); /* they end with NULL */
int str_compare(struct str a, struct str b);                /* bytewise, as strcmp */
bool str_starts(struct str s, struct str prefix);
bool str_starts_nocase(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_contains(struct str s, struct str part);
/* Index of the first `c`, or s.len. */
size_t str_find_char(struct str s, char c);
/* Index of the first `part`, or s.len. */
size_t str_find(struct str s, struct str part);
struct str str_trim(struct str s); /* ASCII white space at both ends */
/* The rest from `from` (clamped). */
struct str str_from(struct str s, size_t from);
/* The first `len` bytes (clamped). */
struct str str_first(struct str s, size_t len);
/* Takes the piece up to the next `c` off the front of *rest; false when nothing is left.
 * "a,b" gives "a", then "b"; "" gives nothing; "a," gives "a", then "". */
bool str_split(struct str *rest, char c, struct str *piece);

#define INTEGER_TEXT_MAX 20
struct integer_text {
    char text[INTEGER_TEXT_MAX];
};
/* In decimal, in `text`. */
struct str str_from_i64(int64_t value, struct integer_text *text);
/* Whole decimal text only, with an optional minus; ERR_INVALID otherwise or on overflow. */
enum err str_to_i64(struct str s, int64_t *value) MUST_USE;
/* A JSON-style number ("1.5", "-2e3"), whole text. */
enum err str_to_double(struct str s, double *value) MUST_USE;
/* true/True/1/yes and false/False/0/no. */
enum err str_to_bool(struct str s, bool *value) MUST_USE;
bool str_is_utf8(struct str s);
/* Bytes of the character at the front, 0 if there is none or it is not UTF-8. */
size_t str_utf8_len(struct str s);

#endif
