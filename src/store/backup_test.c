/* backup_test.c -- copies are whole, checked and never written over anything. */
#include "store/backup.h"

#include <sys/stat.h>
#include <unistd.h>

#include "db/db.h"
#include "store/store_fixture.h"

static struct fixture fixture;
static char copy[TEST_PATH_BYTES], other_dir[TEST_PATH_BYTES], other_db[TEST_PATH_BYTES + 16];

static int setup(void **state)
{
    (void)state;
    fixture_open(&fixture, NULL);
    snprintf(copy, sizeof(copy), "%s/copy.db", fixture.folder);
    snprintf(other_dir, sizeof(other_dir), "%s/restored", fixture.folder);
    snprintf(other_db, sizeof(other_db), "%s/runbell.db", other_dir);
    return 0;
}

static int teardown(void **state)
{
    char lock[128];

    (void)state;
    snprintf(lock, sizeof(lock), "%s/lock", other_dir);
    unlink(lock);
    unlink(other_db);
    rmdir(other_dir);
    fixture_close(&fixture);
    return 0;
}

static void a_backup_can_be_restored(void **state)
{
    struct store_config config = fixture_config(&fixture);
    struct store *restored = NULL, *original = fixture.store;
    const char *why = "";

    (void)state;
    assert_int_equal(fixture_insert(&fixture, STR("before")), OK);
    assert_int_equal(store_backup(fixture.store, copy, &why), OK);
    assert_int_equal(fixture_insert(&fixture, STR("after")), OK);
    assert_int_equal(store_restore(fixture.world, other_dir, copy, &why), OK);
    config.data_dir = other_dir;
    assert_int_equal(store_open(&config, &restored, &why), OK);
    fixture.store = restored;
    assert_int_equal(fixture_count(&fixture, STR("before")), 1);
    assert_int_equal(fixture_count(&fixture, STR("after")), 0);
    store_close(restored);
    fixture.store = original;
}

static void a_folder_is_copied_open_or_closed(void **state)
{
    const char *why = "";

    (void)state;
    assert_int_equal(fixture_insert(&fixture, STR("a")), OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_backup_dir(fixture.world, fixture.folder, copy, &why), OK);
        assert_int_equal(store_backup_dir(fixture.world, fixture.folder, copy, &why), ERR_CONFLICT);
        assert_int_equal(store_restore(fixture.world, other_dir, copy, &why), OK);
        unlink(copy);
        unlink(other_db);
        fixture_stop(&fixture);
    }
    fixture_reopen(&fixture);
    assert_int_equal(fixture_count(&fixture, STR("a")), 1);
    assert_int_equal(store_backup_dir(fixture.world, other_dir, copy, &why), ERR_NOT_FOUND);
}

static void a_backup_overwrites_nothing(void **state)
{
    const char *why = "";

    (void)state;
    assert_int_equal(store_backup(fixture.store, copy, &why), OK);
    assert_int_equal(store_backup(fixture.store, copy, &why), ERR_CONFLICT);
    assert_non_null(strstr(why, "exists"));
}

static void a_backup_into_nowhere_fails(void **state)
{
    const char *why = "";

    (void)state;
    assert_int_equal(store_backup(fixture.store, "/tmp/no/such/folder/x.db", &why), ERR_IO);
    assert_non_null(strstr(why, "could not be written"));
}

static void a_restore_overwrites_nothing(void **state)
{
    const char *why = "";
    char log[160];
    FILE *file;

    (void)state;
    assert_int_equal(store_backup(fixture.store, copy, &why), OK);
    assert_int_equal(store_restore(fixture.world, other_dir, copy, &why), OK);
    assert_int_equal(store_restore(fixture.world, other_dir, copy, &why), ERR_CONFLICT);
    assert_non_null(strstr(why, other_dir));
    /* A log that was left behind would be read into the restored store. */
    unlink(other_db);
    snprintf(log, sizeof(log), "%s-wal", other_db);
    file = fopen(log, "w");
    fclose(file);
    assert_int_equal(store_restore(fixture.world, other_dir, copy, &why), ERR_CONFLICT);
    unlink(log);
    assert_int_equal(store_restore(fixture.world, fixture.folder, copy, &why), ERR_CONFLICT);
    assert_non_null(strstr(why, "in use"));
}

static void a_damaged_backup_is_refused(void **state)
{
    const char *why = "";
    FILE *file;

    (void)state;
    for (int i = 0; i < 200; i++) {
        char name[8];

        assert_int_equal(
            fixture_insert(&fixture, str_range(name, (size_t)snprintf(name, 8, "d%d", i))), OK);
    }
    assert_int_equal(store_backup(fixture.store, copy, &why), OK);
    file = fopen(copy, "r+");
    assert_int_equal(fseek(file, -9000, SEEK_END), 0);
    for (int i = 0; i < 6000; i++)
        fputc(0x5a, file);
    fclose(file);
    assert_int_equal(store_restore(fixture.world, other_dir, copy, &why), ERR_INVALID);
    assert_non_null(strstr(why, "damaged"));
    assert_int_not_equal(access(other_db, F_OK), 0);
}

