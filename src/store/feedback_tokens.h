/* feedback_tokens.h -- the table feedback_tokens: a token lets whoever has it say one thing of one
 * span, without a key, until it ends. Its id is random, and all the secret there is. */
#ifndef STORE_FEEDBACK_TOKENS_H
#define STORE_FEEDBACK_TOKENS_H

#include "base/uuid.h"
#include "store/store.h"

struct feedback_token_row {
    struct str token_id; /* UUID text */
    struct str tenant;
    struct uuid span_id;
    struct str key;
    struct str config; /* JSON object; STR_NONE */
    int64_t created_us, expires_us;
};

struct feedback_token_rows {
    struct feedback_token_row *list; /* in the arena given */
    size_t count;
};

enum err feedback_token_add(struct tx *tx, const struct feedback_token_row *row) MUST_USE;
/* Of any tenant: whoever has the token has no key. ERR_NOT_FOUND: also of one that has ended. */
enum err feedback_token_get(struct tx *tx, struct str token_id, struct arena *arena,
                            struct feedback_token_row *row) MUST_USE;
/* Those of a span that have not ended, the newest first. `limit` ≤ 1000. */
enum err feedback_token_list(struct tx *tx, struct str tenant, struct uuid span_id, int64_t limit,
                             struct arena *arena, struct feedback_token_rows *found) MUST_USE;

#endif
