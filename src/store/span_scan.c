/* Walks over spans. */
#include "store/span_scan.h"

#include "store/spans.h"
#include "store/uuid_column.h"

#define TRACE_TIMES_SPANS_MAX 10000

/* The entry that ends the piece; then the rows from the place to it. $1 … $6 are the same in both:
 * project, tenant, trace, thread, and the place. */
#define BOUND(condition, after, order)                                                             \
    "SELECT start_us, span_no FROM spans WHERE " condition " AND (start_us, span_no) " after       \
    " (CAST($5 AS BIGINT), CAST($6 AS BIGINT))"                                                    \
    " ORDER BY start_us " order ", span_no " order " LIMIT 1 OFFSET CAST($7 AS BIGINT)"
#define WITHIN(value, min, max)                                                                    \
    " AND (CAST($" min " AS BIGINT) IS NULL OR " value " >= CAST($" min " AS BIGINT))"             \
    " AND (CAST($" max " AS BIGINT) IS NULL OR " value " <= CAST($" max " AS BIGINT))"
#define ROWS(condition, after, until, order)                                                       \
    "SELECT " SPAN_COLUMNS " FROM spans WHERE " condition " AND (start_us, span_no) " after        \
    " (CAST($5 AS BIGINT), CAST($6 AS BIGINT))"                                                    \
    " AND (start_us, span_no) " until " (CAST($7 AS BIGINT), CAST($8 AS BIGINT))"                  \
    " AND (CAST($9 AS BIGINT) < 0 OR is_root = CAST($9 AS BIGINT))"                                \
    " AND (CAST($10 AS BIGINT) = 0 OR (CAST($10 AS BIGINT) >> run_type) & 1 = 1)"                  \
    " AND (CAST($11 AS BIGINT) = 0 OR (CAST($11 AS BIGINT) >> status) & 1 = 1)"                    \
    " AND (mark_low & CAST($14 AS BIGINT)) = CAST($14 AS BIGINT)"                                  \
    " AND (mark_high & CAST($15 AS BIGINT)) = CAST($15 AS BIGINT)" WITHIN("end_us", "16", "17")    \
        WITHIN("end_us - start_us", "18", "19") WITHIN("total_tokens", "20", "21") WITHIN(         \
            "total_cost", "22",                                                                    \
            "23") " AND (CAST($12 AS TEXT) IS NULL OR name = $12)"                                 \
                  " AND (CAST($13 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM feedback f WHERE"      \
                  " f.tenant = spans.tenant AND f.span_id = spans.span_id AND f.key = $13))"       \
                  " ORDER BY start_us " order ", span_no " order

#define WALK(name, condition)                                                                      \
    {                                                                                              \
        {                                                                                          \
            {"spans_bound" name "_desc", BOUND(condition, "<", "DESC"), NULL},                     \
            {"spans_rows" name "_desc", ROWS(condition, "<", ">=", "DESC"), NULL},                 \
        },                                                                                         \
            {                                                                                      \
                {"spans_bound" name "_asc", BOUND(condition, ">", "ASC"), NULL},                   \
                {"spans_rows" name "_asc", ROWS(condition, ">", "<=", "ASC"), NULL},               \
            },                                                                                     \
    }

/* Parameters that a walk does without have a type nevertheless. */
#define PROJECT "project_no = $1"
#define NO_TRACE " AND CAST($2 AS TEXT) IS NULL AND CAST($3 AS BYTEA) IS NULL"
#define NO_THREAD " AND CAST($4 AS TEXT) IS NULL"

struct walk {
    struct {
        struct db_statement bound, rows;
    } down, up;
};

enum walk_kind { WALK_ALL, WALK_ROOTS, WALK_ERRORS, WALK_THREAD, WALK_TRACE };

