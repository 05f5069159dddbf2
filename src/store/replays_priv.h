/* replays_priv.h -- what working off a replay needs of its row. */
#ifndef STORE_REPLAYS_PRIV_H
#define STORE_REPLAYS_PRIV_H

#include "store/replays.h"

/* The running job whose next piece has waited longest. ERR_NOT_FOUND: none is due. */
enum err replay_find_due(struct tx *tx, struct arena *arena, struct replay_row *replay) MUST_USE;
/* For the rest of the transaction nobody else changes it; in tx->arena. ERR_NOT_FOUND. */
enum err replay_lock(struct tx *tx, struct str tenant, struct str replay_id,
                     struct replay_row *replay) MUST_USE;
/* Writes state, place, counters and times of `now`. ERR_CONFLICT: the row does not run, or does not
 * stand where `was` says. */
enum err replay_move(struct tx *tx, const struct replay_row *was,
                     const struct replay_row *now) MUST_USE;

#endif
