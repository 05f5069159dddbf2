/* filter.h -- what a caller may see, as the user's own auth handler said it: a filter on metadata,
 * turned into a list of alternatives.
 *
 *   {"owner": "ann"}                              [{"owner":"ann"}]
 *   {"owner": {"$eq": "ann"}, "team": 7}          [{"owner":"ann","team":7}]
 *   {"members": {"$contains": ["ann", "bob"]}}    [{"members":["ann","bob"]}]
 *   {"$or": [{"owner": "ann"}, {"public": true}]} [{"owner":"ann"},{"public":true}]
 *   {"$and": [{"owner": "ann"}, {"owner": "b"}]}  []
 *
 * Metadata fit when they contain one of the alternatives (json_contains, PostgreSQL's @>). So one
 * object is tested in memory and many are by the database in the same way, whatever the filter
 * looks like. Pure; the text comes from a worker. */
#ifndef AUTH_FILTER_H
#define AUTH_FILTER_H

#include "base/arena.h"

#define AUTH_ALTERNATIVES_MAX 32 /* of one filter */
#define AUTH_TERMS_MAX 16        /* of one alternative */
#define AUTH_DEPTH_MAX 8         /* of $and and $or in each other */

/* `text` is JSON: an object, or null for no filter. *alternatives: a JSON array in `arena`;
 * STR_NONE if nothing is filtered, "[]" if nothing fits. ERR_INVALID: it is no filter, or too
 * large; *why (static) says how. */
enum err auth_filter_read(struct arena *arena, struct str text, struct str *alternatives,
                          const char **why) MUST_USE;

/* Do these metadata (a JSON object) fit? STR_NONE as alternatives: always. What is not JSON does
 * not. */
bool auth_filter_admits(struct str alternatives, struct str metadata);

#endif
