/* roster_test.c -- an executor of this process stops when the last that it does has ended. */
#include "agent/roster.h"
#include "base/test.h"

struct rig {
    struct executor executor;
    struct roster roster;
    struct roster_entry entries[3];
    unsigned cancelled, stopped, rooms;
    bool ends_at_once;
};

static void on_cancel(struct executor *executor, struct execution *execution, struct str reason)
{
    struct rig *rig = CONTAINER_OF(executor, struct rig, executor);

    assert_string_equal(reason.data, "shutdown");
    rig->cancelled++;
    if (rig->ends_at_once)
        roster_remove(&rig->roster, execution->data);
}

static const struct executor_ops ops = {.cancel = on_cancel};

static void on_room(void *context)
{
    ((struct rig *)context)->rooms++;
}

static void on_stopped(void *context)
{
    ((struct rig *)context)->stopped++;
}

static void start(struct rig *rig, struct execution *executions)
{
    *rig = (struct rig){.executor = {.ops = &ops, .on_room = on_room, .context = rig}};
    roster_init(&rig->roster, &rig->executor, 4);
    for (size_t i = 0; i < ARRAY_LEN(rig->entries); i++) {
        executions[i].data = &rig->entries[i];
        roster_add(&rig->roster, &rig->entries[i], &executions[i]);
    }
}

static void all_are_cancelled(void **state)
{
    struct execution executions[3] = {0};
    struct rig rig;

    (void)state;
    start(&rig, executions);
    assert_int_equal(roster_room(&rig.roster), 1);
    roster_remove(&rig.roster, &rig.entries[1]);
    assert_int_equal(roster_room(&rig.roster), 2);
    assert_int_equal(rig.rooms, 1);
    roster_stop(&rig.roster, on_stopped, &rig);
    assert_int_equal(rig.cancelled, 2);
    assert_int_equal(roster_room(&rig.roster), 0);
    roster_remove(&rig.roster, &rig.entries[0]);
    assert_int_equal(rig.stopped, 0);
    roster_remove(&rig.roster, &rig.entries[2]);
    assert_int_equal(rig.stopped, 1);
}

static void those_that_end_at_once(void **state)
{
    struct execution executions[3] = {0};
    struct rig rig;

    (void)state;
    start(&rig, executions);
    rig.ends_at_once = true;
    roster_stop(&rig.roster, on_stopped, &rig);
    assert_int_equal(rig.cancelled, 3);
    assert_int_equal(rig.stopped, 1);
}

static void what_else_is_held(void **state)
{
    struct execution executions[3] = {0};
    struct rig rig;

    (void)state;
    start(&rig, executions);
    rig.ends_at_once = true;
    roster_hold(&rig.roster);
    roster_stop(&rig.roster, on_stopped, &rig);
    assert_int_equal(rig.stopped, 0);
    roster_let_go(&rig.roster);
    assert_int_equal(rig.stopped, 1);
}

static const struct CMUnitTest tests[] = {
    TEST("all are cancelled, and the last one ends it", all_are_cancelled),
    TEST("those that end at once end it once", those_that_end_at_once),
    TEST("what else is held must end too", what_else_is_held),
};

int main(void)
{
    return RUN_TESTS(tests);
}
