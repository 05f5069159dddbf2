/* backup.c -- copying a store out and in. A file gets its final name when it is whole, checked and
 * synced. */
#include "store/backup.h"

#include "base/mem.h"
#include "io/disk.h"
#include "store/migrations.h"
#include "store/store_files.h"
#include "store/store_priv.h"

static const struct db_statement integrity_check = {"integrity_check", "PRAGMA integrity_check(1)",
                                                    NULL};
static const struct db_statement version_get = {"backup_version",
                                                "SELECT version FROM schema_version", NULL};

static const struct db_statement log_settle = {"log_settle", "PRAGMA wal_checkpoint(TRUNCATE)",
                                               NULL};
static const struct db_statement vacuum_into = {"vacuum_into", "VACUUM INTO $1", NULL};

static char *with_suffix(const char *path, const char *suffix)
{
    size_t bytes = strlen(path) + strlen(suffix) + 1;
    char *joined = mem_alloc(bytes);

    snprintf(joined, bytes, "%s%s", path, suffix);
    return joined;
}

static enum err sync_folder_of(struct disk *disk, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = with_suffix(slash ? path : ".", "");
    enum err err;

    if (slash)
        folder[slash > path ? slash - path : 1] = '\0';
    err = disk->sync_dir(disk, folder);
    mem_free(folder);
    return err;
}

static enum err check(struct db *db)
{
    struct db_rows rows = {0};
    bool is_sound;
    enum err err = db_query_one(db, &integrity_check, DB_NO_ARGS, &rows);

    if (err)
        return ERR_INVALID;
    is_sound = str_eq(db_get_str(&rows, 0), STR("ok"));
    err = db_rows_end(&rows);
    return err || !is_sound ? ERR_INVALID : OK;
}

static enum err check_file(const char *path, const char *vfs)
{
    struct db_sqlite_options options = {.path = path, .vfs = vfs, .read_only = true};
    struct db *db = NULL;
    const char *why = NULL;
    enum err err = db_sqlite_open(&options, &db, &why);

    if (err)
        return err;
    err = check(db);
    db_close(db);
    return err;
}

/* A checked copy of what `from` reads, under a name that appears only when all of it is on the
 * disk. */
static enum err copy_to(struct disk *disk, struct db *from, const char *vfs, const char *path)
{
    char *part = with_suffix(path, ".part");
    enum err err;

    /* Of an attempt that was interrupted. */
    if (disk->exists(disk, part) && disk->remove(disk, part)) {
        mem_free(part);
        return ERR_IO;
    }
    err = db_sqlite_backup(from, part);
    if (!err)
        err = check_file(part, vfs);
    if (!err)
        err = disk->rename(disk, part, path);
    if (!err)
        err = sync_folder_of(disk, path);
    if (err && disk->exists(disk, part))
        (void)disk->remove(disk, part);
    mem_free(part);
    return err;
}

/* Several threads may ask for backups: *why is one of a few fixed texts. */
enum err store_backup(struct store *store, const char *path, const char **why)
{
    struct disk *disk = store->world->disk;
    struct db *db = NULL;
    enum err err;

    *why = "the store is in PostgreSQL: use pg_dump";
    if (store->postgres_url)
        return ERR_INVALID;
    *why = "a file of this name exists already";
    if (disk->exists(disk, path))
        return ERR_CONFLICT;
    err = store_connect(store, true, &db, why);
    if (!err)
        err = copy_to(disk, db, store->vfs, path);
    db_close(db);
    *why = "the copy could not be written; the log says more";
    return err;
}

/* The reader's connection neither writes nor checkpoints, so the other process is still the only
 * one that does. */
enum err store_backup_dir(struct world *world, const char *data_dir, const char *path,
                          const char **why)
{
    char *from_path = store_path(data_dir, STORE_DB_FILE);
    struct db_sqlite_options options = {.path = from_path, .read_only = true};
    struct db *from = NULL;
    enum err err;

    if (!world->disk->exists(world->disk, from_path))
        err = store_why(why, ERR_NOT_FOUND, "the data folder %s holds no store", data_dir);
    else if (world->disk->exists(world->disk, path))
        err = store_why(why, ERR_CONFLICT, "%s exists already", path);
    else
        err = db_sqlite_open(&options, &from, why);
    if (!err) {
        err = copy_to(world->disk, from, NULL, path);
        if (err)
            err = store_why(why, err, "cannot write %s: %s", path, db_error(from));
    }
    db_close(from);
    mem_free(from_path);
    return err;
}

/* ---- restoring ---- */

static enum err check_ours(struct db *db, const char *file, const char **why)
{
    struct db_rows rows = {0};
    int64_t version;
    enum err err;

    if (check(db))
        return store_why(why, ERR_INVALID, "%s is damaged: %s", file, db_error(db));
    err = db_query_one(db, &version_get, DB_NO_ARGS, &rows);
    if (err)
        return store_why(why, ERR_INVALID, "%s is not a backup of a runbell store", file);
    version = db_get_int(&rows, 0);
    err = db_rows_end(&rows);
    if (err || version > (int64_t)migration_count)
        return store_why(why, ERR_INVALID,
                         "%s was made by a newer runbell (schema %lld, this one knows %zu)", file,
                         (long long)version, migration_count);
    return OK;
}

