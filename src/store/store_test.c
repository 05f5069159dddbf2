/* store_test.c -- the laws of store.h, on SQLite and, where RUNBELL_TEST_POSTGRES holds a URL, on
 * PostgreSQL. */
#include <unistd.h>

#include "db/db.h"
#include "store/fresh_rig.h"
#include "store/store_fixture.h"

static int setup(void **state)
{
    static struct fixture fixture;

    *state = &fixture;
    return fixture_open(&fixture, fresh_postgres_url());
}

static int teardown(void **state)
{
    fixture_close(*state);
    return 0;
}

/* Fills the queue while the writer is held inside a work, then lets it go. */
struct hold {
    struct job job;
    sem_t gate, entered;
};

static void hold_begin(struct fixture *fixture, struct hold *hold)
{
    sem_init(&hold->gate, 0, 0);
    sem_init(&hold->entered, 0, 0);
    job_init(&hold->job, job_nothing, STR("hold"));
    hold->job.holds = &hold->gate;
    hold->job.entered = &hold->entered;
    store_write(fixture->store, &hold->job.work);
    sem_wait(&hold->entered);
}

static void hold_end(struct hold *hold)
{
    sem_post(&hold->gate);
    assert_int_equal(job_wait(&hold->job), OK);
    sem_destroy(&hold->gate);
    sem_destroy(&hold->entered);
}

static void own_writes_are_seen(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(fixture_count(fixture, STR("a")), 0);
    for (int i = 0; i < 50; i++) {
        char name[16];
        struct str id = str_range(name, (size_t)snprintf(name, sizeof(name), "w%d", i));

        assert_int_equal(fixture_insert(fixture, id), OK);
        assert_int_equal(fixture_count(fixture, id), 1);
    }
}

static void writes_survive_a_restart(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(fixture_insert(fixture, STR("a")), OK);
    fixture_reopen(fixture);
    assert_int_equal(fixture_count(fixture, STR("a")), 1);
}

static void a_failed_work_falls_alone(void **state)
{
    static const struct {
        const char *id;
        enum err returns, expected;
    } cases[] = {
        {"a", OK, OK},           {"b", ERR_DENIED, ERR_DENIED}, /* its own word, after its insert */
        {"a", OK, ERR_CONFLICT},                                /* the database's word */
        {"c", OK, OK},           {"d", ERR_AGAIN, ERR_AGAIN},   /* its own word too: not repeated */
        {"e", OK, OK},
    };
    struct fixture *fixture = *state;
    struct job jobs[ARRAY_LEN(cases)];
    uint64_t groups;
    struct hold hold;

    hold_begin(fixture, &hold);
    groups = store_stats(fixture->store).groups;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        job_init(&jobs[i], job_insert, str_of(cases[i].id));
        jobs[i].returns = cases[i].returns;
        store_write(fixture->store, &jobs[i].work);
    }
    hold_end(&hold);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(job_wait(&jobs[i]), cases[i].expected);
        assert_int_equal(fixture_count(fixture, str_of(cases[i].id)),
                         cases[i].expected == OK || cases[i].expected == ERR_CONFLICT);
    }
    assert_int_equal(store_stats(fixture->store).groups, groups + 2);
}

/* Even when the writer has nothing else to do. */
static void what_goes_together_is_one_commit(void **state)
{
    struct fixture *fixture = *state;
    struct job jobs[2];
    uint64_t groups = store_stats(fixture->store).groups;

    job_init(&jobs[0], job_insert, STR("with one"));
    job_init(&jobs[1], job_insert, STR("with two"));
    jobs[0].work.with = &jobs[1].work;
    store_write(fixture->store, &jobs[0].work);
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++)
        assert_int_equal(job_wait(&jobs[i]), OK);
    assert_int_equal(store_stats(fixture->store).groups, groups + 1);
}

/* Most failures are found before anything is written: they must not cost the others a second run.
 */
static void looking_and_failing_repeats_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct job writes, looks;
    struct hold hold;

    hold_begin(fixture, &hold);
    job_init(&writes, job_insert, STR("a"));
    job_init(&looks, job_count, STR("a"));
    looks.returns = ERR_NOT_FOUND;
    store_write(fixture->store, &writes.work);
    store_write(fixture->store, &looks.work);
    hold_end(&hold);
    assert_int_equal(job_wait(&writes), OK);
    assert_int_equal(job_wait(&looks), ERR_NOT_FOUND);
    assert_int_equal(writes.applies, 1);
    assert_int_equal(looks.found, 1);
    assert_int_equal(fixture_count(fixture, STR("a")), 1);
}

