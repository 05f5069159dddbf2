/* crons_test.c -- the table crons, on both databases. */
#include "store/crons.h"
#include "store/table_rig.h"

static struct cron_row cron_of(const char *id, int64_t next_us)
{
    return (struct cron_row){
        .tenant = TENANT,
        .cron_id = str_of(id),
        .assistant_id = STR("a"),
        .schedule = STR("* * * * *"),
        .enabled = next_us > 0,
        .payload = STR("{\"input\":1}"),
        .metadata = STR("{\"m\":{\"n\":1}}"),
        .created_us = 100,
        .updated_us = 100,
        .next_us = next_us,
    };
}

static void add(struct table *t, const char *id, int64_t next_us)
{
    struct cron_row cron = cron_of(id, next_us);

    assert_int_equal(crons_insert(t->tx, &cron), OK);
}

static void what_goes_in_comes_out(void **state)
{
    struct table *t = *state;
    struct cron_row in = cron_of("c", 7), out;

    in.thread_id = STR("thread");
    in.timezone = STR("Europe/Berlin");
    in.end_us = 9;
    in.keep = true;
    in.user_id = STR("u");
    in.auth_user = STR("{\"identity\":\"u\"}");
    assert_int_equal(crons_insert(t->tx, &in), OK);
    assert_int_equal(crons_get(t->tx, TENANT, STR("c"), &t->arena, &out), OK);
    ASSERT_STR(out.thread_id, "thread");
    ASSERT_STR(out.timezone, "Europe/Berlin");
    ASSERT_STR(out.payload, "{\"input\":1}");
    ASSERT_STR(out.user_id, "u");
    ASSERT_STR(out.auth_user, "{\"identity\":\"u\"}");
    assert_int_equal(out.end_us, 9);
    assert_int_equal(out.next_us, 7);
    assert_true(out.keep && out.enabled);
    assert_int_equal(crons_get(t->tx, STR("other"), STR("c"), &t->arena, &out), ERR_NOT_FOUND);

    in.enabled = false;
    in.next_us = 0;
    in.timezone = STR_NONE;
    in.end_us = 0;
    in.payload = STR("{}");
    in.created_us = 5; /* stays what it was */
    assert_int_equal(crons_update(t->tx, &in), OK);
    assert_int_equal(crons_get(t->tx, TENANT, STR("c"), &t->arena, &out), OK);
    ASSERT_STR(out.timezone, NULL);
    ASSERT_STR(out.payload, "{}");
    assert_int_equal(out.created_us, 100);
    assert_int_equal(out.end_us + out.next_us + out.enabled, 0);
    in.cron_id = STR("d");
    assert_int_equal(crons_update(t->tx, &in), ERR_NOT_FOUND);
    assert_int_equal(crons_delete(t->tx, STR("other"), STR("c")), ERR_NOT_FOUND);
    assert_int_equal(crons_delete(t->tx, TENANT, STR("c")), OK);
    assert_int_equal(crons_delete(t->tx, TENANT, STR("c")), ERR_NOT_FOUND);
}

static struct str due(struct table *t, int64_t limit)
{
    struct cron_rows found;
    struct str ids = STR("");

    assert_int_equal(crons_list_due(t->tx, limit, &t->arena, &found), OK);
    for (size_t i = 0; i < found.count; i++)
        table_join(t, &ids, found.list[i].cron_id);
    return ids;
}

static void the_due_ones_are_found_and_moved_once(void **state)
{
    struct table *t = *state;
    int64_t now = t->tx->now_us, next = -1;
    struct cron_row moved = cron_of("late", now + 50);

    assert_int_equal(crons_next_due(t->tx, &next), OK);
    assert_int_equal(next, 0);
    add(t, "now", now);
    add(t, "late", now - 10);
    add(t, "soon", now + 1);
    add(t, "off", 0);
    ASSERT_STR(due(t, 10), "late,now");
    ASSERT_STR(due(t, 1), "late");
    assert_int_equal(crons_move(t->tx, &moved, now - 10), OK);
    assert_int_equal(crons_move(t->tx, &moved, now - 10), ERR_CONFLICT);
    ASSERT_STR(due(t, 10), "now");
    moved = cron_of("now", 0);
    assert_int_equal(crons_move(t->tx, &moved, now), OK);
    ASSERT_STR(due(t, 10), "");
    assert_int_equal(crons_next_due(t->tx, &next), OK);
    assert_int_equal(next, now + 1);
}

static struct str search(struct table *t, struct cron_filter filter)
{
    struct cron_rows found;
    struct str ids = STR("");
    int64_t count = -1;

    filter.tenant = TENANT;
    filter.limit = 10;
    assert_int_equal(crons_search(t->tx, &filter, &t->arena, &found), OK);
    assert_int_equal(crons_count(t->tx, &filter, &count), OK);
    assert_int_equal(count, found.count);
    for (size_t i = 0; i < found.count; i++)
        table_join(t, &ids, found.list[i].cron_id);
    return ids;
}

#define SEARCH(...) search(t, (struct cron_filter){.enabled = -1, .ascending = true, __VA_ARGS__})

static void searches(void **state)
{
    struct table *t = *state;
    struct cron_row b = cron_of("b", 0), foreign = cron_of("f", 1);

    add(t, "a", 5);
    b.assistant_id = STR("other");
    b.thread_id = STR("thread");
    b.metadata = STR("{\"m\":{\"n\":2,\"o\":[1,2]}}");
    b.created_us = 50;
    b.end_us = 3;
    assert_int_equal(crons_insert(t->tx, &b), OK);
    foreign.tenant = STR("other");
    assert_int_equal(crons_insert(t->tx, &foreign), OK);
    ASSERT_STR(SEARCH(.sort_by = STR_NONE), "b,a");
    ASSERT_STR(SEARCH(.sort_by = STR("cron_id")), "a,b");
    ASSERT_STR(SEARCH(.sort_by = STR("next_run_date")), "b,a");
    ASSERT_STR(SEARCH(.sort_by = STR("end_time")), "a,b");
    ASSERT_STR(SEARCH(.sort_by = STR("thread_id")), "a,b");
    ASSERT_STR(SEARCH(.assistant_id = STR("other")), "b");
    ASSERT_STR(SEARCH(.thread_id = STR("thread")), "b");
    ASSERT_STR(SEARCH(.metadata = STR("{\"m\":{\"o\":[2]}}")), "b");
    ASSERT_STR(SEARCH(.admitted = STR("[{\"m\":{\"o\":[3]}},{\"m\":{\"o\":[2]}}]")), "b");
    ASSERT_STR(SEARCH(.admitted = STR("[]")), "");
    ASSERT_STR(search(t, (struct cron_filter){.enabled = 1}), "a");
    ASSERT_STR(search(t, (struct cron_filter){.enabled = 0}), "b");
}

static const struct CMUnitTest tests[] = {
    TEST("a cron comes out as it went in, and each tenant has its own", what_goes_in_comes_out),
    TEST("what is due is found, the longest due first, and moves on once",
         the_due_ones_are_found_and_moved_once),
    TEST("crons are found by what they are about, in the order asked for", searches),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