/* A log without its database counts too: SQLite would read it into the restored one. */
static enum err check_vacant(struct disk *disk, const char *data_dir, const char **why)
{
    static const char *const names[] = {STORE_DB_FILE, STORE_DB_FILE "-wal",
                                        STORE_DB_FILE "-journal"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *path = store_path(data_dir, names[i]);
        bool exists = disk->exists(disk, path);

        mem_free(path);
        if (exists)
            return store_why(
                why, ERR_CONFLICT,
                "the data folder %s already holds a store (%s): move it away first, or "
                "restore into another folder with --data",
                data_dir, names[i]);
    }
    return OK;
}

static enum err restore_into(struct world *world, const char *data_dir, struct db *from,
                             const char **why)
{
    char *path = store_path(data_dir, STORE_DB_FILE);
    int lock_fd = -1;
    enum err err = store_lock_dir(world, data_dir, &lock_fd, why);

    if (!err)
        err = check_vacant(world->disk, data_dir, why);
    if (!err) {
        err = copy_to(world->disk, from, NULL, path);
        if (err)
            err = store_why(why, err, "cannot write %s: %s", path, db_error(from));
    }
    if (lock_fd >= 0)
        world->disk->close(world->disk, lock_fd);
    mem_free(path);
    return err;
}

enum err store_restore(struct world *world, const char *data_dir, const char *backup_file,
                       const char **why)
{
    struct db_sqlite_options options = {.path = backup_file, .read_only = true};
    struct db *from = NULL;
    enum err err;

    if (!world->disk->exists(world->disk, backup_file))
        return store_why(why, ERR_NOT_FOUND, "there is no file %s", backup_file);
    if (db_sqlite_open(&options, &from, why))
        return ERR_INVALID;
    err = check_ours(from, backup_file, why);
    if (!err)
        err = restore_into(world, data_dir, from, why);
    db_close(from);
    return err;
}

/* ---- compacting ---- */

/* A log of the old file would be taken for one of the new: it must be empty, and it is only where
 * nobody else reads. */
static enum err settle_log(struct db *db, const char **why)
{
    struct db_rows rows = {0};
    bool is_busy;
    enum err err = db_query_one(db, &log_settle, DB_NO_ARGS, &rows);

    if (err)
        return store_why(why, err, "the store cannot be read: %s", db_error(db));
    is_busy = db_get_int(&rows, 0);
    err = db_rows_end(&rows);
    if (!err && is_busy)
        return store_why(why, ERR_CONFLICT,
                         "the store is being read (by a backup?): wait until that is over");
    return err;
}

static enum err sync_file(struct disk *disk, const char *path)
{
    int fd = disk->open(disk, path);
    enum err err = fd < 0 ? ERR_IO : disk->sync(disk, fd);

    if (fd >= 0)
        disk->close(disk, fd);
    return err;
}

static enum err write_anew(struct disk *disk, const char *path, const char *part, const char **why)
{
    const struct db_sqlite_options options = {.path = path};
    struct db *db = NULL;
    enum err err = db_sqlite_open(&options, &db, why);

    if (err)
        return err;
    err = settle_log(db, why);
    if (!err && db_run(db, &vacuum_into, DB_ARGS(db_text(str_of(part))), NULL))
        err = store_why(why, ERR_LIMIT, "cannot write %s: %s; is there room for a second store?",
                        part, db_error(db));
    db_close(db);
    if (!err && (check_file(part, NULL) || sync_file(disk, part)))
        err = store_why(why, ERR_IO, "%s is not what was written to it; the store is as it was",
                        part);
    return err;
}

static enum err replace_store(struct disk *disk, const char *path, const char **why)
{
    char *part = with_suffix(path, ".part"), *log = with_suffix(path, "-wal");
    enum err err = OK;

    if (disk->exists(disk, part)) /* of an attempt that was interrupted */
        err = disk->remove(disk, part);
    if (err)
        err = store_why(why, err, "cannot remove %s", part);
    else
        err = write_anew(disk, path, part, why);
    if (!err && disk->exists(disk, log))
        err = store_why(why, ERR_CONFLICT, "another program has the store open");
    if (!err && (disk->rename(disk, part, path) || sync_folder_of(disk, path)))
        err = store_why(why, ERR_IO, "cannot put %s in the place of the store", part);
    if (err && disk->exists(disk, part))
        (void)disk->remove(disk, part);
    mem_free(part);
    mem_free(log);
    return err;
}

enum err store_compact(struct world *world, const char *data_dir, const char **why)
{
    char *path = store_path(data_dir, STORE_DB_FILE);
    int lock_fd = -1;
    enum err err = OK;

    if (!world->disk->exists(world->disk, path))
        err = store_why(why, ERR_NOT_FOUND, "the data folder %s holds no store", data_dir);
    if (!err)
        err = store_lock_dir(world, data_dir, &lock_fd, why);
    if (!err)
        err = replace_store(world->disk, path, why);
    if (lock_fd >= 0)
        world->disk->close(world->disk, lock_fd);
    mem_free(path);
    return err;
}
