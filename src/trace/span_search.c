/* The rows of the lanes, tested. */
#include "trace/span_search.h"

#include "base/map.h"
#include "store/span_values.h"
#include "store/spans.h"
#include "trace/span_lanes.h"

#define STEP_COST_MAX 20000 /* about 20 ms */
#define COST_LOADED 4       /* of a span whose values are loaded; of an index entry it is 1/8 */
#define COST_BYTES 1000     /* so many bytes cost 1 */
#define TREE_PIECE 1000
#define VERDICTS_MAX 100000

struct span_search {
    struct arena *arena;
    struct span_query query;
    struct span_visitor visitor;
    struct span_lanes lanes;
    struct arena scratch; /* of the span that is looked at */
    struct map verdicts;  /* of traces: trace_filter and tree_filter together */
    struct project_row *projects;
    size_t project_count, project_cap;
    size_t steps_begun;
    bool is_open;
    int64_t looked;
};

static char verdict_yes, verdict_no;

struct span_search *span_search_new(struct arena *arena, const struct span_query *query,
                                    const struct span_visitor *visitor)
{
    struct span_search *search = ARENA_NEW(arena, struct span_search);

    search->arena = arena;
    search->query = *query;
    search->visitor = *visitor;
    arena_init(&search->scratch);
    map_init(&search->verdicts);
    return search;
}

static void search_close(struct span_search *s)
{
    if (s->is_open)
        span_lanes_release(&s->lanes);
    map_release(&s->verdicts);
    map_init(&s->verdicts);
    s->is_open = false;
}

void span_search_release(struct span_search *search)
{
    search_close(search);
    arena_release(&search->scratch);
    map_release(&search->verdicts);
}

int64_t span_search_looked(const struct span_search *search)
{
    return search->looked + search->lanes.looked;
}

/* ---- projects ---- */

static const struct project_row *project_known(const struct span_search *s, int64_t project_no)
{
    for (size_t i = 0; i < s->query.project_count; i++)
        if (s->query.projects[i].project_no == project_no)
            return &s->query.projects[i];
    for (size_t i = 0; i < s->project_count; i++)
        if (s->projects[i].project_no == project_no)
            return &s->projects[i];
    return NULL;
}

static enum err project_find(struct tx *tx, struct span_search *s, int64_t project_no,
                             const struct project_row **project)
{
    enum err err;

    *project = project_known(s, project_no);
    if (*project)
        return OK;
    s->projects =
        arena_more(s->arena, s->projects, s->project_count, &s->project_cap, sizeof(*s->projects));
    err = projects_get_by_no(tx, project_no, s->arena, &s->projects[s->project_count]);
    if (!err)
        *project = &s->projects[s->project_count++];
    return err;
}

static bool is_of_projects(const struct span_search *s, int64_t project_no)
{
    for (size_t i = 0; i < s->query.project_count; i++)
        if (s->query.projects[i].project_no == project_no)
            return true;
    return s->query.project_count == 0;
}

/* ---- one span ---- */

/* A span that is looked at, with what has been loaded of it. */
struct look {
    struct span span;
    struct span_match match;
    struct feedback_rows feedback;
};

static enum err look_at(struct tx *tx, struct span_search *s, const struct span_row *row,
                        struct look *look)
{
    const struct project_row *project;
    enum err err = project_find(tx, s, row->project_no, &project);

    if (err)
        return err;
    *look = (struct look){.span = {.row = *row,
                                   .project_id = project->project_id,
                                   .dataset_id = project->reference_dataset_id}};
    span_match_init(&look->match, &look->span, NULL, &s->scratch);
    return OK;
}

/* What the filter may ask for. */
static enum err look_load(struct tx *tx, struct span_search *s, const struct filter *filter,
                          int64_t *budget, struct look *look)
{
    bool wants_feedback;
    unsigned fields = span_match_fields(filter, &wants_feedback) | look->span.loaded;
    enum err err = span_values_get(tx, &look->span.row, fields, &s->scratch, look->span.values);

    look->span.loaded = fields;
    if (!err && wants_feedback)
        err = feedback_of_span(tx, s->query.tenant, look->span.row.span_id, &s->scratch,
                               &look->feedback);
    *budget -= COST_LOADED;
    for (size_t i = 0; !err && i < SPAN_FIELD_COUNT; i++)
        *budget -= (int64_t)look->span.values[i].bytes.len / COST_BYTES;
    span_match_init(&look->match, &look->span, wants_feedback ? &look->feedback : NULL,
                    &s->scratch);
    return err;
}

static enum err filter_meets(struct tx *tx, struct span_search *s, const struct filter *filter,
                             int64_t *budget, struct look *look, bool *meets)
{
    enum filter_answer answer = FILTER_YES;
    enum err err = OK;

    if (filter)
        answer = span_match_test(&look->match, filter);
    if (answer == FILTER_UNKNOWN) {
        err = look_load(tx, s, filter, budget, look);
        answer = err ? FILTER_NO : span_match_test(&look->match, filter);
    }
    *meets = answer == FILTER_YES;
    return err;
}

