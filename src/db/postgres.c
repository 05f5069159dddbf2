/* postgres.c -- the PostgreSQL driver: statements, pipelines, transactions.
 *
 * Writers run READ COMMITTED: they take row locks (FOR UPDATE, unique keys) for what must not
 * change under them, and SQLite's single writer is no stricter about what is locked. Snapshots are
 * REPEATABLE READ, READ ONLY.
 *
 * A lost connection is ERR_AGAIN: nothing was committed, and db_begin connects again. Lost in
 * COMMIT the server is asked, as soon as it is there again, what became of that transaction;
 * ERR_IO if it cannot say. */
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "db/postgres_priv.h"

/* Rows sent before their results are read: their answers must fit into the socket's buffers, or
 * both sides would wait for each other. */
#define PIPELINE_ROWS 256
/* How long, and how often, a server that was lost in COMMIT is asked for. */
#define FATE_TRIES 100
#define FATE_PAUSE_MS 200

struct postgres *postgres_of(struct db *db)
{
    return CONTAINER_OF(db, struct postgres, db);
}

/* Outside a transaction a connection that was lost while idle is opened again; inside, db_begin has
 * done it. */
static enum err ensure_connected(struct postgres *postgres)
{
    if (postgres->conn && PQstatus(postgres->conn) == CONNECTION_OK)
        return OK;
    if (postgres->db.in_transaction) {
        postgres->db.verdict = ERR_AGAIN;
        return ERR_AGAIN;
    }
    return postgres_reconnect(postgres);
}

/* The text with its values, which the planner sees. */
static PGresult *send_fresh(struct postgres *postgres, const struct db_call *call,
                            const struct bound *bound)
{
    const char *sql = db_statement_sql(&postgres->db, call->statement);
    Oid types[DB_PARAMS_MAX];

    REQUIRE(call->arg_count == db_count_params(sql));
    for (size_t i = 0; i < call->arg_count; i++)
        types[i] = postgres_type(&call->args[i]);
    return PQexecParams(postgres->conn, sql, (int)call->arg_count, types, bound->values,
                        bound->lengths, bound->formats, 0);
}

static enum err send_prepared(struct postgres *postgres, const struct db_call *call,
                              const struct bound *bound, PGresult **result)
{
    struct prepared *prepared;
    enum err err = postgres_prepare(postgres, call, call->args, &prepared);

    if (!err)
        *result =
            PQexecPrepared(postgres->conn, prepared->name, (int)call->arg_count, bound->values,
                           bound->lengths, bound->formats, prepared->result_format);
    return err;
}

static enum err execute(struct postgres *postgres, const struct db_call *call, PGresult **result)
{
    struct bound bound;
    enum err err = ensure_connected(postgres);

    if (!err)
        err = postgres_bind(postgres, call, call->args, &bound);
    if (!err && call->is_fresh)
        *result = send_fresh(postgres, call, &bound);
    else if (!err)
        err = send_prepared(postgres, call, &bound, result);
    if (err)
        return err;
    postgres->db.writes += !str_starts(str_of(PQcmdStatus(*result)), STR("SELECT"));
    if (PQresultStatus(*result) == PGRES_COMMAND_OK || PQresultStatus(*result) == PGRES_TUPLES_OK)
        return OK;
    return postgres_failed(postgres, *result, call->statement->name);
}

static enum err postgres_run(struct db *db, const struct db_call *call, int64_t *changed)
{
    PGresult *result;
    enum err err = execute(postgres_of(db), call, &result);

    if (err)
        return err;
    if (str_to_i64(str_of(PQcmdTuples(result)), changed)) /* "": not that kind of statement */
        *changed = 0;
    PQclear(result);
    return OK;
}

static enum err postgres_query(struct db *db, const struct db_call *call, struct db_rows *rows)
{
    PGresult *result;
    enum err err = execute(postgres_of(db), call, &result);

    if (!err)
        postgres_rows_start(rows, result);
    return err;
}

/* ---- pipelines ---- */

