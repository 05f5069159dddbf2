/* keys.h -- the tables api_keys and api_key_workspaces: who may call.
 *
 * A key is known by its id; the key itself is stored nowhere, only its hash. It opens the
 * workspaces of its list, or all ("*"). Revoked keys stay, so that a hash never comes to life
 * again. */
#ifndef STORE_KEYS_H
#define STORE_KEYS_H

#include "store/store.h"

#define API_KEYS_MAX 10000 /* that are not revoked */
#define API_KEY_WORKSPACES_MAX 100
#define WORKSPACE_EVERY STR("*")

struct api_key_row {
    struct str key_id;
    struct str tenant; /* where it was made, the first that it opens; "default" if it opens all */
    struct str name;
    struct str email;             /* whose it is; STR_NONE: not said */
    struct str key_hash;          /* SHA-256, hex */
    struct str role;              /* auth/role.h */
    struct str limits;            /* its own, JSON (auth/limits.h); STR_NONE: none */
    const struct str *workspaces; /* at least one; "*" alone: all */
    size_t workspace_count;
    int64_t created_us;
    int64_t expires_us; /* 0: never */
    int64_t used_us;    /* about when it was last used; 0: never */
};

struct api_keys {
    struct api_key_row *list; /* in the arena given */
    size_t count;
};

bool api_key_opens_all(const struct api_key_row *key);
/* Does it open every workspace that `other` opens? */
bool api_key_covers(const struct api_key_row *key, const struct api_key_row *other);

/* ERR_CONFLICT: its hash is known. ERR_LIMIT: there are API_KEYS_MAX. created_us is the tx's. */
enum err api_key_insert(struct tx *tx, const struct api_key_row *key) MUST_USE;
/* All that are not revoked, oldest first; also those that have expired. */
enum err api_key_list(struct tx *tx, struct arena *arena, struct api_keys *found) MUST_USE;
/* ERR_NOT_FOUND: none, or revoked; so below. */
enum err api_key_get(struct tx *tx, struct str key_id, struct arena *arena,
                     struct api_key_row *key) MUST_USE;
/* Name and limits. */
enum err api_key_change(struct tx *tx, const struct api_key_row *key) MUST_USE;
enum err api_key_revoke(struct tx *tx, struct str key_id) MUST_USE;
/* It ends then, unless it would end earlier anyway. */
enum err api_key_expire(struct tx *tx, struct str key_id, int64_t expires_us) MUST_USE;

struct api_key_use {
    struct str key_id;
    int64_t used_us;
};
enum err api_keys_touch(struct tx *tx, const struct api_key_use *uses, size_t count) MUST_USE;
/* No key opens this workspace any more; those that open nothing else are revoked. */
enum err api_keys_leave(struct tx *tx, struct str tenant) MUST_USE;

#endif
