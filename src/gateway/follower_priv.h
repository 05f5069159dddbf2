/* follower_priv.h -- the follower and its watches, one for each run that is followed.
 *
 *   FIND ──▶ RUN ──▶ THREAD ──▶ STATE ──▶ WRITE ──▶ (over, or) CLEAN ──▶ over
 *    │        │  ended  │ only one that waits for a person
 *    │        └─ vanished, given up ──▶ WRITE
 *    └─ it was never made: forgotten
 *
 * Each step but WRITE is one request to the upstream; what it does not answer is asked again, with
 * pauses that grow with the age of the run, or of the failure. At most FETCHES_MAX are under way,
 * the others wait in line. */
#ifndef GATEWAY_FOLLOWER_PRIV_H
#define GATEWAY_FOLLOWER_PRIV_H

#include "base/failure_log.h"
#include "base/list.h"
#include "base/map.h"
#include "gateway/follower.h"
#include "gateway/outcome.h"

#define FETCHES_MAX 32
#define WATCHES_MAX 4096
#define ANSWER_BYTES_MAX (256 * MIB)

enum watch_step { WATCH_FIND, WATCH_RUN, WATCH_THREAD, WATCH_STATE, WATCH_WRITE, WATCH_CLEAN };

struct follower {
    struct follower_config config;
    struct fetch_client *client;
    struct map watches;  /* by intent id */
    struct list waiting; /* for a place among the fetches */
    size_t fetch_count;
    struct timer look_timer, renew_timer, probe_timer;
    struct store_work look_work, renew_work;
    struct arena arena; /* of what a look has found */
    struct intents found;
    struct arena kept;
    struct str probe_target;
    struct fetch *probe;
    bool is_looking, is_renewing, looks_again, is_released, is_closed;
    struct failure_log look_failures, renew_failures;
};

struct watch {
    struct list node; /* in follower->waiting */
    struct follower *follower;
    struct intent intent; /* in `kept` */
    struct arena kept, arena;
    struct timer timer;
    struct fetch *fetch;
    struct buf answer;
    int status;             /* of the answer */
    struct outcome outcome; /* in `arena` */
    struct store_work work;
    struct intent reread;
    int64_t failing_ms, missing_ms; /* monotonic: since when; 0: it is not */
    int64_t hot_until_ms;           /* it is about to end */
    unsigned busy_looks;
    uint8_t step;    /* enum watch_step */
    bool is_writing; /* the store has its work */
};

/* watch.c */
void watch_new(struct follower *follower, const struct intent *intent);
/* run_id "": as before; one that was refused is noticed by its row. */
void watch_hint(struct watch *watch, struct str run_id);
/* A place has become free. */
void watch_fetch(struct watch *watch);
void watch_free(struct watch *watch);

/* watch_end.c: of watch->work */
enum err watch_end_apply(struct tx *tx, struct store_work *work);

#endif
