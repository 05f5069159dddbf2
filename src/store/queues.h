/* queues.h -- the tables queues and queue_items: spans that people are to look at, in the order in
 * which they were added.
 *
 * A span is in a queue once. Strings of a row from a query live in the arena given; those of one
 * that goes in are borrowed. */
#ifndef STORE_QUEUES_H
#define STORE_QUEUES_H

#include "base/uuid.h"
#include "store/named.h"

struct queue_row {
    struct str tenant;
    struct str queue_id; /* UUID text */
    struct str name;
    struct str body; /* JSON object: what else its API shows */
    int64_t created_us, updated_us;
};

struct queue_rows {
    struct queue_row *list; /* in the arena given */
    size_t count;
};

/* ERR_NOT_FOUND. */
enum err queues_get(struct tx *tx, struct str tenant, struct str queue_id, struct arena *arena,
                    struct queue_row *queue) MUST_USE;
/* The times are set here. ERR_CONFLICT: id or name is taken. */
enum err queues_insert(struct tx *tx, struct queue_row *queue) MUST_USE;
/* Name and body. ERR_NOT_FOUND, ERR_CONFLICT (name). */
enum err queues_update(struct tx *tx, const struct queue_row *queue) MUST_USE;
/* With its items. ERR_NOT_FOUND. */
enum err queues_delete(struct tx *tx, struct str tenant, struct str queue_id) MUST_USE;

/* The newest first. */
enum err queues_search(struct tx *tx, const struct named_filter *filter, struct arena *arena,
                       struct queue_rows *found) MUST_USE;

/* ---- items ---- */

struct queue_item {
    struct str item_id; /* UUID text */
    struct uuid span_id;
    int64_t added_us;
};

struct queue_items {
    struct queue_item *list; /* the oldest first, in the arena given */
    size_t count;
};

/* Of a queue that is there; *is_new false: the span was in it already. */
enum err queue_items_add(struct tx *tx, struct str tenant, struct str queue_id, struct uuid span_id,
                         bool *is_new) MUST_USE;
enum err queue_items_list(struct tx *tx, const struct queue_row *queue, int64_t limit,
                          int64_t offset, struct arena *arena, struct queue_items *found) MUST_USE;
enum err queue_items_count(struct tx *tx, const struct queue_row *queue, int64_t *count) MUST_USE;
/* By the item's id or by the span's. ERR_NOT_FOUND. */
enum err queue_items_delete(struct tx *tx, struct str tenant, struct str queue_id,
                            struct uuid id) MUST_USE;

#endif
