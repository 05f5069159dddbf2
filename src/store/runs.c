/* The table runs: the queue of what has to be executed, and what became of it. */
#include "store/runs.h"

#include "store/run_events.h"
#include "store/search.h"
#include "store/sequence.h"

#define COLUMNS                                                                                    \
    "r.tenant, r.run_id, r.thread_id, r.assistant_id, r.graph_id, r.status, r.metadata, "          \
    "r.kwargs, "                                                                                   \
    "r.multitask_strategy, r.webhook, r.temporary, r.resumable, r.created_us, r.updated_us, "      \
    "r.due_us, r.position, r.started_us, r.ended_us, r.attempt, r.cancel_action, r.deadline_us, "  \
    "r.events_reserved, r.error, r.result, r.traceparent, r.stopped"
#define COLUMN_STARTS 26 /* behind them */

static const struct db_statement select_one = {"runs_get",
                                               "SELECT " COLUMNS
                                               " FROM runs r WHERE tenant = $1 AND run_id = $2"
                                               " AND (CAST($3 AS TEXT) IS NULL OR thread_id = $3)",
                                               NULL};
/* Behind the thread's other runs, also where nodes take their positions from blocks of their own:
 * whoever inserts holds the thread's row. */
#define INSERT(greatest)                                                                           \
    "INSERT INTO runs (tenant, run_id, thread_id, assistant_id, graph_id, status, metadata, "      \
    "kwargs, multitask_strategy, webhook, temporary, resumable, created_us, updated_us, due_us,"   \
    " traceparent, position, attempt, events_reserved)"                                            \
    " VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $8, $9, $10, $11, $12, $12, $13, "            \
    "$15, " greatest                                                                               \
    "(CAST($14 AS BIGINT), COALESCE((SELECT o.position + 1 FROM runs o WHERE o.tenant = $1"        \
    " AND o.thread_id = $3 ORDER BY o.position DESC LIMIT 1), 0)), 0, 0) RETURNING position"
static const struct db_statement insert_one = {"runs_insert", INSERT("MAX"), INSERT("GREATEST")};
static const struct db_statement select_thread = {
    "runs_list",
    "SELECT " COLUMNS " FROM runs r WHERE tenant = $1 AND thread_id = $2"
    " AND (CAST($3 AS TEXT) IS NULL OR status = $3)"
    " ORDER BY position DESC LIMIT CAST($4 AS BIGINT) OFFSET CAST($5 AS BIGINT)",
    NULL};
static const struct db_statement select_live = {
    "runs_list_live",
    "SELECT " COLUMNS " FROM runs r WHERE tenant = $1 AND thread_id = $2"
    " AND status IN ('pending', 'running') ORDER BY position LIMIT CAST($3 AS BIGINT)",
    NULL};
static const struct db_statement select_from = {
    "runs_from",
    "SELECT " COLUMNS " FROM runs r WHERE tenant = $1 AND thread_id = $2"
    " AND position >= CAST($3 AS BIGINT) ORDER BY position LIMIT 1",
    NULL};
#define BY_STATUS(ADMITS)                                                                          \
    "SELECT " COLUMNS " FROM runs r WHERE tenant = $1 AND status IN ('pending', 'running')"        \
    " AND (status = $2 OR CAST($2 AS TEXT) = 'all') AND cancel_action IS NULL"                     \
    " AND (CAST($4 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM threads t WHERE t.tenant = r.tenant"  \
    " AND t.thread_id = r.thread_id" ADMITS("$4") "))"                                             \
                                                  " ORDER BY position LIMIT CAST($3 AS BIGINT)"
static const struct db_statement select_by_status = {"runs_by_status", BY_STATUS(SQLITE_ADMITS),
                                                     BY_STATUS(POSTGRES_ADMITS)};
static const struct db_statement select_of_assistant = {
    "runs_of_assistant",
    "SELECT " COLUMNS " FROM runs r WHERE tenant = $1 AND assistant_id = $2"
    " LIMIT CAST($3 AS BIGINT)",
    NULL};
static const struct db_statement count_live = {
    "runs_count_live",
    "SELECT COUNT(*) FROM runs WHERE tenant = $1 AND thread_id = $2 AND status IN ('pending', "
    "'running')",
    NULL};

