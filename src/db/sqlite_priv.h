/* sqlite_priv.h -- what the files of the SQLite driver share. */
#ifndef DB_SQLITE_PRIV_H
#define DB_SQLITE_PRIV_H

#include <sqlite3.h>

#include "db/db_priv.h"

struct statement {
    const struct db_statement *key;
    sqlite3_stmt *stmt;
    int param_at[DB_PARAMS_MAX]; /* SQLite's index of $1, $2 … */
    size_t param_count;
    bool in_use;
    bool is_spare; /* made while the cached one was in use: finalised at its end */
};

struct sqlite {
    struct db db;
    sqlite3 *handle;
    const char *vfs;
    struct gather_vfs *gather; /* over it; NULL: it only reads */
    bool read_only;
    struct statement **cache; /* open addressing by the address of the static struct */
    size_t cache_count, cache_cap;
    int wal_pages; /* in the log after the last commit */
};

/* The driver's view of its own kind. */
struct sqlite *sqlite_of(struct db *db);
/* Maps and logs the handle's last error. */
enum err sqlite_failed(struct sqlite *sqlite, int code, const char *statement);

/* sqlite_cache.c: a prepared statement, marked in use, bound to nothing. */
enum err sqlite_cache_get(struct sqlite *sqlite, const struct db_statement *key,
                          struct statement **statement) MUST_USE;
/* Resets it for the next use. */
void sqlite_cache_put(struct statement *statement);
void sqlite_cache_release(struct sqlite *sqlite);

/* sqlite_json.c: json_contains(doc, filter), json_contains_any(doc, filters). */
int sqlite_json_add(sqlite3 *handle);

extern const struct db_ops sqlite_ops;

#endif
