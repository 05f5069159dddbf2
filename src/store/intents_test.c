/* intents_test.c -- the table gateway_intents, on both databases. */
#include "store/intents.h"
#include "store/table_rig.h"

static void add(struct table *t, const char *id, bool drops_thread)
{
    const struct intent intent = {
        .tenant = TENANT,
        .intent_id = str_of(id),
        .url = STR("https://example.com/hook"),
        .thread_id = STR("t"),
        .assistant_id = STR("agent"),
        .drops_thread = drops_thread,
        .created_us = 100 + id[0],
    };

    assert_int_equal(intent_insert(t->tx, &intent), OK);
}

static struct intents due(struct table *t)
{
    struct intents found;

    assert_int_equal(intents_due(t->tx, 10, &t->arena, &found), OK);
    return found;
}

static void it_ends_once(void **state)
{
    struct table *t = *state;
    struct intents found;
    int64_t open = 0;

    add(t, "a", false);
    add(t, "b", true);
    found = due(t);
    assert_int_equal(found.count, 2);
    ASSERT_STR(found.list[0].intent_id, "a");
    ASSERT_STR(found.list[0].run_id, NULL);
    assert_int_equal(intent_end(t->tx, &found.list[0]), OK);
    assert_int_equal(intent_end(t->tx, &found.list[0]), ERR_CONFLICT);
    assert_int_equal(intent_end(t->tx, &found.list[1]), OK);
    assert_int_equal(intent_end(t->tx, &found.list[1]), ERR_CONFLICT);
    assert_int_equal(intents_count(t->tx, &open), OK);
    assert_int_equal(open, 0);
    found = due(t); /* its thread is to be deleted */
    assert_int_equal(found.count, 1);
    assert_true(found.list[0].is_ended);
    assert_int_equal(intent_delete(t->tx, STR("other"), STR("b")), OK);
    assert_int_equal(due(t).count, 1);
    assert_int_equal(intent_delete(t->tx, TENANT, STR("b")), OK);
    assert_int_equal(due(t).count, 0);
}

static void one_node_follows_it(void **state)
{
    struct table *t = *state;
    struct intents found;

    add(t, "a", false);
    assert_int_equal(intent_locate(t->tx, TENANT, STR("a"), STR("run")), OK);
    found = due(t);
    ASSERT_STR(found.list[0].run_id, "run");
    assert_int_equal(intent_get(t->tx, TENANT, STR("a"), &t->arena, &found.list[0]), OK);
    ASSERT_STR(found.list[0].url, "https://example.com/hook");
    assert_int_equal(intent_get(t->tx, STR("other"), STR("a"), &t->arena, &found.list[0]),
                     ERR_NOT_FOUND);
    assert_int_equal(intent_lease(t->tx, &found.list[0], STR("n1"), t->tx->now_us + 10), OK);
    assert_int_equal(intent_lease(t->tx, &found.list[0], STR("n2"), t->tx->now_us + 20),
                     ERR_CONFLICT);
    assert_int_equal(due(t).count, 0);
    assert_int_equal(intents_renew(t->tx, STR("n2"), 0), OK);
    assert_int_equal(due(t).count, 0);
    assert_int_equal(intents_release(t->tx, STR("n1")), OK);
    assert_int_equal(due(t).count, 1);
}

static const struct CMUnitTest tests[] = {
    TEST("an intent ends once", it_ends_once),
    TEST("one node follows an intent", one_node_follows_it),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
