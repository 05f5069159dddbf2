/* db.c -- what every statement passes on its way to a driver: the law of a transaction. */
#include "db/db.h"

#include "base/log.h"
#include "db/db_priv.h"
#include "db/forget.h"
#include "db/state.h"

enum err db_note_error(struct db *db, enum err err, const char *statement, const char *text)
{
    snprintf(db->error, sizeof(db->error), "%s: %s", statement, text);
    if (err != ERR_CONFLICT && err != ERR_AGAIN)
        log_error("db", "%s", db->error);
    else
        log_debug("db", "%s", db->error);
    return err;
}

const char *db_statement_sql(const struct db *db, const struct db_statement *statement)
{
    return db->dialect == DB_POSTGRES && statement->postgres ? statement->postgres : statement->sql;
}

size_t db_count_params(const char *sql)
{
    size_t highest = 0;

    for (const char *at = strchr(sql, '$'); at; at = strchr(at + 1, '$')) {
        size_t number = 0;

        for (const char *digit = at + 1; *digit >= '0' && *digit <= '9'; digit++)
            number = number * 10 + (size_t)(*digit - '0');
        if (number > highest)
            highest = number;
    }
    REQUIRE(highest <= DB_PARAMS_MAX);
    return highest;
}

/* What every statement passes on its way in and out. */
static enum err admit(struct db *db, const struct db_statement *statement)
{
    if (!db->failed)
        return OK;
    log_error("db", "%s: not run, the transaction has failed and must be rolled back",
              statement->name);
    return ERR_IO;
}

static enum err settle(struct db *db, enum err err)
{
    if (err && db->in_transaction && !db->failed)
        db->failed = err;
    return err;
}

enum err db_run(struct db *db, const struct db_statement *statement, const struct db_value *args,
                size_t arg_count, int64_t *changed)
{
    struct db_call call = {statement, args, arg_count, false};
    int64_t ignored = 0;
    enum err err = admit(db, statement);

    if (err)
        return err;
    return settle(db, db->ops->run(db, &call, changed ? changed : &ignored));
}

enum err db_run_many(struct db *db, const struct db_statement *statement,
                     const struct db_value *args, size_t arg_count, size_t row_count)
{
    struct db_call call = {statement, args, arg_count, false};
    enum err err = admit(db, statement);

    REQUIRE(db->in_transaction);
    if (err || row_count == 0)
        return err;
    return settle(db, db->ops->run_many(db, &call, row_count));
}

enum err db_run_rows(struct db *db, const struct db_statement *statement,
                     const struct db_value *args, size_t arg_count, size_t row_count, bool *touched)
{
    struct db_call call = {statement, args, arg_count, false};
    enum err err = admit(db, statement);

    REQUIRE(db->in_transaction && statement->postgres);
    if (err || row_count == 0)
        return err;
    return settle(db, db->ops->run_rows(db, &call, row_count, touched));
}

static enum err query(struct db *db, const struct db_call *call, struct db_rows *rows)
{
    enum err err = admit(db, call->statement);

    REQUIRE(rows->handle == NULL);
    *rows = (struct db_rows){.db = db, .err = err};
    if (err)
        return err;
    err = settle(db, db->ops->query(db, call, rows));
    rows->err = err;
    if (!err)
        db->rows_open++;
    return err;
}

enum err db_query(struct db *db, const struct db_statement *statement, const struct db_value *args,
                  size_t arg_count, struct db_rows *rows)
{
    struct db_call call = {statement, args, arg_count, false};

    return query(db, &call, rows);
}

enum err db_query_fresh(struct db *db, const struct db_statement *statement,
                        const struct db_value *args, size_t arg_count, struct db_rows *rows)
{
    struct db_call call = {statement, args, arg_count, true};

    return query(db, &call, rows);
}

bool db_next(struct db_rows *rows)
{
    if (!rows->handle || rows->err)
        return false;
    if (rows->db->ops->next(rows))
        return true;
    (void)settle(rows->db, rows->err);
    return false;
}

bool db_is_null(const struct db_rows *rows, int column)
{
    return rows->db->ops->is_null(rows, column);
}

int64_t db_get_int(const struct db_rows *rows, int column)
{
    return rows->db->ops->get_int(rows, column);
}