static enum err send_rows(struct postgres *postgres, const struct db_call *call,
                          const struct db_value *args, size_t row_count)
{
    for (size_t row = 0; row < row_count; row++) {
        const struct db_value *values = args + row * call->arg_count;
        struct prepared *prepared = map_find(&postgres->prepared, str_of(call->statement->name));
        struct bound bound;
        enum err err = postgres_bind(postgres, call, values, &bound);

        if (err)
            return err;
        if (!PQsendQueryPrepared(postgres->conn, prepared->name, (int)call->arg_count, bound.values,
                                 bound.lengths, bound.formats, 0))
            return postgres_failed(postgres, NULL, call->statement->name);
    }
    return OK;
}

/* Up to the mark that ends the pipeline, so that the connection is usable after an error too. */
static enum err read_results(struct postgres *postgres, const char *name)
{
    enum err err = OK;

    for (;;) {
        PGresult *result = PQgetResult(postgres->conn);
        ExecStatusType status = PQresultStatus(result);

        if (!result && PQstatus(postgres->conn) != CONNECTION_OK)
            return err ? err : postgres_failed(postgres, NULL, name);
        if (status == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            return err;
        }
        if (result && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
            status != PGRES_PIPELINE_ABORTED && !err)
            err = postgres_failed(postgres, result, name);
        else
            PQclear(result);
    }
}

static enum err run_pipeline(struct postgres *postgres, const struct db_call *call,
                             const struct db_value *args, size_t row_count)
{
    const char *name = call->statement->name;
    enum err sent, err;

    if (!PQenterPipelineMode(postgres->conn))
        return postgres_failed(postgres, NULL, name);
    sent = send_rows(postgres, call, args, row_count);
    if (!PQpipelineSync(postgres->conn))
        err = postgres_failed(postgres, NULL, name);
    else
        err = read_results(postgres, name);
    if (PQstatus(postgres->conn) == CONNECTION_OK)
        REQUIRE(PQexitPipelineMode(postgres->conn));
    return err ? err : sent;
}

/* The types of a pipeline are those of all its rows: NULL in the first must not fix them. */
static enum err prepare_rows(struct postgres *postgres, const struct db_call *call,
                             size_t row_count)
{
    struct prepared *prepared;
    enum err err = OK;

    for (size_t row = 0; row < row_count && !err; row++)
        err = postgres_prepare(postgres, call, call->args + row * call->arg_count, &prepared);
    return err;
}

static enum err postgres_run_many(struct db *db, const struct db_call *call, size_t row_count)
{
    struct postgres *postgres = postgres_of(db);
    enum err err = ensure_connected(postgres);

    db->writes++;
    if (!err)
        err = prepare_rows(postgres, call, row_count);
    for (size_t done = 0; done < row_count && !err; done += PIPELINE_ROWS) {
        size_t rest = row_count - done;

        err = run_pipeline(postgres, call, call->args + done * call->arg_count,
                           rest < PIPELINE_ROWS ? rest : PIPELINE_ROWS);
    }
    return err;
}

static enum err send_arrays(struct postgres *postgres, const struct db_call *call, size_t row_count,
                            struct buf *bytes, PGresult **result)
{
    struct prepared *prepared = NULL;
    struct bound bound;
    enum err err = postgres_prepare_arrays(postgres, call, &prepared);

    if (!err)
        err = postgres_bind_rows(postgres, call, prepared, row_count, bytes, &bound);
    if (!err)
        *result = PQexecPrepared(postgres->conn, prepared->name, (int)call->arg_count, bound.values,
                                 bound.lengths, bound.formats, 0);
    return err;
}

static void read_touched(const PGresult *result, size_t row_count, bool *touched)
{
    memset(touched, 0, row_count * sizeof(bool));
    for (int i = 0; i < PQntuples(result); i++) {
        int64_t nth = 0;

        REQUIRE(str_to_i64(str_of(PQgetvalue(result, i, 0)), &nth) == OK);
        REQUIRE(nth >= 1 && nth <= (int64_t)row_count);
        touched[nth - 1] = true;
    }
}

