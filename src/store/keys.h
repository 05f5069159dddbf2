/* keys.h -- the tables api_keys and idempotency: who may call, and what was answered already. */
#ifndef STORE_KEYS_H
#define STORE_KEYS_H

#include "store/store.h"

struct api_key_row {
    struct str tenant;
    struct str key_id;
    struct str name;
    struct str key_hash; /* SHA-256, hex; the key itself is never stored */
    int64_t created_us;
};

/* Does the database answer? */
enum err store_ping(struct tx *tx) MUST_USE;

enum err api_key_insert(struct tx *tx, const struct api_key_row *key) MUST_USE;
/* All that are not revoked. */
enum err api_key_list(struct tx *tx, struct arena *arena, struct api_key_row **found,
                      size_t *count) MUST_USE;
enum err api_key_revoke(struct tx *tx, struct str tenant,
                        struct str key_id) MUST_USE; /* ERR_NOT_FOUND */

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
