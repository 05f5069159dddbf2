/* The table feedback. */
#include "store/feedback.h"

#include "store/kept_traces.h"
#include "store/spans.h"
#include "store/uuid_column.h"

#define COLUMNS                                                                                    \
    "feedback_id, span_id, trace_id, project_no, start_us, is_root, key, score, score_is_bool, "   \
    "value, comment, correction, source_type, source, extra, group_id, experiment_id, is_error, "  \
    "created_us, modified_us"

static const struct db_statement select_one = {
    "feedback_get", "SELECT " COLUMNS " FROM feedback WHERE tenant = $1 AND feedback_id = $2",
    NULL};
static const struct db_statement select_of_span = {
    "feedback_of_span",
    "SELECT " COLUMNS
    " FROM feedback WHERE tenant = $1 AND span_id = $2 ORDER BY created_us, feedback_id",
    NULL};
static const struct db_statement put_one = {
    "feedback_put",
    "INSERT INTO feedback (tenant, " COLUMNS
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,"
    " $19, $20, $21) ON CONFLICT (tenant, feedback_id) DO UPDATE SET"
    " span_id = excluded.span_id, trace_id = excluded.trace_id, project_no = excluded.project_no,"
    " start_us = excluded.start_us, is_root = excluded.is_root, key = excluded.key,"
    " score = excluded.score, score_is_bool = excluded.score_is_bool, value = excluded.value,"
    " comment = excluded.comment, correction = excluded.correction,"
    " source_type = excluded.source_type, source = excluded.source, extra = excluded.extra,"
    " group_id = excluded.group_id, experiment_id = excluded.experiment_id,"
    " is_error = excluded.is_error, modified_us = excluded.modified_us",
    NULL};
static const struct db_statement delete_one = {
    "feedback_delete", "DELETE FROM feedback WHERE tenant = $1 AND feedback_id = $2", NULL};
static const struct db_statement any = {"feedback_any",
                                        "SELECT 1 FROM feedback WHERE tenant = $1 LIMIT 1", NULL};
static const struct db_statement attach = {
    "feedback_attach",
    "UPDATE feedback SET project_no = $3, trace_id = $4, start_us = $5, is_root = $6"
    " WHERE tenant = $1 AND span_id = $2 AND project_no = 0",
    NULL};

/* One walk per span, per project, or over all; everything else is tested on its rows. */
#define IN_SQLITE(n) "(SELECT value FROM json_each($" n "))"
#define IN_POSTGRES(n) "(SELECT jsonb_array_elements_text(CAST($" n " AS jsonb)))"
#define SEARCH(walk, in)                                                                           \
    "SELECT " COLUMNS " FROM feedback WHERE tenant = $1 AND " walk                                 \
    " AND (CAST($4 AS TEXT) IS NULL OR key IN " in(                                                \
        "4") ")"                                                                                   \
             " AND (CAST($5 AS TEXT) IS NULL OR source_type IN " in(                               \
                 "5") ")"                                                                          \
                      " AND (CAST($6 AS TEXT) IS NULL OR experiment_id = $6)"                      \
                      " AND (CAST($7 AS BIGINT) < 0 OR (comment IS NOT NULL) = (CAST($7 AS "       \
                      "BIGINT) = 1))"                                                              \
                      " AND (CAST($8 AS BIGINT) < 0 OR (score IS NOT NULL) = (CAST($8 AS BIGINT) " \
                      "= 1))"                                                                      \
                      " AND (CAST($9 AS BIGINT) = 0 OR (span_id IS NOT NULL) = (CAST($9 AS "       \
                      "BIGINT) = 1))"                                                              \
                      " AND created_us >= $10 AND created_us <= $11"                               \
                      " ORDER BY created_us DESC, feedback_id LIMIT CAST($12 AS BIGINT)"
#define OF_SPAN "span_id = $2 AND CAST($3 AS BIGINT) = 0"
#define OF_PROJECT "project_no = $3 AND CAST($2 AS BYTEA) IS NULL"
#define OF_ALL "CAST($2 AS BYTEA) IS NULL AND CAST($3 AS BIGINT) = 0"
static const struct db_statement search_span = {"feedback_search_span", SEARCH(OF_SPAN, IN_SQLITE),
                                                SEARCH(OF_SPAN, IN_POSTGRES)};
