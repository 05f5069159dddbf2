/* outbox_claim.h -- what the sender asks of the outbox: what is due where, take it, write down what
 * became of it, give back what nobody sends any more. What happens besides: outbox_upkeep.h.
 * The states and their laws stand at the top of src/delivery/README.md. Times are wall-clock
 * microseconds. */
#ifndef STORE_OUTBOX_CLAIM_H
#define STORE_OUTBOX_CLAIM_H

#include "store/outbox.h"
#include "store/secrets.h"

/* What an endpoint has due stands in three lines, looked up and claimed apart, so that none starves
 * another: first tries, retries, and what is sent once more. */
enum outbox_line { OUTBOX_FRESH, OUTBOX_RETRY, OUTBOX_REPLAY, OUTBOX_LINES };

/* Of one that is due after so many attempts. */
enum outbox_line outbox_line_of(enum delivery_class class, int64_t attempts);

/* A lane is one tenant's part of an origin: "https://a.example:443 tenant". */
struct str outbox_lane_origin(struct str lane);

/* A lane in which an endpoint stands in this line. */
struct outbox_lane {
    struct str lane;
    int64_t next_us; /* when the first is to be looked at; may be past */
};

struct outbox_survey {
    enum outbox_line line;
    struct str after; /* in order of the lane's text, those behind this; "": from the start */
    size_t limit;
    struct outbox_lane *found; /* out; in the arena */
    size_t count;
};

enum err outbox_survey(struct tx *tx, struct outbox_survey *survey, struct arena *arena) MUST_USE;

/* What else is to be done besides sending. */
struct outbox_chores {
    int64_t lease_until_us; /* when the first lease of any node ends; 0: nothing is being sent */
    int64_t expires_us;     /* when the first delivery expires; 0: none does */
    bool is_moving;         /* outbox_shift has work */
    bool has_replays;       /* replay_find may have work */
};
enum err outbox_chores(struct tx *tx, struct outbox_chores *chores) MUST_USE;

struct outbox_claim_lane {
    struct str lane;
    unsigned room;                 /* so many may be taken … */
    unsigned shares[OUTBOX_LINES]; /* … and so many places of these belong to retries and replays,
                                      if they want them; [OUTBOX_FRESH] is not read */
    unsigned taken;                /* out */
    int64_t next_us[OUTBOX_LINES]; /* out: when to look at what is left; 0: nothing */
};

struct outbox_claim {
    struct str node;
    int64_t lease_us; /* longer than any attempt: what is being sent must not be claimed again */
    size_t bytes_max; /* of the bodies; one is taken whatever its size */
    struct outbox_claim_lane *lanes;
    size_t lane_count;
    struct arena *row_arenas; /* one for each place: what a row says lives in its own, which is
                                 reset before; NULL: in the call's */
};

struct outbox_claimed {
    int64_t delivery_id;
    int64_t attempt_id;
    int64_t attempts; /* this one included: the attempt's number */
    size_t lane_index;
    int64_t created_us, due_us, claimed_us;
    int64_t expires_us; /* 0: never */
    int64_t endpoint_no, body_no;
    int64_t sequence; /* rises by one with each delivery of its endpoint */
    enum delivery_class class;
    bool is_limited; /* its endpoint waits for places: look at its lines when this one ends */
    bool is_unwell;  /* its endpoint has failed, or was told to be disabled: a success is news */
    struct str tenant;
    struct str endpoint_id;
    struct str url;
    bool is_elsewhere; /* sent to another URL than its own (OUTBOX_KIND_RESEND) */
    struct str webhook_id;
    struct str kind;
    struct str object_id;
    struct str policy;                    /* the endpoint's, else the delivery's */
    struct str ordering_key, traceparent; /* STR_NONE: none */
    struct str content_type;
    struct str body;
    int64_t secrets_version; /* 0: its endpoint never had any */
    struct secrets secrets;  /* the endpoint's, opened; wiped by outbox_claimed_wipe */
    struct str secrets_why;  /* they cannot be opened, in words: it must not be sent; STR_NONE */
};

/* Takes what is due: state sending, a lease, the attempt's id and number. A lane's endpoints take
 * turns. The list and opened secrets live in the arena; the caller resets it (apply may run
 * again). */
enum err outbox_claim(struct tx *tx, struct outbox_claim *claim, struct arena *arena,
                      struct outbox_claimed **claimed, size_t *count) MUST_USE;

/* What an attempt says about its endpoint. */
enum endpoint_news { ENDPOINT_NO_NEWS, ENDPOINT_WELL, ENDPOINT_FAILED, ENDPOINT_GONE };

/* The rows of an endpoint share what was opened: this one gets its own, in the arena. */
void outbox_claimed_own_secrets(struct outbox_claimed *row, struct arena *arena);
/* Overwrites the opened secrets of rows that are no longer needed. */
void outbox_claimed_wipe(struct outbox_claimed *rows, size_t count);

/* How an attempt ended. */
struct outbox_outcome {
    const struct outbox_claimed *row; /* as claimed */
    enum delivery_state to;           /* due, done or dead */
    int64_t next_us;                  /* of due */
    struct str reason;                /* state_reason; STR_NONE: none */
    bool is_untried; /* it was never sent: the attempt is taken back, `to` is due */
    bool is_locked;  /* because its endpoint's secrets cannot be opened */
    enum endpoint_news news;
    bool is_hard;          /* of ENDPOINT_FAILED: a row of these makes the endpoint rest */
    int64_t rest_until_us; /* the receiver asks for a rest until then; 0: it does not */
    struct str result;     /* a word of delivery/classify.h */
    int64_t status;        /* 0: none */
    struct str detail, address;
    int64_t ended_us;
    int64_t dns_us, connect_us, tls_us, first_byte_us, total_us; /* -1: not reached */
    struct str response_type, excerpt; /* of the answer: its content type, what of it is kept */
};

/* What the house does about endpoints that fail, and whom it tells. */
struct outbox_rules {
    int64_t disable_after_us; /* failing for so long without a success; 0: never */
    int64_t rest_after;       /* hard failures in a row; 0: never */
    struct str notify_url;    /* of operational events; STR_NONE: nobody is told */
    struct str notify_policy;
};

/* Moves each that is still sending in that attempt; one that no longer is (its lease ended) stays
 * as it is. What that tells of endpoints is written, and told, in the same transaction. */
enum err outbox_settle(struct tx *tx, const struct outbox_rules *rules,
                       const struct outbox_outcome *outcomes, size_t count) MUST_USE;

/* Deliveries that are being sent by nobody become due at once: those of `node` (at its start), or,
 * STR_NONE, those of any node whose lease has ended. At most `limit`; *count says how many. */
enum err outbox_recover(struct tx *tx, struct str node, size_t limit, size_t *count) MUST_USE;

#endif
