/* outbox_claim.h -- what the sender asks of the outbox: what is due where, take it, write down what
 * became of it, give back what nobody sends any more.
 *
 * The states and their laws stand at the top of src/delivery/README.md. Times are wall-clock
 * microseconds. */
#ifndef STORE_OUTBOX_CLAIM_H
#define STORE_OUTBOX_CLAIM_H

#include "store/outbox.h"
#include "store/secrets.h"

/* First tries and retries are looked up and claimed apart, so that neither starves the other. */
enum outbox_half { OUTBOX_FRESH, OUTBOX_RETRY };

/* An origin that has due deliveries of one half. */
struct outbox_origin {
    struct str origin;
    int64_t next_us; /* when the first of them falls due; may be past */
};

struct outbox_survey {
    enum outbox_half half;
    struct str after; /* in order of the origin's text, those behind this; "": from the start */
    size_t limit;
    struct outbox_origin *found; /* out; in the arena */
    size_t count;
};

enum err outbox_survey(struct tx *tx, struct outbox_survey *survey, struct arena *arena) MUST_USE;
/* When the first lease of any node ends; 0: nothing is being sent. */
enum err outbox_first_lease(struct tx *tx, int64_t *lease_until_us) MUST_USE;

struct outbox_claim_origin {
    struct str origin;
    unsigned room;        /* so many may be taken … */
    unsigned retry_share; /* … and so many places of these are the retries', if they want them */
    unsigned taken;       /* out */
    int64_t next_us[2];   /* out: of what is left, by half: when the first falls due; 0: nothing */
};

struct outbox_claim {
    struct str node;
    int64_t lease_us;
    size_t bytes_max; /* of the bodies; one is taken whatever its size */
    struct outbox_claim_origin *origins;
    size_t origin_count;
};

struct outbox_claimed {
    int64_t delivery_id;
    int64_t attempt_id;
    int64_t attempts; /* this one included: the attempt's number */
    size_t origin_index;
    int64_t created_us;
    int64_t sequence; /* rises by one with each delivery of its endpoint */
    enum delivery_class class;
    struct str tenant;
    struct str endpoint_id;
    struct str url;
    bool is_elsewhere; /* sent to another URL than its own (OUTBOX_KIND_RESEND) */
    struct str webhook_id;
    struct str kind;
    struct str object_id;
    struct str body_id;
    struct str policy;
    struct str content_type;
    struct str body;
    int64_t secrets_version; /* 0: its endpoint never had any */
    struct secrets secrets;  /* the endpoint's, opened; wiped by outbox_claimed_wipe */
    struct str secrets_why;  /* they cannot be opened, in words: it must not be sent; STR_NONE */
};

/* Takes what is due: state sending, lease, a row for the attempt. Everything lives in the arena,
 * which the call resets first (apply may run again). */
enum err outbox_claim(struct tx *tx, struct outbox_claim *claim, struct arena *arena,
                      struct outbox_claimed **claimed, size_t *count) MUST_USE;

/* Overwrites the opened secrets of rows whose strings are no longer needed. */
void outbox_claimed_wipe(struct outbox_claimed *rows, size_t count);

/* How an attempt ended. */
struct outbox_outcome {
    int64_t delivery_id;
    int64_t attempt_id;
    int64_t attempts;       /* as claimed */
    enum delivery_state to; /* due, done or dead */
    int64_t next_us;        /* of due */
    struct str reason;      /* state_reason; STR_NONE: none */
    bool is_untried;        /* it was never sent: the attempt is taken back, `to` is due */
    struct str result;      /* a word of delivery/classify.h */
    int64_t status;         /* 0: none */
    struct str detail;
    struct str address;
    int64_t ended_us;
    int64_t dns_us, connect_us, tls_us, first_byte_us, total_us; /* -1: not reached */
    struct str excerpt;
};

/* Moves each that is still sending in that attempt; one that no longer is (its lease ended) stays
 * as it is. */
enum err outbox_settle(struct tx *tx, const struct outbox_outcome *outcomes, size_t count) MUST_USE;

/* Deliveries that are being sent by nobody become due at once: those of `node` (at its start), or,
 * STR_NONE, those of any node whose lease has ended. At most `limit`; *count says how many. */
enum err outbox_recover(struct tx *tx, struct str node, size_t limit, size_t *count) MUST_USE;

#endif
