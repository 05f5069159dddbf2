/* endpoints.h -- the table endpoints: where deliveries go, and what each destination is told and
 * remembers.
 *
 * An endpoint is one tenant's URL for one kind of event. It comes to be by the API or at the first
 * delivery to its URL; its id is made of tenant, kind and URL, so both ways meet in one row.
 *
 *   active ◀──────────────▶ paused                by hand
 *     │  ▲                    ▲
 *     │  └── endpoint_resume ─┤
 *     └──▶ disabled ──────────┘                   by the engine: it is gone (410), or failed too
 * long
 *
 * What is not active gets nothing: its deliveries are held, not dropped. What must outlive a
 * restart stands in the row: a rest that a receiver asked for, the clock of failing, the token
 * bucket, the next sequence number. Times are wall-clock microseconds. */
#ifndef STORE_ENDPOINTS_H
#define STORE_ENDPOINTS_H

#include "store/outbox.h"

#define ENDPOINTS_LIST_MAX 1000

enum endpoint_state { ENDPOINT_ACTIVE, ENDPOINT_PAUSED, ENDPOINT_DISABLED, ENDPOINT_STATE_COUNT };

struct str endpoint_state_name(enum endpoint_state state);
enum err endpoint_state_parse(struct str name, enum endpoint_state *state) MUST_USE;

struct endpoint_row {
    struct str tenant;
    struct str endpoint_id;
    struct str kind;
    struct str url; /* as stored: whoever shows it masks it */
    struct str origin;
    /* what it is told */
    struct str name;         /* STR_NONE: none */
    struct str policy;       /* STR_NONE: as the event says */
    double rate_limit;       /* requests a second; 0: no limit */
    int64_t rate_burst;      /* so many at once */
    int64_t in_flight_max;   /* 0: no limit */
    bool is_fifo;            /* those of one ordering key strictly one after another */
    int64_t expires_after_s; /* after so long without success a delivery is given up; 0: never */
    /* what it remembers */
    enum endpoint_state state;
    struct str state_reason; /* "gone", "failing", what a person said; STR_NONE */
    int64_t state_since_us;
    int64_t next_sequence;
    int64_t failing_since_us; /* 0: its last try went well */
    int64_t failures;         /* in a row */
    int64_t rest_until_us;    /* nothing is sent before; 0: no rest */
    int64_t created_us, updated_us;
};

/* ERR_NOT_FOUND. */
enum err endpoint_get(struct tx *tx, struct str tenant, struct str endpoint_id, struct arena *arena,
                      struct endpoint_row *endpoint) MUST_USE;

/* ---- for the outbox ---- */

/* What a new delivery learns of its endpoint; strings in tx->arena. */
struct endpoint_turn {
    struct str endpoint_id;
    struct str origin;
    enum endpoint_state state;
    bool is_fifo;
    int64_t sequence; /* the delivery's own */
};

/* Gives out the next sequence number. The row is locked until the commit. The first makes the
 * endpoint if there is none; the second says ERR_NOT_FOUND. */
enum err endpoint_take_turn(struct tx *tx, struct str tenant, struct str kind, struct str url,
                            struct endpoint_turn *turn) MUST_USE;
enum err endpoint_take_turn_of(struct tx *tx, struct str tenant, struct str endpoint_id,
                               struct endpoint_turn *turn) MUST_USE;

#endif
