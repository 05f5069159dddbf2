/* metrics_text.h -- metrics as text: the format of Prometheus (0.0.4), OpenMetrics 1.0, or JSON.
 *
 * Each metric comes once, with its help, its type and its series. Of labels with names only what
 * came up is written; series of fixed words are written from the start, as 0, so that the first
 * event is seen as a rise. Ends with exposition_end.
 *
 * As JSON it is one object, a member for each metric: {"help", "type", "samples": [{"labels",
 * "value"}]}; a sample of a histogram has "count", "sum" and "buckets" (by their bound, each with
 * those below it) instead of "value". */
#ifndef BASE_METRICS_TEXT_H
#define BASE_METRICS_TEXT_H

#include "base/json.h"
#include "base/metrics.h"

struct exposition {
    struct buf *out;
    bool is_openmetrics;
    bool is_json;
    struct json_writer json; /* exposition_begin makes it */
};

void exposition_begin(struct exposition *e);

void exposition_metric(struct exposition *e, struct metric *metric);
/* A number that is known only now. A counter's name ends with _total. */
void exposition_number(struct exposition *e, const char *name, const char *help,
                       enum metric_type type, double value);
/* A gauge that is 1 and says words: `labels` are pairs of name and value, the last pair is followed
 * by NULL. */
void exposition_info(struct exposition *e, const char *name, const char *help,
                     const char *const *labels);
void exposition_end(struct exposition *e);

/* The content type for a request that says `accept` (STR_NONE: nothing): OpenMetrics if it is asked
 * for. */
const char *exposition_type(struct str accept, bool *is_openmetrics);

#endif
