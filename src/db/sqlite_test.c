/* sqlite_test.c -- what is only true of SQLite: the log, the backup, a full disk, the settings that
 * durability needs. */
#include <unistd.h>

#include "base/test.h"
#include "db/sqlite_priv.h"
#include "db/state.h"

static char folder[TEST_FOLDER_BYTES];
static char path[TEST_PATH_BYTES], log_path[TEST_PATH_BYTES + 8], copy_path[TEST_PATH_BYTES];

static const struct db_statement insert = {"insert", "INSERT INTO words (id, body) VALUES ($1, $2)",
                                           NULL};
static const struct db_statement wipe = {"wipe", "DELETE FROM words", NULL};
static const struct db_statement count = {"count", "SELECT COUNT(*) FROM words", NULL};

static char big[200000];

static struct db *open_db(const char *name, bool read_only)
{
    struct db_sqlite_options options = {.path = name, .read_only = read_only};
    struct db *db = NULL;
    const char *why = "";

    assert_int_equal(db_sqlite_open(&options, &db, &why), OK);
    return db;
}

static int setup(void **state)
{
    struct db *db;

    test_folder(folder, "sqlite");
    snprintf(path, sizeof(path), "%s/a.db", folder);
    snprintf(log_path, sizeof(log_path), "%s-wal", path);
    snprintf(copy_path, sizeof(copy_path), "%s/copy.db", folder);
    db = open_db(path, false);
    assert_int_equal(db_script(db, "CREATE TABLE words (id BIGINT PRIMARY KEY, body BYTEA)"), OK);
    *state = db;
    return 0;
}

static int teardown(void **state)
{
    db_close(*state);
    unlink(path);
    unlink(copy_path);
    rmdir(folder);
    return 0;
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

static enum err add(struct db *db, int64_t id)
{
    return db_run(db, &insert, DB_ARGS(db_int(id), db_blob(str_range(big, sizeof(big)))), NULL);
}

static off_t size_of(const char *name)
{
    FILE *file = fopen(name, "r");
    off_t size;

    if (!file)
        return -1;
    fseeko(file, 0, SEEK_END);
    size = ftello(file);
    fclose(file);
    return size;
}

static void every_commit_is_synced(void **state)
{
    static const struct db_statement synchronous = {"synchronous", "PRAGMA synchronous", NULL};
    static const struct db_statement keys = {"keys", "PRAGMA foreign_keys", NULL};

    assert_int_equal(number(*state, &synchronous), 2);
    assert_int_equal(number(*state, &keys), 1);
}

/* How often SQLite has prepared what is cached anew, by itself. */
static int prepared_anew(struct db *db)
{
    sqlite3_stmt *stmt = NULL;
    int times = 0;

    while ((stmt = sqlite3_next_stmt(sqlite_of(db)->handle, stmt)))
        times += sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_REPREPARE, 0);
    return times;
}

/* The limit is a parameter, and with the right value of $1 the partial index would do. */
static void a_statement_is_prepared_once(void **state)
{
    static const struct db_statement some = {
        "some", "SELECT COUNT(*) FROM (SELECT 1 FROM words WHERE body = $1 AND id > $2 LIMIT $3)",
        NULL};
    struct db *db = *state;

    assert_int_equal(db_script(db, "CREATE INDEX ones ON words (id) WHERE body = 1"), OK);
    for (int64_t i = 0; i < 5; i++) {
        struct db_rows rows = {0};

        assert_int_equal(
            db_query_one(db, &some, DB_ARGS(db_int(i % 2), db_int(i), db_int(i + 1)), &rows), OK);
        assert_int_equal(db_rows_end(&rows), OK);
    }
    assert_int_equal(prepared_anew(db), 0);
}

static void tidying_moves_the_log(void **state)
{
    struct db *db = *state;
    off_t log_bytes;

    for (int64_t id = 0; id < 100; id++) {
        memset(big, 'a' + (int)(id % 26), sizeof(big));
        assert_int_equal(db_run(db, &wipe, DB_NO_ARGS, NULL), OK);
        assert_int_equal(add(db, id), OK);
    }
    assert_true(size_of(log_path) > 17000000);
    assert_int_equal(db_tidy(db), OK);
    assert_int_equal(add(db, 100), OK);
    assert_true(size_of(path) > 200000);
    log_bytes = size_of(log_path);
    for (int64_t id = 0; id < 200; id++) {
        assert_int_equal(db_run(db, &wipe, DB_NO_ARGS, NULL), OK);
        assert_int_equal(add(db, id), OK);
        assert_int_equal(db_tidy(db), OK);
    }
    assert_int_equal(size_of(log_path), log_bytes);
    assert_int_equal(number(db, &count), 1);
}