/* What has come due is due for good: no jump of the clock lets a later run overtake it. */
static const struct db_statement ripen = {
    "runs_ripen",
    "UPDATE runs SET due_us = 0, updated_us = $1"
    " WHERE status = 'pending' AND due_us > 0 AND due_us <= $1",
    NULL};
/* Runs of a thread start one after the other also by the clock, whatever that does: clients follow
 * them by this time. */
#define STARTS(greatest)                                                                           \
    ", " greatest "(CAST($3 AS BIGINT), COALESCE((SELECT o.started_us + 1 FROM runs o"             \
    " WHERE o.tenant = r.tenant AND o.thread_id = r.thread_id AND o.position < r.position"         \
    " AND o.started_us IS NOT NULL ORDER BY o.position DESC LIMIT 1), 0))"
/* Due, first in line among the due ones of its thread, and nothing of its thread running. */
#define IS_NEXT                                                                                    \
    " FROM runs r WHERE r.status = 'pending' AND r.due_us = 0 AND NOT EXISTS (SELECT 1 FROM "      \
    "runs o"                                                                                       \
    " WHERE o.tenant = r.tenant AND o.thread_id = r.thread_id"                                     \
    " AND o.status IN ('pending', 'running') AND (o.status = 'running' OR"                         \
    " (o.status = 'pending' AND o.due_us = 0 AND o.position < r.position)))"
static const struct db_statement select_next = {
    "runs_next",
    "SELECT " COLUMNS STARTS("MAX") IS_NEXT " AND r.graph_id IN (SELECT value FROM json_each($1))"
                                            " ORDER BY r.position LIMIT CAST($2 AS BIGINT)",
    "SELECT " COLUMNS STARTS("GREATEST") IS_NEXT
    " AND r.graph_id IN (SELECT jsonb_array_elements_text(CAST($1 AS jsonb)))"
    " ORDER BY r.position LIMIT CAST($2 AS BIGINT) FOR UPDATE SKIP LOCKED"};
/* The status of one run that is named by its id. As a mere column PostgreSQL may look for it in an
 * index of the live ones: it takes that for the smallest when it plans, and walks thousands in it
 * when many wait. */
#define STATUS_OF_ONE "COALESCE(status, '')"

static const struct db_statement claim_one = {
    "runs_claim",
    "UPDATE runs SET status = 'running', attempt = attempt + 1, lease_node = $3, lease_until_us = "
    "$4,"
    " started_us = $5, updated_us = $7,"
    " events_reserved = events_reserved + CAST($6 AS BIGINT)"
    " WHERE tenant = $1 AND run_id = $2 AND " STATUS_OF_ONE " = 'pending'",
    NULL};
static const struct db_statement next_due = {
    "runs_next_due", "SELECT MIN(due_us) FROM runs WHERE status = 'pending' AND due_us > $1", NULL};
static const struct db_statement set_deadline = {
    "runs_set_deadline", "UPDATE runs SET deadline_us = $3 WHERE tenant = $1 AND run_id = $2",
    NULL};
static const struct db_statement extend_leases = {
    "runs_extend_leases",
    "UPDATE runs SET lease_until_us = $2 WHERE status = 'running' AND lease_node = $1", NULL};
static const struct db_statement release_one = {
    "runs_release",
    "UPDATE runs SET status = 'pending', lease_node = NULL, lease_until_us = NULL, updated_us = $4"
    " WHERE tenant = $1 AND run_id = $2 AND " STATUS_OF_ONE " = 'running' AND attempt = $3",
    NULL};
static const struct db_statement release_unspent = {
    "runs_release_unspent",
    "UPDATE runs SET status = 'pending', lease_node = NULL, lease_until_us = NULL, updated_us = $4,"
    " attempt = attempt - 1"
    " WHERE tenant = $1 AND run_id = $2 AND " STATUS_OF_ONE " = 'running' AND attempt = $3",
    NULL};
static const struct db_statement end_one = {
    "runs_end",
    "UPDATE runs SET status = $4, ended_us = $5, updated_us = $5, error = $6, result = $7,"
    " lease_node = NULL, lease_until_us = NULL"
    " WHERE tenant = $1 AND run_id = $2 AND " STATUS_OF_ONE
    " IN ('pending', 'running') AND attempt = $3",
    NULL};
static const struct db_statement put_stop = {
    "runs_put_stop", "UPDATE runs SET stopped = $3 WHERE tenant = $1 AND run_id = $2", NULL};
