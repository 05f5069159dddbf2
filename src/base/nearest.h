/* nearest.h -- which known word somebody meant: edit distance, for "did you mean …?". Pure. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include "base/str.h"

#define NEAREST_BYTES_MAX 64
#define NEAREST_FAR 1000 /* the distance of words that are longer than that */

/* How many letters have to be added, removed or changed, in any letter case. */
unsigned nearest_distance(struct str a, struct str b);

/* How far `known` is from what somebody gave instead: less where one begins with the other
 * ("rate", "rate_limit"); NEAREST_FAR where so much would have to change that it was not meant. */
unsigned nearest_guess(struct str given, struct str known);

#endif
