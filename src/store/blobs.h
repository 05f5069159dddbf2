/* blobs.h -- which blobs (blob/blob.h) may exist: the table unclaimed_blobs.
 *
 *   reserve ──▶ unclaimed, for two hours ── claim, with the row that refers to it ──▶ claimed
 *                   │ nobody claims it                                                  │ discard
 *                   ▼                                                                   ▼
 *               due: the blob is removed, then the key forgotten ◀──────────────── due at once
 *
 * A key is reserved, and that committed, before the blob store has a byte of its blob; so whatever
 * crashes when, neither a blob nor a part of one is left that nobody knows of. An upload takes less
 * than those two hours: who is slower finds its key gone. */
#ifndef STORE_BLOBS_H
#define STORE_BLOBS_H

#include "store/store.h"

#define BLOBS_UNCLAIMED_US (INT64_C(7200) * US_PER_SECOND)

/* All in a write. */
enum err blobs_reserve(struct tx *tx, struct str key) MUST_USE;
/* ERR_NOT_FOUND: it is not reserved (any more). */
enum err blobs_claim(struct tx *tx, struct str key) MUST_USE;
enum err blobs_discard(struct tx *tx, struct str key) MUST_USE;
/* Once the blob is gone. */
enum err blobs_forget(struct tx *tx, struct str key) MUST_USE;

/* The keys whose time has come, the longest due first; in the arena. */
enum err blobs_list_due(struct tx *tx, int64_t limit, struct arena *arena, struct str **keys,
                        size_t *count) MUST_USE;

#endif
