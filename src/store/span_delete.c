/* Traces go. */
#include "store/span_delete.h"

#include "store/kept_traces.h"
#include "store/spans.h"
#include "store/uuid_column.h"

#define PROJECTS_AT_ONCE 50
#define LOOKED_AT_ONCE 100
#define TRACES_AT_ONCE 100

#define SPANS "SELECT " SPAN_COLUMNS " FROM spans WHERE "
static const struct db_statement of_trace = {"span_delete_of_trace",
                                             SPANS "tenant = $1 AND trace_id = $2 LIMIT $3", NULL};
static const struct db_statement of_project = {"span_delete_of_project",
                                               SPANS "project_no = $1 LIMIT $2", NULL};
static const struct db_statement in_order_of_change = {
    "span_delete_in_order",
    SPANS "project_no = $1 AND change_seq > $2 ORDER BY change_seq LIMIT $3", NULL};
static const struct db_statement root_exists = {
    "span_delete_root", "SELECT 1 FROM spans WHERE tenant = $1 AND span_id = $2", NULL};

/* With a span. */
static const struct db_statement delete_span = {"span_delete_one",
                                                "DELETE FROM spans WHERE span_no = $1", NULL};
static const struct db_statement delete_feedback = {
    "span_delete_feedback", "DELETE FROM feedback WHERE tenant = $1 AND span_id = $2", NULL};
static const struct db_statement delete_tokens = {
    "span_delete_tokens", "DELETE FROM feedback_tokens WHERE tenant = $1 AND span_id = $2", NULL};
static const struct db_statement delete_share = {
    "span_delete_share", "DELETE FROM shares WHERE tenant = $1 AND span_id = $2", NULL};
static const struct db_statement delete_rule_log = {
    "span_delete_rule_log",
    "DELETE FROM rule_log WHERE span_no = $1"
    " AND rule_no IN (SELECT rule_no FROM rules WHERE project_no = $2)",
    NULL};

/* What is to go. */
static const struct db_statement note_trace = {
    "span_delete_note",
    "INSERT INTO gone_traces (tenant, trace_id, deleted_us) VALUES ($1, $2, $3)"
    " ON CONFLICT DO NOTHING",
    NULL};
static const struct db_statement noted_traces = {
    "span_delete_noted", "SELECT tenant, trace_id FROM gone_traces LIMIT $1", NULL};
static const struct db_statement forget_trace = {
    "span_delete_forget", "DELETE FROM gone_traces WHERE tenant = $1 AND trace_id = $2", NULL};
static const struct db_statement remember_trace = {
    "span_delete_remember",
    "INSERT INTO deleted_traces (trace_id, tenant, deleted_us) VALUES ($1, $2, $3)"
    " ON CONFLICT (trace_id, tenant) DO UPDATE SET deleted_us = EXCLUDED.deleted_us",
    NULL};
static const struct db_statement remember_no_more = {
    "span_delete_remember_no_more", "DELETE FROM deleted_traces WHERE deleted_us < $1", NULL};
static const struct db_statement note_project = {
    "span_delete_note_project",
    "INSERT INTO gone_projects (project_no, deleted_us) VALUES ($1, $2) ON CONFLICT DO NOTHING",
    NULL};
static const struct db_statement gone_project = {
    "span_delete_gone_project", "SELECT project_no FROM gone_projects LIMIT 1", NULL};
static const struct db_statement project_feedback = {
    "span_delete_project_feedback",
    "DELETE FROM feedback WHERE (tenant, feedback_id) IN (SELECT tenant, feedback_id FROM feedback"
    " WHERE project_no = $1 LIMIT $2)",
    NULL};
static const struct db_statement rule_watch = {
    "span_delete_rule_watch", "DELETE FROM rule_watches WHERE project_no = $1", NULL};
static const struct db_statement alert_watch = {
    "span_delete_alert_watch", "DELETE FROM alert_watches WHERE project_no = $1", NULL};
static const struct db_statement forget_project = {
    "span_delete_forget_project", "DELETE FROM gone_projects WHERE project_no = $1", NULL};

