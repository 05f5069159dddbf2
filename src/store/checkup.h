/* checkup.h -- a look into a store from outside, also while a server has it: for `runbell doctor`.
 *
 * It reads on a connection of its own that neither writes nor checkpoints, and makes nothing: a
 * store that is not there stays so. */
#ifndef STORE_CHECKUP_H
#define STORE_CHECKUP_H

#include "io/world.h"

struct store_checkup {
    bool exists;
    int64_t schema, schema_known; /* the store's; the one this program knows */
    int64_t due, held, dead;      /* deliveries */
    int64_t oldest_due_us;        /* when it was due; 0: none is */
};

/* `postgres_url` NULL: SQLite in data_dir. ERR_… with *why (static) if it cannot be read. */
enum err store_checkup(struct world *world, const char *data_dir, const char *postgres_url,
                       struct store_checkup *checkup, const char **why) MUST_USE;

#endif
