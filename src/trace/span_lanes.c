/* From a query to walks, and the walks merged. */
#include "trace/span_lanes.h"

#include <stdlib.h>

#include "store/spans.h"

#define PROJECTS_MAX 10000
#define PIECE_FIRST 128
#define PIECE_LEAST 16 /* where there are many lanes */
#define PIECE_MAX 4096

/* ---- ranges ---- */

/* A run that says no type is shown as a chain. A word that is no type fits none, which the filter
 * finds out. */
static unsigned types_of(const struct filter_texts *words)
{
    unsigned types = 0;

    for (size_t i = 0; i < words->count; i++) {
        enum span_type type = span_type_of(words->list[i]);

        types |= 1u << type;
        if (type == SPAN_CHAIN)
            types |= 1u << SPAN_TYPE_NONE;
    }
    return types;
}

static unsigned statuses_of(const struct filter_texts *words)
{
    unsigned statuses = 0;

    for (size_t i = 0; i < words->count; i++)
        for (unsigned status = SPAN_PENDING; status <= SPAN_ERROR; status++)
            if (str_eq(words->list[i], span_status_name((enum span_status)status)))
                statuses |= 1u << status;
    return statuses;
}

/* Both masks, where 0 is any; an empty intersection is left to the tests. */
static unsigned both(unsigned a, unsigned b)
{
    return a && b && a & b ? a & b : a ? a : b;
}

static struct str only_one(const struct filter_texts *texts)
{
    return texts->count == 1 ? texts->list[0] : STR_NONE;
}

/* Nothing takes less than no time, whatever its clocks say. */
static struct filter_range latency_of(struct filter_range range)
{
    if (range.has_min && range.min <= 0)
        range.min = INT64_MIN;
    return range;
}

/* What the query says itself, as marks. */
static struct marks marks_of_query(const struct span_query *q)
{
    struct marks marks = q->examples.count > 0 ? MARKS_ALL : MARKS_NONE;

    for (size_t i = 0; i < q->examples.count; i++)
        marks = marks_common(marks, marks_of_example(q->examples.list[i]));
    if (!str_is_none(q->thread_id))
        marks = marks_both(marks, marks_of(MARKS_THREAD, q->thread_id));
    return marks;
}

static struct span_range range_of(const struct span_query *q)
{
    struct span_range range = {
        .tenant = q->tenant,
        .only_roots = q->only_roots,
        .only_children = q->only_children && !q->only_roots,
        .start_min_us = q->start_min_us,
        .start_max_us = q->start_max_us,
        .thread_id = q->thread_id,
        .types = q->types,
        .statuses = q->statuses,
        .ascending = q->ascending,
        .marks = marks_of_query(q),
    };
    const struct filter_bounds *b = q->filter ? &q->filter->bounds : NULL;

    if (!b)
        return range;
    if (b->start_min_us > range.start_min_us)
        range.start_min_us = b->start_min_us;
    if (b->start_max_us < range.start_max_us)
        range.start_max_us = b->start_max_us;
    range.only_roots = range.only_roots || b->only_roots;
    range.only_children = !range.only_roots && (range.only_children || b->only_children);
    range.types = both(range.types, types_of(&b->run_types));
    range.statuses = both(range.statuses, statuses_of(&b->statuses));
    range.name = only_one(&b->names);
    if (str_is_none(range.thread_id))
        range.thread_id = only_one(&b->threads);
    range.feedback_key = b->feedback_key;
    range.marks = marks_both(range.marks, b->marks);
    range.end_us = b->end_us;
    range.latency_us = latency_of(b->latency_us);
    range.total_tokens = b->total_tokens;
    range.total_cost = b->total_cost;
    return range;
}

/* ---- lanes ---- */

static void lanes_make(struct span_lanes *lanes, const struct span_query *q, size_t count,
                       struct arena *arena)
{
    struct span_range range = range_of(q);

