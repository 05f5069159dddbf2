/* span_stats.h -- what many spans come to: counts, latencies, tokens, costs, feedback (contract
 * 7.2).
 *
 * Tokens and costs of a row hold what is below it, so a sum over spans of several depths would
 * count twice: of mixed spans what each used itself is summed, of spans that used nothing
 * themselves what their rows say, and so always of roots (`only_roots`). Details are of what spans
 * used themselves. Pure; memory is the arena's. */
#ifndef TRACE_SPAN_STATS_H
#define TRACE_SPAN_STATS_H

#include "store/span_usage.h"
#include "trace/feedback_stats.h"
#include "trace/quantiles.h"

struct span_sums {
    int64_t tokens[3]; /* total, prompt, completion */
    int64_t costs[3];
    bool has_cost;
};

#define SPAN_DETAILS_MAX 64 /* kinds; further ones are left out */

struct span_details {
    struct arena *arena;
    struct str kinds[SPAN_DETAILS_MAX]; /* as JSON writes them, without quotes */
    int64_t sums[SPAN_DETAILS_MAX];
    size_t count;
};

struct span_stats {
    bool only_roots;
    int64_t run_count, ended_count, error_count, streamed_count, own_count;
    int64_t latency_sum_us;
    int64_t last_start_us, first_start_us, last_end_us;
    struct span_sums of_all, of_own;
    struct span_details details[4]; /* tokens of prompt and completion, costs of both */
    struct quantiles latency, first_token, tokens[3], cost;
    struct feedback_stats feedback, project_feedback;
};

void span_stats_init(struct span_stats *stats, struct arena *arena, bool only_roots);
/* `feedback` NULL: none. */
void span_stats_add(struct span_stats *stats, const struct span_row *row,
                    const struct feedback_rows *feedback);

/* How costs are written: /runs/stats has numbers, projects have decimals as text. */
enum span_stats_costs { SPAN_STATS_NUMBERS, SPAN_STATS_DECIMALS };

bool span_stats_has(struct str name); /* is it one of the members below? */
/* The members without braces, "run_count": … ; `names`: an array of texts, NULL: all. */
void span_stats_write(struct span_stats *stats, enum span_stats_costs costs,
                      const struct json *names, struct json_writer *json);

#endif
