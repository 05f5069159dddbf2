/* alert_driven_test.c -- alerts by a clock that the test turns: windows and their edges, data that
 * comes late or out of order, clocks that are ahead, two nodes; on both databases. */
#include "alert/alert_tell.h"

#include "store/projects.h"
#include "store/table_rig.h"

#define MINUTE_US (60 * US_PER_SECOND)
/* 2026-03-29 00:50 UTC: ten minutes later clocks change in Europe, and nothing may come of it. */
#define START_US (INT64_C(1774745400) * US_PER_SECOND)

struct watch {
    struct table *t;
    struct project_row project;
    struct alert_row alert;
    unsigned spans;
};

static struct watch watch_begin(struct table *t, const char *more)
{
    struct watch w = {.t = t};

    t->tx->now_us = START_US;
    assert_int_equal(projects_ensure(t->tx, TENANT, STR("bot"), &t->arena, &w.project), OK);
    w.alert = (struct alert_row){
        .tenant = TENANT,
        .alert_id = STR("00000000-0000-7000-8000-000000000001"),
        .project_no = w.project.project_no,
        .rule = arena_printf(&t->arena,
                             "{\"name\":\"n\",\"description\":\"\",\"type\":\"threshold\","
                             "\"aggregation\":\"sum\",\"attribute\":\"error_count\","
                             "\"operator\":\"gte\",%s}",
                             more),
        .actions = STR("[]"),
        .is_enabled = true,
    };
    assert_int_equal(alerts_insert(t->tx, &w.alert), OK);
    assert_int_equal(alerts_watch_begin(t->tx, w.project.project_no), OK);
    return w;
}

/* A span with an error that ended then, and is heard of now. */
static void fail_at(struct watch *w, int64_t ended_us)
{
    struct span_change change = {
        .layer = SPAN_POST,
        .span_id = {{1, 0, 0, 0, 0, 0, 0x70, 0, 0x80}},
        .given = SPAN_HAS_NAME | SPAN_HAS_START | SPAN_HAS_END | SPAN_HAS_FIELD(SPAN_ERROR_TEXT),
        .name = STR("a"),
        .start_us = ended_us - 1000,
        .end_us = ended_us,
        .project_no = w->project.project_no,
        .error_preview = STR("ValueError"),
    };

    change.values[SPAN_ERROR_TEXT] =
        (struct span_value){.bytes = STR("\"ValueError\""), .size = 12};
    change.span_id.bytes[15] = (uint8_t)++w->spans;
    assert_int_equal(spans_apply(w->t->tx, TENANT, &change, 1), OK);
}

static struct alert_counts read_at(struct watch *w, int64_t now_us)
{
    struct alert_counts counts;

    w->t->tx->now_us = now_us;
    assert_int_equal(alert_counts_read(w->t->tx, now_us, &w->t->arena, &counts), OK);
    return counts;
}

static enum err write_at(struct watch *w, int64_t now_us, const struct alert_counts *counts)
{
    const struct alert_setup setup = {.base_url = STR("http://h"), .policy = STR("documented")};
    enum err err = OK;

    w->t->tx->now_us = now_us;
    for (size_t i = 0; !err && i < counts->count; i++)
        err = alert_count_write(w->t->tx, &setup, &counts->list[i]);
    return err;
}

/* A round; then the alert as it stands. */
static struct alert_row look_at(struct watch *w, int64_t now_us)
{
    struct alert_counts counts = read_at(w, now_us);
    struct alert_row row;

    assert_int_equal(write_at(w, now_us, &counts), OK);
    assert_int_equal(alerts_get(w->t->tx, TENANT, w->alert.alert_id, &w->t->arena, &row), OK);
    return row;
}

static void value_is(struct alert_row row, double value, bool is_firing)
{
    assert_true(row.has_value);
    assert_true(row.value >= value && row.value <= value);
    assert_int_equal(row.is_firing, is_firing);
}

static void a_window_is_calendar_minutes(void **state)
{
    struct watch w = watch_begin(*state, "\"window_minutes\":2,\"threshold\":2");

    fail_at(&w, START_US + MINUTE_US - 1); /* the last instant of its minute */
    value_is(look_at(&w, START_US + MINUTE_US - 1), 1, false);
    fail_at(&w, START_US + MINUTE_US); /* the first of the next */
    value_is(look_at(&w, START_US + MINUTE_US), 2, true);
    value_is(look_at(&w, START_US + 2 * MINUTE_US - 1), 2, true);
    value_is(look_at(&w, START_US + 2 * MINUTE_US), 1, false);
    value_is(look_at(&w, START_US + 3 * MINUTE_US), 0, false);
}

