/* retention_test.c -- what is past its age goes, in small pieces; what lives stays. */
#include "store/retention.h"

#include "store/fresh_rig.h"
#include "store/store_fixture.h"

static struct fixture fixture;

#define NOW_US INT64_C(1000000000000)

/* Ages of 1000 µs for all, so that what ended before NOW - 1000 goes. */
static const struct retention_limits limits = {
    .idempotency_us = 1000,
    .attempts_us = 1000,
    .deliveries_us = 1000,
    .run_events_us = 1000,
    .temporary_runs_us = 1000,
    .checkpoints_us = 1000,
    .checkpoints_keep = 2,
    .inspected_us = 1000,
    .inspectors_us = 1000,
};
/* The same, and of runs. */
static const struct retention_limits limits_of_runs = {.runs_us = 1000};

static int setup(void **state)
{
    (void)state;
    return fixture_open(&fixture, fresh_postgres_url());
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&fixture);
    return 0;
}

struct scripted {
    struct job job;
    const char *sql; /* or, where NULL, one step of retention */
    const struct retention_limits *limits;
    enum retention_pace pace;
};

static enum err apply(struct tx *tx, struct store_work *work)
{
    struct scripted *scripted = CONTAINER_OF(work, struct scripted, job.work);

    if (scripted->sql)
        return db_script(tx->db, scripted->sql);
    return retention_step(tx, NOW_US, scripted->limits, &scripted->pace);
}

static void script(const char *sql)
{
    struct scripted scripted = {.sql = sql};

    job_init(&scripted.job, apply, STR("x"));
    store_write(fixture.store, &scripted.job.work);
    assert_int_equal(job_wait(&scripted.job), OK);
}

/* Until nothing more is told; gives the number of steps. */
static int sweep(const struct retention_limits *ages)
{
    struct scripted scripted = {.limits = ages, .pace = RETENTION_MORE};
    int steps = 0;

    for (; scripted.pace != RETENTION_DONE; steps++) {
        assert_true(steps < 1000);
        job_init(&scripted.job, apply, STR("x"));
        scripted.job.work.class = STORE_BULK;
        store_write(fixture.store, &scripted.job.work);
        assert_int_equal(job_wait(&scripted.job), OK);
    }
    return steps;
}

struct counting {
    struct job job;
    const struct db_statement *statement;
    int64_t rows;
};

static enum err count(struct tx *tx, struct store_work *work)
{
    struct counting *counting = CONTAINER_OF(work, struct counting, job.work);
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, counting->statement, DB_NO_ARGS, &rows);

    if (err)
        return err;
    counting->rows = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

#define ROWS(from_where)                                                                           \
    rows_of(&(struct db_statement){from_where, "SELECT COUNT(*) FROM " from_where, NULL})

static int64_t rows_of(const struct db_statement *statement)
{
    struct counting counting = {.statement = statement};

    job_init(&counting.job, count, STR("x"));
    store_write(fixture.store, &counting.job.work);
    assert_int_equal(job_wait(&counting.job), OK);
    return counting.rows;
}

/* The columns that must have a value; those a test varies come last. */
#define DELIVERY_COLUMNS                                                                           \
    "delivery_id, sequence, tenant, endpoint_id, origin, webhook_id, kind, object_id, policy, "    \
    "resend_of,"                                                                                   \
    " state, attempts, created_us, updated_us, ended_us"
#define DELIVERY_MIDDLE(body) "'t', 'e', 'o', 'w', 'run', 'r', 'durable', " body
#define RUN_COLUMNS                                                                                \
    "tenant, run_id, thread_id, assistant_id, graph_id, metadata, kwargs, multitask_strategy,"     \
    " resumable, created_us, updated_us, due_us, position, attempt, events_reserved, status,"      \
    " temporary, ended_us"
#define RUN_MIDDLE "'a', 'g', '{}', '{}', 'enqueue', 1, 1, 1, 1, 1, 1, 0"
#define THREAD_COLUMNS                                                                             \
    "tenant, thread_id, status, metadata, config, interrupts, created_us, updated_us, temporary"
#define THREAD_MIDDLE "'idle', '{}', '{}', '{}', 1, 1"

/* A series of rows in one text for both databases. */
#define SERIES(n)                                                                                  \
    "WITH RECURSIVE series(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM series WHERE i < " #n ") "

