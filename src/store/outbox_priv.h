/* outbox_priv.h -- what the outbox's files share: the two functions that change a delivery's state,
 * and the lines in which endpoints wait for their turn.
 *
 * A line is one of three positions in an endpoint's row: fresh_us, retry_us, replay_us. Its law: an
 * active endpoint that has something due stands in the line of that kind, at no later an instant
 * than the first of it may go. A position may be too early, never too late: the claim, which holds
 * the row's lock, looks and puts the endpoint where it belongs: behind all that wait already, at
 * the end of a rest, out of the line. */
#ifndef STORE_OUTBOX_PRIV_H
#define STORE_OUTBOX_PRIV_H

#include "store/endpoints.h"
#include "store/outbox_claim.h"

/* Held behind an earlier one of its ordering key, whatever its endpoint's state. */
#define HELD_ORDER STR("order")

/* ---- outbox_move.c ---- */

/* One legal move, but into sending. What a state does not have is empty in its row, whatever stands
 * here. */
struct delivery_move {
    int64_t delivery_id;
    enum delivery_state from;
    int64_t from_attempt_id; /* sending is only left by the attempt it was entered with; else 0 */
    enum delivery_state to;
    bool is_untried; /* that attempt does not count */
    struct str reason;
    int64_t next_us;   /* of due */
    struct str result; /* how the attempt it leaves has ended; STR_NONE: it has not */
    int64_t status;
};

/* A row that is not in the state `from` (in that attempt) is left alone. Who makes something due
 * has its endpoint enter the line; who ends one that has an ordering key calls order_pass. */
enum err delivery_move(struct tx *tx, const struct delivery_move *moves, size_t count) MUST_USE;
/* *all_moved: each is known to have been moved; false says something only of a single one that was
 * due or being sent: it was not. */
enum err delivery_move_all(struct tx *tx, const struct delivery_move *moves, size_t count,
                           bool *all_moved) MUST_USE;

/* Due → sending, each in the attempt that its row names. */
struct delivery_take {
    const struct outbox_claimed *rows; /* all due, and locked */
    size_t count;
    struct str node;
    int64_t lease_until_us;
};
enum err delivery_take(struct tx *tx, const struct delivery_take *take) MUST_USE;

/* ---- outbox_attempts.c ---- */

/* Writes the rows of those that were tried. `all_held`: none of them had been taken by somebody
 * else; false says nothing. */
enum err attempts_end(struct tx *tx, const struct outbox_outcome *outcomes, size_t count,
                      bool all_held) MUST_USE;
/* Nobody knows how the attempts under way of these ended; before they are moved. */
enum err attempts_lose(struct tx *tx, const struct delivery_move *moves, size_t count) MUST_USE;

/* Of moves from sending: what was cancelled meanwhile does not become due, it is dead. */
enum err cancelled_move(struct tx *tx, struct delivery_move *moves, size_t count) MUST_USE;

/* Opens the secrets of the rows' endpoints; in the arena. */
enum err claimed_open_secrets(struct tx *tx, struct arena *arena, struct outbox_claimed *rows,
                              size_t count) MUST_USE;

/* Endpoints whose secrets still cannot be opened get nothing until they can. */
enum err lock_endpoints(struct tx *tx, const struct outbox_outcome *outcomes,
                        size_t count) MUST_USE;

struct endpoint_key {
    struct str tenant, endpoint_id;
};

/* ---- outbox_line.c ---- */

/* Stands in this line from `at_us` on, if it does not stand there earlier already. */
struct line_entry {
    struct endpoint_key endpoint;
    enum outbox_line line;
    int64_t at_us;
};
enum err line_enter(struct tx *tx, const struct line_entry *entries, size_t count) MUST_USE;
/* In all three lines, by what it really has due: after its limits or its state have changed. */
enum err line_up(struct tx *tx, struct endpoint_key endpoint) MUST_USE;
/* One of this ordering key has ended: the next by sequence is due, if it waited for that. */
enum err order_pass(struct tx *tx, struct endpoint_key endpoint, struct str ordering_key) MUST_USE;
/* Is there one of this key that has not ended? */
enum err order_is_busy(struct tx *tx, struct endpoint_key endpoint, struct str ordering_key,
                       bool *is_busy) MUST_USE;

#endif