static void a_log_nobody_tidies_is_bounded(void **state)
{
    struct db *db = *state;

    for (int64_t id = 0; id < 500; id++) {
        assert_int_equal(db_begin(db), OK);
        assert_int_equal(db_run(db, &wipe, DB_NO_ARGS, NULL), OK);
        assert_int_equal(add(db, id), OK);
        assert_int_equal(db_commit(db), OK);
    }
    assert_true(size_of(log_path) < 70000000);
}

static void only_the_writer_writes_and_checkpoints(void **state)
{
    struct db *reader = open_db(path, true);
    off_t log_bytes;

    assert_int_equal(add(*state, 1), OK);
    log_bytes = size_of(log_path);
    assert_int_equal(number(reader, &count), 1);
    assert_int_equal(add(reader, 2), ERR_IO);
    assert_int_equal(db_tidy(reader), OK);
    db_close(reader);
    assert_int_equal(size_of(log_path), log_bytes);
}

static void a_full_disk_is_told_and_survived(void **state)
{
    struct db *db = *state;

    assert_int_equal(add(db, 1), OK);
    assert_int_equal(db_script(db, "PRAGMA max_page_count = 100"), OK);
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(db_savepoint(db), OK);
    assert_int_equal(add(db, 2), ERR_IO);
    assert_int_equal(db_failure(db), ERR_LIMIT);
    assert_int_equal(db_savepoint_rollback(db), ERR_LIMIT);
    db_rollback(db);
    assert_int_equal(number(db, &count), 1);
    assert_int_equal(db_script(db, "PRAGMA max_page_count = 1000000"), OK);
    assert_int_equal(add(db, 2), OK);
}

static void a_backup_is_one_whole_file(void **state)
{
    struct db *db = *state, *reader = open_db(path, true), *copy;
    char copy_log[TEST_PATH_BYTES + 8];

    snprintf(copy_log, sizeof(copy_log), "%s-wal", copy_path);
    assert_int_equal(add(db, 1), OK);
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(add(db, 2), OK);
    assert_int_equal(db_sqlite_backup(reader, copy_path), OK);
    assert_int_equal(db_commit(db), OK);
    db_close(reader);
    assert_int_not_equal(access(copy_log, F_OK), 0);
    copy = open_db(copy_path, true);
    assert_int_equal(number(copy, &count), 1);
    db_close(copy);
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    struct db_sqlite_options options = {.path = copy_path};
    struct db *none = NULL;
    const char *why = NULL;
    FILE *file = fopen(copy_path, "w");

    (void)state;
    assert_non_null(file);
    fprintf(file, "%4096s", "a letter");
    fclose(file);
    assert_int_equal(db_sqlite_open(&options, &none, &why), ERR_IO);
    assert_non_null(strstr(why, copy_path));
}

static void a_reader_does_not_make_a_database(void **state)
{
    struct db_sqlite_options options = {.path = copy_path, .read_only = true};
    struct db *none = NULL;
    const char *why = NULL;

    (void)state;
    assert_int_equal(db_sqlite_open(&options, &none, &why), ERR_IO);
    assert_int_not_equal(access(copy_path, F_OK), 0);
}

#define WITH_DB(sentence, function)                                                                \
    {                                                                                              \
        (sentence), (function), setup, teardown, NULL                                              \
    }

static const struct CMUnitTest tests[] = {
    WITH_DB("every commit is synced and foreign keys hold", every_commit_is_synced),
    WITH_DB("a statement is prepared once, whatever its values", a_statement_is_prepared_once),
    WITH_DB("tidying moves the log into the database", tidying_moves_the_log),
    WITH_DB("a log that nobody tidies is bounded", a_log_nobody_tidies_is_bounded),
    WITH_DB("only the writer writes and checkpoints", only_the_writer_writes_and_checkpoints),
    WITH_DB("a full disk is told, and survived", a_full_disk_is_told_and_survived),
    WITH_DB("a backup is one file with all that was committed", a_backup_is_one_whole_file),
    WITH_DB("a file that is no database is refused by name", a_file_that_is_no_database_is_refused),
    WITH_DB("a reader does not make a database", a_reader_does_not_make_a_database),
};

int main(void)
{
    return RUN_TESTS(tests);
}
