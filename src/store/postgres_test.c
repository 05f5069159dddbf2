/* postgres_test.c -- what only happens with a server: lost connections, deadlocks, two nodes that
 * start at once. Needs RUNBELL_TEST_POSTGRES. */
#include <pthread.h>
#include <unistd.h>

#include "store/store_fixture.h"

static const char *postgres_url;
static struct fixture fixtures[2];

static int setup(void **state)
{
    *state = &fixtures[0];
    return fixture_open(&fixtures[0], postgres_url);
}

static int teardown(void **state)
{
    fixture_close(*state);
    return 0;
}

/* As if the server had been restarted: every session but the killer's ends. */
static void kill_sessions(void)
{
    struct db *db = NULL;
    const char *why = "";

    assert_int_equal(db_postgres_open(postgres_url, &db, &why), OK);
    assert_int_equal(db_script(db,
                               "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                               " WHERE pid <> pg_backend_pid() AND datname = current_database()"),
                     OK);
    db_close(db);
}

static void idle_connections_heal(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(fixture_insert(fixture, STR("a")), OK);
    assert_int_equal(fixture_count(fixture, STR("a")), 1);
    for (int i = 0; i < 3; i++) {
        char name[8];
        struct str id = str_range(name, (size_t)snprintf(name, sizeof(name), "b%d", i));

        kill_sessions();
        assert_int_equal(fixture_insert(fixture, id), OK);
        assert_int_equal(fixture_count(fixture, id), 1);
        assert_int_equal(fixture_count(fixture, STR("a")), 1);
    }
    assert_int_equal(fixture->deaths, 0);
}

/* Inserts, loses its connection the first time it is applied, and then needs it again. */
static enum err insert_and_lose(struct tx *tx, struct store_work *work)
{
    struct job *job = CONTAINER_OF(work, struct job, work);
    enum err err = job_insert(tx, work);

    if (!err && job->applies == 1)
        kill_sessions();
    return err ? err : job_count(tx, work);
}

static void a_loss_before_the_commit_is_repeated(void **state)
{
    struct fixture *fixture = *state;
    struct job job;

    job_init(&job, insert_and_lose, STR("a"));
    store_write(fixture->store, &job.work);
    assert_int_equal(job_wait(&job), OK);
    assert_int_equal(job.found, 1);
    assert_true(job.applies > 2);
    assert_int_equal(fixture_count(fixture, STR("a")), 1);
    assert_int_equal(fixture->deaths, 0);
}

static enum err lose_at_the_end(struct tx *tx, struct store_work *work)
{
    struct job *job = CONTAINER_OF(work, struct job, work);
    enum err err = job_insert(tx, work);

    if (job->applies == 1)
        kill_sessions();
    return err;
}

/* COMMIT goes into a connection that is dead: the server, asked, says that it was rolled back. */
static void a_loss_in_the_commit_is_asked_about(void **state)
{
    struct fixture *fixture = *state;
    struct job job;

    job_init(&job, lose_at_the_end, STR("a"));
    store_write(fixture->store, &job.work);
    assert_int_equal(job_wait(&job), OK);
    assert_int_equal(job.applies, 2);
    assert_int_equal(fixture_count(fixture, STR("a")), 1);
    assert_int_equal(fixture->deaths, 0);
}

static const struct db_statement ask_the_time = {
    "test_time", "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)", NULL};

/* The machine's clock may say what it likes. */
static enum err compare_clocks(struct tx *tx, struct store_work *work)
{
    struct job *job = CONTAINER_OF(work, struct job, work);
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &ask_the_time, DB_NO_ARGS, &rows);

    if (err)
        return err;
    job->found = db_get_int(&rows, 0) - tx->now_us;
    return db_rows_end(&rows);
}

static void the_database_has_the_time(void **state)
{
    struct fixture *fixture = *state;

    for (int is_write = 0; is_write < 2; is_write++) {
        struct job job;

        job_init(&job, compare_clocks, STR("a"));
        (is_write ? store_write : store_read)(fixture->store, &job.work);
        assert_int_equal(job_wait(&job), OK);
        assert_in_range(job.found, 0, 10 * US_PER_SECOND);
    }
}

struct crossing {
    struct job job;
    struct str first, second;
    sem_t *mine, *theirs; /* both have their first row before either asks for its second */
};

static const struct db_statement touch = {
    "test_touch", "UPDATE idempotency SET created_us = created_us + 1 WHERE idempotency_key = $1",
    NULL};