static void ended_replays_go_with_what_they_sent(void **state)
{
    (void)state;
    script(
        "INSERT INTO replays (tenant, replay_id, state, filter, rate, expected, is_exact, last_id,"
        " cursor_id, matched, queued, skipped, failed, next_us, created_us, updated_us, ended_us)"
        " VALUES ('t', 'old', 'done', '{}', 1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 999999998999),"
        " ('t', 'new', 'done', '{}', 1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 999999999001),"
        " ('t', 'open', 'paused', '{}', 1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, NULL)");
    (void)sweep(&limits);
    assert_int_equal(ROWS("replays"), 2);
    assert_int_equal(ROWS("replays WHERE replay_id = 'old'"), 0);
}

static void old_answers_go(void **state)
{
    (void)state;
    script("INSERT INTO idempotency (tenant, idempotency_key, request_hash, status, headers, body,"
           " created_us) " SERIES(
               1300) "SELECT 't', 'k' || i, 'h', 200, '', CAST('' AS BYTEA), 999999998000 + i"
                     " FROM series");
    assert_true(sweep(&limits) >= 2);
    assert_int_equal(ROWS("idempotency"), 301);
    assert_int_equal(sweep(&limits), 1);
}

static void expired_items_go(void **state)
{
    (void)state;
    script(
        "INSERT INTO items (tenant, namespace, item_key, value, created_us, updated_us, expires_us)"
        " VALUES ('t', 'n', 'gone', '1', 1, 1, 999999999999), ('t', 'n', 'kept', '1', 1, 1, NULL),"
        " ('t', 'n', 'later', '1', 1, 1, 1000000000001)");
    sweep(&limits);
    assert_int_equal(ROWS("items"), 2);
    assert_int_equal(ROWS("items WHERE item_key = 'gone'"), 0);
}

static void add_deliveries(void)
{
    script("INSERT INTO bodies (delivery_id, tenant, content_type, bytes) VALUES"
           " (1, 't', 'x', 'x'), (3, 't', 'x', 'x'), (4, 't', 'x', 'x')");
    script("INSERT INTO deliveries (" DELIVERY_COLUMNS ") VALUES"
           " (1, 1, " DELIVERY_MIDDLE(
               "NULL") ", 'done', 1, 1, 1, 5),"
                       " (2, 2, " DELIVERY_MIDDLE(
                           "1") ", 'done', 1, 1, 1, 999999999500),"
                                " (3, 3, " DELIVERY_MIDDLE(
                                    "NULL") ", 'dead', 1, 1, 1, 5),"
                                            " (4, 4, " DELIVERY_MIDDLE(
                                                "NULL") ", 'due', 1, 1, 1, NULL)");
    if (fresh_postgres_url())
        script("INSERT INTO delivery_ends (ended_us, delivery_id) SELECT ended_us, delivery_id"
               " FROM deliveries WHERE ended_us IS NOT NULL");
    script("INSERT INTO attempts (attempt_id, tenant, delivery_id, number, started_us) VALUES"
           " (1, 't', 1, 1, 999999999900), (2, 't', 2, 1, 5), (3, 't', 4, 1, 999999999900)");
}

static void ended_deliveries_go_with_their_bodies(void **state)
{
    (void)state;
    add_deliveries();
    sweep(&limits);
    assert_int_equal(ROWS("deliveries WHERE delivery_id IN (2, 4)"), 2);
    assert_int_equal(ROWS("deliveries"), 2);
    assert_int_equal(ROWS("bodies WHERE delivery_id IN (1, 4)"), 2);
    assert_int_equal(ROWS("bodies"), 2);
    /* 1 with its delivery, 2 by its own age. */
    assert_int_equal(ROWS("attempts"), 1);
    assert_int_equal(ROWS("attempts WHERE attempt_id = 3"), 1);
}

static void zero_keeps_for_ever(void **state)
{
    static const struct retention_limits keep_all = {0};

    (void)state;
    add_deliveries();
    assert_int_equal(sweep(&keep_all), 1);
    assert_int_equal(ROWS("deliveries"), 4);
    assert_int_equal(ROWS("attempts"), 3);
}

/* 300 runs that ended at 150 instants, 10 events each; every fifth is temporary; then a fresh and a
 * live one. */
