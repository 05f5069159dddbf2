/* span_parcels.h -- what runs say of themselves on the side goes into the traces of their tenant.
 *
 * It is written after everything else (STORE_BULK), and what comes while too much waits already is
 * dropped, so a run never waits for its trace, and never fails by it. */
#ifndef AGENT_SPAN_PARCELS_H
#define AGENT_SPAN_PARCELS_H

#include <stdatomic.h>

#include "store/store.h"

/* Of an executor, which lives longer than the store. */
struct span_parcels {
    struct store *store;
    atomic_size_t waiting_bytes; /* for the writer */
    bool drops;                  /* … which are too many */
};

void span_parcels_init(struct span_parcels *parcels, struct store *store);
/* `text` is a body of POST /runs/batch; copied. */
void span_parcels_send(struct span_parcels *parcels, struct str tenant, struct str text);

#endif
