/* outbox_census.h -- how many deliveries and endpoints are in which state, counted page by page;
 * and how large the log is.
 *
 * The state of deliveries lies in partial indexes, and only those are read: what counting costs
 * grows with what waits and what is dead, not with the log. A page is a short piece of work, so a
 * large backlog holds up no other reader; the pages see different moments, so the sums of a busy
 * outbox are about right, those of a quiet one exact. */
#ifndef STORE_OUTBOX_CENSUS_H
#define STORE_OUTBOX_CENSUS_H

#include "store/endpoints.h"

enum census_queue {
    CENSUS_DUE,       /* its time has come */
    CENSUS_SCHEDULED, /* its time is to come */
    CENSUS_SENDING,
    CENSUS_HELD,    /* its endpoint is paused or disabled, or its secrets cannot be opened */
    CENSUS_BLOCKED, /* behind an earlier one of its ordering key */
    CENSUS_DEAD,
    CENSUS_QUEUE_COUNT
};

enum census_endpoint {
    CENSUS_ACTIVE,
    CENSUS_RESTING,
    CENSUS_PAUSED,
    CENSUS_DISABLED,
    CENSUS_UNREADABLE,
    CENSUS_ENDPOINT_COUNT
};

struct census_cursor {
    struct str tenant, endpoint_id;   /* in the arena given to the step */
    int64_t line, endpoint_no, at_us; /* of the queue */
    int64_t id;
};

struct outbox_census {
    int64_t queue[CENSUS_QUEUE_COUNT];
    int64_t endpoints[CENSUS_ENDPOINT_COUNT];
    int64_t oldest_us; /* the earliest time of those due; 0: none is */
    int64_t log_bytes; /* log_size.h */
    /* where it is */
    unsigned walk;
    struct census_cursor cursor;
    bool is_done;
};

/* Counts the next page of at most `limit` rows; a zeroed census begins. `arena` keeps the cursor
 * until the next step, which may have another. */
enum err outbox_census_step(struct tx *tx, struct outbox_census *census, size_t limit,
                            struct arena *arena) MUST_USE;

#endif
