/* item_match.h -- does a value fit a filter with operators? Pure.
 *
 * {"field": value}: equal to it, objects member by member. {"field": {"$gt": 5, "$lte": 9}}: all of
 * $eq, $ne, $gt, $gte, $lt, $lte. Numbers compare as numbers, texts byte by byte; what cannot be
 * compared does not fit; a missing field is only $ne. */
#ifndef STORE_ITEM_MATCH_H
#define STORE_ITEM_MATCH_H

#include "base/json.h"

/* ERR_INVALID: an operator that is not known (*unknown), or a filter that is no object (STR_NONE).
 */
enum err item_filter_check(const struct json *filter, struct str *unknown) MUST_USE;
bool item_filter_has_operators(const struct json *filter);
bool item_matches(const struct json *value, const struct json *filter);

#endif