static const struct db_statement set_cancel = {
    "runs_set_cancel",
    "UPDATE runs SET cancel_action = $3, updated_us = $4"
    " WHERE tenant = $1 AND run_id = $2 AND " STATUS_OF_ONE " IN ('pending', 'running')",
    NULL};
static const struct db_statement delete_one = {
    "runs_delete", "DELETE FROM runs WHERE tenant = $1 AND run_id = $2", NULL};
static const struct db_statement select_lost = {
    "runs_lost",
    "SELECT " COLUMNS " FROM runs r WHERE status = 'running'"
    " AND (lease_node = $1 OR (CAST($1 AS TEXT) IS NULL AND lease_until_us < $2))"
    " ORDER BY position LIMIT CAST($3 AS BIGINT)",
    NULL};
static const struct db_statement select_cancelled = {
    "runs_cancelled",
    "SELECT " COLUMNS " FROM runs r WHERE status = 'running' AND lease_node = $1"
    " AND cancel_action IS NOT NULL LIMIT CAST($2 AS BIGINT)",
    NULL};
#define IS_ORPHAN                                                                                  \
    " FROM runs r WHERE r.status = 'pending' AND r.due_us = 0 AND r.updated_us < $1"               \
    " AND r.graph_id NOT IN "
static const struct db_statement select_orphans = {
    "runs_orphans",
    "SELECT " COLUMNS IS_ORPHAN "(SELECT value FROM json_each($2))"
    " ORDER BY r.position LIMIT CAST($3 AS BIGINT)",
    "SELECT " COLUMNS IS_ORPHAN "(SELECT jsonb_array_elements_text(CAST($2 AS jsonb)))"
    " ORDER BY r.position LIMIT CAST($3 AS BIGINT)"};
bool run_status_is_live(struct str status)
{
    return str_eq(status, RUN_PENDING) || str_eq(status, RUN_RUNNING);
}

static void row_read(const struct db_rows *rows, struct arena *arena, struct run *run)
{
    *run = (struct run){
        .tenant = db_get_keep(rows, 0, arena),
        .run_id = db_get_keep(rows, 1, arena),
        .thread_id = db_get_keep(rows, 2, arena),
        .assistant_id = db_get_keep(rows, 3, arena),
        .graph_id = db_get_keep(rows, 4, arena),
        .status = db_get_keep(rows, 5, arena),
        .metadata = db_get_keep(rows, 6, arena),
        .kwargs = db_get_keep(rows, 7, arena),
        .multitask_strategy = db_get_keep(rows, 8, arena),
        .webhook = db_get_keep(rows, 9, arena),
        .temporary = db_get_int(rows, 10) != 0,
        .resumable = db_get_int(rows, 11) != 0,
        .created_us = db_get_int(rows, 12),
        .updated_us = db_get_int(rows, 13),
        .due_us = db_get_int(rows, 14),
        .position = db_get_int(rows, 15),
        .started_us = db_get_int(rows, 16),
        .ended_us = db_get_int(rows, 17),
        .attempt = db_get_int(rows, 18),
        .cancel_action = db_get_keep(rows, 19, arena),
        .deadline_us = db_get_int(rows, 20),
        .events_reserved = db_get_int(rows, 21),
        .error = db_get_keep(rows, 22, arena),
        .result = db_get_keep(rows, 23, arena),
        .traceparent = db_get_keep(rows, 24, arena),
        .stopped = db_get_keep(rows, 25, arena),
    };
}

/* Reads at most `limit` rows into an array in the arena. */
static enum err rows_read(struct db_rows *rows, int64_t limit, struct arena *arena,
                          struct runs *found)
{
    struct run *list = ARENA_ARRAY(arena, struct run, (size_t)limit + 1);
    size_t n = 0;

    while (n < (size_t)limit && db_next(rows))
        row_read(rows, arena, &list[n++]);
    *found = (struct runs){list, n};
    return db_rows_end(rows);
}

enum err run_get(struct tx *tx, struct str tenant, struct str thread_id, struct str run_id,
                 struct arena *arena, struct run *run)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(
        tx->db, &select_one, DB_ARGS(db_text(tenant), db_text(run_id), db_text(thread_id)), &rows);

    if (err)
        return err;
    row_read(&rows, arena, run);
    return db_rows_end(&rows);
}

