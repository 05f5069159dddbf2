/* endpoint_lock.h -- endpoints whose secrets cannot be opened: nothing is sent to them, and what
 * they have to get is held, reason "secret_unreadable".
 *
 *   active ──endpoint_lock──▶ secret_unreadable ──┬─ endpoint_unlock: the keys are back
 *     ▲                                           ├─ endpoint_unlock_one: its secrets have changed
 *     └───────────────────────────────────────────┘  (or somebody resumes it, which only tries)
 *
 * The reason in its row names the secret and the key that is missing. */
#ifndef STORE_ENDPOINT_LOCK_H
#define STORE_ENDPOINT_LOCK_H

#include "store/endpoints.h"
#include "store/secrets.h"

/* An active one, if its secrets still cannot be opened: the key may have come back since somebody
 * tried. */
enum err endpoint_lock(struct tx *tx, const struct secret_owner *owner) MUST_USE;
/* If it is locked: active, whatever its secrets are now worth; the next try tells. */
enum err endpoint_unlock_one(struct tx *tx, const struct secret_owner *owner) MUST_USE;

/* All whose secrets can be opened now, piece by piece; starts with zeroes. */
struct endpoint_unlock {
    struct secret_owner after; /* the last one of the piece before, in its arena */
    size_t unlocked;           /* of this piece */
    bool more;                 /* there may be another piece */
};
enum err endpoint_unlock(struct tx *tx, struct endpoint_unlock *unlock, size_t limit,
                         struct arena *arena) MUST_USE;

#endif
