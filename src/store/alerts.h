/* alerts.h -- the tables of alerts: what they watch, what they have counted, what became of them.
 *
 *   alerts         one row each; `rule` and `actions` as their API shows them, without secrets
 *   alert_minutes  sums of each alert by calendar minute
 *   alert_watches  up to which end of a span (spans.ended_seq) a project has been counted
 *   alert_events   fired, fired again, recovered: the history
 *
 * Counting and the move of the watch are one transaction, and so are a new state and what is sent
 * because of it; alerts_watch_move and alerts_step say whether another node was faster. Strings of
 * a row from a query live in the arena given; those of one that goes in are borrowed. */
#ifndef STORE_ALERTS_H
#define STORE_ALERTS_H

#include "store/spans.h"
#include "store/store.h"

#define ALERTS_OF_PROJECT_MAX 1000

struct alert_row {
    struct str tenant;
    struct str alert_id;
    int64_t alert_no; /* the same on all nodes */
    int64_t project_no;
    struct str rule;    /* JSON object */
    struct str actions; /* JSON array; each with an endpoint_id */
    bool is_enabled, is_firing;
    int64_t since_us, told_us;
    int64_t begun_seq; /* what had ended then, when it began to count, does not count */
    bool has_value;
    double value, threshold; /* when it was last looked at */
    int64_t version;         /* rises with each change of the row */
    int64_t created_us, updated_us;
    int64_t begun_us; /* since then it has counted */
};

struct alert_rows {
    struct alert_row *list; /* in the arena given */
    size_t count;
};

/* alert_no, version and times are set here. ERR_LIMIT: the project has ALERTS_OF_PROJECT_MAX. */
enum err alerts_insert(struct tx *tx, struct alert_row *alert) MUST_USE;
/* rule, actions and is_enabled; it begins anew, as ok, with nothing counted. ERR_NOT_FOUND. */
enum err alerts_update(struct tx *tx, const struct alert_row *alert) MUST_USE;
/* rule, which watches the same as before (alert_rule_watches_same), and actions; its state and what
 * it has counted stay. ERR_NOT_FOUND. */
enum err alerts_rename(struct tx *tx, const struct alert_row *alert) MUST_USE;
enum err alerts_delete(struct tx *tx, struct str tenant, struct str alert_id) MUST_USE;
enum err alerts_get(struct tx *tx, struct str tenant, struct str alert_id, struct arena *arena,
                    struct alert_row *alert) MUST_USE;
enum err alerts_of_project(struct tx *tx, int64_t project_no, struct arena *arena,
                           struct alert_rows *found) MUST_USE;
/* All enabled ones, those of a project together. */
enum err alerts_enabled(struct tx *tx, struct arena *arena, struct alert_rows *found) MUST_USE;

/* ---- counting ---- */

/* ERR_NOT_FOUND: nothing has been counted; then from the next end on, alerts_watch_begin. */
enum err alerts_watch_get(struct tx *tx, int64_t project_no, int64_t *ended_seq) MUST_USE;
enum err alerts_watch_begin(struct tx *tx, int64_t project_no) MUST_USE;
/* ERR_CONFLICT: it does not stand at `from` any more. */
enum err alerts_watch_move(struct tx *tx, int64_t project_no, int64_t from, int64_t to) MUST_USE;

struct span_ends {
    struct span_row *list; /* in the order of their ends */
    int64_t *seqs;         /* of each */
    size_t count;
    int64_t last_seq; /* of the last one; where it began if there is none */
};

/* Spans of the project that have ended since. */
enum err spans_ended(struct tx *tx, int64_t project_no, int64_t after_seq, int64_t limit,
                     struct arena *arena, struct span_ends *found) MUST_USE;

struct alert_minute {
    int64_t alert_no, minute; /* since 1970 */
    double sum;
    int64_t count, total;
};

enum err alert_minutes_add(struct tx *tx, const struct alert_minute *minutes,
                           size_t count) MUST_USE;

/* What one alert has counted: from minute `from` up to `until`, which is left out, and from
 * `before` up to `from`. */
struct alert_stretch {
    int64_t alert_no, before, from, until; /* in; before <= from <= until */
    struct alert_minute window, baseline;  /* out; their minute is not set */
};

/* Of many at once, in the order of their alert_no, which differ. */
enum err alert_minutes_sum(struct tx *tx, struct alert_stretch *list, size_t count) MUST_USE;
/* Forgets what is before, of each. */
enum err alert_minutes_trim(struct tx *tx, const int64_t *alert_nos, size_t count,
                            int64_t before) MUST_USE;

/* ---- its life ---- */

/* Writes state, value and threshold. ERR_CONFLICT: it is not of this version any more. */
enum err alerts_step(struct tx *tx, const struct alert_row *alert) MUST_USE;
/* Of many at once; those that are not of their version any more stay as they are. */
enum err alerts_step_all(struct tx *tx, const struct alert_row *alerts, size_t count) MUST_USE;

struct alert_event {
    int64_t event_no;
    struct str what; /* "fired", "fired_again", "recovered", "test" */
    double value, threshold;
    struct str deliveries; /* JSON array of delivery ids */
    int64_t at_us;
};

struct alert_events {
    int64_t before_no;        /* in: those before it; 0: from the newest */
    int64_t limit;            /* in */
    struct alert_event *list; /* out: the newest first, in the arena given */
    size_t count;
};

enum err alert_event_add(struct tx *tx, const struct alert_row *alert,
                         const struct alert_event *event) MUST_USE;
enum err alert_events_list(struct tx *tx, struct str tenant, struct str alert_id,
                           struct arena *arena, struct alert_events *page) MUST_USE;

#endif
