/* table_rig.c -- see table_rig.h. */
#include "store/table_rig.h"

#include <stdlib.h>

static const char *postgres_url; /* of the running group */

void table_try(struct table *table)
{
    assert_int_equal(db_savepoint(table->tx->db), OK);
}

void table_undo(struct table *table)
{
    assert_int_equal(db_savepoint_rollback(table->tx->db), OK);
}

void table_join(struct table *table, struct str *text, struct str id)
{
    *text = arena_printf(&table->arena, "%.*s%s%.*s", STR_ARG(*text), text->len > 0 ? "," : "",
                         STR_ARG(id));
}

static int setup(void **state)
{
    static struct table table;

    outbox_rig_open(&table.rig, postgres_url);
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

static int run_group(const char *name, struct CMUnitTest *tests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        tests[i].setup_func = setup;
        tests[i].teardown_func = teardown;
    }
    return _cmocka_run_group_tests(name, tests, count, NULL, NULL);
}

int table_run_tests(const struct CMUnitTest *tests, size_t count)
{
    struct CMUnitTest *copies;
    struct arena arena;
    int failed;

    arena_init(&arena);
    copies = ARENA_ARRAY(&arena, struct CMUnitTest, count);
    memcpy(copies, tests, count * sizeof(*tests));
    failed = run_group("sqlite", copies, count);
    postgres_url = getenv("RUNBELL_TEST_POSTGRES");
    if (postgres_url)
        failed += run_group("postgres", copies, count);
    arena_release(&arena);
    return failed;
}
