/* sqlite.c -- the SQLite driver: statements, rows, transactions.
 *
 * One connection writes and checkpoints, all others are read_only (query_only, no checkpoint, not
 * even at their end). With this rule the WAL-reset fault of SQLite before 3.51.3 cannot happen, and
 * a commit never waits for another writer. The checkpoint runs in db_tidy, after the answers; a
 * commit does it itself only when the log has grown far beyond its size. An fsync error shows in
 * db_commit or db_tidy as ERR_IO. */
#include "base/log.h"
#include "base/mem.h"
#include "db/gather_vfs.h"
#include "db/sqlite_priv.h"

/* 16 MB and 64 MB of 4 KB pages. A page that each commit changes is copied once in a while only. */
#define WAL_PAGES_TIDY 4000
#define WAL_PAGES_MAX 16000

struct sqlite *sqlite_of(struct db *db)
{
    return CONTAINER_OF(db, struct sqlite, db);
}

static enum err err_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_AGAIN;
    case SQLITE_TOOBIG:
        return ERR_LIMIT;
    case SQLITE_CONSTRAINT:
        break;
    default:
        return ERR_IO;
    }
    switch (code) {
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_ROWID:
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return ERR_CONFLICT;
    default:
        return ERR_IO;
    }
}

/* SQLite may have rolled everything back by itself: then there is no savepoint to return to. */
static enum err verdict_of(struct sqlite *sqlite, int code, enum err err)
{
    if (err == ERR_AGAIN)
        return ERR_AGAIN;
    if ((code & 0xff) == SQLITE_FULL)
        return ERR_LIMIT;
    return sqlite3_get_autocommit(sqlite->handle) ? ERR_IO : OK;
}

enum err sqlite_failed(struct sqlite *sqlite, int code, const char *statement)
{
    enum err err = err_of(code);

    if (sqlite->db.in_transaction && !sqlite->db.verdict)
        sqlite->db.verdict = verdict_of(sqlite, code, err);
    return db_note_error(&sqlite->db, err, statement, sqlite3_errmsg(sqlite->handle));
}

static int bind_value(struct statement *statement, int index, const struct db_value *value)
{
    sqlite3_stmt *stmt = statement->stmt;

    switch (value->type) {
    case DB_INT:
        return sqlite3_bind_int64(stmt, index, value->integer);
    case DB_DOUBLE:
        return sqlite3_bind_double(stmt, index, value->real);
    case DB_TEXT:
        return sqlite3_bind_text64(stmt, index, value->bytes.data, value->bytes.len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case DB_BLOB:
        return sqlite3_bind_blob64(stmt, index, value->bytes.data, value->bytes.len, SQLITE_STATIC);
    case DB_NULL:
        break;
    }
    return sqlite3_bind_null(stmt, index);
}

static enum err bind_all(struct sqlite *sqlite, struct statement *statement,
                         const struct db_value *args, size_t arg_count)
{
    const char *name = statement->key->name;

    REQUIRE(arg_count == statement->param_count);
    sqlite->db.writes += !sqlite3_stmt_readonly(statement->stmt);
    for (size_t i = 0; i < arg_count; i++) {
        const struct db_value *value = &args[i];
        int code;

        if (statement->param_at[i] == 0)
            continue;
        if (value->type == DB_TEXT && value->bytes.len &&
            memchr(value->bytes.data, '\0', value->bytes.len))
            return db_note_error(&sqlite->db, ERR_INVALID, name, "a text with a NUL byte");
        code = bind_value(statement, statement->param_at[i], value);
        if (code != SQLITE_OK)
            return sqlite_failed(sqlite, code, name);
    }
    return OK;
}

/* To the end, rows and all. */
static enum err step_all(struct sqlite *sqlite, struct statement *statement)
{
    int code;

    do
        code = sqlite3_step(statement->stmt);
    while (code == SQLITE_ROW);
    return code == SQLITE_DONE ? OK : sqlite_failed(sqlite, code, statement->key->name);
}

static enum err sqlite_run(struct db *db, const struct db_call *call, int64_t *changed)
{
    struct sqlite *sqlite = sqlite_of(db);
    struct statement *statement;
    enum err err = sqlite_cache_get(sqlite, call->statement, &statement);

    if (err)
        return err;
    err = bind_all(sqlite, statement, call->args, call->arg_count);
    if (!err)
        err = step_all(sqlite, statement);
    if (!err)
        *changed = sqlite3_changes64(sqlite->handle);
    sqlite_cache_put(statement);
    return err;
}

static enum err sqlite_run_rows(struct db *db, const struct db_call *call, size_t row_count,
                                bool *touched)
{
    struct sqlite *sqlite = sqlite_of(db);
    struct statement *statement;
    enum err err = sqlite_cache_get(sqlite, call->statement, &statement);

    if (err)
        return err;
    for (size_t row = 0; row < row_count && !err; row++) {
        err = bind_all(sqlite, statement, call->args + row * call->arg_count, call->arg_count);
        if (!err)
            err = step_all(sqlite, statement);
        if (touched)
            touched[row] = sqlite3_changes64(sqlite->handle) > 0;
        (void)sqlite3_reset(statement->stmt);
    }
    sqlite_cache_put(statement);
    return err;
}

static enum err sqlite_run_many(struct db *db, const struct db_call *call, size_t row_count)
{
    return sqlite_run_rows(db, call, row_count, NULL);
}

static enum err sqlite_query(struct db *db, const struct db_call *call, struct db_rows *rows)
{
    struct sqlite *sqlite = sqlite_of(db);
    struct statement *statement;
    enum err err = sqlite_cache_get(sqlite, call->statement, &statement);

    if (err)
        return err;
    err = bind_all(sqlite, statement, call->args, call->arg_count);
    if (err)
        sqlite_cache_put(statement);
    else
        rows->handle = statement;
    return err;
}

static bool sqlite_next(struct db_rows *rows)
{
    struct statement *statement = rows->handle;
    int code = sqlite3_step(statement->stmt);

    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE)
        rows->err = sqlite_failed(sqlite_of(rows->db), code, statement->key->name);
    return false;
}

