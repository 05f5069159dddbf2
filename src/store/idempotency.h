/* idempotency.h -- the table idempotency: what was answered already. */
#ifndef STORE_IDEMPOTENCY_H
#define STORE_IDEMPOTENCY_H

#include "store/store.h"

/* A reply kept under the client's Idempotency-Key. */
struct idempotent_reply {
    struct str request_hash; /* of method, path and body: another request under the same key is a
                                conflict */
    int64_t status;
    struct str headers; /* "Name: value\n" lines that belong to the reply */
    struct str body;
};

enum err idempotency_find(struct tx *tx, struct str tenant, struct str key, struct arena *arena,
                          struct idempotent_reply *reply) MUST_USE;
enum err idempotency_insert(struct tx *tx, struct str tenant, struct str key,
                            const struct idempotent_reply *reply) MUST_USE; /* ERR_CONFLICT */

#endif
