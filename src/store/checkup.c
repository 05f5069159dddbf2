/* checkup.c -- see checkup.h. */
#include "store/checkup.h"

#include "base/mem.h"
#include "io/disk.h"
#include "store/migrations.h"
#include "store/outbox_marks.h"
#include "store/store_files.h"
#include "store/store_priv.h"

static const struct db_statement version_get = {"checkup_version",
                                                "SELECT version FROM schema_version", NULL};
/* Each by an index of its own. */
static const struct db_statement count_due = {
    "checkup_due", "SELECT COUNT(*), COALESCE(MIN(at_us), 0) FROM delivery_queue", NULL};
#define COUNT_OF "SELECT COUNT(*), 0 FROM deliveries WHERE "
static const struct db_statement count_held = {"checkup_held", COUNT_OF MARK_HELD(""),
                                               COUNT_OF MARK_HELD_POSTGRES("")};
static const struct db_statement count_dead = {"checkup_dead", COUNT_OF MARK_DEAD(""),
                                               COUNT_OF MARK_DEAD_POSTGRES("")};

static enum err read_two(struct db *db, const struct db_statement *statement, int64_t *one,
                         int64_t *two)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(db, statement, DB_NO_ARGS, &rows);

    if (err)
        return err;
    *one = db_get_int(&rows, 0);
    if (two)
        *two = db_get_int(&rows, 1);
    return db_rows_end(&rows);
}

static enum err read_all(struct db *db, struct store_checkup *checkup)
{
    enum err err = read_two(db, &version_get, &checkup->schema, NULL);

    checkup->exists = true;
    if (err || checkup->schema != checkup->schema_known)
        return err;
    err = read_two(db, &count_due, &checkup->due, &checkup->oldest_due_us);
    if (!err)
        err = read_two(db, &count_held, &checkup->held, NULL);
    return err ? err : read_two(db, &count_dead, &checkup->dead, NULL);
}

enum err store_checkup(struct world *world, const char *data_dir, const char *postgres_url,
                       struct store_checkup *checkup, const char **why)
{
    char *path = store_path(data_dir, STORE_DB_FILE);
    const struct db_sqlite_options options = {.path = path, .read_only = true};
    struct db *db = NULL;
    enum err err = OK;

    *checkup = (struct store_checkup){.schema_known = (int64_t)migration_count};
    if (postgres_url)
        err = db_postgres_open(postgres_url, &db, why);
    else if (world->disk->exists(world->disk, path))
        err = db_sqlite_open(&options, &db, why);
    if (!err && db) {
        err = db_begin_snapshot(db);
        if (!err)
            err = read_all(db, checkup);
        if (err)
            err = store_why(why, err, "it cannot be read: %s", db_error(db));
        db_rollback(db);
    }
    db_close(db);
    mem_free(path);
    return err;
}