    lanes->list = ARENA_ARRAY(arena, struct span_lane, count + 1);
    lanes->count = count;
    for (size_t i = 0; i < count; i++) {
        struct span_lane *lane = &lanes->list[i];

        lane->range = range;
        lane->at = q->has_after ? q->after : span_place_start(&range);
        lane->piece = count > PIECE_FIRST / PIECE_LEAST ? PIECE_LEAST : PIECE_FIRST;
        arena_init(&lane->arena);
    }
}

static void lanes_of_projects(struct span_lanes *lanes, const struct span_query *q,
                              const struct project_row *projects, size_t count, struct arena *arena)
{
    lanes_make(lanes, q, count, arena);
    for (size_t i = 0; i < count; i++)
        lanes->list[i].range.project_no = projects[i].project_no;
}

static void lanes_of_traces(struct span_lanes *lanes, const struct span_query *q,
                            const struct uuid *traces, size_t count, struct arena *arena)
{
    lanes_make(lanes, q, count, arena);
    for (size_t i = 0; i < count; i++) {
        lanes->list[i].range.of_trace = true;
        lanes->list[i].range.trace_id = traces[i];
    }
}

static int place_order(const struct span_row *a, const struct span_row *b)
{
    if (a->start_us != b->start_us)
        return a->start_us < b->start_us ? -1 : 1;
    return (a->span_no > b->span_no) - (a->span_no < b->span_no);
}

static int rows_order(const void *a, const void *b)
{
    return place_order(a, b);
}

static void turn_round(struct span_rows *rows)
{
    for (size_t i = 0; i < rows->count / 2; i++) {
        struct span_row row = rows->list[i];

        rows->list[i] = rows->list[rows->count - 1 - i];
        rows->list[rows->count - 1 - i] = row;
    }
}

static bool is_behind(const struct span_query *q, const struct span_row *row)
{
    const struct span_row place = {.start_us = q->after.start_us, .span_no = q->after.span_no};
    int order = q->has_after ? place_order(row, &place) : 0;

    return !q->has_after || (q->ascending ? order > 0 : order < 0);
}

/* Rows that are looked up; one that is named twice is one. */
static enum err lane_of_ids(struct tx *tx, struct span_lanes *lanes, const struct span_query *q,
                            const struct filter_ids *ids, struct arena *arena)
{
    struct span_lane *lane;
    enum err err = OK;
    size_t kept = 0;

    lanes_make(lanes, q, 1, arena);
    lane = &lanes->list[0];
    lane->rows.is_last = true;
    lane->rows.list = ARENA_ARRAY(&lane->arena, struct span_row, ids->count + 1);
    for (size_t i = 0; !err && i < ids->count; i++) {
        struct span_row *row = &lane->rows.list[lane->rows.count];

        err = spans_get(tx, q->tenant, ids->list[i], &lane->arena, row);
        if (!err && is_behind(q, row))
            lane->rows.count++;
        else if (err == ERR_NOT_FOUND)
            err = OK;
    }
    qsort(lane->rows.list, lane->rows.count, sizeof(struct span_row), rows_order);
    for (size_t i = 0; i < lane->rows.count; i++)
        if (i == 0 || lane->rows.list[i].span_no != lane->rows.list[kept - 1].span_no)
            lane->rows.list[kept++] = lane->rows.list[i];
    lane->rows.count = kept;
    if (!q->ascending)
        turn_round(&lane->rows);
    lanes->looked += (int64_t)ids->count;
    return err;
}

/* What has this parent stands in the parent's trace. ERR_NOT_FOUND: the parent has not come. */
static enum err lanes_of_parent(struct tx *tx, struct span_lanes *lanes, const struct span_query *q,
                                struct uuid parent_id, struct arena *arena)
{
    struct span_row parent;
    enum err err = spans_get(tx, q->tenant, parent_id, tx->arena, &parent);

    if (!err)
        lanes_of_traces(lanes, q, &parent.trace_id, 1, arena);
    return err;
}