static void a_failed_work_that_is_alone(void **state)
{
    struct fixture *fixture = *state;
    struct job job;

    job_init(&job, job_insert, STR("a"));
    job.returns = ERR_INVALID;
    store_write(fixture->store, &job.work);
    assert_int_equal(job_wait(&job), ERR_INVALID);
    assert_int_equal(fixture_count(fixture, STR("a")), 0);
    assert_int_equal(fixture_insert(fixture, STR("a")), OK);
    assert_int_equal(fixture_insert(fixture, STR("a")), ERR_CONFLICT);
}

/* Forgets that its statement failed. */
static enum err careless(struct tx *tx, struct store_work *work)
{
    static const struct db_statement wrong = {"careless", "SELECT 1 FROM nowhere", NULL};
    enum err err = db_run(tx->db, &wrong, DB_NO_ARGS, NULL);

    (void)work;
    return err == ERR_IO ? OK : ERR_INVALID;
}

static void an_ignored_error_is_not_success(void **state)
{
    struct fixture *fixture = *state;
    struct job alone, first, second;
    struct hold hold;

    job_init(&alone, careless, STR("a"));
    store_write(fixture->store, &alone.work);
    assert_int_equal(job_wait(&alone), ERR_IO);
    hold_begin(fixture, &hold);
    job_init(&first, careless, STR("a"));
    job_init(&second, job_insert, STR("b"));
    store_write(fixture->store, &first.work);
    store_write(fixture->store, &second.work);
    hold_end(&hold);
    assert_int_equal(job_wait(&first), ERR_IO);
    assert_int_equal(job_wait(&second), OK);
    job_init(&alone, careless, STR("a"));
    store_read(fixture->store, &alone.work);
    assert_int_equal(job_wait(&alone), ERR_IO);
    assert_int_equal(fixture_count(fixture, STR("b")), 1);
    assert_int_equal(fixture->deaths, 0);
}

static void classes_have_an_order(void **state)
{
    static const enum store_class classes[] = {STORE_BULK,    STORE_EVENT, STORE_REPLY,
                                               STORE_OUTCOME, STORE_REPLY, STORE_BULK,
                                               STORE_OUTCOME};
    static const int places[] = {5, 4, 0, 2, 1, 6, 3};
    struct fixture *fixture = *state;
    struct job jobs[ARRAY_LEN(classes)];
    struct hold hold;

    hold_begin(fixture, &hold);
    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        job_init(&jobs[i], job_nothing, STR("x"));
        jobs[i].work.class = classes[i];
        store_write(fixture->store, &jobs[i].work);
    }
    hold_end(&hold);
    for (size_t i = 0; i < ARRAY_LEN(classes); i++)
        assert_int_equal(job_wait(&jobs[i]), OK);
    for (size_t i = 0; i < ARRAY_LEN(classes); i++)
        assert_int_equal(jobs[i].applied_at - jobs[2].applied_at, places[i]);
}

static void low_classes_do_not_starve(void **state)
{
    static struct job replies[400];
    struct fixture *fixture = *state;
    uint64_t groups;
    struct job bulk;
    struct hold hold;
    int before = 0;

    hold_begin(fixture, &hold);
    groups = store_stats(fixture->store).groups;
    for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
        job_init(&replies[i], job_nothing, STR("x"));
        store_write(fixture->store, &replies[i].work);
    }
    job_init(&bulk, job_nothing, STR("x"));
    bulk.work.class = STORE_BULK;
    store_write(fixture->store, &bulk.work);
    hold_end(&hold);
    assert_int_equal(job_wait(&bulk), OK);
    for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
        assert_int_equal(job_wait(&replies[i]), OK);
        before += replies[i].applied_at < bulk.applied_at;
    }
    assert_int_equal(before, 256 - 8);
    assert_int_equal(store_stats(fixture->store).groups, groups + 3);
    assert_int_equal(store_stats(fixture->store).queue_length, 0);
}

