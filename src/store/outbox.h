/* outbox.h -- the tables of what has to be sent: bodies, endpoints, deliveries, attempts.
 *
 * outbox_add is called inside the transaction that makes the fact true, so that neither exists
 * without the other. From then on only outbox_move.c changes a delivery's state; the states and
 * their laws stand at the top of src/delivery/README.md. Times are wall-clock microseconds. */
#ifndef STORE_OUTBOX_H
#define STORE_OUTBOX_H

#include "store/store.h"

/* ---- for who has something to tell ---- */

enum delivery_state {
    DELIVERY_DUE,
    DELIVERY_SENDING,
    DELIVERY_HELD,
    DELIVERY_DONE,
    DELIVERY_DEAD,
    DELIVERY_STATE_COUNT
};

struct str delivery_state_name(enum delivery_state state);
enum err delivery_state_parse(struct str name, enum delivery_state *state) MUST_USE;

/* Who goes first: what happens now before what is sent once more; `system` tells of deliveries, so
 * nothing is ever told of it. */
enum delivery_class { DELIVERY_LIVE, DELIVERY_REPLAY, DELIVERY_SYSTEM, DELIVERY_CLASS_COUNT };

struct str delivery_class_name(enum delivery_class class);
enum err delivery_class_parse(struct str name, enum delivery_class *class) MUST_USE;

/* Everything is borrowed until the call returns. */
struct outbox_event {
    struct str tenant;
    struct str kind;         /* "run", "rule", "alert", "fleet" */
    struct str object_id;    /* what it tells of: the run's id … */
    struct str url;          /* where to, as given; has passed the URL checks */
    struct str content_type; /* "application/json" */
    struct str body;         /* rendered, never changed again */
    struct str policy;       /* "durable", "documented", "once" */
    enum delivery_class class;
    struct str endpoint_id;  /* an endpoint that exists; STR_NONE: that of kind and url */
    struct str ordering_key; /* those of one key go in order, where the endpoint asks for order */
    struct str traceparent;  /* of what caused it, checked; STR_NONE: its webhook-id is the trace */
};

/* Body, endpoint (made at first use of this url by this tenant and kind) and a delivery in state
 * due or, if its endpoint is not active, held; nudges TOPIC_DELIVERY_DUE with the origin. The
 * delivery's `sequence` is given out under the lock of the endpoint's row: gapless, and rising in
 * the order of commits. *webhook_id (may be NULL) lives in tx->arena. */
enum err outbox_add(struct tx *tx, const struct outbox_event *event,
                    struct str *webhook_id) MUST_USE;

/* The same, telling the delivery's id. ERR_NOT_FOUND: there is no such endpoint_id. */
enum err outbox_add_one(struct tx *tx, const struct outbox_event *event,
                        int64_t *delivery_id) MUST_USE;

/* The object_id of a sample begins with this; it carries the header webhook-test. */
#define OUTBOX_TEST_PREFIX STR("test-")
/* The kind of the endpoints of those that are sent to another URL than their own: nothing that
 * belongs to their first endpoint goes along. */
#define OUTBOX_KIND_RESEND STR("resend")

struct outbox_again {
    struct str tenant;
    int64_t delivery_id;
    struct str url;            /* where to instead, has passed the URL checks; STR_NONE: the same */
    enum delivery_class class; /* what was `system` stays it */
    struct str replay_id;      /* of the replay that asks; STR_NONE: none */
};

/* A new delivery of the same body under the same webhook-id, linked to the first. ERR_NOT_FOUND;
 * ERR_CONFLICT: it is not done or dead yet; ERR_DENIED: its endpoint is deleted, and no other URL
 * is given. */
enum err outbox_resend(struct tx *tx, const struct outbox_again *again, int64_t *new_id) MUST_USE;

/* Due or held: dead at once, reason "cancelled". Being sent: the attempt under way goes on, another
 * one is not made. ERR_NOT_FOUND; ERR_CONFLICT: it is done or dead already. */
enum err outbox_cancel(struct tx *tx, struct str tenant, int64_t delivery_id) MUST_USE;

/* What relative URLs have for an origin: our own listener. */
#define OUTBOX_ORIGIN_SELF STR("self")
/* What cannot be parsed has this one; the sender refuses it. */
#define OUTBOX_ORIGIN_NONE STR("none")

#endif
