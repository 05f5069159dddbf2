/* sender_priv.h -- what the sender's files share: the actor, its origins, its attempts.
 *
 *   sender.c          start, stop, nudges
 *   sender_survey.c   what is due where; what nobody sends any more
 *   sender_census.c   how much waits where
 *   sender_lane.c     when may this lane be claimed for
 *   sender_origin.c   what the origin's window lets out
 *   sender_chores.c   due ↔ held, expiry
 *   sender_replays.c  bulk replays
 *   sender_claim.c    due → sending
 *   sender_attempt.c  one attempt: its coming and going, its outcome
 *   sender_request.c  its request: target, headers, secrets
 *   sender_settle.c   sending → due, done, dead
 *
 * All on one thread, the loop's; only a work's apply runs elsewhere, on the work's own memory. */
#ifndef DELIVERY_SENDER_PRIV_H
#define DELIVERY_SENDER_PRIV_H

#include "base/list.h"
#include "base/map.h"
#include "delivery/request_headers.h"
#include "delivery/sender.h"
#include "delivery/sender_lanes_priv.h"
#include "delivery/sender_works_priv.h"
#include "delivery/target_memo.h"
#include "http/tls.h"
#include "store/outbox_claim.h"

#define SETTLE_MS 2000 /* from an attempt's end until that is written down, at most of times */
#define RETRY_MS 1000  /* after the store did not take something */

enum delivery_phase { PHASE_RECOVERING, PHASE_RUNNING, PHASE_STOPPING, PHASE_STOPPED };

/* One delivery in memory: being sent, or waiting to be settled. */
struct attempt {
    struct list node; /* in origin->waiting, delivery->sending, delivery->ended */
    struct delivery *delivery;
    struct origin *origin;
    struct lane *lane;
    struct arena arena;
    struct outbox_claimed row;
    const struct policy *policy;
    int64_t lease_ends_ms;     /* at the earliest */
    int64_t started_us;        /* wall clock */
    struct http_send *http;    /* NULL: not on the network */
    struct signing_keys *keys; /* its endpoint's own; NULL: none */
    struct tls_identity identity;
    struct outbox_outcome outcome;
};

struct delivery {
    struct delivery_config config;
    struct arena arena; /* of what the configuration says */
    struct loop *loop;
    bool owns_loop;
    enum delivery_phase phase;
    struct http_client *client;
    struct http_client *self_client; /* for our own listener, and nothing but it */
    struct egress_policy self_egress;
    struct url self;
    bool has_self;
    struct target_memo targets;   /* forgotten when the configuration changes */
    struct signing_keys keys;     /* the server's own */
    int64_t unreadable_silent_ms; /* until then nothing is logged of secrets that do not open */

    struct map origins, lanes;
    struct list ready; /* lanes */
    size_t ready_count;
    struct list sending;
    struct list ended;
    struct list spare; /* attempts to be used again, with their memory */
    size_t ended_count, spare_count;
    size_t active_count, active_bytes;

    struct survey_work survey;
    struct recover_work recover;
    int64_t recovery_began_us; /* monotonic */
    size_t recovered_rows;
    struct chores_work chores;
    struct replays_work replays;
    struct census_work census;
    struct claim_work claim;
    struct settle_work settle;
    struct timer slow_timer; /* the next survey */
    struct timer recover_timer;
    struct timer chores_timer; /* the next piece */
    struct timer replays_timer;
    struct timer census_timer; /* the next page */
    struct timer settle_timer; /* outcomes that could not be written */
    struct timer share_timer;  /* outcomes that wait for a claim */
    struct timer grace_timer;
    struct message stop_message;
    void (*on_stopped)(void *context);
    void *stopped_context;
};

/* ---- sender_survey.c ---- */
void survey_start(struct delivery *d);
void recover_start(struct delivery *d, bool by_lease);

/* ---- sender_chores.c ---- */
/* Deliveries that follow their endpoint's state, and those that expire: the next piece. */
void chores_start(struct delivery *d);

/* ---- sender_replays.c ---- */
/* The next piece of a bulk replay, if one is due. */
void replays_start(struct delivery *d);

/* ---- sender_census.c ---- */
/* Counts the next page. */
void census_start(struct delivery *d);

/* ---- sender_claim.c ---- */
/* Claims for those that are ready, if there is room and no claim is under way. */
void claim_pump(struct delivery *d);

/* ---- sender_request.c ---- */
/* What is sent, and which client may send it. NULL: nobody, *why says the rule. */
struct http_client *attempt_request(struct attempt *attempt, struct http_client_request *request,
                                    struct str *why);
/* Overwrites what was secret in it. */
void attempt_forget_secrets(struct attempt *attempt);

/* ---- sender_attempt.c ---- */
/* It waits at its origin. Takes over what the row's arena holds, and leaves it an empty one. */
void attempt_add(struct lane *lane, const struct outbox_claimed *row, struct arena *row_arena,
                 int64_t lease_ends_ms);
/* A waiting one: there is room. If its lease would end first it is given back. */
void attempt_start(struct attempt *attempt);
/* A waiting one: it is not sent after all. */
void attempt_give_back(struct attempt *attempt);
/* Ends it on the network; what became of it is unknown. */
void attempt_cut(struct attempt *attempt);
void attempt_free(struct attempt *attempt);
/* What attempt_free has kept for the next ones. */
void attempts_forget(struct delivery *d);

/* ---- sender_settle.c ---- */
/* The attempt has its outcome. */
void settle_add(struct attempt *attempt);
/* Writes what waits, now or, if that can wait, with the next claim. */
void settle_pump(struct delivery *d);
/* Writes what waits, if nothing is being written; settle_begin leaves that to its caller. */
void settle_now(struct delivery *d);
struct store_work *settle_begin(struct delivery *d); /* NULL: nothing waits, or it has to */

/* ---- sender.c ---- */
void stop_check(struct delivery *d);

#endif
