/* alert_count.c -- see alert_count.h. */
#include "alert/alert_count.h"

#include "store/projects.h"

#define ENDS_MAX 1000      /* looked at for one project in one pass */
#define SCORE_PAGES_MAX 10 /* of FEEDBACK_LIST_MAX: the newest of a window */
#define MINUTE_US (60 * US_PER_SECOND)
/* A window and what it is compared with, and the minute that is running. */
#define MINUTES_KEPT (2 * ALERT_WINDOW_MINUTES_MAX + 1)
#define PICODOLLARS 1e12

static int64_t minute_of(int64_t wall_us)
{
    return wall_us / MINUTE_US;
}

static void entry_read(struct alert_entry *entry, struct arena *arena)
{
    const struct json *json = NULL;
    struct str why;

    entry->is_readable = json_parse(arena, entry->row.rule, &json, NULL) == OK &&
                         alert_rule_read(json, arena, &entry->rule, &why) == OK;
}

/* ---- one span ---- */

static double amount(const struct alert_rule *rule, const struct span_row *row)
{
    if (rule->attribute == ALERT_LATENCY)
        return row->end_us > row->start_us ? (double)(row->end_us - row->start_us) / 1e6 : 0;
    if (rule->attribute == ALERT_COST)
        return row->has_cost ? (double)row->total_cost / PICODOLLARS : 0;
    return 0;
}

enum err alert_weigh(struct span_testing *t, const struct alert_rule *rule,
                     struct alert_minute *add)
{
    const struct span_row *row = &t->span.row;
    bool matches = false, is_in_total = rule->aggregation == ALERT_PCT;
    enum err err = OK;

    if (rule->attribute != ALERT_ERROR_COUNT || row->status == SPAN_ERROR)
        err = span_testing_test(t, &rule->filter, &matches);
    if (!err && is_in_total)
        err = span_testing_test(t, rule->denominator_text.data ? &rule->denominator : &rule->filter,
                                &is_in_total);
    if (err)
        return err;
    if (rule->attribute == ALERT_COST && str_is_none(rule->filter_text))
        matches &= row->is_root; /* a root's cost has that of all below in it */
    add->sum = matches ? amount(rule, row) : 0;
    add->count = matches;
    add->total = is_in_total;
    return OK;
}

/* ---- one project ---- */

static enum err count_span(struct span_testing *t, struct alert_count *count, int64_t now_minute)
{
    int64_t ended = minute_of(t->span.row.end_us);
    enum err err = OK;
    size_t age;

    if (ended > now_minute)
        ended = now_minute; /* a client's clock that is ahead */
    if (ended <= now_minute - MINUTES_KEPT)
        return OK;
    age = (size_t)(now_minute - ended);
    for (size_t i = 0; !err && i < count->entry_count; i++) {
        struct alert_entry *entry = &count->entries[i];
        struct alert_minute add = {0}, *minute = &count->minutes[i * MINUTES_KEPT + age];

        if (!entry->is_readable || entry->rule.attribute == ALERT_FEEDBACK_SCORE)
            continue;
        err = alert_weigh(t, &entry->rule, &add);
        minute->alert_no = entry->row.alert_no;
        minute->minute = ended;
        minute->sum += add.sum;
        minute->count += add.count;
        minute->total += add.total;
    }
    return err;
}

static enum err count_ends(struct span_testing *t, struct alert_count *count, struct str project_id,
                           int64_t now_minute)
{
    struct span_ends ends;
    enum err err =
        spans_ended(t->tx, count->project_no, count->from_seq, ENDS_MAX, t->arena, &ends);

    /* A row of minutes for each alert; what has counted is moved together at the end. */
    count->minutes = ARENA_ARRAY(t->arena, struct alert_minute, count->entry_count * MINUTES_KEPT);
    for (size_t i = 0; !err && i < ends.count; i++) {
        span_testing_begin(t, &ends.list[i], project_id);
        err = count_span(t, count, now_minute);
    }
    for (size_t i = 0; i < count->entry_count * MINUTES_KEPT; i++)
        if (count->minutes[i].count + count->minutes[i].total > 0)
            count->minutes[count->minute_count++] = count->minutes[i];
    count->to_seq = err ? count->from_seq : ends.last_seq;
    count->has_more = !err && ends.count == ENDS_MAX;
    return err;
}

/* ---- scores ---- */

