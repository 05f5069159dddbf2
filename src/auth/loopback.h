/* loopback.h -- how a run's own calls to this server are known: clients inside graphs call it
 * without a key of their own, for the tenant of the run.
 *
 * The worker gets a token with each run; it is an HMAC of the tenant under a key that lives as long
 * as the process, and is sent where an API key would be. So it opens what the run's tenant may do,
 * and nothing after a restart. */
#ifndef AUTH_LOOPBACK_H
#define AUTH_LOOPBACK_H

#include "base/arena.h"

#define LOOPBACK_KEY_BYTES 32

struct loopback {
    uint8_t key[LOOPBACK_KEY_BYTES];
};

void loopback_init(struct loopback *loopback); /* a new random key */
/* Any thread. */
struct str loopback_token(const struct loopback *loopback, struct str tenant, struct arena *arena);
/* Is it a token of ours? *tenant lies in it. */
bool loopback_admits(const struct loopback *loopback, struct str token, struct str *tenant);

#endif
