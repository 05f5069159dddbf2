/* alert_preview.h -- what an alert would have done: its value at each minute of a stretch of time,
 * from the spans that are there.
 *
 * Walks in steps, each short enough for one transaction. What lies in the alert's own minutes
 * (store/alerts.h) is not used: a rule that is not stored yet has none. */
#ifndef ALERT_ALERT_PREVIEW_H
#define ALERT_ALERT_PREVIEW_H

#include "alert/alert_step.h"
#include "store/projects.h"
#include "store/span_scan.h"

#define ALERT_PREVIEW_MINUTES_MAX (24 * 60)
#define ALERT_PREVIEW_SPANS_MAX 100000
/* A span that began longer before the stretch than this is passed over, even if it ends in it. */
#define ALERT_PREVIEW_LEAD_US (INT64_C(3600) * US_PER_SECOND)

struct alert_preview {
    const struct alert_rule *rule;
    struct str tenant;
    struct project_row project;
    int64_t from_minute, to_minute; /* both are in */
    /* The sums of each minute from first_minute on; in the arena. */
    int64_t first_minute;
    struct alert_sums *minutes;
    struct span_place at;
    int64_t looked;
    bool has_begun, is_over;
};

/* rule, tenant, project and the minutes are set. */
void alert_preview_init(struct alert_preview *preview, struct arena *arena);
/* ERR_LIMIT: there are more than ALERT_PREVIEW_SPANS_MAX spans. A step that failed may be run
 * again. */
enum err alert_preview_step(struct tx *tx, struct alert_preview *preview) MUST_USE;
/* When all steps are done: at the end of this minute. */
struct alert_measure alert_preview_at(const struct alert_preview *preview, int64_t minute);

#endif
