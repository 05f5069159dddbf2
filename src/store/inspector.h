/* inspector.h -- the tables inspectors and inspector_requests: addresses of our own that keep what
 * comes to them.
 *
 * An inspector is found by its slug, which no two have in common. The requests of one are numbered
 * from 1 without a gap, in the order of their commits, so a number is a position to go on from.
 * Each keeps the newest ones only: at most `requests_max` of together `bytes_max`; retention takes
 * what is old. */
#ifndef STORE_INSPECTOR_H
#define STORE_INSPECTOR_H

#include "store/store.h"

#define INSPECTOR_REQUESTS_MAX 1000 /* that one may keep */

struct inspector {
    struct str tenant;
    struct str inspector_id;
    struct str slug;
    struct str name;
    struct str answer; /* JSON: what it answers */
    int64_t received;  /* in all; also the newest request's number */
    int64_t answered;  /* since the answer was set: its place in a script */
    int64_t created_us, updated_us, used_us;
};

struct inspected {
    int64_t request_id;
    int64_t received_us;
    int64_t status; /* what was answered */
    int64_t body_bytes;
    struct str head; /* JSON: method, path, query, headers … */
    struct str body;
};

struct inspector_limits {
    int64_t inspectors_max; /* of a tenant */
    int64_t requests_max;   /* of an inspector, ≤ INSPECTOR_REQUESTS_MAX */
    int64_t bytes_max;      /* of an inspector's requests */
};

struct inspectors {
    struct inspector *list; /* in the arena given */
    size_t count;
};

struct inspected_list {
    struct inspected *list; /* without bodies */
    size_t count;
};

/* ERR_CONFLICT: the slug is taken. ERR_LIMIT: the tenant has as many as it may. Only tenant, id,
 * slug, name and answer are looked at. */
enum err inspector_insert(struct tx *tx, const struct inspector *inspector,
                          const struct inspector_limits *limits) MUST_USE;
/* `which`: an id or a slug. */
enum err inspector_get(struct tx *tx, struct str tenant, struct str which, struct arena *arena,
                       struct inspector *inspector) MUST_USE;
/* Whoever's it is. */
enum err inspector_find(struct tx *tx, struct str slug, struct arena *arena,
                        struct inspector *inspector) MUST_USE;
/* Newest first. */
enum err inspector_list(struct tx *tx, struct str tenant, struct arena *arena,
                        struct inspectors *found) MUST_USE;
/* Name and answer; a script starts again. */
enum err inspector_update(struct tx *tx, const struct inspector *inspector) MUST_USE;
enum err inspector_delete(struct tx *tx, struct str tenant, struct str inspector_id) MUST_USE;

/* Counts a request that came; *inspector is as it is after that. ERR_NOT_FOUND. */
enum err inspector_count(struct tx *tx, struct str slug, struct arena *arena,
                         struct inspector *inspector) MUST_USE;
/* Keeps it, under the number `inspector->received`, and drops the oldest beyond the limits. */
enum err inspector_keep(struct tx *tx, const struct inspector *inspector,
                        const struct inspected *request,
                        const struct inspector_limits *limits) MUST_USE;

struct inspected_filter {
    struct str tenant;
    struct str inspector_id;
    bool is_forward;  /* numbers above position, oldest first; else below it, newest first */
    int64_t position; /* 0: from the end where it begins */
    int64_t limit;
};

enum err inspected_find(struct tx *tx, const struct inspected_filter *filter, struct arena *arena,
                        struct inspected_list *found) MUST_USE;
enum err inspected_get(struct tx *tx, const struct inspector *inspector, int64_t request_id,
                       struct arena *arena, struct inspected *request) MUST_USE;
enum err inspected_clear(struct tx *tx, struct str tenant, struct str inspector_id) MUST_USE;

#endif
