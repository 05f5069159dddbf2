/* db.h -- one connection to a SQL database, SQLite or PostgreSQL, behind one interface.
 *
 * Statements are static structs with a name and a text; the text is shared by both databases unless
 * the dialect needs its own. Parameters are $1, $2 … in the text and an array of values in the
 * call. A connection prepares a statement once, keeps it, and serves one thread at a time.
 *
 * What a shared text must mind: a parameter that can be NULL and whose type nothing shows is cast,
 * CAST($1 AS BIGINT), never `$1::bigint`; LIKE is case-sensitive and says ESCAPE '\'; ORDER BY a
 * column with NULLs says NULLS FIRST or LAST; text compares bytewise; a text holds no NUL byte.
 *
 * Types: BIGINT/INTEGER ↔ int64, TEXT ↔ str, BYTEA/BLOB ↔ bytes, DOUBLE PRECISION ↔ double, NULL.
 * Booleans are integers 0/1; times are int64 microseconds; JSON is TEXT. */
#ifndef DB_DB_H
#define DB_DB_H

#include "base/arena.h"

struct db;
enum db_dialect { DB_SQLITE, DB_POSTGRES };

struct db_statement {
    const char *name;     /* unique in the program: "runs_insert" */
    const char *sql;      /* shared text, or SQLite's if `postgres` is set */
    const char *postgres; /* NULL: the shared text */
};

enum db_type { DB_NULL, DB_INT, DB_DOUBLE, DB_TEXT, DB_BLOB };
struct db_value {
    enum db_type type;
    int64_t integer;
    double real;
    struct str bytes; /* text or blob: borrowed until the call returns */
};

static inline struct db_value db_int(int64_t value)
{
    return (struct db_value){.type = DB_INT, .integer = value};
}

static inline struct db_value db_double(double value)
{
    return (struct db_value){.type = DB_DOUBLE, .real = value};
}

static inline struct db_value db_text(struct str value) /* STR_NONE is NULL */
{
    return (struct db_value){.type = value.data ? DB_TEXT : DB_NULL, .bytes = value};
}

static inline struct db_value db_blob(struct str value) /* STR_NONE is NULL */
{
    return (struct db_value){.type = value.data ? DB_BLOB : DB_NULL, .bytes = value};
}

static inline struct db_value db_null(void)
{
    return (struct db_value){.type = DB_NULL};
}

/* 0 is NULL: for optional times and ids. */
static inline struct db_value db_int_or_null(int64_t value)
{
    return value ? db_int(value) : db_null();
}

/* The arguments of one call: db_run(db, &s, DB_ARGS(db_text(id), db_int(now))) */
#define DB_ARGS(...)                                                                               \
    ((const struct db_value[]){__VA_ARGS__}),                                                      \
        (sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value))
#define DB_NO_ARGS NULL, 0

/* ---- running; errors: ERR_CONFLICT (unique or foreign key), ERR_AGAIN (serialisation, deadlock,
 * busy, connection lost: the whole transaction must be repeated), ERR_LIMIT (too big), ERR_INVALID
 * (a value the database cannot hold, such as text with a NUL), ERR_IO (anything else; logged).
 * After an error inside a transaction every further statement is refused until a rollback: who
 * expects a conflict writes ON CONFLICT. ERR_NOT_FOUND is none of these. ---- */

/* Runs a statement without rows; *changed (may be NULL) gets the number of rows it touched. */
enum err db_run(struct db *db, const struct db_statement *statement, const struct db_value *args,
                size_t arg_count, int64_t *changed) MUST_USE;
/* Once per row of `arg_count` values: a loop, in PostgreSQL a pipeline. In a transaction only. */
enum err db_run_many(struct db *db, const struct db_statement *statement,
                     const struct db_value *args, size_t arg_count, size_t row_count) MUST_USE;
/* In PostgreSQL one statement: each parameter is the array of that value of all rows, to be cast,
 * CAST($1 AS BIGINT[]), and taken apart by UNNEST. `touched` (may be NULL) says which rows have
 * changed anything: PostgreSQL's text returns their numbers, of UNNEST … WITH ORDINALITY. */
enum err db_run_rows(struct db *db, const struct db_statement *statement,
                     const struct db_value *args, size_t arg_count, size_t row_count,
                     bool *touched) MUST_USE;

/* Rows of one query; zero-initialise; must be ended, also after an error. */
struct db_rows {
    struct db *db;
    void *handle;
    size_t row, row_count;
    enum err err;
};
enum err db_query(struct db *db, const struct db_statement *statement, const struct db_value *args,
                  size_t arg_count, struct db_rows *rows) MUST_USE;
/* As db_query, planned for these very values (PostgreSQL): for searches. */
enum err db_query_fresh(struct db *, const struct db_statement *, const struct db_value *args,
                        size_t arg_count, struct db_rows *) MUST_USE;
bool db_next(struct db_rows *rows); /* false at the end or on an error (db_rows_end tells) */
/* Of the current row; text and blobs are borrowed until the next step. NULL gives 0 / STR_NONE. */
bool db_is_null(const struct db_rows *rows, int column);
int64_t db_get_int(const struct db_rows *rows, int column);
double db_get_double(const struct db_rows *rows, int column);
struct str db_get_str(const struct db_rows *rows, int column); /* text or blob */
struct str db_get_keep(const struct db_rows *rows, int column, struct arena *arena); /* a copy */
enum err db_rows_end(struct db_rows *rows) MUST_USE;

/* One row or none: db_query + db_next; ERR_NOT_FOUND when there is none (rows is ended then). */
enum err db_query_one(struct db *db, const struct db_statement *statement,
                      const struct db_value *args, size_t arg_count, struct db_rows *rows) MUST_USE;

/* Several statements separated by ';', without parameters: migrations and settings only. */
enum err db_script(struct db *db, const char *sql) MUST_USE;

/* ---- transactions ---- */
enum err db_begin(struct db *db) MUST_USE; /* for writing */
/* For reading: one consistent view until db_rollback. */
enum err db_begin_snapshot(struct db *db) MUST_USE;
/* ERR_AGAIN: rolled back, repeat it all. ERR_LIMIT: rolled back, the disk is full. ERR_IO is fatal
 * for the caller: what is durable is unknown. */
enum err db_commit(struct db *db) MUST_USE;
void db_rollback(struct db *db); /* everything since db_begin */
enum err db_savepoint(struct db *db) MUST_USE;
enum err db_savepoint_release(struct db *db) MUST_USE;
enum err db_savepoint_rollback(struct db *db) MUST_USE;
enum db_dialect db_dialect(const struct db *db);
/* The last error's text of this connection, for the log. */
const char *db_error(const struct db *db);
void db_close(struct db *db); /* NULL is fine */

/* ---- opening ---- */
struct db_sqlite_options {
    const char *path;
    const char *vfs; /* NULL: the system's; the simulator passes its own */
    bool read_only;  /* query_only */
};
enum err db_sqlite_open(const struct db_sqlite_options *options, struct db **db,
                        const char **why) MUST_USE;
/* Copies a running database into a new file, without stopping writers (backup API). */
enum err db_sqlite_backup(struct db *db, const char *to_path) MUST_USE;

/* `url` as libpq takes it: postgres://user@host:port/name. The connection heals: a broken one is
 * opened again at the next db_begin. */
enum err db_postgres_open(const char *url, struct db **db, const char **why) MUST_USE;

#endif
