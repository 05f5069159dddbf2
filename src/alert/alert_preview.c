/* alert_preview.c -- see alert_preview.h. */
#include "alert/alert_preview.h"

#include "alert/alert_count.h"
#include "trace/span_testing.h"

#define PIECE 1000

/* What one span or score adds to one minute; applied at a step's end, so that it can be repeated.
 */
struct addition {
    size_t index;
    struct alert_sums sums;
};

static size_t minute_count(const struct alert_preview *p)
{
    return (size_t)(p->to_minute - p->first_minute + 1);
}

void alert_preview_init(struct alert_preview *p, struct arena *arena)
{
    p->first_minute = p->from_minute - p->rule->window_minutes - p->rule->baseline_minutes + 1;
    p->minutes = ARENA_ARRAY(arena, struct alert_sums, minute_count(p));
}

static bool index_of(const struct alert_preview *p, int64_t wall_us, size_t *index)
{
    int64_t minute = wall_us / MINUTE_US;

    if (minute < p->first_minute || minute > p->to_minute)
        return false;
    *index = (size_t)(minute - p->first_minute);
    return true;
}

static void apply(struct alert_preview *p, const struct addition *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct alert_sums *sums = &p->minutes[list[i].index];

        sums->sum += list[i].sums.sum;
        sums->count += list[i].sums.count;
        sums->all += list[i].sums.all;
    }
}

static struct span_range range_of(const struct alert_preview *p)
{
    return (struct span_range){
        .tenant = p->tenant,
        .project_no = p->project.project_no,
        .start_min_us = p->first_minute * MINUTE_US - ALERT_PREVIEW_LEAD_US,
        .start_max_us = (p->to_minute + 1) * MINUTE_US - 1,
        .ascending = true,
    };
}

static enum err spans_step(struct span_testing *t, struct alert_preview *p)
{
    const struct span_range range = range_of(p);
    struct addition *list = ARENA_ARRAY(t->arena, struct addition, PIECE);
    struct span_place at = p->has_begun ? p->at : span_place_start(&range);
    struct span_rows found;
    size_t count = 0;
    enum err err = span_scan(t->tx, &range, PIECE, &at, t->arena, &found);

    for (size_t i = 0; !err && i < found.count; i++) {
        struct alert_minute add = {0};

        if (!found.list[i].end_us || !index_of(p, found.list[i].end_us, &list[count].index))
            continue;
        span_testing_begin(t, &found.list[i], p->project.project_id);
        err = alert_weigh(t, p->rule, &add);
        list[count++].sums = (struct alert_sums){add.sum, add.count, add.total};
    }
    if (err)
        return err;
    apply(p, list, count);
    p->has_begun = true;
    p->at = at;
    p->looked += PIECE;
    p->is_over = found.is_last;
    return p->looked > ALERT_PREVIEW_SPANS_MAX && !p->is_over ? ERR_LIMIT : OK;
}

static enum err scores_step(struct span_testing *t, struct alert_preview *p)
{
    struct feedback_filter wanted = {
        .tenant = p->tenant,
        .projects = &p->project.project_no,
        .project_count = 1,
        .has_comment = -1,
        .has_score = 1,
        .level = FEEDBACK_OF_SPANS,
        .created_min_us = p->first_minute * MINUTE_US,
        .created_max_us = (p->to_minute + 1) * MINUTE_US - 1,
        .limit = FEEDBACK_LIST_MAX,
        .offset = p->looked,
    };
    struct feedback_rows rows;
    struct addition *list;
    size_t count = 0;
    enum err err = feedback_search(t->tx, &wanted, t->arena, &rows);

    if (err)
        return err;
    list = ARENA_ARRAY(t->arena, struct addition, rows.count + 1);
    for (size_t i = 0; !err && i < rows.count; i++) {
        bool matches = false;

        err = alert_score_matches(t, p->tenant, p->project.project_id, p->rule, &rows.list[i],
                                  &matches);
        if (!err && matches && index_of(p, rows.list[i].created_us, &list[count].index)) {
            list[count].sums = (struct alert_sums){.sum = rows.list[i].score, .count = 1};
            count++;
        }
    }
    if (err)
        return err;
    apply(p, list, count);
    p->looked += (int64_t)rows.count;
    p->is_over = rows.count < FEEDBACK_LIST_MAX;
    return p->looked > ALERT_PREVIEW_SPANS_MAX && !p->is_over ? ERR_LIMIT : OK;
}

enum err alert_preview_step(struct tx *tx, struct alert_preview *p)
{
    struct span_testing *t = ARENA_NEW(tx->arena, struct span_testing);

    t->tx = tx;
    t->arena = tx->arena;
    return p->rule->attribute == ALERT_FEEDBACK_SCORE ? scores_step(t, p) : spans_step(t, p);
}

static struct alert_sums sums_of(const struct alert_preview *p, int64_t from_minute, int64_t count)
{
    struct alert_sums all = {0};

    for (int64_t i = 0; i < count; i++) {
        const struct alert_sums *one = &p->minutes[from_minute + i - p->first_minute];

        all.sum += one->sum;
        all.count += one->count;
        all.all += one->all;
    }
    return all;
}

struct alert_measure alert_preview_at(const struct alert_preview *p, int64_t minute)
{
    int64_t window = p->rule->window_minutes, baseline = p->rule->baseline_minutes;
    struct alert_sums now = sums_of(p, minute - window + 1, window);
    struct alert_sums before = sums_of(p, minute - window - baseline + 1, baseline);

    return alert_measure_of(p->rule, &now, &before);
}
