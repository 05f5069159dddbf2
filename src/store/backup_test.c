/* backup_test.c -- copies are whole, checked and never written over anything. */
#include "store/backup.h"

#include <unistd.h>

#include "store/store_fixture.h"

static struct fixture fixture;
static char copy[96], other_dir[96], other_db[128];

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

static const struct CMUnitTest tests[] = {
    WITH_STORE("a backup holds what was committed and can be restored", a_backup_can_be_restored),
    WITH_STORE("a folder can be copied while its store is open or closed",
               a_folder_is_copied_open_or_closed),
    WITH_STORE("a backup overwrites nothing", a_backup_overwrites_nothing),
    WITH_STORE("a backup that cannot be written says so", a_backup_into_nowhere_fails),
    WITH_STORE("a restore overwrites nothing", a_restore_overwrites_nothing),
    WITH_STORE("a damaged backup is refused", a_damaged_backup_is_refused),
    WITH_STORE("what is no backup, or a newer one, is refused", what_is_no_backup_is_refused),
};

int main(void)
{
    return RUN_TESTS(tests);
}
