/* migrate_test.c -- what the log says while an old store gets the schema of this program. */
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "store/fresh_rig.h"
#include "store/migrations.h"
#include "store/store_files.h"
#include "store/store_fixture.h"

#define STEPS_LEFT 2

static const struct db_statement set_version = {"test_set_version",
                                                "UPDATE schema_version SET version = $1", NULL};

struct old {
    char folder[TEST_FOLDER_BYTES], path[TEST_PATH_BYTES];
    struct db *db;
    struct buf lines;
    int64_t now_us, pace_us; /* of a clock that moves on when it is read */
};

static int64_t mono_us(void *of)
{
    struct old *old = of;

    return old->now_us += old->pace_us;
}

static void keep(void *context, struct str line)
{
    struct old *old = context;

    buf_add(&old->lines, line);
    buf_add_char(&old->lines, '\n');
}

static void connect_to(struct old *old, struct db **db)
{
    const char *why = "";

    if (fresh_postgres_url())
        assert_int_equal(db_postgres_open(fresh_postgres_url(), db, &why), OK);
    else
        assert_int_equal(db_sqlite_open(&(struct db_sqlite_options){.path = old->path}, db, &why),
                         OK);
}

static int setup(void **state)
{
    static struct old old;

    old = (struct old){0};
    test_folder(old.folder, "migrate");
    snprintf(old.path, sizeof(old.path), "%s/" STORE_DB_FILE, old.folder);
    buf_init(&old.lines, MIB);
    connect_to(&old, &old.db);
    if (fresh_postgres_url())
        assert_int_equal(
            db_script(old.db,
                      "DROP SCHEMA IF EXISTS public, fresh_rows CASCADE; CREATE SCHEMA public"),
            OK);
    *state = &old;
    return 0;
}

static int teardown(void **state)
{
    struct old *old = *state;

    log_set_sink(NULL, NULL);
    db_close(old->db);
    buf_release(&old->lines);
    unlink(old->path);
    assert_int_equal(rmdir(old->folder), 0);
    return 0;
}

static enum err apply(struct old *old)
{
    const struct migration_clock clock = {.mono_us = mono_us, .of = old};
    const char *why = "";
    enum err err;

    buf_clear(&old->lines);
    log_set_sink(keep, old);
    err = migrations_apply(old->db, &clock, &why);
    log_set_sink(NULL, NULL);
    return err;
}

/* As a program left it that knew STEPS_LEFT steps less. */
static void make_old(struct old *old)
{
    size_t known = migration_count - STEPS_LEFT;

    assert_int_equal(db_begin(old->db), OK);
    assert_int_equal(db_script(old->db, "CREATE TABLE schema_version (version BIGINT NOT NULL);"
                                        "INSERT INTO schema_version VALUES (0)"),
                     OK);
    for (size_t i = 0; i < known; i++)
        assert_int_equal(migration_run(old->db, migrations[i].script), OK);
    assert_int_equal(db_run(old->db, &set_version, DB_ARGS(db_int((int64_t)known)), NULL), OK);
    assert_int_equal(db_commit(old->db), OK);
}

static void has(struct old *old, const char *text)
{
    if (str_find(buf_str(&old->lines), str_of(text)) < old->lines.len)
        return;
    print_error("no \"%s\" in:\n%s", text, buf_cstr(&old->lines));
    fail();
}

static size_t line_count(const struct old *old)
{
    size_t count = 0;

    for (size_t i = 0; i < old->lines.len; i++)
        count += old->lines.data[i] == '\n';
    return count;
}

static void each_step_is_told(void **state)
{
    struct old *old = *state;
    char text[160];

    make_old(old);
    assert_int_equal(apply(old), OK);
    snprintf(text, sizeof(text), "the store has schema %zu, this program needs %zu",
             migration_count - STEPS_LEFT, migration_count);
    has(old, text);
    has(old, "Let it run");
    snprintf(text, sizeof(text), "step 1 of 2 of the schema: %s",
             migrations[migration_count - 2].what);
    has(old, text);
    snprintf(text, sizeof(text), "step 2 of 2 of the schema: %s",
             migrations[migration_count - 1].what);
    has(old, text);
    snprintf(text, sizeof(text), "the store has schema %zu now", migration_count);
    has(old, text);
    assert_int_equal(line_count(old), 4); /* that a step was quick is not said */
    assert_int_equal(apply(old), OK);
    assert_int_equal(line_count(old), 0);
}

static void a_long_step_says_how_long(void **state)
{
    struct old *old = *state;

    make_old(old);
    old->pace_us = 2500 * US_PER_MS;
    assert_int_equal(apply(old), OK);
    has(old, "step 1 of 2 took 2.5 s");
    has(old, "step 2 of 2 took 2.5 s");
    has(old, "now, after 10.0 s");
}

static void a_new_store_says_nothing(void **state)
{
    struct old *old = *state;

    old->pace_us = 2500 * US_PER_MS;
    assert_int_equal(apply(old), OK);
    assert_int_equal(line_count(old), 0);
}

/* The lock is that of migrate.c, which another node has while it changes the schema. */
static void waiting_is_told(void **state)
{
    struct old *old = *state;
    struct db *other = NULL;

    if (!fresh_postgres_url())
        skip(); /* SQLite's store belongs to one process */
    make_old(old);
    connect_to(old, &other);
    assert_int_equal(db_script(old->db, "SET lock_timeout = '1ms'"), OK);
    assert_int_equal(db_begin(other), OK);
    assert_int_equal(db_script(other, "SELECT pg_advisory_xact_lock(7248391150)"), OK);
    assert_int_equal(apply(old), ERR_AGAIN);
    has(old, "cannot be changed yet, which is tried again: ");
    has(old, "lock timeout");
    has(old, "stop that node");
    assert_in_range(line_count(old), 60, 62 + STEPS_LEFT); /* not at each try */
    db_rollback(other);
    db_close(other);
    assert_int_equal(db_script(old->db, "SET lock_timeout = '10s'"), OK);
    assert_int_equal(apply(old), OK);
}

static const struct CMUnitTest tests[] = {
    TEST("each step on an old store is told", each_step_is_told),
    TEST("a step that takes long says how long", a_long_step_says_how_long),
    TEST("a new store says nothing of its steps", a_new_store_says_nothing),
    TEST("waiting for another node is told", waiting_is_told),
};

int main(void)
{
    return fresh_run_tests(tests, ARRAY_LEN(tests), setup, teardown);
}
