/* worker_items.h -- the request store.batch of a worker: gets, puts, searches in the key-value
 * store. */
#ifndef AGENT_WORKER_ITEMS_H
#define AGENT_WORKER_ITEMS_H

#include "agent/agent_config.h"
#include "base/json.h"
#include "store/items.h"

struct items_of {
    struct str tenant;
    const struct item_life *life;
};

/* Writes the member "results" into `out`. ERR_INVALID: an op that is not understood. */
enum err worker_items_batch(struct tx *tx, const struct items_of *whose, const struct json *header,
                            struct str header_text, struct json_writer *out) MUST_USE;

#endif
