/* alert_count.c -- see alert_count.h. */
#include "alert/alert_count.h"

#include "store/projects.h"

#define ENDS_MAX 2000      /* looked at for one project in one pass */
#define SCORE_PAGES_MAX 10 /* of FEEDBACK_LIST_MAX: the newest of a window */
#define PICODOLLARS 1e12

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
        err = span_testing_test(t, &rule->denominator, &is_in_total);
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

/* What has counted, by series and age in minutes; and by alert, for those that are younger than
 * some of what is looked at. */
struct tally {
    struct span_testing *t;
    const struct alert_chapter *chapter;
    struct alert_count *count;
    struct alert_minute *series, *young;
    size_t young_count;
    int64_t now_minute;
};

static bool is_young(const struct tally *tally, const struct alert_entry *entry)
{
    return entry->row.begun_seq > tally->count->from_seq;
}

static void add_to(struct alert_minute *minute, const struct alert_minute *more)
{
    minute->sum += more->sum;
    minute->count += more->count;
    minute->total += more->total;
}

static void add_to_young(struct tally *tally, size_t series, int64_t seq, size_t age,
                         const struct alert_minute *add)
{
    size_t n = 0;

    for (size_t i = 0; n < tally->young_count; i++) {
        const struct alert_entry *entry = &tally->count->entries[i];

        if (!is_young(tally, entry))
            continue;
        if (entry->page->series == series && entry->row.begun_seq < seq)
            add_to(&tally->young[n * ALERT_MINUTES_KEPT + age], add);
        n++;
    }
}

static enum err count_span(struct tally *tally, int64_t seq)
{
    int64_t ended = tally->t->span.row.end_us / MINUTE_US;
    enum err err = OK;
    size_t age;

    if (ended > tally->now_minute)
        ended = tally->now_minute; /* a client's clock that is ahead */
    if (ended <= tally->now_minute - ALERT_MINUTES_KEPT)
        return OK;
    age = (size_t)(tally->now_minute - ended);
    for (size_t i = 0; !err && i < tally->chapter->series_count; i++) {
        struct alert_minute add = {0};

        err = alert_weigh(tally->t, tally->chapter->series[i], &add);
        if (err || add.count + add.total == 0)
            continue;
        add_to(&tally->series[i * ALERT_MINUTES_KEPT + age], &add);
        if (tally->young_count > 0)
            add_to_young(tally, i, seq, age, &add);
    }
    return err;
}

/* What was counted of its series, or for it alone, becomes each alert's. */
static void hand_out(struct tally *tally, struct arena *arena)
{
    struct alert_count *count = tally->count;
    size_t young = 0;

    count->minutes =
        ARENA_ARRAY(arena, struct alert_minute, count->entry_count * ALERT_MINUTES_KEPT);
    for (size_t i = 0; i < count->entry_count; i++) {
        const struct alert_entry *entry = &count->entries[i];
        const struct alert_minute *from = &tally->series[entry->page->series * ALERT_MINUTES_KEPT];

        if (is_young(tally, entry))
            from = &tally->young[young++ * ALERT_MINUTES_KEPT];
        if (entry->page->series == tally->chapter->series_count)
            continue;
        for (int64_t age = 0; age < ALERT_MINUTES_KEPT; age++) {
            struct alert_minute minute = from[age];

            if (minute.count + minute.total == 0)
                continue;
            minute.alert_no = entry->row.alert_no;
            minute.minute = tally->now_minute - age;
            count->minutes[count->minute_count++] = minute;
        }
    }
}

/* Where the first of its alerts began that count: what ended before is nobody's. */
static int64_t first_seq(const struct tally *tally)
{
    int64_t first = INT64_MAX;

    for (size_t i = 0; i < tally->count->entry_count; i++) {
        const struct alert_entry *entry = &tally->count->entries[i];

        if (entry->page->series < tally->chapter->series_count && entry->row.begun_seq < first)
            first = entry->row.begun_seq;
    }
    return first > tally->count->from_seq ? first : tally->count->from_seq;
}

static enum err count_ends(struct tally *tally, struct str project_id, struct arena *arena)
{
    struct alert_count *count = tally->count;
    struct span_ends ends;
    enum err err;

    if (tally->chapter->series_count == 0)
        return OK;
    err = spans_ended(tally->t->tx, count->project_no, first_seq(tally), ENDS_MAX, arena, &ends);
    if (err)
        return err;
    for (size_t i = 0; i < count->entry_count; i++)
        tally->young_count += is_young(tally, &count->entries[i]);
    if (ends.count > 0) {
        tally->series = ARENA_ARRAY(arena, struct alert_minute,
                                    (tally->chapter->series_count + 1) * ALERT_MINUTES_KEPT);
        tally->young =
            ARENA_ARRAY(arena, struct alert_minute, (tally->young_count + 1) * ALERT_MINUTES_KEPT);
    }
    for (size_t i = 0; !err && i < ends.count; i++) {
        span_testing_begin(tally->t, &ends.list[i], project_id);
        err = count_span(tally, ends.seqs[i]);
    }
    if (!err && ends.count > 0)
        hand_out(tally, arena);
    count->to_seq = err ? count->from_seq : ends.last_seq;
    count->has_more = !err && ends.count == ENDS_MAX;
    return err;
}