static enum err cross(struct tx *tx, struct store_work *work)
{
    struct crossing *crossing = CONTAINER_OF(work, struct crossing, job.work);
    enum err err = db_run(tx->db, &touch, DB_ARGS(db_text(crossing->first)), NULL);

    if (!err && crossing->job.applies++ == 0) {
        sem_post(crossing->mine);
        sem_wait(crossing->theirs);
    }
    return err ? err : db_run(tx->db, &touch, DB_ARGS(db_text(crossing->second)), NULL);
}

static void a_deadlock_is_repeated(void **state)
{
    struct fixture *other = &fixtures[1];
    struct crossing here = {.first = STR("a"), .second = STR("b")},
                    there = {.first = STR("b"), .second = STR("a")};
    sem_t here_is_in, there_is_in;

    sem_init(&here_is_in, 0, 0);
    sem_init(&there_is_in, 0, 0);
    fixture_open_beside(other, *state);
    assert_int_equal(fixture_insert(*state, STR("a")), OK);
    assert_int_equal(fixture_insert(*state, STR("b")), OK);
    job_init(&here.job, cross, STR("x"));
    job_init(&there.job, cross, STR("x"));
    here.mine = there.theirs = &here_is_in;
    there.mine = here.theirs = &there_is_in;
    store_write(fixtures[0].store, &here.job.work);
    store_write(other->store, &there.job.work);
    assert_int_equal(job_wait(&here.job), OK);
    assert_int_equal(job_wait(&there.job), OK);
    assert_true(here.job.applies + there.job.applies == 3);
    fixture_close(other);
    sem_destroy(&here_is_in);
    sem_destroy(&there_is_in);
}

static void *open_beside(void *argument)
{
    fixture_open_beside(argument, &fixtures[0]);
    return NULL;
}

static void nodes_may_start_at_once(void **state)
{
    static struct fixture nodes[4];
    pthread_t threads[ARRAY_LEN(nodes)];
    struct db *db = NULL;
    const char *why = "";

    (void)state;
    assert_int_equal(db_postgres_open(postgres_url, &db, &why), OK);
    assert_int_equal(db_script(db, "DROP SCHEMA public CASCADE; CREATE SCHEMA public"), OK);
    db_close(db);
    for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_beside, &nodes[i]), 0);
    for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(fixture_insert(&nodes[0], STR("a")), OK);
    for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
        assert_int_equal(fixture_count(&nodes[i], STR("a")), 1);
        fixture_close(&nodes[i]);
    }
}

static void an_unreachable_server_is_not_fatal(void **state)
{
    struct store_config config = fixture_config(*state);
    struct store *store = NULL;
    const char *why = "";

    config.postgres_url = "postgres://nobody@127.0.0.1:1/none";
    assert_int_equal(store_open(&config, &store, &why), ERR_AGAIN);
    assert_non_null(strstr(why, "PostgreSQL"));
}

static void backups_are_left_to_pg_dump(void **state)
{
    struct fixture *fixture = *state;
    const char *why = "";

    assert_int_equal(store_backup(fixture->store, "/tmp/x.db", &why), ERR_INVALID);
    assert_non_null(strstr(why, "pg_dump"));
}

#define WITH_STORE(sentence, function)                                                             \
    {                                                                                              \
        (sentence), (function), setup, teardown, NULL                                              \
    }

static const struct CMUnitTest tests[] = {
    WITH_STORE("connections that were lost while idle are opened again", idle_connections_heal),
    WITH_STORE("a loss before the commit repeats the group", a_loss_before_the_commit_is_repeated),
    WITH_STORE("what became of a commit whose answer was lost is asked",
               a_loss_in_the_commit_is_asked_about),
    WITH_STORE("the time of a transaction is the database's, for all nodes",
               the_database_has_the_time),
    WITH_STORE("a deadlock between two nodes is repeated by one of them", a_deadlock_is_repeated),
    WITH_STORE("nodes may start at once on an empty database", nodes_may_start_at_once),
    WITH_STORE("a server that is not there is told in words", an_unreachable_server_is_not_fatal),
    WITH_STORE("a backup names pg_dump", backups_are_left_to_pg_dump),
};

int main(void)
{
    postgres_url = getenv("RUNBELL_TEST_POSTGRES");
    return postgres_url ? RUN_TESTS(tests) : 0;
}
