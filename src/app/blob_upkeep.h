/* blob_upkeep.h -- removes the blobs that no row refers to (store/blobs.h), a few at a time. */
#ifndef APP_BLOB_UPKEEP_H
#define APP_BLOB_UPKEEP_H

#include "blob/blob.h"
#include "store/store.h"

struct blob_upkeep;

/* All borrowed. `blobs` NULL: there is nothing to do. */
struct blob_upkeep *blob_upkeep_new(struct loop *loop, struct store *store,
                                    struct blob_store *blobs);
/* Before the store is closed: submits nothing any more. */
void blob_upkeep_stop(struct blob_upkeep *upkeep); /* NULL is fine; so below */
void blob_upkeep_free(struct blob_upkeep *upkeep);

#endif