static const struct walk walks[] = {
    [WALK_ALL] = WALK("_all", PROJECT NO_TRACE NO_THREAD),
    [WALK_ROOTS] = WALK("_roots", PROJECT " AND is_root = 1" NO_TRACE NO_THREAD),
    [WALK_ERRORS] = WALK("_errors", PROJECT " AND status = 2" NO_TRACE NO_THREAD),
    [WALK_THREAD] = WALK("_thread", PROJECT " AND thread_id = $4 AND is_root = 1" NO_TRACE),
    [WALK_TRACE] = WALK("_trace", "tenant = $2 AND trace_id = $3 AND project_no > 0"
                                  " AND CAST($1 AS BIGINT) = 0" NO_THREAD),
};
static_assert(SPAN_ERROR == 2, "as the walk over errors and its index say");

static enum walk_kind walk_choose(const struct span_range *range)
{
    if (range->of_trace)
        return WALK_TRACE;
    if (range->only_roots && !str_is_none(range->thread_id))
        return WALK_THREAD;
    if (range->statuses == 1u << SPAN_ERROR)
        return WALK_ERRORS;
    return range->only_roots ? WALK_ROOTS : WALK_ALL;
}

struct span_place span_place_start(const struct span_range *range)
{
    if (range->ascending)
        return (struct span_place){range->start_min_us, INT64_MIN};
    return (struct span_place){range->start_max_us, INT64_MAX};
}

/* Behind everything. */
static struct span_place place_end(const struct span_range *range)
{
    if (range->ascending)
        return (struct span_place){range->start_max_us, INT64_MAX};
    return (struct span_place){range->start_min_us, INT64_MIN};
}

static bool is_behind(const struct span_range *range, struct span_place a, struct span_place b)
{
    if (a.start_us != b.start_us)
        return (a.start_us > b.start_us) == range->ascending;
    return a.span_no != b.span_no && (a.span_no > b.span_no) == range->ascending;
}

struct scan {
    const struct span_range *range;
    struct db_value key[4];
    const struct db_statement *bound, *rows;
};

static struct scan scan_of(const struct span_range *range)
{
    enum walk_kind kind = walk_choose(range);
    const struct walk *walk = &walks[kind];
    struct scan scan = {
        .range = range,
        .key = {db_int(range->of_trace ? 0 : range->project_no), db_null(), db_null(), db_null()}};

    if (kind == WALK_TRACE) {
        scan.key[1] = db_text(range->tenant);
        scan.key[2] = db_uuid(&range->trace_id);
    }
    if (kind == WALK_THREAD)
        scan.key[3] = db_text(range->thread_id);
    scan.bound = range->ascending ? &walk->up.bound : &walk->down.bound;
    scan.rows = range->ascending ? &walk->up.rows : &walk->down.rows;
    return scan;
}

/* The end of the piece, or of the range. */
static enum err bound_find(struct tx *tx, const struct scan *scan, struct span_place at,
                           int64_t piece, struct span_place *end)
{
    struct span_place last = place_end(scan->range);
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, scan->bound,
                                DB_ARGS(scan->key[0], scan->key[1], scan->key[2], scan->key[3],
                                        db_int(at.start_us), db_int(at.span_no), db_int(piece - 1)),
                                &rows);

    *end = last;
    if (err == ERR_NOT_FOUND)
        return OK;
    if (err)
        return err;
    *end = (struct span_place){db_get_int(&rows, 0), db_get_int(&rows, 1)};
    if (is_behind(scan->range, *end, last))
        *end = last;
    return db_rows_end(&rows);
}

static struct db_value least(const struct filter_range *range)
{
    return range->has_min ? db_int(range->min) : db_null();
}

static struct db_value most(const struct filter_range *range)
{
    return range->has_max ? db_int(range->max) : db_null();
}

static enum err rows_read(struct tx *tx, const struct scan *scan, struct span_place at,
                          struct span_place end, struct db_rows *rows)
{
    const struct span_range *r = scan->range;
    int is_root = r->only_roots ? 1 : r->only_children ? 0 : -1;

