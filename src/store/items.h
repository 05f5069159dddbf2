/* items.h -- the table items: the key-value store that graphs share.
 *
 * A namespace is a list of labels; in the table it is the labels joined by U+001F, with one behind
 * each, so that a prefix of labels is a prefix of the text (namespaces.h). Labels never contain
 * that character. What has expired is not found, whether retention has taken it or not. */
#ifndef STORE_ITEMS_H
#define STORE_ITEMS_H

#include "store/store.h"

#define ITEM_LABEL_END '\x1f'

struct item {
    struct str namespace_text; /* as in the table */
    struct str key;
    struct str value; /* JSON */
    int64_t created_us, updated_us;
    int64_t ttl_us;     /* how long it lives without being written or refreshed; 0: for ever */
    struct str vectors; /* to be put: what it is found by (item_vectors.h); STR_NONE: none */
    bool has_score;     /* found by likeness: how alike it is */
    double score;
};

enum err item_get(struct tx *tx, struct str tenant, struct str namespace_text, struct str key,
                  struct arena *arena, struct item *item) MUST_USE;
/* Adds or replaces; created_us stays, updated_us strictly rises, its life begins anew. */
enum err item_put(struct tx *tx, struct str tenant, const struct item *item) MUST_USE;
/* Its life begins anew, if it has an end. */
enum err item_refresh(struct tx *tx, struct str tenant, const struct item *item) MUST_USE;
enum err item_delete(struct tx *tx, struct str tenant, struct str namespace_text,
                     struct str key) MUST_USE;
struct items {
    struct item *list; /* in the arena given */
    size_t count;
};

struct item_filter {
    struct str tenant;
    struct str prefix; /* of the namespace */
    struct str value;  /* what the value must fit, as in item_match.h; STR_NONE: any */
    struct str vector; /* how alike they are to this one (item_vectors.h); STR_NONE: no matter */
    int64_t limit, offset;
};

/* By likeness: the items below a prefix that are looked at, and how far a page may be down. */
#define ITEM_ALIKE_SCAN_MAX 100000
#define ITEM_ALIKE_OFFSET_MAX 10000

/* Last updated first; with a vector those that have vectors, the most alike first. ERR_INVALID: a
 * filter that is no filter. ERR_LIMIT: one of the limits above. */
enum err item_search(struct tx *tx, const struct item_filter *filter, struct arena *arena,
                     struct items *found) MUST_USE;
/* Distinct namespaces below the filter's prefix, in order; of each only namespace_text is set. */
enum err item_namespaces(struct tx *tx, const struct item_filter *filter, struct arena *arena,
                         struct items *found) MUST_USE;

#endif