static const struct db_statement search_project = {
    "feedback_search_project", SEARCH(OF_PROJECT, IN_SQLITE), SEARCH(OF_PROJECT, IN_POSTGRES)};
static const struct db_statement search_all = {"feedback_search_all", SEARCH(OF_ALL, IN_SQLITE),
                                               SEARCH(OF_ALL, IN_POSTGRES)};

static void row_read(const struct db_rows *rows, struct arena *arena, struct feedback_row *row)
{
    *row = (struct feedback_row){
        .feedback_id = db_get_uuid(rows, 0),
        .has_span = !db_is_null(rows, 1),
        .span_id = db_get_uuid(rows, 1),
        .has_trace = !db_is_null(rows, 2),
        .trace_id = db_get_uuid(rows, 2),
        .project_no = db_get_int(rows, 3),
        .start_us = db_get_int(rows, 4),
        .is_root = db_get_int(rows, 5) != 0,
        .key = db_get_keep(rows, 6, arena),
        .has_score = !db_is_null(rows, 7),
        .score = db_get_double(rows, 7),
        .score_is_bool = db_get_int(rows, 8) != 0,
        .value = db_get_keep(rows, 9, arena),
        .comment = db_get_keep(rows, 10, arena),
        .correction = db_get_keep(rows, 11, arena),
        .source_type = db_get_keep(rows, 12, arena),
        .source = db_get_keep(rows, 13, arena),
        .extra = db_get_keep(rows, 14, arena),
        .group_id = db_get_keep(rows, 15, arena),
        .experiment_id = db_get_keep(rows, 16, arena),
        .is_error = db_get_int(rows, 17) != 0,
        .created_us = db_get_int(rows, 18),
        .modified_us = db_get_int(rows, 19),
    };
}

enum err feedback_get(struct tx *tx, struct str tenant, struct uuid feedback_id,
                      struct arena *arena, struct feedback_row *row)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &select_one, DB_ARGS(db_text(tenant), db_uuid(&feedback_id)), &rows);

    if (err)
        return err;
    row_read(&rows, arena, row);
    return db_rows_end(&rows);
}

/* ---- in ---- */

static enum err row_write(struct tx *tx, struct str tenant, const struct feedback_row *r)
{
    struct db_value score = r->has_score ? db_double(r->score) : db_null();

    return db_run(tx->db, &put_one,
                  DB_ARGS(db_text(tenant), db_uuid(&r->feedback_id),
                          db_uuid_or_null(&r->span_id, r->has_span),
                          db_uuid_or_null(&r->trace_id, r->has_trace), db_int(r->project_no),
                          db_int(r->start_us), db_int(r->is_root), db_text(r->key), score,
                          db_int(r->score_is_bool), db_text(r->value), db_text(r->comment),
                          db_text(r->correction), db_text(r->source_type), db_text(r->source),
                          db_text(r->extra), db_text(r->group_id), db_text(r->experiment_id),
                          db_int(r->is_error), db_int(r->created_us), db_int(r->modified_us)),
                  NULL);
}

/* Takes the place of its span, if that is there. */
static enum err place(struct tx *tx, struct str tenant, struct feedback_row *row)
{
    struct span_row span;
    enum err err = spans_get(tx, tenant, row->span_id, tx->arena, &span);

    if (err == ERR_NOT_FOUND) {
        row->project_no = 0;
        return OK;
    }
    if (err)
        return err;
    row->project_no = span.project_no;
    row->has_trace = true;
    row->trace_id = span.trace_id;
    row->start_us = span.start_us;
    row->is_root = span.is_root;
    return OK;
}

enum err feedback_put(struct tx *tx, struct str tenant, const struct feedback_row *row)
{
    struct feedback_row put = *row;
    enum err err = OK;

    REQUIRE(tx->is_write);
    put.modified_us = tx->now_us;
    if (put.created_us == 0)
        put.created_us = tx->now_us;
    if (put.has_span)
        err = place(tx, tenant, &put);
    if (!err)
        err = row_write(tx, tenant, &put);
    if (!err && put.has_span && put.project_no)
        err = spans_touch(tx, tenant, put.span_id);
    if (!err && put.has_span && put.project_no && !put.does_not_keep)
        err = kept_traces_add(tx, tenant, put.trace_id);
    return err;
}