    return db_query(tx->db, scan->rows,
                    DB_ARGS(scan->key[0], scan->key[1], scan->key[2], scan->key[3],
                            db_int(at.start_us), db_int(at.span_no), db_int(end.start_us),
                            db_int(end.span_no), db_int(is_root), db_int(r->types),
                            db_int(r->statuses), db_text(r->name), db_text(r->feedback_key),
                            db_int((int64_t)r->marks.low), db_int((int64_t)r->marks.high),
                            least(&r->end_us), most(&r->end_us), least(&r->latency_us),
                            most(&r->latency_us), least(&r->total_tokens), most(&r->total_tokens),
                            least(&r->total_cost), most(&r->total_cost)),
                    rows);
}

enum err span_scan(struct tx *tx, const struct span_range *range, int64_t piece,
                   struct span_place *at, struct arena *arena, struct span_rows *found)
{
    struct scan scan = scan_of(range);
    struct span_place end, last = place_end(range);
    struct db_rows rows = {0};
    size_t cap = (size_t)piece < 64 ? (size_t)piece : 64;
    enum err err = bound_find(tx, &scan, *at, piece, &end);

    REQUIRE(piece >= 1);
    *found = (struct span_rows){.list = ARENA_ARRAY(arena, struct span_row, cap)};
    if (err || (err = rows_read(tx, &scan, *at, end, &rows)))
        return err;
    while (db_next(&rows)) {
        found->list = arena_more(arena, found->list, found->count, &cap, sizeof(*found->list));
        span_row_read(&rows, 0, arena, &found->list[found->count++]);
    }
    *at = end;
    found->is_last = end.start_us == last.start_us && end.span_no == last.span_no;
    return db_rows_end(&rows);
}

static const struct db_statement count_turns = {
    "spans_count_turns",
    "SELECT count(*) FROM spans WHERE project_no = $1 AND thread_id = $2 AND is_root = 1"
    " AND start_us <= $3 AND (start_us < $3 OR trace_id <= $4)",
    NULL};

enum err span_turn_number(struct tx *tx, const struct span_row *root, int64_t *number)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &count_turns,
                                DB_ARGS(db_int(root->project_no), db_text(root->thread_id),
                                        db_int(root->start_us), db_uuid(&root->trace_id)),
                                &rows);

    if (err)
        return err;
    *number = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

static const struct db_statement trace_times = {
    "spans_trace_times",
    "SELECT MIN(at_us), MAX(at_us), COUNT(*) FROM (SELECT start_us AS at_us FROM spans"
    " WHERE trace_id = $1 AND tenant = $2 AND project_no > 0 LIMIT CAST($3 AS BIGINT)) AS starts",
    NULL};

enum err span_trace_times(struct tx *tx, const struct span_row *row, int64_t *min_us,
                          int64_t *max_us)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(
        tx->db, &trace_times,
        DB_ARGS(db_uuid(&row->trace_id), db_text(row->tenant), db_int(TRACE_TIMES_SPANS_MAX + 1)),
        &rows);
    bool is_known = !err && db_get_int(&rows, 2) <= TRACE_TIMES_SPANS_MAX;

    if (err)
        return err;
    *min_us = is_known ? db_get_int(&rows, 0) : 0;
    *max_us = is_known ? db_get_int(&rows, 1) : 0;
    return db_rows_end(&rows);
}

struct span_row span_row_keep(const struct span_row *row, struct arena *arena)
{
    struct span_row kept = *row;

    kept.tenant = arena_str(arena, row->tenant);
    kept.dotted_order = arena_str(arena, row->dotted_order);
    kept.name = arena_str(arena, row->name);
    kept.tags = arena_str(arena, row->tags);
    kept.thread_id = arena_str(arena, row->thread_id);
    kept.error_preview = arena_str(arena, row->error_preview);
    kept.usage = arena_str(arena, row->usage);
    return kept;
}
