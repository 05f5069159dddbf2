/* loopback.h -- how a run's own calls to this server are known: clients inside graphs call it
 * without a key of their own, for the tenant of the run and as the user who made it.
 *
 * The worker gets a token with each run; it names both, sealed by an HMAC under a key that lives as
 * long as the process, and is sent where an API key would be. So it opens what the run's tenant may
 * do (and of that what its user may, where the user's own auth handlers are asked), and nothing
 * after a restart.
 *
 *   rbl_<HMAC in hex>.<user in base64, may be empty>.<tenant> */
#ifndef AUTH_LOOPBACK_H
#define AUTH_LOOPBACK_H

#include "base/arena.h"

#define LOOPBACK_KEY_BYTES 32
/* A token has to fit into a request's headers. */
#define LOOPBACK_USER_BYTES_MAX (16 * KIB)

struct loopback {
    uint8_t key[LOOPBACK_KEY_BYTES];
};

struct loopback_caller {
    struct str tenant;
    struct str user; /* JSON as the auth handlers said it; STR_NONE: none made the run */
};

void loopback_init(struct loopback *loopback); /* a new random key */
/* Any thread. `user` must not be longer than LOOPBACK_USER_BYTES_MAX. */
struct str loopback_token(const struct loopback *loopback, const struct loopback_caller *caller,
                          struct arena *arena);
/* Is it a token of ours? The tenant lies in it, the user in `arena`. */
bool loopback_admits(const struct loopback *loopback, struct str token, struct arena *arena,
                     struct loopback_caller *caller);

#endif
