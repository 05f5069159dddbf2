/* limits.h -- how much a key, or a workspace, may.
 *
 *   requests_per_s   of all routes; a pause lets up to `burst` go at once
 *   burst            default: twice requests_per_s, at least 1
 *   streams          connections that follow something at the same time, on one node
 *   runs_live        runs pending or running at the same time
 *   runs_per_day     runs made on one day (UTC)
 *   threads          threads that the workspace holds
 *   storage_bytes    bytes of its threads and items
 *
 * Pure. */
#ifndef AUTH_LIMITS_H
#define AUTH_LIMITS_H

#include "base/json.h"

enum limit {
    LIMIT_REQUESTS,
    LIMIT_BURST,
    LIMIT_STREAMS,
    LIMIT_RUNS_LIVE,
    LIMIT_RUNS_PER_DAY,
    LIMIT_THREADS,
    LIMIT_STORAGE_BYTES,
    LIMIT_COUNT
};

/* A value for each: 0 is no limit, LIMIT_UNSAID nothing said. */
#define LIMIT_UNSAID (-1.0)
struct limits {
    double of[LIMIT_COUNT];
};

extern const struct limits limits_none; /* no limit at all */
const char *limit_name(enum limit limit);

/* An object of names and numbers; what is left out or null is unsaid. STR_NONE or "": nothing is
 * said. ERR_INVALID: *why is a sentence in the arena. */
enum err limits_parse(struct arena *arena, struct str text, struct limits *limits,
                      struct str *why) MUST_USE;
/* The same from "requests_per_s=5,runs_per_day=100". */
enum err limits_parse_flags(struct arena *arena, struct str text, struct limits *limits,
                            struct str *why) MUST_USE;
/* What is said, as an object. */
void limits_write(struct json_writer *json, const struct limits *limits);
struct str limits_text(struct arena *arena, const struct limits *limits);
/* What `over` says wins; nothing is unsaid then if nothing is in `under`. */
struct limits limits_over(const struct limits *under, const struct limits *over);
bool limits_say_nothing(const struct limits *limits); /* all 0 or unsaid */

static inline int64_t limit_of(const struct limits *limits, enum limit limit)
{
    return limits->of[limit] > 0 ? (int64_t)limits->of[limit] : 0;
}

#endif
