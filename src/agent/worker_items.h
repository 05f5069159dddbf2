/* worker_items.h -- the request store.batch of a worker: gets, puts, searches in the key-value
 * store. */
#ifndef AGENT_WORKER_ITEMS_H
#define AGENT_WORKER_ITEMS_H

#include "agent/embedding.h"
#include "store/items.h"

struct items_of {
    struct str tenant;
    const struct item_life *life;
    const struct embedding *embedding; /* answered; NULL: there is no index */
};

/* What of a batch is found by meaning, or is to be: in the order of its ops. Nothing to embed:
 * embedding->count stays 0. */
void worker_items_embed(const struct json *header, struct str header_text,
                        struct embedding *embedding);
/* Writes the member "results" into `out`. ERR_INVALID: an op that is not understood. */
enum err worker_items_batch(struct tx *tx, const struct items_of *whose, const struct json *header,
                            struct str header_text, struct json_writer *out) MUST_USE;

#endif
