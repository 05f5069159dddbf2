/* table_rig.c -- see table_rig.h. */
#include "store/table_rig.h"

#include "store/fresh_rig.h"

void table_try(struct table *table)
{
    assert_int_equal(db_savepoint(table->tx->db), OK);
}

void table_undo(struct table *table)
{
    assert_int_equal(db_savepoint_rollback(table->tx->db), OK);
}

int64_t table_ask(struct table *table, const struct db_statement *question)
{
    struct db_rows rows = {0};
    int64_t answer;

    assert_int_equal(db_query_one(table->tx->db, question, DB_NO_ARGS, &rows), OK);
    answer = db_get_int(&rows, 0);
    assert_int_equal(db_rows_end(&rows), OK);
    return answer;
}

void table_join(struct table *table, struct str *text, struct str id)
{
    *text = arena_printf(&table->arena, "%.*s%s%.*s", STR_ARG(*text), text->len > 0 ? "," : "",
                         STR_ARG(id));
}

static int setup(void **state)
{
    static struct table table;

    outbox_rig_open(&table.rig, fresh_postgres_url());
    arena_init(&table.arena);
    table.tx = outbox_rig_begin(&table.rig);
    *state = &table;
    return 0;
}

static int teardown(void **state)
{
    struct table *table = *state;

    assert_int_equal(outbox_rig_end(&table->rig, OK), OK);
    outbox_rig_close(&table->rig);
    arena_release(&table->arena);
    return 0;
}

int table_run_tests(const struct CMUnitTest *tests, size_t count)
{
    return fresh_run_tests(tests, count, setup, teardown);
}
