/* fresh_rig.c -- see fresh_rig.h. */
#include "store/fresh_rig.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "store/migrations.h"
#include "store/store_files.h"

#define FILE_BYTES_MAX (16 * MIB)

/* ---- SQLite ---- */

static struct buf sqlite_file; /* of the first one, when it had its tables */

static void migrate_sqlite(const char *path)
{
    const struct db_sqlite_options options = {.path = path};
    const char *why = "";
    struct db *db = NULL;

    assert_int_equal(db_sqlite_open(&options, &db, &why), OK);
    assert_int_equal(migrations_apply(db, NULL, &why), OK);
    db_close(db); /* moves the log into the file */
}

static void keep_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = 0;

    assert_true(fd >= 0);
    buf_init(&sqlite_file, FILE_BYTES_MAX);
    do {
        char *room = buf_reserve(&sqlite_file, 64 * KIB);

        assert_non_null(room);
        got = read(fd, room, 64 * KIB);
        assert_true(got >= 0);
        buf_added(&sqlite_file, (size_t)got);
    } while (got > 0);
    close(fd);
}

void fresh_sqlite(const char *path)
{
    int fd;

    if (sqlite_file.len == 0) {
        migrate_sqlite(path);
        keep_file(path);
        return;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, sqlite_file.data, sqlite_file.len), (ssize_t)sqlite_file.len);
    close(fd);
}

void fresh_sqlite_in(const char *folder)
{
    char path[TEST_PATH_BYTES];

    snprintf(path, sizeof(path), "%s/" STORE_DB_FILE, folder);
    fresh_sqlite(path);
}

/* ---- PostgreSQL ---- */

static int64_t made_things; /* 0: this process has not made them yet */

/* Tables, indexes, triggers. */
static const struct db_statement things = {
    "fresh_things",
    "SELECT COUNT(c.oid) + COUNT(t.oid) FROM pg_class c LEFT JOIN pg_trigger t ON t.tgrelid = c.oid"
    " WHERE c.relnamespace = 'public'::regnamespace",
    NULL};

/* The rows that the migrations make are kept in fresh_rows. */
static const char drop_script[] = "DROP SCHEMA IF EXISTS public, fresh_rows CASCADE;"
                                  "CREATE SCHEMA public";
static const char keep_script[] =
    "CREATE SCHEMA fresh_rows;"
    "DO $$ DECLARE t text; has_rows bool; BEGIN"
    " FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP"
    "  EXECUTE format('SELECT EXISTS (SELECT 1 FROM public.%I)', t) INTO has_rows;"
    "  IF has_rows THEN EXECUTE format('CREATE TABLE fresh_rows.%I AS TABLE public.%I', t, t);"
    "  END IF;"
    " END LOOP; END $$";
static const char empty_script[] =
    "DO $$ DECLARE t text; has_rows bool; BEGIN"
    " FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP"
    "  EXECUTE format('SELECT EXISTS (SELECT 1 FROM public.%I)', t) INTO has_rows;"
    "  IF has_rows THEN EXECUTE format('TRUNCATE public.%I', t); END IF;"
    " END LOOP;"
    " FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'fresh_rows' LOOP"
    "  EXECUTE format('INSERT INTO public.%I TABLE fresh_rows.%I', t, t);"
    " END LOOP; END $$";

static int64_t count_things(struct db *db)
{
    struct db_rows rows = {0};
    int64_t count = 0;

    assert_int_equal(db_begin(db), OK);
    assert_int_equal(db_query_one(db, &things, DB_NO_ARGS, &rows), OK);
    count = db_get_int(&rows, 0);
    assert_int_equal(db_rows_end(&rows), OK);
    assert_int_equal(db_commit(db), OK);
    return count;
}

static void migrate_postgres(struct db *db)
{
    const char *why = "";

    assert_int_equal(db_script(db, drop_script), OK);
    assert_int_equal(migrations_apply(db, NULL, &why), OK);
    assert_int_equal(db_script(db, keep_script), OK);
    made_things = count_things(db);
}

void fresh_postgres(const char *url)
{
    const char *why = "";
    struct db *db = NULL;

    assert_int_equal(db_postgres_open(url, &db, &why), OK);
    if (made_things > 0 && made_things == count_things(db))
        assert_int_equal(db_script(db, empty_script), OK);
    else
        migrate_postgres(db);
    db_close(db);
}

/* ---- tests on both ---- */

static const char *running_url;

const char *fresh_postgres_url(void)
{
    return running_url;
}

int fresh_run_tests(const struct CMUnitTest *tests, size_t count, CMFixtureFunction setup,
                    CMFixtureFunction teardown)
{
    struct CMUnitTest *copies = mem_alloc(count * sizeof(*copies));
    const char *url = getenv("RUNBELL_TEST_POSTGRES");
    int failed;

    for (size_t i = 0; i < count; i++) {
        copies[i] = tests[i];
        copies[i].setup_func = setup;
        copies[i].teardown_func = teardown;
    }
    running_url = NULL;
    failed = _cmocka_run_group_tests("sqlite", copies, count, NULL, NULL);
    running_url = url;
    if (url)
        failed += _cmocka_run_group_tests("postgres", copies, count, NULL, NULL);
    mem_free(copies);
    return failed;
}