static enum err postgres_run_rows(struct db *db, const struct db_call *call, size_t row_count,
                                  bool *touched)
{
    struct postgres *postgres = postgres_of(db);
    PGresult *result = NULL;
    struct buf bytes;
    enum err err = ensure_connected(postgres);

    db->writes++;
    if (err)
        return err;
    buf_init(&bytes, POSTGRES_ARRAYS_BYTES_MAX);
    err = send_arrays(postgres, call, row_count, &bytes, &result);
    buf_release(&bytes);
    if (err)
        return err;
    if (PQresultStatus(result) != (touched ? PGRES_TUPLES_OK : PGRES_COMMAND_OK))
        return postgres_failed(postgres, result, call->statement->name);
    if (touched)
        read_touched(result, row_count, touched);
    PQclear(result);
    return OK;
}

/* ---- transactions ---- */

/* `name` is for the log: a text may be long. */
static enum err execute_text(struct postgres *postgres, const char *sql, const char *name)
{
    enum err err = ensure_connected(postgres);
    PGresult *result;

    if (err)
        return err;
    result = PQexec(postgres->conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        return postgres_failed(postgres, result, name);
    PQclear(result);
    return OK;
}

static enum err postgres_script(struct db *db, const char *sql)
{
    db->writes++;
    return execute_text(postgres_of(db), sql, "script");
}

#define CLOCK "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"

/* In one round trip: the begin, the database's clock, and of a write the name of the transaction.
 */
static enum err begin_once(struct postgres *postgres, bool snapshot)
{
    const char *sql = snapshot ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;" CLOCK
                               : "BEGIN ISOLATION LEVEL READ COMMITTED;" CLOCK
                                 ", pg_current_xact_id()";
    PGresult *result;
    enum err err = ensure_connected(postgres);

    if (err)
        return err;
    result = PQexec(postgres->conn, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        return postgres_failed(postgres, result, "begin");
    if (str_to_i64(str_of(PQgetvalue(result, 0, 0)), &postgres->db.clock_us))
        postgres->db.clock_us = 0;
    postgres->transaction[0] = '\0';
    if (!snapshot)
        snprintf(postgres->transaction, sizeof(postgres->transaction), "%s",
                 PQgetvalue(result, 0, 1));
    PQclear(result);
    return OK;
}

static enum err postgres_begin(struct db *db, bool snapshot)
{
    struct postgres *postgres = postgres_of(db);
    enum err err = begin_once(postgres, snapshot);

