/* search.h -- what all searches and lists have in common: the page, the order, and which members of
 * each object are answered. */
#ifndef API_SEARCH_H
#define API_SEARCH_H

#include "api/call.h"

struct search {
    int64_t limit, offset;
    struct str sort_by; /* STR_NONE: not given */
    bool ascending;
    const struct json *select; /* array of names; NULL: all members */
};

/* From the body: limit (1 … 1000, default 10), offset, sort_by (one of `orders`), sort_order,
 * select (any of `members`); both end with NULL. ERR_INVALID: the reply is filled. */
enum err search_read(struct call *call, const char *const *orders, const char *const *members,
                     struct search *search) MUST_USE;
/* "select" names members that there are, or what begins with `prefix` and goes on behind it (NULL:
 * nothing else); NULL `names`: none given. */
enum err search_select_check(struct call *call, const struct json *names,
                             const char *const *members, const char *prefix) MUST_USE;
/* The body's `key`, an array of texts. Absent or null: untouched. */
enum err search_body_names(struct call *call, const char *key, const struct json **names) MUST_USE;
/* From the query string: `key` given once, several times, or as one JSON array of texts. NULL: not
 * given. */
enum err search_query_names(struct call *call, const char *key, const struct json **names) MUST_USE;

/* Objects one after the other into the reply's array, each cut down to what was selected. */
struct picker {
    struct json_writer *out;
    const struct json *names;
    struct buf object;
    struct json_writer writer;
};

void picker_init(struct picker *picker, struct json_writer *out, const struct json *names);
/* The writer for one object, which picker_end puts into the reply. */
struct json_writer *picker_begin(struct picker *picker);
void picker_end(struct picker *picker);
void picker_release(struct picker *picker);

#endif
