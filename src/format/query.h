/* query.h -- application/x-www-form-urlencoded text and percent-encoding.
 *
 *   query = *(pair "&") , pair = name ["=" value]
 *
 * '+' is a blank in a query, itself in a path. Decoded text is always UTF-8 without NUL, because
 * all of it may end in a database: other text is ERR_INVALID, as is a '%' without two hex digits.
 * Empty pairs ("a=1&&b=2") are skipped. Results live in the arena or borrow the text. */
#ifndef FORMAT_QUERY_H
#define FORMAT_QUERY_H

#include "base/arena.h"
#include "base/buf.h"

#define QUERY_PAIRS_MAX 1000

struct query_pair {
    struct str name;
    struct str value; /* "" if there was no '=' */
};

struct query {
    struct query_pair *pairs; /* in the order of the text */
    size_t count;
};

/* STR_NONE gives an empty query. On ERR_INVALID and ERR_LIMIT *why is static text. */
enum err query_parse(struct arena *arena, struct str text, struct query *query,
                     const char **why) MUST_USE;
/* The first value of that name; STR_NONE if absent. */
struct str query_get(const struct query *query, const char *name);
/* All values of that name; start with *position = 0. */
bool query_next(const struct query *query, const char *name, size_t *position, struct str *value);

/* One piece of a path between two slashes; an escaped slash becomes part of it. */
enum err path_segment_decode(struct arena *arena, struct str raw, struct str *decoded) MUST_USE;
/* Do all servers read it as the same path? Not "/%72uns" or "/x/../runs", which some take for
 * "/runs", and not "/x%2Fruns": an escape of what needs none, of a slash, or a dot segment. */
bool path_is_plain(struct str path);
/* Everything but A-Z a-z 0-9 - . _ ~ as %XX: for a path segment or a query value. */
void percent_write(struct buf *out, struct str text);
/* The order of what percent_write makes of them, bytewise. */
int percent_compare(struct str a, struct str b);

#endif