double db_get_double(const struct db_rows *rows, int column)
{
    return rows->db->ops->get_double(rows, column);
}

struct str db_get_str(const struct db_rows *rows, int column)
{
    return rows->db->ops->get_str(rows, column);
}

struct str db_get_keep(const struct db_rows *rows, int column, struct arena *arena)
{
    return arena_str(arena, db_get_str(rows, column));
}

enum err db_rows_end(struct db_rows *rows)
{
    enum err err = rows->err;

    if (!rows->handle)
        return err;
    rows->db->ops->end(rows);
    rows->handle = NULL;
    REQUIRE(rows->db->rows_open > 0);
    rows->db->rows_open--;
    return err;
}

enum err db_query_one(struct db *db, const struct db_statement *statement,
                      const struct db_value *args, size_t arg_count, struct db_rows *rows)
{
    enum err err = db_query(db, statement, args, arg_count, rows);

    if (err)
        return err;
    if (db_next(rows))
        return OK;
    err = db_rows_end(rows);
    return err ? err : ERR_NOT_FOUND;
}

enum err db_script(struct db *db, const char *sql)
{
    static const struct db_statement script = {"script", NULL, NULL};
    enum err err = admit(db, &script);

    if (err)
        return err;
    return settle(db, db->ops->script(db, sql));
}

static enum err begin(struct db *db, bool snapshot)
{
    enum err err;

    REQUIRE(!db->in_transaction && db->rows_open == 0);
    db->failed = OK;
    db->verdict = OK;
    err = db->ops->begin(db, snapshot);
    db->in_transaction = !err;
    return err;
}

enum err db_begin(struct db *db)
{
    return begin(db, false);
}

enum err db_begin_snapshot(struct db *db)
{
    return begin(db, true);
}

enum err db_commit(struct db *db)
{
    enum err err;

    REQUIRE(db->in_transaction && !db->failed && db->rows_open == 0);
    err = db->ops->commit(db);
    if (err == ERR_AGAIN || err == ERR_LIMIT)
        db->ops->rollback(db);
    db->in_transaction = false;
    return err;
}

void db_rollback(struct db *db)
{
    REQUIRE(db->in_transaction && db->rows_open == 0);
    db->ops->rollback(db);
    db->in_transaction = false;
    db->failed = OK;
    db->verdict = OK;
}

enum err db_savepoint(struct db *db)
{
    REQUIRE(db->in_transaction && !db->failed);
    return settle(db, db->ops->mark(db, DB_MARK_SET));
}

enum err db_savepoint_release(struct db *db)
{
    REQUIRE(db->in_transaction && db->rows_open == 0);
    if (db->failed)
        return db->failed;
    return settle(db, db->ops->mark(db, DB_MARK_RELEASE));
}

enum err db_savepoint_rollback(struct db *db)
{
    enum err err;

    REQUIRE(db->in_transaction && db->rows_open == 0);
    if (db->verdict)
        return db->verdict;
    db->failed = OK;
    err = db->ops->mark(db, DB_MARK_ROLLBACK);
    return settle(db, err);
}

enum err db_failure(const struct db *db)
{
    return db->verdict;
}

enum err db_transaction_error(const struct db *db)
{
    return db->failed;
}

bool db_in_transaction(const struct db *db)
{
    return db->in_transaction;
}

uint64_t db_writes(const struct db *db)
{
    return db->writes;
}

void db_forget(struct db *db)
{
    db->forgetting = db->dialect == DB_SQLITE ? DB_FORGETS : DB_HAS_FORGOTTEN;
}

bool db_has_forgotten(const struct db *db)
{
    return db->forgetting == DB_HAS_FORGOTTEN;
}

enum err db_tidy(struct db *db)
{
    REQUIRE(!db->in_transaction);
    return db->ops->tidy(db);
}

int64_t db_clock_us(const struct db *db)
{
    return db->clock_us;
}

int db_session_id(struct db *db)
{
    return db->ops->session_id(db);
}

enum db_dialect db_dialect(const struct db *db)
{
    return db->dialect;
}

const char *db_error(const struct db *db)
{
    return db->error;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    REQUIRE(db->rows_open == 0);
    db->ops->close(db);
}