/* ---- scores ---- */

/* `age` in minutes before the end of the window. */
static void score_add(struct alert_scores *scores, int64_t age, int64_t window, int64_t baseline,
                      double score)
{
    struct alert_sums *sums = age < window ? &scores->window : &scores->baseline;

    if (age >= window + baseline)
        return;
    sums->sum += score;
    sums->count++;
}

static void scores_add(struct alert_entry *entry, const struct feedback_row *row,
                       int64_t now_minute)
{
    const struct alert_rule *rule = &entry->page->rule;
    int64_t age = now_minute - row->created_us / MINUTE_US;

    score_add(&entry->now, age, alert_minutes_of(rule), rule->baseline_minutes, row->score);
    if (age > 0)
        score_add(&entry->whole, age - 1, rule->window_minutes, rule->baseline_minutes, row->score);
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
    const struct alert_rule *rule = &entry->page->rule;
    int64_t minutes = 1 + rule->window_minutes + rule->baseline_minutes;
    struct feedback_filter wanted = {
        .tenant = count->tenant,
        .projects = &count->project_no,
        .project_count = 1,
        .has_comment = -1,
        .has_score = 1,
        .level = FEEDBACK_OF_SPANS,
        .created_min_us = (now_us / MINUTE_US - minutes + 1) * MINUTE_US,
        .limit = FEEDBACK_LIST_MAX,
    };
    struct feedback_rows rows = {.count = FEEDBACK_LIST_MAX};
    enum err err = OK;

    for (int page = 0; !err && page < SCORE_PAGES_MAX && rows.count == FEEDBACK_LIST_MAX; page++) {
        wanted.offset = (int64_t)page * FEEDBACK_LIST_MAX;
        err = feedback_search(t->tx, &wanted, t->arena, &rows);
        for (size_t i = 0; !err && i < rows.count; i++) {
            bool matches;

            err = alert_score_matches(t, count->tenant, project_id, rule, &rows.list[i], &matches);
            if (!err && matches)
                scores_add(entry, &rows.list[i], now_us / MINUTE_US);
        }
    }
    return err;
}

/* ---- all projects ---- */

static enum err count_project(struct tx *tx, const struct alert_chapter *chapter,
                              struct alert_count *count, int64_t now_us, struct arena *arena)
{
    struct span_testing *t = ARENA_NEW(arena, struct span_testing);
    struct tally tally = {
        .t = t, .chapter = chapter, .count = count, .now_minute = now_us / MINUTE_US};
    struct project_row project;
    enum err err;

    t->tx = tx;
    t->arena = arena;
    if ((err = projects_get_by_no(tx, count->project_no, arena, &project)) ||
        (err = alerts_watch_get(tx, count->project_no, &count->from_seq)))
        return err;
    count->to_seq = count->from_seq;
    err = count_ends(&tally, project.project_id, arena);
    for (size_t i = 0; !err && i < count->entry_count; i++)
        if (count->entries[i].page->is_readable &&
            count->entries[i].page->rule.attribute == ALERT_FEEDBACK_SCORE)
            err = count_scores(t, count, &count->entries[i], project.project_id, now_us);
    return err;
}

enum err alert_counts_read(struct tx *tx, int64_t now_us, struct alert_book *book,
                           struct arena *arena, struct alert_counts *counts)
{
    const struct alert_chapter *chapters;
    struct alert_rows rows;
    size_t chapter_count = 0;
    enum err err = alerts_enabled(tx, arena, &rows);

    *counts = (struct alert_counts){0};
    if (err)
        return err;
    alert_book_open(book, &rows);
    chapters = alert_book_chapters(book, &chapter_count);
    counts->list = ARENA_ARRAY(arena, struct alert_count, chapter_count + 1);
    for (size_t i = 0; !err && i < chapter_count; i++) {
        const struct alert_chapter *chapter = &chapters[i];
        struct alert_count *count = &counts->list[counts->count];

        *count = (struct alert_count){
            .tenant = rows.list[chapter->first].tenant,
            .project_no = rows.list[chapter->first].project_no,
            .entries = ARENA_ARRAY(arena, struct alert_entry, chapter->count),
            .entry_count = chapter->count,
        };
        for (size_t k = 0; k < chapter->count; k++)
            count->entries[k] =
                (struct alert_entry){.row = rows.list[chapter->first + k],
                                     .page = &alert_book_pages(book)[chapter->first + k]};
        err = count_project(tx, chapter, count, now_us, arena);
        if (err == ERR_NOT_FOUND) { /* the project is gone */
            err = OK;
            continue;
        }
        counts->count++;
        counts->has_more |= count->has_more;
    }
    return err;
}
