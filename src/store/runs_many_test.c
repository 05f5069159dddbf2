/* runs_many_test.c -- that runs which wait are not looked at when another one ends; on both
 * databases. */
#include "store/runs.h"
#include "store/table_rig.h"

#define MANY 500

/* What this transaction has read of the table by its indexes. */
static const struct db_statement rows_read = {
    "runs_test_read", "SELECT 0",
    "SELECT CAST(idx_tup_fetch AS BIGINT) FROM pg_stat_xact_user_tables WHERE relname = 'runs'"};

static int64_t read_so_far(struct table *t)
{
    struct db_rows rows = {0};
    int64_t count;

    assert_int_equal(db_query_one(t->tx->db, &rows_read, DB_NO_ARGS, &rows), OK);
    count = db_get_int(&rows, 0);
    assert_int_equal(db_rows_end(&rows), OK);
    return count;
}

static void add(struct table *t, struct str id)
{
    struct run run = {.tenant = TENANT,
                      .run_id = id,
                      .thread_id = id,
                      .assistant_id = STR("x"),
                      .graph_id = STR("g"),
                      .metadata = STR("{}"),
                      .kwargs = STR("{}"),
                      .multitask_strategy = STR("enqueue"),
                      .created_us = 100,
                      .due_us = 100};

    assert_int_equal(run_insert(t->tx, &run), OK);
}

static void end(struct table *t, struct str id)
{
    struct run run;

    assert_int_equal(run_get(t->tx, TENANT, STR_NONE, id, &t->arena, &run), OK);
    run.status = STR("success");
    run.ended_us = t->tx->now_us;
    assert_int_equal(run_end(t->tx, &run), OK);
}

/* PostgreSQL has planned how to find one while there was hardly any other. */
static void who_waits_is_not_looked_at(void **state)
{
    struct table *t = *state;
    int64_t before;

    for (int i = 0; i < 8; i++) {
        struct str id = arena_printf(&t->arena, "first-%d", i);

        add(t, id);
        end(t, id);
    }
    for (int i = 0; i < MANY; i++)
        add(t, arena_printf(&t->arena, "%03d", i));
    before = read_so_far(t);
    end(t, STR("499"));
    assert_in_range(read_so_far(t) - before, 0, 4);
}

static const struct CMUnitTest tests[] = {
    TEST("who waits is not looked at when one ends", who_waits_is_not_looked_at),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
