/* sender_rig.h -- for tests and benches: a store, a sender on it, and questions that wait for their
 * answers. */
#ifndef DELIVERY_SENDER_RIG_H
#define DELIVERY_SENDER_RIG_H

#include "base/test.h"
#include "crypto/keyring.h"
#include "delivery/inbox.h"
#include "delivery/sender.h"
#include "store/outbox.h"
#include "store/outbox_query.h"

struct sender_rig {
    struct world *world;
    struct store *store;
    struct keyring *keyring;     /* one key */
    struct delivery *delivery;   /* NULL: not started */
    struct delivery *retired[4]; /* stopped; freed after the store */
    struct egress_policy egress;
    struct webhook_config webhooks;
    struct delivery_config config;
    struct policy patient; /* sender_rig_be_patient */
    struct arena arena;    /* of results; until the rig is closed */
    const char *postgres_url;
    char folder[TEST_FOLDER_BYTES];
};

/* A store, and a configuration with a fast policy (three tries) that tests may change before
 * sender_rig_start. */
void sender_rig_open(struct sender_rig *rig, const char *postgres_url);
void sender_rig_start(struct sender_rig *rig);
/* From the next start an answer may take so long: where it is no test of timeouts, or hangs. */
void sender_rig_be_patient(struct sender_rig *rig, int64_t total_ms);
void sender_rig_stop(struct sender_rig *rig); /* orderly; may be started again */
/* Keeps a stopped one until the end. */
void sender_rig_retire(struct sender_rig *rig, struct delivery *stopped);
void sender_rig_close(struct sender_rig *rig);

/* Runs one write and waits for its end. */
enum err sender_rig_write(struct sender_rig *rig, enum err (*apply)(struct tx *tx, void *context),
                          void *context);
/* Returns the delivery's id. `kind` "run" unless told. */
int64_t sender_rig_add(struct sender_rig *rig, const char *url, const char *body);
int64_t sender_rig_add_kind(struct sender_rig *rig, const char *kind, const char *url,
                            const char *body);
struct delivery_row sender_rig_get(struct sender_rig *rig, int64_t delivery_id);
struct attempt_row sender_rig_attempt(struct sender_rig *rig, int64_t delivery_id, size_t index,
                                      size_t *count);
/* Polls until it is in this state; fails the test after 10 s. */
struct delivery_row sender_rig_wait(struct sender_rig *rig, int64_t delivery_id,
                                    enum delivery_state state);
/* Whether all are done or dead; cheap, however many there are. */
bool sender_rig_is_done(struct sender_rig *rig);
/* Polls until they are. */
void sender_rig_wait_all(struct sender_rig *rig);
size_t sender_rig_count(struct sender_rig *rig, enum delivery_state state);
void sender_rig_sleep(int64_t ms);

/* Three tries, 50 ms apart, 300 ms each. */
extern const struct policy sender_rig_policy;

#endif
