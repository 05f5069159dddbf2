/* erase_workspace.c -- everything of a tenant, table after table.
 *
 *   what makes new things ──▶ runs, when they have ended ──▶ the log ──▶ all else ──▶ its row
 *
 * Each step looks at all of it again, so what was made meanwhile goes too. */
#include "store/erasures_priv.h"
#include "store/log_size.h"
#include "store/span_values.h"
#include "store/spans.h"

#define PIECE_ROWS 500

#define SOME_SQLITE(table, condition)                                                              \
    "DELETE FROM " table " WHERE rowid IN (SELECT rowid FROM " table " WHERE " condition           \
    " LIMIT $2)"
#define SOME_POSTGRES(table, condition)                                                            \
    "DELETE FROM " table " WHERE ctid IN (SELECT ctid FROM " table " WHERE " condition             \
    " LIMIT CAST($2 AS BIGINT))"
#define ROWS(table, condition)                                                                     \
    {                                                                                              \
        "erase_" table, SOME_SQLITE(table, condition), SOME_POSTGRES(table, condition)             \
    }
#define ALL(table) ROWS(table, "tenant = $1")
#define ALL_OF_LOG(table, bytes, bytes_postgres)                                                   \
    {                                                                                              \
        "erase_" table, SOME_SQLITE(table, "tenant = $1") " RETURNING " bytes,                     \
            SOME_POSTGRES(table, "tenant = $1") " RETURNING " bytes_postgres                       \
    }

static const struct db_statement sources[] = {
    ALL("crons"),
    ROWS("alert_minutes", "alert_no IN (SELECT alert_no FROM alerts WHERE tenant = $1)"),
    ALL("alert_events"),
    ALL("alerts"),
    ROWS("rule_log", "rule_no IN (SELECT rule_no FROM rules WHERE tenant = $1)"),
    ROWS("rule_backfills", "rule_no IN (SELECT rule_no FROM rules WHERE tenant = $1)"),
    ALL("rules"),
    ALL("fleet_webhooks"),
    ALL("gateway_intents"),
    ALL("replays"),
    ROWS("runs", "tenant = $1 AND status NOT IN ('pending', 'running')"),
};
static const struct db_statement others[] = {
    ALL("run_events"),
    ALL("checkpoint_writes"),
    ALL("checkpoints"),
    ALL("threads"),
    ALL("thread_totals"),
    ALL("items"),
    ALL("assistant_versions"),
    ALL("assistants"),
    ALL("idempotency"),
    ALL("secrets"),
    ALL("endpoints"),
    ALL("inspectors"),
    ALL("feedback"),
    ALL("feedback_configs"),
    ALL("feedback_tokens"),
    ALL("tree_files"),
    ALL("tree_versions"),
    ALL("tree_blobs"),
    ALL("trees"),
    ALL("fleet_agents"),
    ALL("fleet_skills"),
    ALL("fleet_publishes"),
    ALL("queue_items"),
    ALL("queues"),
    ALL("examples"),
    ALL("datasets"),
    ALL("comparatives"),
    ALL("example_attachments"),
    ALL("prices"),
    ALL("holdings"),
    ALL("kept_traces"),
    ALL("gone_traces"),
    ALL("deleted_traces"),
    ALL("shares"),
};
/* What deliveries left behind, and what belongs to none: looked for last, table by table from end
 * to end. */
static const struct {
    enum log_what what;
    struct db_statement statement;
} of_log[] = {
    {LOG_ATTEMPT, ALL_OF_LOG("attempts", LOG_BYTES_ATTEMPT, LOG_BYTES_ATTEMPT)},
    {LOG_BODY, ALL_OF_LOG("bodies", LOG_BYTES_BODY, LOG_BYTES_BODY)},
    {LOG_INSPECTED,
     ALL_OF_LOG("inspector_requests", LOG_BYTES_INSPECTED, LOG_BYTES_INSPECTED_POSTGRES)},
};
static const struct db_statement projects = ALL("projects");
static const struct db_statement has_runs = {"erase_has_runs",
                                             "SELECT 1 FROM runs WHERE tenant = $1 LIMIT 1", NULL};
