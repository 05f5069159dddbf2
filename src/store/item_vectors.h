/* item_vectors.h -- the vectors of an item as the table keeps them, and how alike two are. Pure.
 *
 *   u32 dims | float32 × dims | float32 × dims | …        (little-endian)
 *
 * Each vector has length one, or is all zero; so the cosine of two is a sum of products. An item
 * has as many as its indexed fields gave texts; its score is that of the best. Vectors of other
 * dims than those asked for (store.index was changed) are as if they were not there. */
#ifndef STORE_ITEM_VECTORS_H
#define STORE_ITEM_VECTORS_H

#include "base/arena.h"

#define ITEM_DIMS_MAX 16000
#define ITEM_VECTORS_BYTES_MAX (1 * MIB) /* of one item */

/* `floats`: float32 as above, without a head, of any length; *kept is made in the arena, STR_NONE
 * for none. ERR_INVALID: not whole vectors, or a number that is none; ERR_LIMIT: too many. */
enum err item_vectors_pack(struct arena *arena, struct str floats, uint32_t dims,
                           struct str *kept) MUST_USE;
/* The greatest cosine of one of `kept` to `query` (one vector, packed): -1 … 1. False: none of
 * these dims. */
bool item_vectors_score(struct str kept, struct str query, double *score);

#endif
