/* shares.h -- the table shares: tokens under which anyone may read a span and what is below it, or
 * a dataset. What is shared goes by its id alone (its column is span_id, for spans were first). */
#ifndef STORE_SHARES_H
#define STORE_SHARES_H

#include "base/uuid.h"
#include "store/store.h"

struct share {
    struct str tenant;
    struct uuid id;
    struct str token; /* UUID text */
};

/* Each has one token: a new one takes the place of the old. ERR_CONFLICT: it is another's. */
enum err shares_put(struct tx *tx, const struct share *share) MUST_USE;
/* ERR_NOT_FOUND; so below. Strings live in the arena. */
enum err shares_of(struct tx *tx, struct str tenant, struct uuid id, struct arena *arena,
                   struct share *share) MUST_USE;
enum err shares_of_token(struct tx *tx, struct str token, struct arena *arena,
                         struct share *share) MUST_USE;
enum err shares_delete(struct tx *tx, struct str tenant, struct uuid id) MUST_USE;

#endif
