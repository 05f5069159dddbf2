/* db_priv.h -- what the two drivers fill in, and the state db.c keeps for both.
 *
 * The law of a transaction, the same for both databases (it is PostgreSQL's): after a statement has
 * failed inside a transaction nothing but a rollback, to the savepoint or of everything, is
 * possible. db.c keeps that in `failed`, so that SQLite does not let pass what PostgreSQL would
 * refuse.
 *
 *   idle --db_begin--> open --statement fails--> failed --db_savepoint_rollback--> open
 *    ^                  |                          |
 *    +-- db_commit -----+------ db_rollback -------+ */
#ifndef DB_DB_PRIV_H
#define DB_DB_PRIV_H

#include "db/db.h"

#define DB_PARAMS_MAX 64
#define DB_ERROR_BYTES_MAX 512

struct db_call {
    const struct db_statement *statement;
    const struct db_value *args;
    size_t arg_count;
    bool is_fresh; /* db_query_fresh */
};

enum db_mark { DB_MARK_SET, DB_MARK_RELEASE, DB_MARK_ROLLBACK };

struct db_ops {
    enum err (*run)(struct db *db, const struct db_call *call, int64_t *changed);
    enum err (*run_many)(struct db *db, const struct db_call *call, size_t row_count);
    enum err (*run_rows)(struct db *db, const struct db_call *call, size_t row_count,
                         bool *touched);
    enum err (*query)(struct db *db, const struct db_call *call, struct db_rows *rows);
    bool (*next)(struct db_rows *rows);
    bool (*is_null)(const struct db_rows *rows, int column);
    int64_t (*get_int)(const struct db_rows *rows, int column);
    double (*get_double)(const struct db_rows *rows, int column);
    struct str (*get_str)(const struct db_rows *rows, int column);
    void (*end)(struct db_rows *rows);
    enum err (*script)(struct db *db, const char *sql);
    enum err (*begin)(struct db *db, bool snapshot);
    enum err (*commit)(struct db *db);
    void (*rollback)(struct db *db);
    enum err (*mark)(struct db *db, enum db_mark mark);
    enum err (*tidy)(struct db *db);
    int (*session_id)(struct db *db);
    void (*close)(struct db *db);
};

/* The first member of both drivers' structs. */
struct db {
    const struct db_ops *ops;
    enum db_dialect dialect;
    bool in_transaction;
    enum err failed;  /* OK, or why the transaction can only be rolled back */
    enum err verdict; /* see db_failure */
    unsigned rows_open;
    int64_t clock_us; /* at the last begin; 0: the database has no clock of its own */
    uint64_t writes;  /* statements so far that may have changed something */
    enum { DB_KEEPS, DB_FORGETS, DB_HAS_FORGOTTEN } forgetting;
    char error[DB_ERROR_BYTES_MAX];
};

/* For the drivers: remembers the text for db_error, logs it unless the caller can act on it, and
 * gives `err`. */
enum err db_note_error(struct db *db, enum err err, const char *statement, const char *text);
/* The text this database runs. */
const char *db_statement_sql(const struct db *db, const struct db_statement *statement);
/* The number of parameters in a text: the highest n of its $n. */
size_t db_count_params(const char *sql);

#endif