static const struct db_statement projects_after = {
    "span_delete_projects",
    "SELECT project_no, trace_tier, keep_us FROM projects WHERE project_no > $1"
    " ORDER BY project_no LIMIT $2",
    NULL};
static const struct db_statement cursor_get = {
    "span_delete_cursor_get", "SELECT next_value FROM sequences WHERE name = $1", NULL};
static const struct db_statement cursor_set = {
    "span_delete_cursor_set",
    "INSERT INTO sequences (name, next_value) VALUES ($1, $2)"
    " ON CONFLICT (name) DO UPDATE SET next_value = $2",
    NULL};
static const struct db_statement cursor_forget = {"span_delete_cursor_forget",
                                                  "DELETE FROM sequences WHERE name = $1", NULL};

/* ---- small ones ---- */

struct span_list {
    struct span_row *rows; /* in the tx's arena */
    size_t count;
};

/* Statements end with LIMIT: their last argument. */
static enum err list_spans(struct tx *tx, const struct db_statement *statement,
                           const struct db_value *args, size_t arg_count, struct span_list *list)
{
    size_t most = (size_t)args[arg_count - 1].integer;
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, statement, args, arg_count, &rows);

    *list = (struct span_list){ARENA_ARRAY(tx->arena, struct span_row, most + 1), 0};
    while (!err && list->count < most && db_next(&rows))
        span_row_read(&rows, 0, tx->arena, &list->rows[list->count++]);
    return err ? err : db_rows_end(&rows);
}

static enum err exists(struct tx *tx, const struct db_statement *statement, struct str tenant,
                       const struct uuid *id, bool *yes)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, statement, DB_ARGS(db_text(tenant), db_uuid(id)), &rows);

    *yes = !err;
    if (err == ERR_NOT_FOUND)
        return OK;
    return err ? err : db_rows_end(&rows);
}

static enum err cursor_read(struct tx *tx, struct str name, int64_t *value)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &cursor_get, DB_ARGS(db_text(name)), &rows);

    *value = 0;
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    *value = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

static struct str cursor_name(struct tx *tx, int64_t project_no)
{
    return arena_printf(tx->arena, "retention_traces_%lld", (long long)project_no);
}

/* SQLite leaves what was deleted in pages that are free, unless it is told to overwrite them. */
static enum err overwrite(struct tx *tx, bool begins)
{
    if (db_dialect(tx->db) != DB_SQLITE)
        return OK;
    return db_script(tx->db, begins ? "PRAGMA secure_delete = ON" : "PRAGMA secure_delete = FAST");
}

/* ---- a span, a trace ---- */

static enum err span_delete(struct tx *tx, const struct span_row *span)
{
    struct db_value no = db_int(span->span_no), tenant = db_text(span->tenant);
    struct db_value id = db_uuid(&span->span_id);
    enum err err;

    if ((err = span_values_delete(tx, span)) ||
        (err = db_run(tx->db, &delete_feedback, DB_ARGS(tenant, id), NULL)) ||
        (err = db_run(tx->db, &delete_tokens, DB_ARGS(tenant, id), NULL)) ||
        (err = db_run(tx->db, &delete_share, DB_ARGS(tenant, id), NULL)) ||
        (err = db_run(tx->db, &delete_rule_log, DB_ARGS(no, db_int(span->project_no)), NULL)))
        return err;
    return db_run(tx->db, &delete_span, DB_ARGS(no), NULL);
}

static enum err spans_delete(struct tx *tx, const struct span_list *list, int64_t *rows_left)
{
    enum err err = OK;

    for (size_t i = 0; !err && i < list->count; i++) {
        err = span_delete(tx, &list->rows[i]);
        --*rows_left;
    }
    return err;
}

enum err trace_note(struct tx *tx, struct str tenant, const struct uuid *trace_id, int64_t now_us)
{
    return db_run(tx->db, &note_trace, DB_ARGS(db_text(tenant), db_uuid(trace_id), db_int(now_us)),
                  NULL);
}

