/* comparatives.h -- the table comparatives: experiments with one dataset that are compared.
 *
 * Strings of a row from a query live in the arena given; those of one that goes in are borrowed. */
#ifndef STORE_COMPARATIVES_H
#define STORE_COMPARATIVES_H

#include "store/named.h"

struct comparative_row {
    struct str tenant, comparative_id, dataset_id;
    struct str body; /* JSON object, as it was sent: name, experiment_ids, extra … */
    int64_t created_us;
};

struct comparative_rows {
    struct comparative_row *list; /* in the arena given */
    size_t count;
};

#define COMPARATIVES_LIST_MAX 100

/* created_us is set here. ERR_CONFLICT: the id is taken. */
enum err comparatives_insert(struct tx *tx, struct comparative_row *row) MUST_USE;
/* Of a dataset, the newest first. */
enum err comparatives_list(struct tx *tx, struct str tenant, struct str dataset_id,
                           struct arena *arena, struct comparative_rows *found) MUST_USE;
/* All of a dataset. */
enum err comparatives_delete_of(struct tx *tx, struct str tenant, struct str dataset_id) MUST_USE;
/* ERR_NOT_FOUND. */
enum err comparatives_delete(struct tx *tx, struct str tenant, struct str comparative_id) MUST_USE;

#endif
