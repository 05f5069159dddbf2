/* map.h -- a hash map from text to a pointer. Keys are copied; values are borrowed.
 *
 * Seeded per process, so that keys chosen by a stranger do not collide on purpose. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map_entry;

struct map {
    struct map_entry *entries;
    size_t count;
    size_t cap; /* a power of two, or 0 */
};

void map_init(struct map *m);
void map_release(struct map *m); /* the keys; not the values */
/* NULL if absent. */
void *map_find(const struct map *m, struct str key);
/* Adds or replaces; returns the value that was there before, or NULL. `value` is not NULL. */
void *map_put(struct map *m, struct str key, void *value);
/* Returns the removed value, or NULL. */
void *map_remove(struct map *m, struct str key);
/* Iterates in no particular order; start with *position = 0. The map must not change meanwhile. */
bool map_next(const struct map *m, size_t *position, struct str *key, void **value);

/* For the simulator, before the first map is used: the order of map_next is then the same in every
 * process. */
void map_set_seed(uint64_t seed);

#endif
