/* truncate.h -- empties tables of one tenant: for test suites, with --dev only. */
#ifndef STORE_TRUNCATE_H
#define STORE_TRUNCATE_H

#include "store/store.h"

struct truncate {
    bool runs, threads, assistants, checkpoints, items; /* of assistants those of graphs stay */
};

/* Live runs must have ended. */
enum err store_truncate(struct tx *tx, struct str tenant, const struct truncate *what) MUST_USE;

#endif