static sqlite3_stmt *column_of(const struct db_rows *rows, int column)
{
    struct statement *statement = rows->handle;

    REQUIRE(statement && column >= 0 && column < sqlite3_data_count(statement->stmt));
    return statement->stmt;
}

static bool sqlite_is_null(const struct db_rows *rows, int column)
{
    return sqlite3_column_type(column_of(rows, column), column) == SQLITE_NULL;
}

static int64_t sqlite_get_int(const struct db_rows *rows, int column)
{
    return sqlite3_column_int64(column_of(rows, column), column);
}

static double sqlite_get_double(const struct db_rows *rows, int column)
{
    return sqlite3_column_double(column_of(rows, column), column);
}

static struct str sqlite_get_str(const struct db_rows *rows, int column)
{
    sqlite3_stmt *stmt = column_of(rows, column);
    int type = sqlite3_column_type(stmt, column);
    const char *data;

    if (type == SQLITE_NULL)
        return STR_NONE;
    data = type == SQLITE_BLOB ? sqlite3_column_blob(stmt, column)
                               : (const char *)sqlite3_column_text(stmt, column);
    return str_range(data ? data : "", (size_t)sqlite3_column_bytes(stmt, column));
}

static void sqlite_end(struct db_rows *rows)
{
    sqlite_cache_put(rows->handle);
}

static enum err sqlite_script(struct db *db, const char *sql)
{
    struct sqlite *sqlite = sqlite_of(db);
    int code = sqlite3_exec(sqlite->handle, sql, NULL, NULL, NULL);

    db->writes++;
    return code == SQLITE_OK ? OK : sqlite_failed(sqlite, code, "script");
}

static enum err run_plain(struct sqlite *sqlite, const struct db_statement *statement)
{
    struct db_call call = {statement, NULL, 0, false};
    int64_t ignored;

    return sqlite_run(&sqlite->db, &call, &ignored);
}

static enum err sqlite_begin(struct db *db, bool snapshot)
{
    static const struct db_statement write = {"begin", "BEGIN IMMEDIATE", NULL};
    static const struct db_statement read = {"begin_snapshot", "BEGIN", NULL};
    struct sqlite *sqlite = sqlite_of(db);

