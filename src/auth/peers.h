/* peers.h -- callers without a key, told apart by the address they come from (IPv6: its /64).
 *
 * At most PEERS_MAX are kept; who has been quiet is forgotten first, and if none is, all who are
 * new share one. Any thread. */
#ifndef AUTH_PEERS_H
#define AUTH_PEERS_H

#include "auth/caller.h"
#include "io/address.h"

#define PEERS_MAX 10000

struct peers;
struct peers *peers_new(void);
void peers_free(struct peers *peers); /* NULL is fine */
/* The caller gets a reference. *payer is its name in usage.h, "p:192.0.2.1", in the arena. */
struct caller *peers_get(struct peers *peers, const struct address *address, int64_t now_us,
                         struct arena *arena, struct str *payer);

#endif
