/* alert_count.h -- which spans count for which alert: read on a snapshot, to be written after.
 *
 * The spans of each project that have ended since its watch are tested once for each series of its
 * alerts (alert_book.h). Scores are not counted
 * by minute but looked up when an alert takes its step: feedback is rare and may change. */
#ifndef ALERT_ALERT_COUNT_H
#define ALERT_ALERT_COUNT_H

#include "alert/alert_book.h"
#include "alert/alert_step.h"
#include "store/alerts.h"
#include "trace/span_testing.h"

/* A window and what it is compared with, and the minute that is running. */
#define ALERT_MINUTES_KEPT (2 * ALERT_WINDOW_MINUTES_MAX + 1)

/* feedback_score: over a window, and before. */
struct alert_scores {
    struct alert_sums window, baseline;
};

struct alert_entry {
    struct alert_row row;
    const struct alert_page *page;
    struct alert_scores now, whole; /* with the running minute, and of whole ones */
};

/* One project's part. */
struct alert_count {
    struct str tenant;
    int64_t project_no, from_seq, to_seq;
    struct alert_entry *entries;
    size_t entry_count;
    struct alert_minute *minutes;
    size_t minute_count;
    bool has_more; /* ends that were not looked at: count before taking steps */
};

struct alert_counts {
    struct alert_count *list;
    size_t count;
    bool has_more;
};

/* Everything lives in the arena, and in the book until it is opened again. `now_us` says which
 * minutes are still worth counting. */
enum err alert_counts_read(struct tx *tx, int64_t now_us, struct alert_book *book,
                           struct arena *arena, struct alert_counts *counts) MUST_USE;

/* What the span that is being tested adds to an alert with this rule. */
enum err alert_weigh(struct span_testing *testing, const struct alert_rule *rule,
                     struct alert_minute *add) MUST_USE;
/* Does this score count for it? */
enum err alert_score_matches(struct span_testing *testing, struct str tenant, struct str project_id,
                             const struct alert_rule *rule, const struct feedback_row *row,
                             bool *matches) MUST_USE;

#endif
