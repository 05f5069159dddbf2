/* secret_upkeep.h -- keeps the store's secrets under the newest sealing key while the server runs.
 *
 *   every few seconds: read the file of keys; have they changed (and once at start)?
 *     ──▶ install them ──▶ say what stands under no known key
 *     ──▶ unlock the endpoints whose secrets can be opened now: what was held for them is due
 *     ──▶ seal again what stands under older keys; both a piece per work of the lowest class
 *
 * Each step can be lost: the next start does all of them. A file that cannot be read changes
 * nothing. */
#ifndef APP_SECRET_UPKEEP_H
#define APP_SECRET_UPKEEP_H

#include "app/secret_file.h"
#include "store/store.h"

struct secret_upkeep;

/* All borrowed. */
struct secret_upkeep *secret_upkeep_new(struct loop *loop, struct store *store,
                                        const struct secret_file *file, struct keyring *ring);
/* Before the store is closed: submits nothing any more. */
void secret_upkeep_stop(struct secret_upkeep *upkeep);
void secret_upkeep_free(struct secret_upkeep *upkeep); /* NULL is fine */

#endif