    REQUIRE(snapshot || !sqlite->read_only);
    return run_plain(sqlite, snapshot ? &read : &write);
}

/* Without room in the database's file what was committed stays in the log, until a later one. */
static enum err checkpoint(struct sqlite *sqlite)
{
    int code =
        sqlite3_wal_checkpoint_v2(sqlite->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);

    sqlite->wal_pages = 0;
    if (code == SQLITE_OK || (code & 0xff) == SQLITE_FULL || err_of(code) == ERR_AGAIN)
        return OK;
    return sqlite_failed(sqlite, code, "checkpoint");
}

/* A reader in the way: at the next tidying. */
static enum err empty_log(struct sqlite *sqlite)
{
    int code =
        sqlite3_wal_checkpoint_v2(sqlite->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

    if (code == SQLITE_OK) {
        sqlite->wal_pages = 0;
        sqlite->db.forgetting = DB_HAS_FORGOTTEN;
        return OK;
    }
    return err_of(code) == ERR_AGAIN ? OK : sqlite_failed(sqlite, code, "checkpoint");
}

static enum err sqlite_tidy(struct db *db)
{
    struct sqlite *sqlite = sqlite_of(db);

    if (db->forgetting == DB_FORGETS && !sqlite->read_only)
        return empty_log(sqlite);
    if (sqlite->read_only || sqlite->wal_pages < WAL_PAGES_TIDY)
        return OK;
    return checkpoint(sqlite);
}

/* A commit that fails has perhaps reached the disk, except when there was no room for it: the frame
 * that would make it valid is written last. */
static enum err sqlite_commit(struct db *db)
{
    static const struct db_statement commit = {"commit", "COMMIT", NULL};
    struct sqlite *sqlite = sqlite_of(db);
    enum err err = run_plain(sqlite, &commit);

    if (err)
        return sqlite->db.verdict == ERR_LIMIT ? ERR_LIMIT : ERR_IO;
    return sqlite->wal_pages < WAL_PAGES_MAX ? OK : checkpoint(sqlite);
}

static void sqlite_rollback(struct db *db)
{
    static const struct db_statement rollback = {"rollback", "ROLLBACK", NULL};
    struct sqlite *sqlite = sqlite_of(db);

    if (!sqlite3_get_autocommit(sqlite->handle))
        (void)run_plain(sqlite, &rollback);
    REQUIRE(sqlite3_get_autocommit(sqlite->handle));
}

static enum err sqlite_mark(struct db *db, enum db_mark mark)
{
    static const struct db_statement set = {"savepoint", "SAVEPOINT work", NULL};
    static const struct db_statement release = {"release", "RELEASE work", NULL};
    static const struct db_statement back = {"back", "ROLLBACK TO work", NULL};
    struct sqlite *sqlite = sqlite_of(db);
    enum err err;

    if (mark == DB_MARK_SET)
        return run_plain(sqlite, &set);
    if (mark == DB_MARK_RELEASE)
        return run_plain(sqlite, &release);
    err = run_plain(sqlite, &back);
    return err ? err : run_plain(sqlite, &release);
}

static int sqlite_session_id(struct db *db)
{
    (void)db;
    return 0;
}

static void sqlite_close(struct db *db)
{
    struct sqlite *sqlite = sqlite_of(db);

    sqlite_cache_release(sqlite);
    if (sqlite3_close(sqlite->handle) != SQLITE_OK)
        log_error("db", "close: %s", sqlite3_errmsg(sqlite->handle));
    gather_vfs_free(sqlite->gather);
    mem_free(sqlite);
}

const struct db_ops sqlite_ops = {
    .run = sqlite_run,
    .run_many = sqlite_run_many,
    .run_rows = sqlite_run_rows,
    .query = sqlite_query,
    .next = sqlite_next,
    .is_null = sqlite_is_null,
    .get_int = sqlite_get_int,
    .get_double = sqlite_get_double,
    .get_str = sqlite_get_str,
    .end = sqlite_end,
    .script = sqlite_script,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .mark = sqlite_mark,
    .tidy = sqlite_tidy,
    .session_id = sqlite_session_id,
    .close = sqlite_close,
};
