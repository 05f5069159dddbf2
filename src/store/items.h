/* items.h -- the table items: the key-value store that graphs share.
 *
 * A namespace is a list of labels; in the table it is the labels joined by U+001F, with one behind
 * each, so that a prefix of labels is a prefix of the text. Labels never contain that character. */
#ifndef STORE_ITEMS_H
#define STORE_ITEMS_H

#include "store/store.h"

#define ITEM_LABEL_END '\x1f'

struct item {
    struct str namespace_text; /* as in the table */
    struct str key;
    struct str value; /* JSON */
    int64_t created_us, updated_us;
};

enum err item_get(struct tx *tx, struct str tenant, struct str namespace_text, struct str key,
                  struct arena *arena, struct item *item) MUST_USE;
/* Adds or replaces; created_us stays, updated_us strictly rises. expires_us 0: never. */
enum err item_put(struct tx *tx, struct str tenant, const struct item *item,
                  int64_t expires_us) MUST_USE;
enum err item_delete(struct tx *tx, struct str tenant, struct str namespace_text,
                     struct str key) MUST_USE;
/* Items below a namespace prefix whose value contains `filter` (JSON object; STR_NONE: any), last
 * updated first. */
enum err item_search(struct tx *tx, struct str tenant, struct str prefix, struct str filter,
                     int64_t limit, int64_t offset, struct arena *arena, struct item **found,
                     size_t *count) MUST_USE;
/* Distinct namespaces below a prefix, in order. */
enum err item_namespaces(struct tx *tx, struct str tenant, struct str prefix, int64_t limit,
                         struct arena *arena, struct str **found, size_t *count) MUST_USE;

#endif