static enum err trace_take(struct tx *tx, struct str tenant, const struct uuid *trace_id,
                           int64_t *rows_left)
{
    const struct db_value key[] = {db_text(tenant), db_uuid(trace_id)};
    struct span_list list;
    enum err err = list_spans(tx, &of_trace, DB_ARGS(key[0], key[1], db_int(*rows_left)), &list);

    if (!err)
        err = spans_delete(tx, &list, rows_left);
    if (err)
        return err;
    if (*rows_left <= 0)
        return trace_note(tx, tenant, trace_id, tx->now_us);
    err = db_run(tx->db, &forget_trace, key, 2, NULL);
    return err ? err : kept_traces_remove(tx, tenant, *trace_id);
}

enum err trace_delete(struct tx *tx, struct str tenant, const struct uuid *trace_id,
                      int64_t *rows_left)
{
    enum err err = db_run(tx->db, &remember_trace,
                          DB_ARGS(db_uuid(trace_id), db_text(tenant), db_int(tx->now_us)), NULL);

    REQUIRE(tx->is_write);
    if (err)
        return err;
    if (*rows_left <= 0)
        return trace_note(tx, tenant, trace_id, tx->now_us);
    if ((err = overwrite(tx, true)) || (err = trace_take(tx, tenant, trace_id, rows_left)))
        return err;
    return overwrite(tx, false);
}

enum err project_spans_forget(struct tx *tx, int64_t project_no)
{
    return db_run(tx->db, &note_project, DB_ARGS(db_int(project_no), db_int(tx->now_us)), NULL);
}

/* ---- what was noted ---- */

struct trace_key {
    struct str tenant;
    struct uuid trace_id;
};

static enum err noted_traces_take(struct tx *tx, int64_t *rows_left)
{
    struct trace_key *keys = ARENA_ARRAY(tx->arena, struct trace_key, TRACES_AT_ONCE);
    struct db_rows rows = {0};
    size_t count = 0;
    enum err err = db_query(tx->db, &noted_traces, DB_ARGS(db_int(TRACES_AT_ONCE)), &rows);

    while (!err && count < TRACES_AT_ONCE && db_next(&rows))
        keys[count++] = (struct trace_key){db_get_keep(&rows, 0, tx->arena), db_get_uuid(&rows, 1)};
    err = err ? err : db_rows_end(&rows);
    for (size_t i = 0; *rows_left > 0 && !err && i < count; i++)
        err = trace_take(tx, keys[i].tenant, &keys[i].trace_id, rows_left);
    if (count == TRACES_AT_ONCE)
        *rows_left = 0; /* there may be more: at once again */
    return err;
}

static enum err project_end(struct tx *tx, int64_t project_no, int64_t *rows_left)
{
    const struct db_value key[] = {db_int(project_no)};
    int64_t changed = 0;
    enum err err = db_run(tx->db, &project_feedback, DB_ARGS(key[0], db_int(*rows_left)), &changed);

    *rows_left -= changed;
    if (err || *rows_left <= 0)
        return err;
    if ((err = db_run(tx->db, &rule_watch, key, 1, NULL)) ||
        (err = db_run(tx->db, &alert_watch, key, 1, NULL)) ||
        (err = db_run(tx->db, &cursor_forget, DB_ARGS(db_text(cursor_name(tx, project_no))), NULL)))
        return err;
    return db_run(tx->db, &forget_project, key, 1, NULL);
}

static enum err gone_projects_take(struct tx *tx, int64_t *rows_left)
{
    struct db_rows rows = {0};
    struct span_list list;
    int64_t project_no;
    enum err err = db_query_one(tx->db, &gone_project, DB_NO_ARGS, &rows);

    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    project_no = db_get_int(&rows, 0);
    if ((err = db_rows_end(&rows)))
        return err;
    err = list_spans(tx, &of_project, DB_ARGS(db_int(project_no), db_int(*rows_left)), &list);
    if (!err)
        err = spans_delete(tx, &list, rows_left);
    if (!err && *rows_left > 0)
        err = project_end(tx, project_no, rows_left);
    return err;
}

/* ---- what is old ---- */

struct aged_project {
    int64_t project_no, age_us;
};

int64_t trace_age_read(const struct db_rows *rows, int at, const struct trace_ages *ages)
{
    if (!db_is_null(rows, at + 1))
        return db_get_int(rows, at + 1);
    return str_eq(db_get_str(rows, at), STR("longlived")) ? ages->extended_us : ages->usual_us;
}