enum err run_insert(struct tx *tx, struct run *run)
{
    struct db_rows rows = {0};
    int64_t position = 0;
    enum err err = sequence_next(tx, STR("run_position"), 1, &position);

    if (err)
        return err;
    err = db_query_one(
        tx->db, &insert_one,
        DB_ARGS(db_text(run->tenant), db_text(run->run_id), db_text(run->thread_id),
                db_text(run->assistant_id), db_text(run->graph_id), db_text(run->metadata),
                db_text(run->kwargs), db_text(run->multitask_strategy), db_text(run->webhook),
                db_int(run->temporary), db_int(run->resumable), db_int(run->created_us),
                db_int(run->due_us), db_int(position), db_text(run->traceparent)),
        &rows);
    if (err)
        return err;
    run->position = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

enum err run_list(struct tx *tx, const struct run_filter *filter, struct arena *arena,
                  struct runs *found)
{
    struct db_rows rows = {0};
    enum err err =
        db_query(tx->db, &select_thread,
                 DB_ARGS(db_text(filter->tenant), db_text(filter->thread_id),
                         db_text(filter->status), db_int(filter->limit), db_int(filter->offset)),
                 &rows);

    return err ? err : rows_read(&rows, filter->limit, arena, found);
}

enum err run_list_live(struct tx *tx, struct str tenant, struct str thread_id, int64_t limit,
                       struct arena *arena, struct runs *found)
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &select_live,
                            DB_ARGS(db_text(tenant), db_text(thread_id), db_int(limit)), &rows);

    return err ? err : rows_read(&rows, limit, arena, found);
}

enum err run_from(struct tx *tx, const struct run_filter *of, int64_t position, struct arena *arena,
                  struct run *run)
{
    struct db_rows rows = {0};
    struct runs found;
    enum err err =
        db_query(tx->db, &select_from,
                 DB_ARGS(db_text(of->tenant), db_text(of->thread_id), db_int(position)), &rows);

    if (err || (err = rows_read(&rows, 1, arena, &found)))
        return err;
    if (found.count == 0)
        return ERR_NOT_FOUND;
    *run = found.list[0];
    return OK;
}

enum err run_list_by_status(struct tx *tx, const struct run_filter *filter, struct arena *arena,
                            struct runs *found)
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &select_by_status,
                            DB_ARGS(db_text(filter->tenant), db_text(filter->status),
                                    db_int(filter->limit), db_text(filter->admitted)),
                            &rows);

    return err ? err : rows_read(&rows, filter->limit, arena, found);
}

enum err run_list_of_assistant(struct tx *tx, struct str tenant, struct str assistant_id,
                               int64_t limit, struct arena *arena, struct runs *found)
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &select_of_assistant,
                            DB_ARGS(db_text(tenant), db_text(assistant_id), db_int(limit)), &rows);

    return err ? err : rows_read(&rows, limit, arena, found);
}

enum err run_count_live(struct tx *tx, struct str tenant, struct str thread_id, int64_t *count)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &count_live, DB_ARGS(db_text(tenant), db_text(thread_id)), &rows);

    if (err)
        return err;
    *count = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

/* As they will be: with the time of their first start. */
static enum err claimed_read(struct db_rows *rows, int64_t limit, struct arena *arena,
                             struct runs *found)
{
    struct run *list = ARENA_ARRAY(arena, struct run, (size_t)limit + 1);
    size_t n = 0;

    for (; n < (size_t)limit && db_next(rows); n++) {
        row_read(rows, arena, &list[n]);
        if (!list[n].started_us)
            list[n].started_us = db_get_int(rows, COLUMN_STARTS);
    }
    *found = (struct runs){list, n};
    return db_rows_end(rows);
}

enum err run_claim(struct tx *tx, const struct run_claim *claim, struct arena *arena,
                   struct runs *claimed)
{
    struct db_rows rows = {0};
    enum err err = db_run(tx->db, &ripen, DB_ARGS(db_int(tx->now_us)), NULL);