/* Columns that no lane has tested. */
static bool columns_meet(const struct span_search *s, const struct span_row *row)
{
    const struct span_query *q = &s->query;
    bool is_example = q->examples.count == 0;

    for (size_t i = 0; !is_example && i < q->examples.count; i++)
        is_example = row->has_example && uuid_eq(row->example_id, q->examples.list[i]);
    return is_example && is_of_projects(s, row->project_no) &&
           (!q->has_trace || uuid_eq(row->trace_id, q->trace_id)) &&
           (!q->has_parent || (row->has_parent && uuid_eq(row->parent_id, q->parent_id))) &&
           (!q->types || q->types >> row->type & 1) &&
           (!q->statuses || q->statuses >> row->status & 1) && (!q->only_roots || row->is_root) &&
           (!q->only_children || !row->is_root) && row->start_us >= q->start_min_us &&
           row->start_us <= q->start_max_us;
}

/* ---- its trace ---- */

static enum err row_meets(struct tx *tx, struct span_search *s, const struct span_row *row,
                          const struct filter *filter, int64_t *budget, bool *meets)
{
    struct look look;
    enum err err = look_at(tx, s, row, &look);

    *meets = false;
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    return filter_meets(tx, s, filter, budget, &look, meets);
}

static enum err root_meets(struct tx *tx, struct span_search *s, struct uuid trace_id,
                           int64_t *budget, bool *meets)
{
    struct span_row root;
    enum err err = spans_get(tx, s->query.tenant, trace_id, &s->scratch, &root);

    *meets = false;
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    return row_meets(tx, s, &root, s->query.trace_filter, budget, meets);
}

/* Any span of the trace. */
static enum err tree_meets(struct tx *tx, struct span_search *s, struct uuid trace_id,
                           int64_t *budget, bool *meets)
{
    struct span_range range = {.tenant = s->query.tenant,
                               .of_trace = true,
                               .trace_id = trace_id,
                               .start_min_us = INT64_MIN,
                               .start_max_us = INT64_MAX,
                               .ascending = true};
    struct span_place at = span_place_start(&range);
    struct span_rows rows = {0};
    enum err err = OK;

    *meets = false;
    while (!err && !*meets && !rows.is_last) {
        err = span_scan(tx, &range, TREE_PIECE, &at, &s->scratch, &rows);
        for (size_t i = 0; !err && !*meets && i < rows.count; i++)
            err = row_meets(tx, s, &rows.list[i], s->query.tree_filter, budget, meets);
        *budget -= err ? 0 : (int64_t)rows.count;
    }
    return err;
}

static enum err trace_meets(struct tx *tx, struct span_search *s, struct uuid trace_id,
                            int64_t *budget, bool *meets)
{
    struct str key = str_range((const char *)trace_id.bytes, sizeof(trace_id.bytes));
    const char *verdict = map_find(&s->verdicts, key);
    enum err err = OK;

    *meets = true;
    if (!s->query.trace_filter && !s->query.tree_filter)
        return OK;
    if (verdict) {
        *meets = verdict == &verdict_yes;
        return OK;
    }
    if (s->query.trace_filter)
        err = root_meets(tx, s, trace_id, budget, meets);
    if (!err && *meets && s->query.tree_filter)
        err = tree_meets(tx, s, trace_id, budget, meets);
    if (err)
        return err;
    if (s->verdicts.count >= VERDICTS_MAX) {
        map_release(&s->verdicts);
        map_init(&s->verdicts);
    }
    map_put(&s->verdicts, key, *meets ? &verdict_yes : &verdict_no);
    return OK;
}

/* ---- steps ---- */

static enum err row_visit(struct tx *tx, struct span_search *s, const struct span_row *row,
                          int64_t *budget, bool *goes_on)
{
    struct look look;
    bool by_id = s->query.ids.count > 0 && !s->query.ids_and_rest, meets = true;
    enum err err;

    *goes_on = true;
    arena_reset(&s->scratch);
    if (!by_id && !columns_meet(s, row))
        return OK;
    err = look_at(tx, s, row, &look);
    if (err)
        return err == ERR_NOT_FOUND ? OK : err; /* its project has just been deleted */
    if (!by_id)
        err = filter_meets(tx, s, s->query.filter, budget, &look, &meets);
    if (!err && meets && !by_id)
        err = trace_meets(tx, s, row->trace_id, budget, &meets);
    if (!err && meets)
        *goes_on = s->visitor.visit(s->visitor.context, tx, &look.match);
    return err;
}

static enum err search_begin(struct tx *tx, struct span_search *s, size_t step)
{
    enum err err;

    if (s->is_open && s->steps_begun == step)
        return OK;
    /* The first step, or one that is run again. */
    s->looked += s->lanes.looked;
    search_close(s);
    s->visitor.restart(s->visitor.context);
    err = span_lanes_open(tx, &s->query, s->arena, &s->lanes);
    s->is_open = !err;
    return err;
}

enum err span_search_step(struct tx *tx, struct span_search *s, size_t step, bool *is_over)
{
    int64_t budget = STEP_COST_MAX;
    bool goes_on = true;
    enum err err = search_begin(tx, s, step);

    s->steps_begun = step + 1;
    *is_over = false;
    while (!err && goes_on && budget > 0) {
        struct span_row *row;

        err = span_lanes_next(tx, &s->lanes, &budget, &row);
        if (!err && !row)
            goes_on = false;
        else if (!err)
            err = row_visit(tx, s, row, &budget, &goes_on);
    }
    if (err == ERR_AGAIN && budget <= 0)
        return OK;
    *is_over = !err && !goes_on;
    return err;
}