static void a_change_of_clocks_is_nothing(void **state)
{
    struct watch w = watch_begin(*state, "\"window_minutes\":60,\"threshold\":100");

    for (int64_t minute = 0; minute < 30; minute++) {
        fail_at(&w, START_US + minute * MINUTE_US);
        value_is(look_at(&w, START_US + minute * MINUTE_US), (double)(minute + 1), false);
    }
    value_is(look_at(&w, START_US + 65 * MINUTE_US), 24, false);
}

static void what_comes_late_counts_where_it_ended(void **state)
{
    struct watch w = watch_begin(*state, "\"window_minutes\":5,\"threshold\":1");

    value_is(look_at(&w, START_US + 3 * MINUTE_US), 0, false);
    fail_at(&w, START_US);
    value_is(look_at(&w, START_US + 4 * MINUTE_US), 1, true);
    value_is(look_at(&w, START_US + 5 * MINUTE_US), 0, false);
    fail_at(&w, START_US); /* later than its window: counted, and without effect */
    value_is(look_at(&w, START_US + 6 * MINUTE_US), 0, false);
    fail_at(&w, START_US - 200 * MINUTE_US); /* and later than anything looks */
    value_is(look_at(&w, START_US + 7 * MINUTE_US), 0, false);
}

static void order_does_not_matter(void **state)
{
    static const int minutes[] = {4, 0, 2, 3, 1};
    struct watch w = watch_begin(*state, "\"window_minutes\":3,\"threshold\":100");

    for (size_t i = 0; i < ARRAY_LEN(minutes); i++)
        fail_at(&w, START_US + minutes[i] * MINUTE_US);
    value_is(look_at(&w, START_US + 4 * MINUTE_US), 3, false);
    value_is(look_at(&w, START_US + 5 * MINUTE_US), 2, false);
}

static void a_clock_that_is_ahead_counts_now(void **state)
{
    struct watch w = watch_begin(*state, "\"window_minutes\":1,\"threshold\":1");

    fail_at(&w, START_US + 60 * MINUTE_US);
    value_is(look_at(&w, START_US), 1, true);
    value_is(look_at(&w, START_US + MINUTE_US), 0, false);
    value_is(look_at(&w, START_US + 60 * MINUTE_US), 0, false);
}

static void it_tells_again_after_its_pause(void **state)
{
    struct watch w =
        watch_begin(*state, "\"window_minutes\":60,\"threshold\":1,\"renotify_minutes\":10");
    int64_t told_us;

    fail_at(&w, START_US);
    told_us = look_at(&w, START_US).told_us;
    assert_int_equal(told_us, START_US);
    fail_at(&w, START_US + MINUTE_US);
    assert_int_equal(look_at(&w, START_US + 10 * MINUTE_US - 1).told_us, told_us);
    assert_int_equal(look_at(&w, START_US - 5 * MINUTE_US).told_us, told_us); /* a jump back */
    fail_at(&w, START_US + 2 * MINUTE_US);
    assert_int_equal(look_at(&w, START_US + 10 * MINUTE_US).told_us, START_US + 10 * MINUTE_US);
}

static void two_nodes_count_once(void **state)
{
    struct watch w = watch_begin(*state, "\"window_minutes\":5,\"threshold\":2");
    struct alert_counts one, other;

    fail_at(&w, START_US);
    one = read_at(&w, START_US);
    other = read_at(&w, START_US);
    assert_int_equal(write_at(&w, START_US, &one), OK);
    table_try(w.t);
    assert_int_equal(write_at(&w, START_US, &other), ERR_CONFLICT);
    table_undo(w.t);
    value_is(look_at(&w, START_US + MINUTE_US), 1, false);
}

static const struct CMUnitTest tests[] = {
    TEST("a window is calendar minutes, the running one included", a_window_is_calendar_minutes),
    TEST("a night when clocks change is like any other", a_change_of_clocks_is_nothing),
    TEST("what comes late counts in the minute of its end", what_comes_late_counts_where_it_ended),
    TEST("ends out of order come to the same", order_does_not_matter),
    TEST("an end in the future counts now, and once", a_clock_that_is_ahead_counts_now),
    TEST("it tells again after its pause, not before", it_tells_again_after_its_pause),
    TEST("two nodes that look at once count once", two_nodes_count_once),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
