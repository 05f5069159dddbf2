/* key_ring.h -- the current set of API keys, for all threads; loaded again when keys change. */
#ifndef APP_KEY_RING_H
#define APP_KEY_RING_H

#include "agent/agent_config.h"
#include "auth/key_refresh.h"
#include "auth/principal.h"

struct key_ring;

/* Loads the keys and workspaces now and after each change, and makes the graphs' assistants for
 * every workspace. Writes down when keys were last used, each at most once a minute. on_loaded runs
 * once on the loop: how many keys there are, or an error. */
struct key_ring *key_ring_new(struct loop *loop, struct store *store,
                              const struct agent_config *agent, const struct limits *limits,
                              void (*on_loaded)(void *context, enum err err, size_t count),
                              void *context);
/* On its loop: what each key may that has no limits of its own, from now on. */
void key_ring_set_limits(struct key_ring *ring, const struct limits *limits);
/* Loads nothing any more: before the store is closed, behind which nudges may still come. */
void key_ring_stop(struct key_ring *ring);
void key_ring_free(struct key_ring *ring);
/* Any thread; the caller owns one reference. `context` is the ring (the shape of api_setup.keys).
 */
struct key_set *key_ring_get(void *context);
/* Any thread (the shape of api_setup.refresh_keys). */
void key_ring_refresh(void *context, struct key_refresh *refresh);

#endif
