/* migrate.c -- applies the steps of migrations.c: one transaction each, the version with it. */
#include "base/buf.h"
#include "store/migrations.h"

#define SCRIPT_BYTES_MAX (4 * MIB)
#define WHY_BYTES_MAX 256
/* Another node may take its time: each wait for the lock is 10 s. */
#define WAITS_MAX 30
/* Any number, the same in all nodes: only one of them migrates at a time. */
#define POSTGRES_LOCK "SELECT pg_advisory_xact_lock(7248391150)"

static const struct db_statement version_get = {"version_get", "SELECT version FROM schema_version",
                                                NULL};
static const struct db_statement version_set = {"version_set",
                                                "UPDATE schema_version SET version = $1", NULL};
static const struct db_statement version_add = {
    "version_add", "INSERT INTO schema_version (version) VALUES ($1)", NULL};

/* PostgreSQL compares text by the locale; our texts are compared bytewise, as in SQLite. */
static void add_postgres_line(struct buf *out, struct str line)
{
    while (line.len) {
        size_t at = str_find(line, STR(" TEXT"));
        size_t end = at + sizeof(" TEXT") - 1;
        bool is_type = at < line.len &&
                       (end >= line.len || !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ_(", line.data[end]));

        if (at == line.len)
            end = at;
        buf_add(out, str_first(line, end));
        if (is_type)
            buf_add(out, STR(" COLLATE \"C\""));
        line = str_from(line, end);
    }
}

static void add_line(struct buf *out, enum db_dialect dialect, struct str line)
{
    const struct str mine = dialect == DB_SQLITE ? STR("@sqlite ") : STR("@postgres ");

    if (str_starts(line, mine))
        buf_add(out, str_from(line, mine.len));
    else if (str_starts(line, STR("@")))
        return;
    else if (dialect == DB_POSTGRES)
        add_postgres_line(out, line);
    else
        buf_add(out, line);
    buf_add_char(out, '\n');
}

enum err migration_run(struct db *db, const char *step)
{
    struct str rest = str_of(step), line;
    struct buf script;
    enum err err;

    buf_init(&script, SCRIPT_BYTES_MAX);
    while (str_split(&rest, '\n', &line))
        add_line(&script, db_dialect(db), line);
    REQUIRE(!script.failed);
    err = db_script(db, buf_cstr(&script));
    buf_release(&script);
    return err;
}

/* Inside a transaction that holds the lock. A store without the table is new: version 0. */
static enum err read_version(struct db *db, int64_t *version)
{
    struct db_rows rows = {0};
    enum err err =
        db_script(db, "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)");

    if (!err)
        err = db_query_one(db, &version_get, DB_NO_ARGS, &rows);
    if (err == ERR_NOT_FOUND) {
        *version = 0;
        return db_run(db, &version_add, DB_ARGS(db_int(0)), NULL);
    }
    if (err)
        return err;
    *version = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

static enum err begin_locked(struct db *db)
{
    enum err err = db_begin(db);

    if (err || db_dialect(db) == DB_SQLITE)
        return err;
    err = db_script(db, POSTGRES_LOCK);
    if (err)
        db_rollback(db);
    return err;
}

/* One step at most; *version is what the store has after it. */
static enum err advance(struct db *db, int64_t *version)
{
    enum err err = begin_locked(db);

    if (err)
        return err;
    err = read_version(db, version);
    if (!err && *version < (int64_t)migration_count) {
        err = migration_run(db, migrations[*version]);
        *version += 1;
        if (!err)
            err = db_run(db, &version_set, DB_ARGS(db_int(*version)), NULL);
    }
    if (err)
        db_rollback(db);
    else
        err = db_commit(db);
    return err;
}

enum err migrations_apply(struct db *db, const char **why)
{
    static char why_text[WHY_BYTES_MAX];
    int64_t version = 0;
    int waits = 0;
    enum err err;

    *why = why_text;
    do
        err = advance(db, &version);
    while (err ? err == ERR_AGAIN && waits++ < WAITS_MAX : version < (int64_t)migration_count);
    if (err)
        snprintf(why_text, sizeof(why_text), "cannot bring the store's schema to %zu: %s",
                 migration_count, db_error(db));
    if (err || version == (int64_t)migration_count)
        return err;
    snprintf(why_text, sizeof(why_text),
             "the store was made by a newer runbell (schema %lld, this one knows %zu): use that "
             "version or a newer one",
             (long long)version, migration_count);
    return ERR_CONFLICT;
}
