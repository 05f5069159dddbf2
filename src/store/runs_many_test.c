/* runs_many_test.c -- that runs which wait are not looked at when another one ends; on both
 * databases. */
#include "store/runs.h"
#include "store/table_rig.h"

#define MANY 500
#define PLANNED_AFTER 8 /* PostgreSQL keeps the plan of the sixth */

/* What this transaction has read of the table by its indexes. */
static const struct db_statement rows_read = {
    "runs_test_read", "SELECT 0",
    "SELECT CAST(idx_tup_fetch AS BIGINT) FROM pg_stat_xact_user_tables WHERE relname = 'runs'"};

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

static void add_and_end(struct table *t, const char *name, int count)
{
    for (int i = 0; i < count; i++) {
        struct str id = arena_printf(&t->arena, "%s-%d", name, i);

        add(t, id);
        end(t, id);
    }
}

/* One of many ends, by the plan that was made before. */
static void assert_one_is_read(struct table *t)
{
    int64_t before;

    for (int i = 0; i < MANY; i++)
        add(t, arena_printf(&t->arena, "%03d", i));
    before = table_ask(t, &rows_read);
    end(t, STR("499"));
    assert_in_range(table_ask(t, &rows_read) - before, 0, 4);
}

/* Planned while the table was as good as empty: any index seems right. */
static void a_new_table(void **state)
{
    struct table *t = *state;

    add_and_end(t, "first", PLANNED_AFTER);
    assert_one_is_read(t);
}

/* Planned while none of many lived: the index of those that live seems the smallest. */
static void a_table_of_ended_ones(void **state)
{
    struct table *t = *state;

    add_and_end(t, "old", MANY);
    assert_int_equal(db_script(t->tx->db, "ANALYZE runs"), OK);
    add_and_end(t, "more", PLANNED_AFTER);
    assert_one_is_read(t);
}

static const struct CMUnitTest tests[] = {
    TEST("who waits is not looked at when one ends, in a new table", a_new_table),
    TEST("nor in a table of which many have ended", a_table_of_ended_ones),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
