/* secrets.h -- the table secrets: what belongs to an endpoint and nobody may read from a file.
 *
 *   header              a custom header             name: as given; value: its value
 *   signing_key         whsec_… or whsk_…           name: "hmac" or "ed25519"; about: whpk_…
 *   client_certificate  PEM, certificate then key   about: JSON for people
 *   oauth               the client's secret         about: JSON of the rest
 *
 * or to a workspace (secret_owner_workspace), for what its agents need:
 *
 *   workspace           a named secret              name: as of an environment variable;
 *                                                   about: {"set": false} while it has no value
 *   mcp_server          its headers, a JSON object  about: JSON of the rest
 *   auth_provider       our secret as its client    about: JSON of the rest
 *
 * Values stand sealed under the newest key of the tx's keyring (crypto/keyring.h), bound to tenant,
 * table, column and row. Every change raises the endpoint's secrets_version, so whoever keeps
 * something opened knows whether it is still true. What cannot be opened is never taken for absent.
 *
 * A sweep seals again, in bounded pieces, what stands under older keys; until it is done both are
 * read. It may be interrupted at any point. */
#ifndef STORE_SECRETS_H
#define STORE_SECRETS_H

#include "crypto/keyring.h"
#include "store/store.h"

enum secret_kind {
    SECRET_HEADER,
    SECRET_SIGNING_KEY,
    SECRET_CLIENT_CERTIFICATE,
    SECRET_OAUTH,
    SECRET_WORKSPACE,
    SECRET_MCP_SERVER,
    SECRET_AUTH_PROVIDER,
    SECRET_KIND_COUNT
};

struct secret {
    enum secret_kind kind;
    struct str secret_id; /* unique in its endpoint and kind */
    struct str name;
    struct str about; /* not secret; STR_NONE: nothing */
    struct str value; /* STR_NONE where only listed */
    int64_t created_us;
    int64_t expires_us; /* 0: never */
};

struct secret_owner {
    struct str tenant;
    struct str endpoint_id;
};

/* What belongs to no endpoint. */
struct secret_owner secret_owner_workspace(struct str tenant);

/* The ones that change something return ERR_NOT_FOUND if there is no such endpoint. */

/* Adds, or replaces what has this id. */
enum err secret_put(struct tx *tx, const struct secret_owner *owner,
                    const struct secret *secret) MUST_USE;
/* secret_id STR_NONE: all of the kind. *count: how many went. */
enum err secret_delete(struct tx *tx, const struct secret_owner *owner, enum secret_kind kind,
                       struct str secret_id, int64_t *count) MUST_USE;
/* Those named `name` that would live longer end at expires_us. */
enum err secret_expire(struct tx *tx, const struct secret_owner *owner, enum secret_kind kind,
                       struct str name, int64_t expires_us) MUST_USE;

/* Lists live in the arena, newest first; what has expired is left out. */
struct secrets {
    struct secret *list;
    size_t count;
};

/* Without values. ERR_NOT_FOUND: there is no such endpoint. */
enum err secret_list(struct tx *tx, const struct secret_owner *owner, enum secret_kind kind,
                     struct arena *arena, struct secrets *found) MUST_USE;
/* All kinds, with values (wipe them: secrets_wipe). ERR_DENIED: one of them cannot be opened; *why,
 * in the arena, says which and what is missing. */
enum err secrets_open(struct tx *tx, const struct secret_owner *owner, struct arena *arena,
                      struct secrets *found, struct str *why) MUST_USE;
void secrets_wipe(struct secrets *secrets);
/* NULL: there is none. */
const struct secret *secrets_find(const struct secrets *secrets, enum secret_kind kind,
                                  struct str secret_id);
/* A copy in the arena, with values. */
struct secrets secrets_copy(const struct secrets *secrets, struct arena *arena);
/* The public halves of an endpoint's Ed25519 keys, whoever's it is. */
enum err secret_public_keys(struct tx *tx, struct str endpoint_id, struct arena *arena,
                            struct secrets *found) MUST_USE;

/* ---- keys that change ---- */

struct secret_use {
    uint32_t key_id;
    int64_t count; /* of rows under it */
};

/* Which keys rows stand under; in the arena. */
enum err secret_uses(struct tx *tx, struct arena *arena, struct secret_use **uses,
                     size_t *count) MUST_USE;

/* The same of a SQLite file that a server may have open: only looks. *why is static. */
enum err secret_uses_beside(const char *path, struct arena *arena, struct secret_use **uses,
                            size_t *count, const char **why) MUST_USE;

struct secret_sweep { /* starts with zeroes */
    int64_t after;    /* of the key under way: rows up to this number have been tried */
    uint32_t key_id;  /* 0: none */
    size_t resealed;  /* of this piece */
    size_t unreadable;
    bool more; /* there may be another piece */
};

/* At most `limit` rows; deletes what expired, too. */
enum err secret_sweep(struct tx *tx, struct secret_sweep *sweep, size_t limit) MUST_USE;

#endif
