/* erasure_upkeep.h -- works off erasures (store/erasures.h), piece by piece, between other work. */
#ifndef APP_ERASURE_UPKEEP_H
#define APP_ERASURE_UPKEEP_H

#include "store/store.h"

struct erasure_upkeep;

/* All borrowed. */
struct erasure_upkeep *erasure_upkeep_new(struct loop *loop, struct store *store);
/* Before the store is closed: submits nothing any more. */
void erasure_upkeep_stop(struct erasure_upkeep *upkeep); /* NULL is fine; so below */
void erasure_upkeep_free(struct erasure_upkeep *upkeep);

#endif