static void add_runs(void)
{
    script("INSERT INTO runs (" RUN_COLUMNS
           ") " SERIES(300) "SELECT 't', 'r' || i, 'th' || i, " RUN_MIDDLE
                            ", 'success', CASE WHEN i % 5 = 0 THEN 1 ELSE 0"
                            " END, 1000 + i / 2 FROM series");
    script("INSERT INTO runs (" RUN_COLUMNS ") VALUES"
           " ('t', 'fresh', 'thf', " RUN_MIDDLE ", 'success', 1, 999999999500),"
           " ('t', 'live', 'th5', " RUN_MIDDLE ", 'running', 1, NULL)");
    script("INSERT INTO run_events (tenant, run_id, event_id, event, data) " SERIES(
        10) "SELECT 't', run_id, i, 'values', '{}' FROM runs, series");
    script("INSERT INTO threads (" THREAD_COLUMNS
           ") " SERIES(300) "SELECT 't', 'th' || i, " THREAD_MIDDLE
                            ", CASE WHEN i % 5 = 0 THEN 1 ELSE 0 END FROM series");
}

static void old_events_and_temporary_runs_go(void **state)
{
    (void)state;
    add_runs();
    assert_true(sweep(&limits) >= 6);
    assert_int_equal(ROWS("run_events"), 20);
    assert_int_equal(ROWS("run_events WHERE run_id IN ('fresh', 'live')"), 20);
    assert_int_equal(ROWS("runs"), 240 + 2);
    assert_int_equal(ROWS("runs WHERE temporary = 1"), 2);
    /* th5 is temporary, but has a live run. */
    assert_int_equal(ROWS("threads"), 240 + 1);
    assert_int_equal(ROWS("threads WHERE thread_id = 'th5'"), 1);
    assert_int_equal(sweep(&limits), 1);
}

static void old_runs_go_and_their_threads_stay(void **state)
{
    (void)state;
    add_runs();
    assert_true(sweep(&limits_of_runs) >= 6);
    assert_int_equal(ROWS("runs"), 2);
    assert_int_equal(ROWS("runs WHERE run_id IN ('fresh', 'live')"), 2);
    assert_int_equal(ROWS("run_events"), 20);
    /* All but those of temporary runs; th5 has a live one. */
    assert_int_equal(ROWS("threads"), 240 + 1);
    assert_int_equal(sweep(&limits_of_runs), 1);
}

#define CHECKPOINT_COLUMNS "tenant, thread_id, ns, checkpoint_id, serde, body, metadata, created_us"
#define WRITE_COLUMNS                                                                              \
    "tenant, thread_id, ns, checkpoint_id, task_id, idx, run_position, task_path, channel, serde," \
    " body"

/* Checkpoints 'c101', … of a namespace, each with one write; at instants from `from` on. */
#define CHECKPOINTS(thread, ns, n, from)                                                           \
    script("INSERT INTO checkpoints (" CHECKPOINT_COLUMNS                                          \
           ") " SERIES(n) "SELECT 't', '" thread "', '" ns                                         \
                          "', 'c' || (100 + i), 'j', CAST('' AS BYTEA), '{}', " #from              \
                          " + i FROM series")

static void add_checkpoints(void)
{
    CHECKPOINTS("old", "", 800, 5);
    CHECKPOINTS("old", "sub", 3, 5);
    CHECKPOINTS("short", "", 1, 5);
    CHECKPOINTS("busy", "", 20, 5);
    CHECKPOINTS("recent", "", 6, 999999998996); /* the first two are of age */
    script("INSERT INTO checkpoint_writes (" WRITE_COLUMNS ") SELECT tenant, thread_id, ns,"
           " checkpoint_id, 'task', 0, 0, '', 'c', 'j', body FROM checkpoints");
    script("INSERT INTO runs (" RUN_COLUMNS ") VALUES"
           " ('t', 'live', 'busy', " RUN_MIDDLE ", 'pending', 0, NULL)");
}