static void what_is_no_backup_is_refused(void **state)
{
    const char *why = "";
    struct db *db = NULL;

    (void)state;
    assert_int_equal(store_restore(fixture.world, other_dir, copy, &why), ERR_NOT_FOUND);
    assert_int_equal(db_sqlite_open(&(struct db_sqlite_options){.path = copy}, &db, &why), OK);
    assert_int_equal(db_script(db, "CREATE TABLE letters (a TEXT); PRAGMA journal_mode = DELETE"),
                     OK);
    db_close(db);
    assert_int_equal(store_restore(fixture.world, other_dir, copy, &why), ERR_INVALID);
    assert_non_null(strstr(why, "not a backup"));
    assert_int_equal(db_sqlite_open(&(struct db_sqlite_options){.path = copy}, &db, &why), OK);
    assert_int_equal(db_script(db, "CREATE TABLE schema_version (version BIGINT NOT NULL);"
                                   "INSERT INTO schema_version VALUES (999);"
                                   "PRAGMA journal_mode = DELETE"),
                     OK);
    db_close(db);
    assert_int_equal(store_restore(fixture.world, other_dir, copy, &why), ERR_INVALID);
    assert_non_null(strstr(why, "newer"));
}

#define WITH_STORE(sentence, function)                                                             \
    {                                                                                              \
        (sentence), (function), setup, teardown, NULL                                              \
    }

/* A table of some megabytes that goes again. */
static void fill_and_empty(const char *path)
{
    const struct db_sqlite_options options = {.path = path};
    const char *why = "";
    struct db *db = NULL;

    assert_int_equal(db_sqlite_open(&options, &db, &why), OK);
    assert_int_equal(db_script(db, "CREATE TABLE much (bytes BLOB);"
                                   "INSERT INTO much SELECT zeroblob(4000000) FROM schema_version;"
                                   "DROP TABLE much;"),
                     OK);
    db_close(db);
}

static off_t bytes_of(const char *path)
{
    struct stat file;

    assert_int_equal(stat(path, &file), 0);
    return file.st_size;
}

static void compacting_gives_room_back_and_keeps_all(void **state)
{
    struct store_config config = fixture_config(&fixture);
    char path[TEST_PATH_BYTES], part[TEST_PATH_BYTES + 8];
    const char *why = "";
    off_t before;

    (void)state;
    snprintf(path, sizeof(path), "%s/runbell.db", fixture.folder);
    snprintf(part, sizeof(part), "%s.part", path);
    assert_int_equal(fixture_insert(&fixture, STR("kept")), OK);
    assert_int_equal(store_compact(fixture.world, fixture.folder, &why), ERR_CONFLICT);
    assert_non_null(strstr(why, "in use by another runbell"));
    store_close(fixture.store);
    fill_and_empty(path);
    before = bytes_of(path);
    assert_int_equal(store_compact(fixture.world, fixture.folder, &why), OK);
    assert_true(bytes_of(path) < before / 2);
    assert_int_equal(access(part, F_OK), -1);
    assert_int_equal(store_open(&config, &fixture.store, &why), OK);
    assert_int_equal(fixture_count(&fixture, STR("kept")), 1);
}

static void compacting_leaves_alone_what_is_open(void **state)
{
    struct store_config config = fixture_config(&fixture);
    struct db_sqlite_options options = {.read_only = true};
    static const struct db_statement look = {"test_look", "SELECT COUNT(*) FROM schema_version",
                                             NULL};
    struct db_rows rows = {0};
    struct db *reader = NULL;
    char path[TEST_PATH_BYTES];
    const char *why = "";

    (void)state;
    snprintf(path, sizeof(path), "%s/runbell.db", fixture.folder);
    options.path = path;
    assert_int_equal(db_sqlite_open(&options, &reader, &why), OK);
    assert_int_equal(db_begin_snapshot(reader), OK);
    assert_int_equal(db_query_one(reader, &look, DB_NO_ARGS, &rows), OK);
    assert_int_equal(db_rows_end(&rows), OK);
    db_rollback(reader); /* it reads nothing any more, but the log stays for it */
    assert_int_equal(fixture_insert(&fixture, STR("kept")), OK);
    store_close(fixture.store);
    assert_int_equal(store_compact(fixture.world, fixture.folder, &why), ERR_CONFLICT);
    db_close(reader);
    assert_int_equal(store_compact(fixture.world, fixture.folder, &why), OK);
    assert_int_equal(store_open(&config, &fixture.store, &why), OK);
    assert_int_equal(fixture_count(&fixture, STR("kept")), 1);
}

static const struct CMUnitTest tests[] = {
    WITH_STORE("a backup holds what was committed and can be restored", a_backup_can_be_restored),
    WITH_STORE("a folder can be copied while its store is open or closed",
               a_folder_is_copied_open_or_closed),
    WITH_STORE("a backup overwrites nothing", a_backup_overwrites_nothing),
    WITH_STORE("a backup that cannot be written says so", a_backup_into_nowhere_fails),
    WITH_STORE("a restore overwrites nothing", a_restore_overwrites_nothing),
    WITH_STORE("a damaged backup is refused", a_damaged_backup_is_refused),
    WITH_STORE("what is no backup, or a newer one, is refused", what_is_no_backup_is_refused),
    WITH_STORE("compacting gives room back and keeps all",
               compacting_gives_room_back_and_keeps_all),
    WITH_STORE("compacting leaves alone what another has open",
               compacting_leaves_alone_what_is_open),
};

int main(void)
{
    return RUN_TESTS(tests);
}