    /* It may have died while it was idle. */
    if (err && PQstatus(postgres->conn) != CONNECTION_OK)
        err = begin_once(postgres, snapshot);
    return err;
}

/* A name that had not been given out before this question's own was lost with a server that
 * crashed: asking for it would be an error. (A snapshot's xmax would not do: the newest that is
 * under way has it.) A standby that is still to be promoted knows nothing yet. */
#define STATUS                                                                                     \
    "SELECT CASE WHEN pg_is_in_recovery() THEN 'in progress'"                                      \
    " WHEN CAST($1 AS xid8) < pg_current_xact_id() THEN pg_xact_status(CAST($1 AS xid8))"          \
    " ELSE 'aborted' END"
/* Behind the status, in a statement of its own, which sees what had ended by then. */
#define MARKED                                                                                     \
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM commit_marks WHERE session = $2 AND mark = $1)"        \
    " THEN 'committed' ELSE 'aborted' END"

static enum err fate_read(struct postgres *postgres, const char *sql, int value_count, char *fate,
                          size_t size)
{
    const char *const values[] = {postgres->transaction, postgres->marks};
    PGresult *result = PQexecParams(postgres->conn, sql, value_count, NULL, values, NULL, NULL, 0);

    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        return postgres_failed(postgres, result, "what became of the commit");
    snprintf(fate, size, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return OK;
}

/* What became of the transaction that was being committed; ERR_AGAIN also while it is under way. */
static enum err fate_ask(struct postgres *postgres, bool *is_known)
{
    char fate[16] = "";
    enum err err = postgres_reconnect(postgres);

    *is_known = false;
    if (err)
        return err;
    err = fate_read(postgres, STATUS, 1, fate, sizeof(fate));
    if (!err && postgres->marks[0] && strcmp(fate, "in progress") != 0)
        err = fate_read(postgres, MARKED, 2, fate, sizeof(fate));
    if (err) {
        *is_known = PQstatus(postgres->conn) == CONNECTION_OK;
        return err;
    }
    err = strcmp(fate, "committed") == 0 ? OK : ERR_AGAIN;
    *is_known = !err || strcmp(fate, "aborted") == 0;
    return err;
}

/* The connection broke off in COMMIT. OK: committed. ERR_AGAIN: rolled back. ERR_IO: nobody knows.
 */
static enum err fate_find(struct postgres *postgres)
{
    const struct timespec pause = {.tv_nsec = FATE_PAUSE_MS * US_PER_MS * 1000};
    bool is_known = false;

    for (int try = 0; try < FATE_TRIES && postgres->transaction[0]; try++) {
        enum err err = fate_ask(postgres, &is_known);

        if (is_known && (err == OK || err == ERR_AGAIN)) {
            log_warn("db", "the connection was lost in a commit, which was %s",
                     err ? "rolled back" : "done");
            return err;
        }
        if (is_known)
            break;
        (void)nanosleep(&pause, NULL);
    }
    return ERR_IO;
}

/* With its mark, in one round trip. */
static PGresult *commit_send(struct postgres *postgres)
{
    char sql[400];

    if (!postgres->marks[0] || !postgres->transaction[0])
        return PQexec(postgres->conn, "COMMIT");
    snprintf(sql, sizeof(sql),
             "INSERT INTO commit_marks (session, mark, at_us) VALUES ('%s', '%s',"
             " CAST(EXTRACT(EPOCH FROM now()) * 1000000 AS BIGINT)) ON CONFLICT (session)"
             " DO UPDATE SET mark = excluded.mark, at_us = excluded.at_us; COMMIT",
             postgres->marks, postgres->transaction);
    return PQexec(postgres->conn, sql);
}

/* An error that the server tells is a rollback; only silence leaves the question open. */
static enum err postgres_commit(struct db *db)
{
    struct postgres *postgres = postgres_of(db);
    PGresult *result = commit_send(postgres);
    bool committed = PQresultStatus(result) == PGRES_COMMAND_OK &&
                     str_eq(str_of(PQcmdStatus(result)), STR("COMMIT"));
    bool told = result && PQresultErrorField(result, PG_DIAG_SQLSTATE) &&
                PQstatus(postgres->conn) == CONNECTION_OK;

    if (!committed) {
        enum err err = postgres_failed(postgres, result, "commit");

        if (told)
            return err == ERR_LIMIT ? ERR_LIMIT : ERR_AGAIN;
        return fate_find(postgres);
    }
    PQclear(result);
    return OK;
}

static void postgres_rollback(struct db *db)
{
    struct postgres *postgres = postgres_of(db);

    if (PQstatus(postgres->conn) != CONNECTION_OK)
        return;
    if (PQtransactionStatus(postgres->conn) == PQTRANS_IDLE)
        return;
    if (execute_text(postgres, "ROLLBACK", "rollback"))
        postgres_disconnect(postgres);
}

static enum err postgres_mark(struct db *db, enum db_mark mark)
{
    static const char *const texts[] = {
        [DB_MARK_SET] = "SAVEPOINT work",
        [DB_MARK_RELEASE] = "RELEASE work",
        [DB_MARK_ROLLBACK] = "ROLLBACK TO work; RELEASE work",
    };

    return execute_text(postgres_of(db), texts[mark], texts[mark]);
}

static enum err postgres_tidy(struct db *db)
{
    (void)db;
    return OK;
}

static int postgres_session_id(struct db *db)
{
    return PQbackendPID(postgres_of(db)->conn);
}

static void postgres_close(struct db *db)
{
    struct postgres *postgres = postgres_of(db);

    postgres_disconnect(postgres);
    map_release(&postgres->prepared);
    mem_free(postgres->url);
    mem_free(postgres);
}

const struct db_ops postgres_ops = {
    .run = postgres_run,
    .run_many = postgres_run_many,
    .run_rows = postgres_run_rows,
    .query = postgres_query,
    .next = postgres_rows_next,
    .is_null = postgres_is_null,
    .get_int = postgres_get_int,
    .get_double = postgres_get_double,
    .get_str = postgres_get_str,
    .end = postgres_rows_end,
    .script = postgres_script,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .mark = postgres_mark,
    .tidy = postgres_tidy,
    .session_id = postgres_session_id,
    .close = postgres_close,
};