/* May the whole trace of this old span go now? */
static enum err may_go(struct tx *tx, const struct span_row *span, bool *yes)
{
    bool has_root = false, kept = false;
    enum err err = kept_traces_has(tx, span->tenant, span->trace_id, &kept);

    if (!err && !span->is_root)
        err = exists(tx, &root_exists, span->tenant, &span->trace_id, &has_root);
    *yes = !kept && !has_root; /* the root takes the others with it, once it is old itself */
    return err;
}

static enum err project_age(struct tx *tx, const struct aged_project *project, int64_t now_us,
                            int64_t *rows_left)
{
    struct str name = cursor_name(tx, project->project_no);
    struct span_list list;
    int64_t cursor, began;
    enum err err = cursor_read(tx, name, &cursor);

    if (!err)
        err = list_spans(
            tx, &in_order_of_change,
            DB_ARGS(db_int(project->project_no), db_int(cursor), db_int(LOOKED_AT_ONCE)), &list);
    if (err)
        return err;
    began = cursor;
    for (size_t i = 0; *rows_left > 0 && i < list.count; i++) {
        const struct span_row *span = &list.rows[i];
        bool goes = false;

        if (span->modified_us >= now_us - project->age_us)
            break;
        if ((err = may_go(tx, span, &goes)) ||
            (goes && (err = trace_take(tx, span->tenant, &span->trace_id, rows_left))))
            return err;
        cursor = span->change_seq;
        if (i + 1 == LOOKED_AT_ONCE)
            *rows_left = 0;
    }
    if (cursor == began)
        return OK;
    return db_run(tx->db, &cursor_set, DB_ARGS(db_text(name), db_int(cursor)), NULL);
}

/* Project after project, some in each piece; behind the last the first comes again. */
static enum err projects_age(struct tx *tx, int64_t now_us, const struct trace_ages *ages,
                             int64_t *rows_left)
{
    struct aged_project found[PROJECTS_AT_ONCE];
    struct str name = STR("retention_projects");
    struct db_rows rows = {0};
    int64_t cursor;
    size_t count = 0;
    enum err err = cursor_read(tx, name, &cursor), end;
    int64_t next = cursor;

    if (err || (err = db_query(tx->db, &projects_after,
                               DB_ARGS(db_int(cursor), db_int(PROJECTS_AT_ONCE)), &rows)))
        return err;
    for (; count < PROJECTS_AT_ONCE && db_next(&rows); count++)
        found[count] = (struct aged_project){db_get_int(&rows, 0), trace_age_read(&rows, 1, ages)};
    end = db_rows_end(&rows);
    err = end;
    for (size_t i = 0; *rows_left > 0 && !err && i < count; i++) {
        if (found[i].age_us > 0)
            err = project_age(tx, &found[i], now_us, rows_left);
        if (*rows_left > 0)
            next = found[i].project_no;
    }
    if (*rows_left > 0 && !err && count < PROJECTS_AT_ONCE)
        next = 0;
    if (err || next == cursor)
        return err;
    return db_run(tx->db, &cursor_set, DB_ARGS(db_text(name), db_int(next)), NULL);
}

enum err traces_delete_step(struct tx *tx, int64_t now_us, const struct trace_ages *ages,
                            int64_t *rows_left)
{
    bool more = false;
    enum err err;

    REQUIRE(tx->is_write);
    if (*rows_left <= 0)
        return OK;
    if ((err = db_run(tx->db, &remember_no_more, DB_ARGS(db_int(now_us - TRACE_REMEMBERED_US)),
                      NULL)) ||
        (err = kept_traces_end(tx, now_us, ages, &more)))
        return err;
    if (more) { /* which were kept long enough is known for all of them before any of them goes */
        *rows_left = 0;
        return OK;
    }
    if ((err = overwrite(tx, true)) || (err = noted_traces_take(tx, rows_left)))
        return err;
    if (*rows_left > 0 && (err = gone_projects_take(tx, rows_left)))
        return err;
    if (*rows_left > 0 && (err = projects_age(tx, now_us, ages, rows_left)))
        return err;
    return overwrite(tx, false);
}
