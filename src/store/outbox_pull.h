/* outbox_pull.h -- the deliveries of one endpoint in the order of their sequence, for a receiver
 * that fetches what it has not been sent.
 *
 * A sequence number is given out under the lock of the endpoint's row, so a reader that has seen N
 * will not be overtaken by a smaller one that commits later: "after N" misses nothing. What is no
 * longer kept is a gap. */
#ifndef STORE_OUTBOX_PULL_H
#define STORE_OUTBOX_PULL_H

#include "store/outbox.h"

#define OUTBOX_PULL_MAX 500

struct outbox_pulled {
    int64_t delivery_id, sequence;
    int64_t attempts; /* so far */
    int64_t created_us;
    int64_t resend_of; /* 0: none */
    enum delivery_state state;
    struct str webhook_id, kind, object_id, content_type;
    struct str traceparent; /* STR_NONE: none */
    struct str body;
};

struct outbox_pull {
    struct str tenant, endpoint_id;
    int64_t after;               /* sequence numbers behind this */
    size_t limit;                /* 1 … OUTBOX_PULL_MAX */
    size_t bytes_max;            /* of the bodies; one is given whatever its size */
    struct outbox_pulled *found; /* out; in the arena */
    size_t count;
    bool more; /* there are others behind these */
};

enum err outbox_pull(struct tx *tx, struct outbox_pull *pull, struct arena *arena) MUST_USE;

#endif
