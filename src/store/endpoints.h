/* endpoints.h -- the table endpoints: where deliveries go, and what each destination is told and
 * remembers.
 *
 * An endpoint is one tenant's URL for one kind of event. It comes to be by the API or at the first
 * delivery to its URL; its id is made of tenant, kind and URL, so both ways meet in one row.
 * Alerts, rules and the like, which have headers of their own, own theirs.
 *
 *   active ◀──────────────▶ paused                by hand
 *     │  ▲                    ▲
 *     │  └── endpoint_resume ─┤
 *     ├──▶ disabled ──────────┘                   by the engine: it is gone (410), or failed too
 *     │                                           long
 *     └◀─▶ secret_unreadable                      by the engine: endpoint_lock.h
 *
 * What is not active gets nothing: its deliveries are held, not dropped. What must outlive a
 * restart stands in the row: a rest that a receiver asked for, the clock of failing, the token
 * bucket, the next sequence number. Times are wall-clock microseconds. */
#ifndef STORE_ENDPOINTS_H
#define STORE_ENDPOINTS_H

#include "store/outbox.h"

#define ENDPOINTS_LIST_MAX 1000

enum endpoint_state {
    ENDPOINT_ACTIVE,
    ENDPOINT_PAUSED,
    ENDPOINT_DISABLED,
    ENDPOINT_UNREADABLE, /* its secrets cannot be opened: endpoint_lock.h */
    ENDPOINT_DELETED,    /* forgotten; the next event for its URL finds it as new */
    ENDPOINT_STATE_COUNT
};

struct str endpoint_state_name(enum endpoint_state state);
enum err endpoint_state_parse(struct str name, enum endpoint_state *state) MUST_USE;

struct endpoint_row {
    struct str tenant;
    struct str endpoint_id;
    struct str kind;
    struct str url; /* as stored: whoever shows it masks it */
    struct str origin;
    /* Whose it is, when several need this URL with headers of their own (each alert that calls the
     * same chat, say): part of the id, not stored. STR_NONE: the one of its kind and URL. */
    struct str owner;
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

/* ---- reading ---- */

/* ERR_NOT_FOUND. */
enum err endpoint_get(struct tx *tx, struct str tenant, struct str endpoint_id, struct arena *arena,
                      struct endpoint_row *endpoint) MUST_USE;

struct endpoint_filter {
    struct str tenant;
    struct str kind, state, origin; /* STR_NONE: any */
    struct str not_kind;            /* STR_NONE: none is left out */
    struct str after;               /* ids behind this; STR(""): from the start */
    int64_t limit;                  /* 1 … ENDPOINTS_LIST_MAX */
};

/* In order of their ids, without deleted ones. */
enum err endpoint_list(struct tx *tx, const struct endpoint_filter *filter, struct arena *arena,
                       struct endpoint_row **found, size_t *count) MUST_USE;

/* Deliveries of one endpoint that have not ended. */
struct endpoint_backlog {
    int64_t due, sending, held;
    int64_t next_us; /* of the first due; 0: none */
};
enum err endpoint_backlog(struct tx *tx, struct str tenant, struct str endpoint_id,
                          struct endpoint_backlog *backlog) MUST_USE;

/* ---- changing, by hand ---- */

/* A new one of tenant, kind, url and what it is told; fills in the rest. ERR_CONFLICT: there is one
 * already; then only endpoint_id is filled in. */
enum err endpoint_add(struct tx *tx, struct endpoint_row *endpoint) MUST_USE;
/* Policy, rate, places, order and expiry of one that takes another's place, for endpoint_add. */
void endpoint_tell_alike(struct endpoint_row *endpoint, const struct endpoint_row *before);
/* Writes what it is told. ERR_NOT_FOUND. */
enum err endpoint_update(struct tx *tx, const struct endpoint_row *endpoint) MUST_USE;
/* To active: its clocks and its rest begin anew. Its deliveries follow in pieces: outbox_shift.
 * ERR_NOT_FOUND. */
enum err endpoint_set_state(struct tx *tx, struct str tenant, struct str endpoint_id,
                            enum endpoint_state state, struct str reason) MUST_USE;
/* Its row stays for the log, without what it was told. ERR_CONFLICT: it has deliveries that have
 * not ended, and is_forced is false; else those end as dead, in pieces. ERR_NOT_FOUND. */
enum err endpoint_delete(struct tx *tx, struct str tenant, struct str endpoint_id,
                         bool is_forced) MUST_USE;

/* ---- for the outbox ---- */

/* What a new delivery learns of its endpoint; strings in tx->arena. */
struct endpoint_turn {
    struct str endpoint_id;
    int64_t endpoint_no;
    struct str origin, lane;
    enum endpoint_state state;
    bool is_fifo;
    int64_t expires_after_s;
    int64_t sequence;            /* the delivery's own */
    int64_t fresh_us, replay_us; /* where it stands in these lines; 0: nowhere */
};

/* Gives out the next sequence number. The row is locked until the commit. The first makes the
 * endpoint if there is none; the second says ERR_NOT_FOUND. */
enum err endpoint_take_turn(struct tx *tx, struct str tenant, struct str kind, struct str url,
                            struct endpoint_turn *turn) MUST_USE;
enum err endpoint_take_turn_of(struct tx *tx, struct str tenant, struct str endpoint_id,
                               struct endpoint_turn *turn) MUST_USE;

#endif