static void reads_of_a_group_are_one_moment(void **state)
{
    struct fixture *fixture = *state;
    struct job first, second;
    struct hold hold;

    /* Both readers get two: the second of each is read on the snapshot of the first. */
    for (int i = 0; i < 2; i++) {
        sem_init(&hold.gate, 0, 0);
        sem_init(&hold.entered, 0, 0);
        job_init(&first, job_count, STR("later"));
        first.holds = &hold.gate;
        first.entered = &hold.entered;
        store_read(fixture->store, &first.work);
        sem_wait(&hold.entered);
        job_init(&second, job_count, STR("later"));
        assert_int_equal(fixture_insert(fixture, i ? STR("later") : STR("other")), OK);
        store_read(fixture->store, &second.work);
        sem_post(&hold.gate);
        assert_int_equal(job_wait(&first), OK);
        assert_int_equal(job_wait(&second), OK);
        assert_int_equal(first.found, 0);
        assert_int_equal(second.found, i);
        sem_destroy(&hold.gate);
        sem_destroy(&hold.entered);
    }
}

static void closing_finishes_the_queue(void **state)
{
    static struct job jobs[600];
    static char names[600][8];
    struct fixture *fixture = *state;
    struct hold hold;

    hold_begin(fixture, &hold);
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        snprintf(names[i], sizeof(names[i]), "q%zu", i);
        job_init(&jobs[i], job_insert, str_of(names[i]));
        jobs[i].work.class = (enum store_class)(i % STORE_CLASS_COUNT);
        store_write(fixture->store, &jobs[i].work);
    }
    sem_post(&hold.gate);
    fixture_reopen(fixture);
    assert_int_equal(job_wait(&hold.job), OK);
    sem_destroy(&hold.gate);
    sem_destroy(&hold.entered);
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        assert_int_equal(job_wait(&jobs[i]), OK);
        assert_int_equal(fixture_count(fixture, str_of(names[i])), 1);
    }
}

static void the_folder_is_locked(void **state)
{
    struct fixture *fixture = *state;
    struct store_config config = fixture_config(fixture);
    struct store *second = NULL;
    const char *why = "";

    if (fresh_postgres_url())
        skip();
    assert_int_equal(store_open(&config, &second, &why), ERR_CONFLICT);
    assert_non_null(strstr(why, fixture->folder));
    assert_non_null(strstr(why, "in use"));
}

static void set_version(struct fixture *fixture, const char *sql)
{
    char path[TEST_PATH_BYTES];
    struct db *db = NULL;
    const char *why = "";

    snprintf(path, sizeof(path), "%s/runbell.db", fixture->folder);
    if (fresh_postgres_url())
        assert_int_equal(db_postgres_open(fresh_postgres_url(), &db, &why), OK);
    else
        assert_int_equal(db_sqlite_open(&(struct db_sqlite_options){.path = path}, &db, &why), OK);
    assert_int_equal(db_script(db, sql), OK);
    db_close(db);
}

static void a_newer_store_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct store_config config = fixture_config(fixture);
    const char *why = "";

    store_close(fixture->store);
    set_version(fixture, "UPDATE schema_version SET version = version + 41");
    assert_int_equal(store_open(&config, &fixture->store, &why), ERR_CONFLICT);
    assert_non_null(strstr(why, "newer runbell"));
    set_version(fixture, "UPDATE schema_version SET version = version - 41");
    assert_int_equal(store_open(&config, &fixture->store, &why), OK);
}

static const struct CMUnitTest tests[] = {
    TEST("a read submitted after a write was answered sees it", own_writes_are_seen),
    TEST("what was acknowledged is there after a restart", writes_survive_a_restart),
    TEST("of a group the works that fail fall alone", a_failed_work_falls_alone),
    TEST("a work that looks and fails repeats nothing", looking_and_failing_repeats_nothing),
    TEST("works that go together are one commit", what_goes_together_is_one_commit),
    TEST("a failing work without a group leaves nothing", a_failed_work_that_is_alone),
    TEST("a work that ignores the database's error does not succeed",
         an_ignored_error_is_not_success),
    TEST("a group is in order of class, then of arrival", classes_have_an_order),
    TEST("a low class gets its places in a full group", low_classes_do_not_starve),
    TEST("a read sees what was committed before it was submitted", reads_of_a_group_are_one_moment),
    TEST("closing finishes what is queued", closing_finishes_the_queue),
    TEST("a folder in use is refused by name", the_folder_is_locked),
    TEST("a store of a newer program is refused", a_newer_store_is_refused),
};

int main(void)
{
    return fresh_run_tests(tests, ARRAY_LEN(tests), setup, teardown);
}
