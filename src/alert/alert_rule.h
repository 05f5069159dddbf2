/* alert_rule.h -- what an alert watches and when it fires, read from the JSON of its API.
 *
 *   attribute        with             the value over the window
 *   error_count      sum, pct         spans with an error; their share of all, in percent
 *   latency          avg              mean of end - start, in seconds (run_latency is the same)
 *   feedback_score   avg              mean score, of the key in the filter's eq(feedback_key, …)
 *   run_count        sum              spans
 *   total_cost       sum, avg         US dollars (told as "cost")
 *
 * A span counts when it has ended. "All" of a share are those of denominator_filter; without one
 * those of the filter, whatever it asks about errors. type "threshold" compares the value with
 * `threshold`; "change" with threshold_multiplier times the value of the threshold_window_minutes
 * before (sums are brought to the same length). Pure. */
#ifndef ALERT_ALERT_RULE_H
#define ALERT_ALERT_RULE_H

#include "format/filter.h"

#define ALERT_WINDOW_MINUTES_MAX 60
#define ALERT_NAME_BYTES_MAX 512
#define ALERT_RENOTIFY_MINUTES 60

enum alert_attribute {
    ALERT_ERROR_COUNT,
    ALERT_LATENCY,
    ALERT_FEEDBACK_SCORE,
    ALERT_RUN_COUNT,
    ALERT_COST,
    ALERT_ATTRIBUTE_COUNT
};
enum alert_aggregation { ALERT_SUM, ALERT_AVG, ALERT_PCT, ALERT_AGGREGATION_COUNT };
enum alert_comparison { ALERT_GTE, ALERT_GT, ALERT_LTE, ALERT_LT };

struct alert_rule {
    struct str name, description; /* description: "" if none */
    bool is_change, is_enabled;
    enum alert_attribute attribute;
    enum alert_aggregation aggregation;
    enum alert_comparison comparison;
    int64_t window_minutes, baseline_minutes;
    double threshold, multiplier;
    struct str filter_text, denominator_text; /* STR_NONE: everything */
    struct filter filter, denominator;        /* both always there; of a share, all of it */
    int64_t samples_min;                      /* fewer spans than this: no value */
    int64_t renotify_minutes;                 /* while it fires; 0: at every evaluation */
    bool fires_without_data;                  /* no_data: "fire" */
    bool tells_recovery;
};

/* `json` is the member `rule`. ERR_INVALID: *why, in the arena, names the field. */
enum err alert_rule_read(const struct json *json, struct arena *arena, struct alert_rule *rule,
                         struct str *why) MUST_USE;

/* Do both count the same, and fire when the same is reached? What they are called and how often
 * they are told is another matter. */
bool alert_rule_watches_same(const struct alert_rule *a, const struct alert_rule *b);

/* "error_count", "latency", "feedback_score", "run_count", "cost": as payloads call it (A6). */
struct str alert_attribute_name(enum alert_attribute attribute);

#endif
