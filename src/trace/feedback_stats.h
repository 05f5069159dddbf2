/* feedback_stats.h -- what rows of feedback say together, by key (contract 7.3).
 *
 * n and avg are of the rows with a score; `values` counts text values; the arrow is shown where a
 * model judged. Comments and sources are samples. Pure; everything lives in the arena given. */
#ifndef TRACE_FEEDBACK_STATS_H
#define TRACE_FEEDBACK_STATS_H

#include "base/json.h"
#include "store/feedback.h"

#define FEEDBACK_SAMPLES_MAX 10
#define FEEDBACK_STATS_KEYS_MAX 1000
#define FEEDBACK_STATS_VALUES_MAX 1000 /* of one key */

struct feedback_stats_key;

struct feedback_stats {
    struct arena *arena;
    struct feedback_stats_key *first, **last;
    size_t key_count;
};

enum feedback_stats_form { FEEDBACK_STATS_V1, FEEDBACK_STATS_V2 };

void feedback_stats_init(struct feedback_stats *stats, struct arena *arena);
/* What is kept of the row is copied. */
void feedback_stats_add(struct feedback_stats *stats, const struct feedback_row *row);
/* {"key": {"n": …}, …} in the order of the first rows. */
void feedback_stats_write(const struct feedback_stats *stats, enum feedback_stats_form form,
                          struct json_writer *json);

#endif