static void score_add(struct alert_entry *entry, const struct feedback_row *row, int64_t now_minute)
{
    int64_t age = now_minute - minute_of(row->created_us);
    struct alert_sums *sums =
        age < entry->rule.window_minutes ? &entry->window_scores : &entry->baseline_scores;

    if (age >= entry->rule.window_minutes + entry->rule.baseline_minutes)
        return;
    sums->sum += row->score;
    sums->count++;
}

enum err alert_score_matches(struct span_testing *t, struct str tenant, struct str project_id,
                             const struct alert_rule *rule, const struct feedback_row *row,
                             bool *matches)
{
    struct str key = rule->filter.bounds.feedback_key;
    struct span_row span;
    enum err err;

    *matches = false;
    if (key.data && !str_eq(key, row->key))
        return OK;
    err = spans_get(t->tx, tenant, row->span_id, t->arena, &span);
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    span_testing_begin(t, &span, project_id);
    return span_testing_test(t, &rule->filter, matches);
}

static enum err count_scores(struct span_testing *t, const struct alert_count *count,
                             struct alert_entry *entry, struct str project_id, int64_t now_us)
{
    int64_t minutes = entry->rule.window_minutes + entry->rule.baseline_minutes;
    struct feedback_filter wanted = {
        .tenant = count->tenant,
        .projects = &count->project_no,
        .project_count = 1,
        .has_comment = -1,
        .has_score = 1,
        .level = FEEDBACK_OF_SPANS,
        .created_min_us = (minute_of(now_us) - minutes + 1) * MINUTE_US,
        .limit = FEEDBACK_LIST_MAX,
    };
    struct feedback_rows rows = {.count = FEEDBACK_LIST_MAX};
    enum err err = OK;

    for (int page = 0; !err && page < SCORE_PAGES_MAX && rows.count == FEEDBACK_LIST_MAX; page++) {
        wanted.offset = (int64_t)page * FEEDBACK_LIST_MAX;
        err = feedback_search(t->tx, &wanted, t->arena, &rows);
        for (size_t i = 0; !err && i < rows.count; i++) {
            bool matches;

            err = alert_score_matches(t, count->tenant, project_id, &entry->rule, &rows.list[i],
                                      &matches);
            if (!err && matches)
                score_add(entry, &rows.list[i], minute_of(now_us));
        }
    }
    return err;
}

/* ---- all projects ---- */

static enum err count_project(struct tx *tx, struct alert_count *count, int64_t now_us,
                              struct arena *arena)
{
    struct span_testing *t = ARENA_NEW(arena, struct span_testing);
    struct project_row project;
    enum err err;

    t->tx = tx;
    t->arena = arena;
    if ((err = projects_get_by_no(tx, count->project_no, arena, &project)) ||
        (err = alerts_watch_get(tx, count->project_no, &count->from_seq)))
        return err;
    count->to_seq = count->from_seq;
    for (size_t i = 0; i < count->entry_count; i++)
        entry_read(&count->entries[i], arena);
    err = count_ends(t, count, project.project_id, minute_of(now_us));
    for (size_t i = 0; !err && i < count->entry_count; i++)
        if (count->entries[i].is_readable &&
            count->entries[i].rule.attribute == ALERT_FEEDBACK_SCORE)
            err = count_scores(t, count, &count->entries[i], project.project_id, now_us);
    return err;
}

enum err alert_counts_read(struct tx *tx, int64_t now_us, struct arena *arena,
                           struct alert_counts *counts)
{
    struct alert_rows rows;
    enum err err = alerts_enabled(tx, arena, &rows);

    *counts = (struct alert_counts){.list = ARENA_ARRAY(arena, struct alert_count, rows.count + 1)};
    for (size_t i = 0, end; !err && i < rows.count; i = end) {
        struct alert_count *count = &counts->list[counts->count];

        for (end = i; end < rows.count && rows.list[end].project_no == rows.list[i].project_no;)
            end++;
        *count = (struct alert_count){
            .tenant = rows.list[i].tenant,
            .project_no = rows.list[i].project_no,
            .entries = ARENA_ARRAY(arena, struct alert_entry, end - i),
            .entry_count = end - i,
        };
        for (size_t k = i; k < end; k++)
            count->entries[k - i].row = rows.list[k];
        err = count_project(tx, count, now_us, arena);
        if (err == ERR_NOT_FOUND) { /* the project is gone */
            err = OK;
            continue;
        }
        counts->count++;
        counts->has_more |= count->has_more;
    }
    return err;
}
