/* outbox_priv.h -- what outbox.c and outbox_claim.c share: the one function that moves a delivery.
 */
#ifndef STORE_OUTBOX_PRIV_H
#define STORE_OUTBOX_PRIV_H

#include "store/outbox.h"

struct outbox_claimed;

/* One legal move. What a state does not have is empty in its row, whatever stands here. */
struct delivery_move {
    int64_t delivery_id;
    enum delivery_state from;
    int64_t from_attempt_id; /* sending is only left by the attempt it was entered with; else 0 */
    enum delivery_state to;
    int64_t attempts;
    struct str reason;
    int64_t next_us;                    /* of due */
    struct str lease_node;              /* of sending … */
    int64_t lease_until_us, attempt_id; /* … too */
    struct str result; /* how the attempt it leaves has ended; STR_NONE: it has not */
    int64_t status;
};

/* A row that is not in the state `from` (in that attempt) is left alone. */
enum err delivery_move(struct tx *tx, const struct delivery_move *moves, size_t count) MUST_USE;
/* Of moves from sending: what was cancelled meanwhile does not become due, it is dead. */
enum err cancelled_move(struct tx *tx, struct delivery_move *moves, size_t count) MUST_USE;

/* Opens the secrets of the rows' endpoints; in the arena. */
enum err claimed_open_secrets(struct tx *tx, struct arena *arena, struct outbox_claimed *rows,
                              size_t count) MUST_USE;

#endif