enum err feedback_delete(struct tx *tx, struct str tenant, struct uuid feedback_id)
{
    struct feedback_row row;
    enum err err = feedback_get(tx, tenant, feedback_id, tx->arena, &row);

    if (!err)
        err = db_run(tx->db, &delete_one, DB_ARGS(db_text(tenant), db_uuid(&feedback_id)), NULL);
    if (!err && row.has_span && row.project_no)
        err = spans_touch(tx, tenant, row.span_id);
    return err;
}

enum err feedback_attach(struct tx *tx, const struct span_row *span)
{
    int64_t changed = 0;
    enum err err =
        db_run(tx->db, &attach,
               DB_ARGS(db_text(span->tenant), db_uuid(&span->span_id), db_int(span->project_no),
                       db_uuid(&span->trace_id), db_int(span->start_us), db_int(span->is_root)),
               &changed);

    return !err && changed ? kept_traces_add(tx, span->tenant, span->trace_id) : err;
}

/* ---- out ---- */

static enum err collect(struct db_rows *rows, struct arena *arena, struct feedback_rows *found,
                        size_t *cap)
{
    while (db_next(rows)) {
        found->list = arena_more(arena, found->list, found->count, cap, sizeof(*found->list));
        row_read(rows, arena, &found->list[found->count++]);
    }
    return db_rows_end(rows);
}

enum err feedback_of_span(struct tx *tx, struct str tenant, struct uuid span_id,
                          struct arena *arena, struct feedback_rows *found)
{
    struct db_rows rows = {0};
    size_t cap = 0;
    enum err err =
        db_query(tx->db, &select_of_span, DB_ARGS(db_text(tenant), db_uuid(&span_id)), &rows);

    *found = (struct feedback_rows){0};
    return err ? err : collect(&rows, arena, found, &cap);
}

enum err feedback_exists(struct tx *tx, struct str tenant, bool *exists)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &any, DB_ARGS(db_text(tenant)), &rows);

    *exists = !err;
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    return db_rows_end(&rows);
}

static int newest_first(const void *a, const void *b)
{
    const struct feedback_row *x = a, *y = b;

    if (x->created_us != y->created_us)
        return x->created_us > y->created_us ? -1 : 1;
    return memcmp(x->feedback_id.bytes, y->feedback_id.bytes, sizeof(x->feedback_id.bytes));
}

/* One walk; each may give all that the page can use. */
static enum err walk(struct tx *tx, const struct db_statement *statement,
                     const struct feedback_filter *f, const struct uuid *span, int64_t project_no,
                     struct db_rows *rows)
{
    return db_query(tx->db, statement,
                    DB_ARGS(db_text(f->tenant), span ? db_uuid(span) : db_blob(STR_NONE),
                            db_int(project_no), db_text(f->keys), db_text(f->source_types),
                            db_text(f->experiment_id), db_int(f->has_comment), db_int(f->has_score),
                            db_int(f->level), db_int(f->created_min_us),
                            db_int(f->created_max_us ? f->created_max_us : INT64_MAX),
                            db_int(f->offset + f->limit)),
                    rows);
}

enum err feedback_search(struct tx *tx, const struct feedback_filter *f, struct arena *arena,
                         struct feedback_rows *found)
{
    size_t walks = f->span_count ? f->span_count : f->project_count ? f->project_count : 1;
    size_t cap = 0, skip;
    enum err err = OK;

    REQUIRE(f->limit >= 1 && f->limit <= FEEDBACK_LIST_MAX && f->offset >= 0);
    *found = (struct feedback_rows){0};
    for (size_t i = 0; !err && i < walks; i++) {
        struct db_rows rows = {0};

        if (f->span_count)
            err = walk(tx, &search_span, f, &f->spans[i], 0, &rows);
        else if (f->project_count)
            err = walk(tx, &search_project, f, NULL, f->projects[i], &rows);
        else
            err = walk(tx, &search_all, f, NULL, 0, &rows);
        if (!err)
            err = collect(&rows, arena, found, &cap);
    }
    if (err)
        return err;
    if (walks > 1 && found->count > 1)
        qsort(found->list, found->count, sizeof(*found->list), newest_first);
    skip = (size_t)f->offset < found->count ? (size_t)f->offset : found->count;
    found->list += skip;
    found->count -= skip;
    if (found->count > (size_t)f->limit)
        found->count = (size_t)f->limit;
    return OK;
}