static const struct db_statement select_spans = {
    "erase_select_spans",
    "SELECT span_no, posted FROM spans WHERE tenant = $1 LIMIT CAST($2 AS BIGINT)", NULL};
static const struct db_statement delete_span = {"erase_span",
                                                "DELETE FROM spans WHERE span_no = $1", NULL};
static const struct db_statement delete_workspace = {
    "erase_workspace", "DELETE FROM workspaces WHERE tenant = $1 AND closed_us IS NOT NULL", NULL};

/* *budget goes down by what went. */
static enum err erase_rows(struct erasing *e, const struct db_statement *statements, size_t count,
                           int64_t *budget)
{
    enum err err = OK;

    for (size_t i = 0; !err && i<count && * budget> 0; i++) {
        int64_t gone = 0;

        err = db_run(e->tx->db, &statements[i],
                     DB_ARGS(db_text(e->erasure->tenant), db_int(*budget)), &gone);
        *budget -= gone;
        e->erasure->rows += gone;
    }
    return err;
}

static enum err erase_log_rows(struct erasing *e, int64_t *budget)
{
    enum err err = OK;

    for (size_t i = 0; !err && i < ARRAY_LEN(of_log) && *budget > 0; i++) {
        int64_t gone = 0;

        err = log_delete(e->tx,
                         &(struct log_delete){of_log[i].what, LOG_ERASED, &of_log[i].statement},
                         DB_ARGS(db_text(e->erasure->tenant), db_int(*budget)), &gone);
        *budget -= gone;
        e->erasure->rows += gone;
    }
    return err;
}

static enum err live_runs(struct erasing *e, bool *has_some)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(e->tx->db, &has_runs, DB_ARGS(db_text(e->erasure->tenant)), &rows);

    *has_some = err == OK;
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    return db_rows_end(&rows);
}

/* With what is large of them: blobs become due. */
static enum err erase_spans(struct erasing *e, int64_t *budget)
{
    struct span_row *list = ARENA_ARRAY(e->tx->arena, struct span_row, (size_t)*budget);
    struct db_rows rows = {0};
    size_t count = 0;
    enum err err = db_query(e->tx->db, &select_spans,
                            DB_ARGS(db_text(e->erasure->tenant), db_int(*budget)), &rows);

    if (err)
        return err;
    for (; count < (size_t)*budget && db_next(&rows); count++)
        list[count] = (struct span_row){.tenant = e->erasure->tenant,
                                        .span_no = db_get_int(&rows, 0),
                                        .posted = (uint32_t)db_get_int(&rows, 1)};
    err = db_rows_end(&rows);
    for (size_t i = 0; !err && i < count; i++) {
        err = span_values_delete(e->tx, &list[i]);
        if (!err)
            err = db_run(e->tx->db, &delete_span, DB_ARGS(db_int(list[i].span_no)), NULL);
    }
    *budget -= (int64_t)count;
    e->erasure->rows += (int64_t)count;
    return err;
}

static enum err erase_rest(struct erasing *e, int64_t budget)
{
    enum err err = erase_rows(e, others, ARRAY_LEN(others), &budget);

    if (!err && budget > 0)
        err = erase_spans(e, &budget);
    if (!err && budget > 0)
        err = erase_rows(e, &projects, 1, &budget);
    if (!err)
        err = erase_log_rows(e, &budget);
    e->is_over = budget > 0;
    if (err || !e->is_over)
        return err;
    return db_run(e->tx->db, &delete_workspace, DB_ARGS(db_text(e->erasure->tenant)), NULL);
}

enum err erase_workspace(struct erasing *e)
{
    int64_t budget = PIECE_ROWS;
    bool has_runs_left = false;
    enum err err = erase_rows(e, sources, ARRAY_LEN(sources), &budget);

    if (!err && budget > 0)
        err = live_runs(e, &has_runs_left);
    if (err || budget <= 0)
        return err;
    if (has_runs_left) {
        e->is_waiting = true;
        return OK;
    }
    err = erase_log(e);
    if (err || !e->is_over)
        return err;
    e->is_over = false;
    return erase_rest(e, budget);
}
