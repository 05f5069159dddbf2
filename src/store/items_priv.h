/* items_priv.h -- what the files of the table items share. */
#ifndef STORE_ITEMS_PRIV_H
#define STORE_ITEMS_PRIV_H

#include "base/json.h"
#include "store/items.h"

#define ITEMS_ALIVE " AND (expires_us IS NULL OR expires_us > $2)"

/* The first text behind all that start with `prefix`. */
struct str items_prefix_end(struct arena *arena, struct str prefix);
/* items_alike.c; `wanted`: the filter's value, if it has operators, else NULL. */
enum err items_search_alike(struct tx *tx, const struct item_filter *filter,
                            const struct json *wanted, struct arena *arena,
                            struct items *found) MUST_USE;

#endif