static void old_checkpoints_go_but_the_newest_of_each_namespace(void **state)
{
    (void)state;
    add_checkpoints();
    assert_true(sweep(&limits) >= 3);
    assert_int_equal(ROWS("checkpoints WHERE thread_id = 'old' AND ns = ''"), 2);
    assert_int_equal(ROWS("checkpoints WHERE thread_id = 'old' AND checkpoint_id IN ('c899',"
                          " 'c900') AND ns = ''"),
                     2);
    assert_int_equal(ROWS("checkpoints WHERE ns = 'sub'"), 2);
    assert_int_equal(ROWS("checkpoints WHERE thread_id = 'short'"), 1);
    assert_int_equal(ROWS("checkpoints WHERE thread_id = 'busy'"), 20);
    assert_int_equal(ROWS("checkpoints WHERE thread_id = 'recent'"), 3);
    assert_int_equal(ROWS("checkpoint_writes"), ROWS("checkpoints"));
    assert_int_equal(sweep(&limits), 1);
}

/* What stayed because it was among the newest goes once newer ones have come of age. */
static void what_stayed_goes_later(void **state)
{
    (void)state;
    CHECKPOINTS("t", "", 4, 5);
    sweep(&limits);
    assert_int_equal(ROWS("checkpoints"), 2);
    script("UPDATE checkpoints SET checkpoint_id = 'b' || checkpoint_id");
    CHECKPOINTS("t", "", 4, 500);
    sweep(&limits);
    assert_int_equal(ROWS("checkpoints WHERE ns = ''"), 2);
    assert_int_equal(ROWS("checkpoints WHERE checkpoint_id IN ('c103', 'c104')"), 2);
}

/* As thread copies make them: nothing of it may be forgotten, and nothing go round for ever. */
static void a_hundred_namespaces_of_one_instant(void **state)
{
    (void)state;
    script("INSERT INTO checkpoints (" CHECKPOINT_COLUMNS
           ") " SERIES(300) "SELECT 't', 'th' || (i % 100), '', 'c' || (100 + i / 100), 'j',"
                            " CAST('' AS BYTEA), '{}', 7 FROM series");
    sweep(&limits);
    assert_int_equal(ROWS("checkpoints"), 200);
}

static void old_requests_go_then_unused_inspectors(void **state)
{
    (void)state;
    script("INSERT INTO inspectors (tenant, inspector_id, slug, name, answer, received, answered,"
           " created_us, updated_us, used_us) VALUES"
           " ('t', 'old', 's1', '', '{}', 0, 0, 1, 1, 999999998999),"
           " ('t', 'used', 's2', '', '{}', 0, 0, 1, 1, 999999999000)");
    script("INSERT INTO inspector_requests (tenant, inspector_id, request_id, received_us, status,"
           " body_bytes, head, body) " SERIES(
               600) "SELECT 't', 'old', i, CASE WHEN i > 598 THEN 999999999000 ELSE 1 END, 200, 0,"
                    " '{}', CAST('' AS BYTEA) FROM series");
    assert_true(sweep(&limits) >= 2);
    assert_int_equal(ROWS("inspector_requests"), 2);
    assert_int_equal(ROWS("inspectors"), 2); /* one that has requests stays */
    script("DELETE FROM inspector_requests");
    assert_int_equal(sweep(&limits), 1);
    assert_int_equal(ROWS("inspectors WHERE inspector_id = 'used'"), 1);
    assert_int_equal(ROWS("inspectors WHERE inspector_id = 'old'"), 0);
}

static const struct CMUnitTest tests[] = {
    TEST("old requests to inspectors go, then inspectors that nobody uses",
         old_requests_go_then_unused_inspectors),
    TEST("ended replays go, open ones stay", ended_replays_go_with_what_they_sent),
    TEST("old idempotency rows go, in pieces", old_answers_go),
    TEST("expired items go", expired_items_go),
    TEST("ended deliveries go, and a body with the last that has it",
         ended_deliveries_go_with_their_bodies),
    TEST("an age of zero keeps for ever", zero_keeps_for_ever),
    TEST("old events go, and temporary runs with their threads", old_events_and_temporary_runs_go),
    TEST("old runs go with their events, their threads stay", old_runs_go_and_their_threads_stay),
    TEST("old checkpoints go but the newest of each namespace, and those of a live run's thread",
         old_checkpoints_go_but_the_newest_of_each_namespace),
    TEST("checkpoints that stayed go when newer ones have come of age", what_stayed_goes_later),
    TEST("many namespaces with one instant", a_hundred_namespaces_of_one_instant),
};

int main(void)
{
    return fresh_run_tests(tests, ARRAY_LEN(tests), setup, teardown);
}