static enum err lanes_of_all(struct tx *tx, struct span_lanes *lanes, const struct span_query *q,
                             struct arena *arena)
{
    struct project_filter all = {.tenant = q->tenant, .limit = PROJECTS_MAX};
    struct project_rows projects;
    enum err err = projects_search(tx, &all, tx->arena, &projects);

    if (!err)
        lanes_of_projects(lanes, q, projects.list, projects.count, arena);
    return err;
}

/* By what is named one by one. ERR_NOT_FOUND: nothing is. */
static enum err lanes_of_names(struct tx *tx, struct span_lanes *lanes, const struct span_query *q,
                               const struct filter_bounds *b, struct arena *arena)
{
    if (q->ids.count > 0)
        return lane_of_ids(tx, lanes, q, &q->ids, arena);
    if (b->ids.count > 0)
        return lane_of_ids(tx, lanes, q, &b->ids, arena);
    if (q->has_trace) {
        lanes_of_traces(lanes, q, &q->trace_id, 1, arena);
        return OK;
    }
    if (b->traces.count > 0) {
        lanes_of_traces(lanes, q, b->traces.list, b->traces.count, arena);
        return OK;
    }
    if (q->has_parent)
        return lanes_of_parent(tx, lanes, q, q->parent_id, arena);
    if (b->parents.count == 1)
        return lanes_of_parent(tx, lanes, q, b->parents.list[0], arena);
    return ERR_NOT_FOUND;
}

enum err span_lanes_open(struct tx *tx, const struct span_query *q, struct arena *arena,
                         struct span_lanes *lanes)
{
    static const struct filter_bounds none;
    const struct filter_bounds *b = q->filter ? &q->filter->bounds : &none;
    enum err err;

    *lanes = (struct span_lanes){.ascending = q->ascending};
    if (q->ids.count > SPAN_SEARCH_IDS_MAX || b->ids.count > SPAN_SEARCH_IDS_MAX ||
        b->traces.count > SPAN_SEARCH_IDS_MAX || q->project_count > PROJECTS_MAX)
        return ERR_LIMIT;
    err = lanes_of_names(tx, lanes, q, b, arena);
    if (err != ERR_NOT_FOUND)
        return err;
    if (q->project_count == 0)
        return lanes_of_all(tx, lanes, q, arena);
    lanes_of_projects(lanes, q, q->projects, q->project_count, arena);
    return OK;
}

/* ---- one row after the other ---- */

static enum err lane_fill(struct tx *tx, struct span_lanes *lanes, struct span_lane *lane,
                          int64_t *budget)
{
    while (lane->next == lane->rows.count && !lane->rows.is_last) {
        int64_t piece = lane->piece;
        enum err err;

        if (*budget <= 0)
            return ERR_AGAIN;
        arena_reset(&lane->arena);
        lane->next = 0;
        lane->rows.count = 0;
        err = span_scan(tx, &lane->range, piece, &lane->at, &lane->arena, &lane->rows);
        if (err)
            return err;
        *budget -= piece / 8 + (int64_t)lane->rows.count;
        lanes->looked += piece;
        lane->piece = piece * 4 > PIECE_MAX ? PIECE_MAX : piece * 4;
    }
    return OK;
}

enum err span_lanes_next(struct tx *tx, struct span_lanes *lanes, int64_t *budget,
                         struct span_row **row)
{
    struct span_lane *best = NULL;

    for (size_t i = 0; i < lanes->count; i++) {
        struct span_lane *lane = &lanes->list[i];
        enum err err = lane_fill(tx, lanes, lane, budget);
        int order;

        if (err)
            return err;
        if (lane->next == lane->rows.count)
            continue;
        order = best ? place_order(&lane->rows.list[lane->next], &best->rows.list[best->next]) : 0;
        if (!best || (lanes->ascending ? order < 0 : order > 0))
            best = lane;
    }
    *row = best ? &best->rows.list[best->next++] : NULL;
    return OK;
}

void span_lanes_release(struct span_lanes *lanes)
{
    for (size_t i = 0; i < lanes->count; i++)
        arena_release(&lanes->list[i].arena);
    lanes->count = 0;
}