    if (!err)
        err = db_query(tx->db, &select_next,
                       DB_ARGS(db_text(claim->graph_ids), db_int(claim->limit), db_int(tx->now_us)),
                       &rows);
    if (!err)
        err = claimed_read(&rows, claim->limit, arena, claimed);
    for (size_t i = 0; !err && i < claimed->count; i++) {
        struct run *run = &claimed->list[i];

        err = db_run(tx->db, &claim_one,
                     DB_ARGS(db_text(run->tenant), db_text(run->run_id), db_text(claim->node),
                             db_int(tx->now_us + claim->lease_us), db_int(run->started_us),
                             db_int(RUN_EVENTS_BLOCK), db_int(tx->now_us)),
                     NULL);
        run->status = RUN_RUNNING;
        run->attempt++;
    }
    return err;
}

enum err run_next_due(struct tx *tx, int64_t *due_us)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &next_due, DB_ARGS(db_int(tx->now_us)), &rows);

    if (err)
        return err;
    *due_us = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

enum err run_set_deadline(struct tx *tx, const struct run *run, int64_t deadline_us)
{
    return db_run(tx->db, &set_deadline,
                  DB_ARGS(db_text(run->tenant), db_text(run->run_id), db_int(deadline_us)), NULL);
}

enum err run_extend_leases(struct tx *tx, struct str node, int64_t until_us)
{
    return db_run(tx->db, &extend_leases, DB_ARGS(db_text(node), db_int(until_us)), NULL);
}

static enum err conflict_unless(enum err err, int64_t changed)
{
    if (err)
        return err;
    return changed == 1 ? OK : ERR_CONFLICT;
}

static enum err release_by(struct tx *tx, const struct db_statement *statement,
                           const struct run *run)
{
    int64_t changed = 0;
    enum err err = db_run(tx->db, statement,
                          DB_ARGS(db_text(run->tenant), db_text(run->run_id), db_int(run->attempt),
                                  db_int(tx->now_us)),
                          &changed);

    return conflict_unless(err, changed);
}

enum err run_release(struct tx *tx, const struct run *run)
{
    return release_by(tx, &release_one, run);
}

enum err run_release_unspent(struct tx *tx, const struct run *run)
{
    return release_by(tx, &release_unspent, run);
}

enum err run_end(struct tx *tx, const struct run *run)
{
    int64_t changed = 0;
    enum err err = db_run(tx->db, &end_one,
                          DB_ARGS(db_text(run->tenant), db_text(run->run_id), db_int(run->attempt),
                                  db_text(run->status), db_int(run->ended_us), db_text(run->error),
                                  db_text(run->result)),
                          &changed);

    return conflict_unless(err, changed);
}

enum err run_stop_put(struct tx *tx, const struct run *run, struct str interrupts)
{
    return db_run(tx->db, &put_stop,
                  DB_ARGS(db_text(run->tenant), db_text(run->run_id), db_text(interrupts)), NULL);
}

enum err run_set_cancel(struct tx *tx, const struct run *run, struct str action)
{
    return db_run(
        tx->db, &set_cancel,
        DB_ARGS(db_text(run->tenant), db_text(run->run_id), db_text(action), db_int(tx->now_us)),
        NULL);
}

enum err run_delete(struct tx *tx, struct str tenant, struct str run_id)
{
    int64_t changed = 0;
    enum err err = db_run(tx->db, &delete_one, DB_ARGS(db_text(tenant), db_text(run_id)), &changed);

    if (!err && changed == 0)
        return ERR_NOT_FOUND;
    return err ? err : run_events_delete(tx, tenant, run_id);
}

enum err run_list_lost(struct tx *tx, struct str node, int64_t limit, struct arena *arena,
                       struct runs *found)
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &select_lost,
                            DB_ARGS(db_text(node), db_int(tx->now_us), db_int(limit)), &rows);

    return err ? err : rows_read(&rows, limit, arena, found);
}

enum err run_list_orphans(struct tx *tx, struct str graph_ids, int64_t since_us, int64_t limit,
                          struct arena *arena, struct runs *found)
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &select_orphans,
                            DB_ARGS(db_int(since_us), db_text(graph_ids), db_int(limit)), &rows);

    return err ? err : rows_read(&rows, limit, arena, found);
}

enum err run_list_cancelled(struct tx *tx, struct str node, int64_t limit, struct arena *arena,
                            struct runs *found)
{
    struct db_rows rows = {0};
    enum err err =
        db_query(tx->db, &select_cancelled, DB_ARGS(db_text(node), db_int(limit)), &rows);

    return err ? err : rows_read(&rows, limit, arena, found);
}
