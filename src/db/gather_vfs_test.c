/* gather_vfs_test.c -- the log's writes leave together, and early enough. */
#include <unistd.h>

#include "base/test.h"
#include "db/cut_vfs.h"
#include "db/db.h"

#define VFS "gather-test"
#define ROWS 30
#define ROW_BYTES 3000 /* one to a page */

static char folder[TEST_FOLDER_BYTES];
static char path[TEST_PATH_BYTES];

struct disk {
    struct cut_vfs *vfs;
    size_t log_writes;
    size_t fails_after; /* that many more writes of the log succeed; SIZE_MAX: all */
};
static struct disk disk;

static bool allows(void *context, const struct cut_event *event)
{
    (void)context;
    if (event->call != CUT_WRITE || !event->path || !str_ends(str_of(event->path), STR("-wal")))
        return true;
    disk.log_writes++;
    if (disk.fails_after == SIZE_MAX)
        return true;
    if (disk.fails_after == 0)
        return false;
    disk.fails_after--;
    return true;
}

static struct db *open_db(bool read_only)
{
    struct db_sqlite_options options = {.path = path, .vfs = VFS, .read_only = read_only};
    const char *why = NULL;
    struct db *db = NULL;

    assert_int_equal(db_sqlite_open(&options, &db, &why), OK);
    return db;
}

static int setup(void **state)
{
    struct db *db;

    test_folder(folder, "gather");
    snprintf(path, sizeof(path), "%s/db", folder);
    disk = (struct disk){.fails_after = SIZE_MAX};
    disk.vfs = cut_vfs_add(VFS, NULL, allows, NULL);
    db = open_db(false);
    assert_int_equal(db_script(db, "CREATE TABLE t (id INTEGER PRIMARY KEY, bytes BLOB)"), OK);
    *state = db;
    return 0;
}

static int teardown(void **state)
{
    db_close(*state);
    cut_vfs_remove(disk.vfs);
    unlink(path);
    rmdir(folder);
    return 0;
}

static enum err add_rows(struct db *db)
{
    static const struct db_statement insert = {"gather_insert", "INSERT INTO t (bytes) VALUES ($1)",
                                               NULL};
    static char bytes[ROW_BYTES];
    enum err err = db_begin(db);

    for (int i = 0; !err && i < ROWS; i++)
        err = db_run(db, &insert, DB_ARGS(db_blob(str_range(bytes, sizeof(bytes)))), NULL);
    return err;
}

static int64_t number(struct db *db, const struct db_statement *statement)
{
    struct db_rows rows = {0};
    int64_t value;

    assert_int_equal(db_query_one(db, statement, DB_NO_ARGS, &rows), OK);
    value = db_get_int(&rows, 0);
    assert_int_equal(db_rows_end(&rows), OK);
    return value;
}

static int64_t count(struct db *db)
{
    static const struct db_statement statement = {"gather_count", "SELECT COUNT(*) FROM t", NULL};

    return number(db, &statement);
}

static void a_commit_is_few_writes(void **state)
{
    struct db *db = *state;

    disk.log_writes = 0;
    assert_int_equal(add_rows(db), OK);
    assert_int_equal(disk.log_writes, 0);
    assert_int_equal(db_commit(db), OK);
    /* Two for each page would be more than sixty. */
    assert_in_range(disk.log_writes, 1, 4);
}

/* Also without the sync that would bring it there. */
static void what_is_published_stands_in_the_file(void **state)
{
    struct db *db = *state, *other = open_db(true);

    assert_int_equal(db_script(db, "PRAGMA synchronous = OFF"), OK);
    for (int64_t i = 1; i <= 3; i++) {
        assert_int_equal(add_rows(db), OK);
        assert_int_equal(db_commit(db), OK);
        assert_int_equal(count(other), i * ROWS);
    }
    db_close(other);
}

/* A small cache spills pages into the log before the commit, and reads them from there. */
static void spilled_pages_are_found_again(void **state)
{
    static const struct db_statement sum = {"gather_sum", "SELECT SUM(LENGTH(bytes)) FROM t", NULL};
    struct db *db = *state;

    assert_int_equal(db_script(db, "PRAGMA cache_size = 5"), OK);
    assert_int_equal(add_rows(db), OK);
    assert_int_equal(number(db, &sum), ROWS * ROW_BYTES);
    db_rollback(db);
    assert_int_equal(count(db), 0);
    assert_int_equal(add_rows(db), OK);
    assert_int_equal(db_commit(db), OK);
    assert_int_equal(number(db, &sum), ROWS * ROW_BYTES);
}

static void a_write_that_fails_fails_the_commit(void **state)
{
    struct db *db = *state;

    assert_int_equal(add_rows(db), OK);
    disk.fails_after = 0;
    assert_int_equal(db_commit(db), ERR_IO);
    disk.fails_after = SIZE_MAX;
    assert_int_equal(count(db), 0);
    assert_int_equal(add_rows(db), OK);
    assert_int_equal(db_commit(db), OK);
    assert_int_equal(count(db), ROWS);
}

#define WITH_DB(sentence, function)                                                                \
    {                                                                                              \
        sentence, function, setup, teardown, NULL                                                  \
    }
static const struct CMUnitTest tests[] = {
    WITH_DB("a commit of many pages is a few writes", a_commit_is_few_writes),
    WITH_DB("what is committed others can read, with or without syncs",
            what_is_published_stands_in_the_file),
    WITH_DB("pages that are spilled before the commit are found again",
            spilled_pages_are_found_again),
    WITH_DB("a write that fails fails its commit, and the next one succeeds",
            a_write_that_fails_fails_the_commit),
};

int main(void)
{
    return RUN_TESTS(tests);
}
