/* sender_works_priv.h -- what the sender asks of the store: one of each kind is under way at most.
 *
 * While is_busy the work belongs to the store; what apply fills in lies in its own arena. */
#ifndef DELIVERY_SENDER_WORKS_PRIV_H
#define DELIVERY_SENDER_WORKS_PRIV_H

#include "base/failure_log.h"
#include "store/outbox_census.h"
#include "store/outbox_claim.h"
#include "store/replays.h"

#define CLAIM_LANES_MAX 32
#define CLAIM_ROWS_MAX 512
#define CLAIM_KEPT_BYTES (512 * KIB) /* of the list's memory, from one claim to the next */
#define ROW_KEPT_BYTES (32 * KIB)    /* of an attempt's memory, from one to the next */
#define SETTLE_MAX 512
#define SURVEY_PAGE 512
#define RECOVER_PAGE 500
#define CHORES_PIECE 500

struct attempt;
struct delivery;
struct lane;

struct survey_work {
    struct store_work work;
    struct delivery *delivery;
    struct arena arena;
    struct outbox_survey lines[OUTBOX_LINES];
    char names[OUTBOX_LINES][800]; /* what lines[].after borrows */
    bool is_walking[OUTBOX_LINES];
    struct outbox_chores chores;
    bool is_busy, is_wanted;
    struct failure_log failures;
};

struct recover_work {
    struct store_work work;
    struct delivery *delivery;
    bool by_lease;
    size_t count;
    bool is_busy;
    struct failure_log failures;
};

struct chores_work {
    struct store_work work;
    struct delivery *delivery;
    size_t shifted, expired;
    bool is_busy;
    struct failure_log failures;
};

struct census_work {
    struct store_work work;
    struct delivery *delivery;
    struct outbox_census census, next; /* so far; with the page that is being counted */
    struct arena arenas[2];            /* their cursors, in turns */
    bool arena;
    int64_t began_ms;
    bool is_busy;
};

struct replays_work {
    struct store_work work;
    struct delivery *delivery;
    struct arena arena;
    struct replay_piece piece;
    bool has_piece;
    int64_t next_us; /* if there is none: when the next is due; 0: never */
    bool is_busy;
    struct failure_log failures;
};

struct claim_work {
    struct store_work work;
    struct delivery *delivery;
    struct arena arena;
    struct outbox_claim claim;
    struct outbox_claim_lane rooms[CLAIM_LANES_MAX];
    struct lane *lanes[CLAIM_LANES_MAX];
    struct outbox_claimed *rows;
    size_t row_count;
    struct arena row_arenas[CLAIM_ROWS_MAX]; /* their attempts take them over */
    int64_t began_ms;
    bool is_busy;
    struct failure_log failures;
};

void claim_init(struct claim_work *claim);
/* Gives back what it keeps from one time to the next; it goes on working. */
void claim_release(struct claim_work *claim);

/* How carefully outcomes are written after the store refused some for what they say. */
enum settle_care {
    SETTLE_WHOLE, /* all of it, many at a time */
    SETTLE_BARE,  /* without excerpts and details: the log must not stop the delivery */
    SETTLE_SINGLE /* and one by one: what is refused even so is left to the end of its lease */
};

struct settle_work {
    struct store_work work;
    struct delivery *delivery;
    struct attempt *attempts[SETTLE_MAX];
    struct outbox_outcome outcomes[SETTLE_MAX];
    size_t count;
    bool is_busy;
    bool is_urgent; /* an outcome that waits is waited for */
    enum settle_care care;
    struct failure_log failures;
};

#endif
