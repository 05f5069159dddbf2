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
struct items {
    struct item *list; /* in the arena given */
    size_t count;
};

struct item_filter {
    struct str tenant;
    struct str prefix; /* of the namespace */
    struct str value;  /* JSON object that the value contains; STR_NONE: any */
    int64_t limit, offset;
};

/* Last updated first. */
enum err item_search(struct tx *tx, const struct item_filter *filter, struct arena *arena,
                     struct items *found) MUST_USE;
/* Distinct namespaces below the filter's prefix, in order; of each only namespace_text is set. */
enum err item_namespaces(struct tx *tx, const struct item_filter *filter, struct arena *arena,
                         struct items *found) MUST_USE;

#endif
