/* rule_scan.h -- which spans each rule is to be applied to: read on a snapshot, written after
 * (rule_apply.h).
 *
 *   spans that changed since the watch ──▶ not applied yet, ended, filter ──▶ sample ──▶ rendered
 *   (a rule with trace_filter or tree_filter: all spans of their traces)
 */
#ifndef RULE_RULE_SCAN_H
#define RULE_RULE_SCAN_H

#include "rule/rule_payload.h"
#include "rule/rule_spec.h"
#include "store/rule_backfills.h"

struct rule_match {
    struct span_row span;
    bool in_sample;
    struct str run; /* its JSON; STR_NONE: not in the sample */
    struct feedback_rows *feedback;
};

struct rule_entry {
    struct rule_row row;
    struct rule_spec spec;
    bool is_readable;
    struct rule_match *matches;
    size_t match_count, match_cap;
};

/* One project's part. */
struct rule_scan {
    struct str tenant;
    int64_t project_no;
    struct rule_watch watch;
    int64_t to_seq;
    const struct rule_backfill *backfill; /* what was there before the rule; NULL: what changed */
    struct rule_backfill to;              /* where that goes on */
    struct rule_entry *entries;
    size_t entry_count;
    bool has_more; /* changes that were not looked at */
};

struct rule_scans {
    struct rule_links links; /* in: where receivers find large values */
    struct rule_scan *list;
    size_t count;
    bool has_more;
    bool has_backfills; /* that are not done: not so urgent */
};

/* Everything lives in the arena. */
enum err rule_scans_read(struct tx *tx, struct arena *arena, struct rule_scans *scans) MUST_USE;

#endif
