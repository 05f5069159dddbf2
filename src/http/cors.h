/* cors.h -- which web pages of other origins may call, and what browsers are told about it (CORS).
 *
 * Rules are made once and then immutable: any thread may use them. Without rules every page may
 * call, without credentials, as the reference servers have it. With "*" among the origins there are
 * never credentials: browsers would not take both, and a page that nobody named must not act as its
 * visitor. */
#ifndef HTTP_CORS_H
#define HTTP_CORS_H

#include <regex.h>

#include "base/arena.h"
#include "http/server.h"

#define CORS_HEADERS_MAX 8

struct cors_rules {
    bool allows_all;
    const struct str *origins; /* "https://app.example.com", as browsers write them */
    size_t origin_count;
    regex_t *pattern;   /* NULL: none; the whole origin has to match */
    struct str methods; /* for Access-Control-Allow-Methods: "GET, POST" */
    struct str headers; /* "*": those that are asked for */
    struct str exposed;
    bool credentials;
    int64_t max_age_s;
};

extern const struct cors_rules cors_open; /* what is in force without rules */

/* Sets rules->pattern: a regular expression as Python and JavaScript write it, for origins. (?:…),
 * \d and the like are known, what else goes beyond POSIX is not. ERR_INVALID: *why (in the arena)
 * says what is wrong. */
enum err cors_pattern(struct cors_rules *rules, struct str text, struct arena *arena,
                      struct str *why) MUST_USE;
void cors_release(struct cors_rules *rules); /* the pattern; all else is borrowed */

bool cors_allows(const struct cors_rules *rules, struct str origin);

/* The headers of an answer to a request from `origin` (STR_NONE: no page's): at most
 * CORS_HEADERS_MAX, returned how many. `asked`: a preflight's Access-Control-Request-Headers, else
 * STR_NONE. */
size_t cors_headers(const struct cors_rules *rules, struct str origin, bool is_preflight,
                    struct str asked, struct arena *arena, struct http_header *headers);

#endif
