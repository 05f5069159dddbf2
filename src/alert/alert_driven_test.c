/* alert_driven_test.c -- alerts by a clock that the test turns: windows and their edges, data that
 * comes late or out of order, clocks that are ahead, two nodes; on both databases. */
#include "alert/alert_tell.h"

#include "store/projects.h"
#include "store/table_rig.h"

/* 2026-03-29 00:50 UTC: ten minutes later clocks change in Europe, and nothing may come of it. */
#define START_US (INT64_C(1774745400) * US_PER_SECOND)

#define THRESHOLD "\"type\":\"threshold\","

struct watch {
    struct table *t;
    struct project_row project;
    struct alert_row alert;
    unsigned spans;
};

/* One for all tests: what it keeps from look to look must not be seen. */
static struct alert_book *book;

static void alert_add(struct watch *w, struct alert_row *alert, const char *id, const char *rule)
{
    *alert = (struct alert_row){
        .tenant = TENANT,
        .alert_id = str_of(id),
        .project_no = w->project.project_no,
        .rule = arena_printf(&w->t->arena, "{\"name\":\"n\",\"description\":\"\",%s}", rule),
        .actions = STR("[]"),
        .is_enabled = true,
    };
    assert_int_equal(alerts_insert(w->t->tx, alert), OK);
}

static struct watch watch_any(struct table *t, int64_t now_us, const char *rule)
{
    struct watch w = {.t = t};

    t->tx->now_us = now_us;
    assert_int_equal(projects_ensure(t->tx, TENANT, STR("bot"), &t->arena, &w.project), OK);
    alert_add(&w, &w.alert, "00000000-0000-7000-8000-000000000001", rule);
    return w;
}

static struct watch watch_begin(struct table *t, const char *more)
{
    struct str rule =
        arena_printf(&t->arena,
                     THRESHOLD "\"aggregation\":\"sum\",\"attribute\":\"error_count\","
                               "\"operator\":\"gte\",%s",
                     more);

    return watch_any(t, START_US, arena_cstr(&t->arena, rule));
}

static struct span_change ended(struct watch *w, int64_t ended_us)
{
    struct span_change change = {
        .layer = SPAN_POST,
        .span_id = {{1, 0, 0, 0, 0, 0, 0x70, 0, 0x80}},
        .given = SPAN_HAS_NAME | SPAN_HAS_START | SPAN_HAS_END,
        .name = STR("a"),
        .start_us = ended_us - 1000,
        .end_us = ended_us,
        .project_no = w->project.project_no,
    };

    change.span_id.bytes[15] = (uint8_t)++w->spans;
    return change;
}

/* A span that ended then, and is heard of now: well, or with an error. */
static void end_well(struct watch *w, int64_t ended_us)
{
    struct span_change change = ended(w, ended_us);

    assert_int_equal(spans_apply(w->t->tx, TENANT, &change, 1), OK);
}

static void fail_at(struct watch *w, int64_t ended_us)
{
    struct span_change change = ended(w, ended_us);

    change.given |= SPAN_HAS_FIELD(SPAN_ERROR_TEXT);
    change.error_preview = STR("ValueError");
    change.values[SPAN_ERROR_TEXT] =
        (struct span_value){.bytes = STR("\"ValueError\""), .size = 12};
    assert_int_equal(spans_apply(w->t->tx, TENANT, &change, 1), OK);
}

static struct alert_counts read_at(struct watch *w, int64_t now_us)
{
    struct alert_counts counts;

    w->t->tx->now_us = now_us;
    assert_int_equal(alert_counts_read(w->t->tx, now_us, book, &w->t->arena, &counts), OK);
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
    value_is(look_at(&w, START_US + 2 * MINUTE_US), 1, true); /* two whole minutes say 2 */
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
    value_is(look_at(&w, START_US + 6 * MINUTE_US), 0, false);
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
    value_is(look_at(&w, START_US + MINUTE_US), 0, true);
    value_is(look_at(&w, START_US + 2 * MINUTE_US), 0, false);
    value_is(look_at(&w, START_US + 60 * MINUTE_US), 0, false);
}

/* ---- an alert that fires ---- */

static size_t event_count(struct watch *w)
{
    struct alert_events events = {.limit = 100};

    assert_int_equal(alert_events_list(w->t->tx, TENANT, w->alert.alert_id, &w->t->arena, &events),
                     OK);
    return events.count;
}

/* Ten errors in each minute, of which the first seconds see none. */
static void what_goes_on_is_told_once(void **state)
{
    struct watch w =
        watch_begin(*state, "\"window_minutes\":1,\"threshold\":5,\"notify_recovery\":true");

    for (int64_t at = 0; at < 10 * 60; at += 5) {
        if (at % 60 >= 5 && at % 60 < 55)
            fail_at(&w, START_US + at * US_PER_SECOND);
        assert_int_equal(look_at(&w, START_US + at * US_PER_SECOND).is_firing, at >= 25);
    }
    assert_int_equal(event_count(&w), 1);
    /* A minute of it is left; then one whole minute is without. */
    assert_true(look_at(&w, START_US + 11 * MINUTE_US - 1).is_firing);
    value_is(look_at(&w, START_US + 11 * MINUTE_US), 0, false);
    assert_int_equal(event_count(&w), 2);
}

/* Two spans a minute are fewer than three, in each minute from its beginning to its end. */
static void what_stays_low_is_told_once(void **state)
{
    struct watch w =
        watch_any(*state, START_US,
                  THRESHOLD "\"aggregation\":\"sum\",\"attribute\":\"run_count\",\"operator\":"
                            "\"lt\",\"threshold\":3,\"window_minutes\":1,\"notify_recovery\":true");

    for (int64_t at = 0; at < 10 * 60; at += 10) {
        if (at % 30 == 20)
            fail_at(&w, START_US + at * US_PER_SECOND);
        assert_int_equal(look_at(&w, START_US + at * US_PER_SECOND).is_firing, at >= 60);
    }
    assert_int_equal(event_count(&w), 1);
    for (int i = 0; i < 3; i++)
        fail_at(&w, START_US + 10 * MINUTE_US);
    assert_true(look_at(&w, START_US + 11 * MINUTE_US - 1).is_firing);
    assert_false(look_at(&w, START_US + 11 * MINUTE_US).is_firing);
}

/* What is told of its end is what the whole window says. */
static void a_mean_ends_with_a_whole_window_of_it(void **state)
{
    struct watch w =
        watch_any(*state, START_US,
                  THRESHOLD "\"aggregation\":\"pct\",\"attribute\":\"error_count\",\"operator\":"
                            "\"gte\",\"threshold\":50,\"window_minutes\":1,"
                            "\"notify_recovery\":true");
    struct alert_events events = {.limit = 100};

    fail_at(&w, START_US);
    value_is(look_at(&w, START_US), 100, true);
    assert_true(look_at(&w, START_US + 3 * MINUTE_US).is_firing); /* nothing is no value */
    end_well(&w, START_US + 3 * MINUTE_US);
    value_is(look_at(&w, START_US + 3 * MINUTE_US), 0, true);
    assert_false(look_at(&w, START_US + 4 * MINUTE_US).is_firing);
    assert_int_equal(alert_events_list(w.t->tx, TENANT, w.alert.alert_id, &w.t->arena, &events),
                     OK);
    assert_int_equal(events.count, 2);
    assert_true(str_eq(events.list[0].what, STR("recovered")) && events.list[0].value == 0);
}

static void a_change_ends_with_a_whole_window_of_it(void **state)
{
    struct watch w = watch_any(
        *state, START_US,
        "\"type\":\"change\",\"aggregation\":\"sum\",\"attribute\":\"error_count\",\"operator\":"
        "\"gte\",\"threshold_multiplier\":2,\"window_minutes\":1,\"threshold_window_minutes\":1");

    fail_at(&w, START_US);
    fail_at(&w, START_US + MINUTE_US);
    assert_false(look_at(&w, START_US + MINUTE_US).is_firing);
    for (int i = 0; i < 2; i++)
        fail_at(&w, START_US + 2 * MINUTE_US);
    assert_true(look_at(&w, START_US + 2 * MINUTE_US).is_firing);
    fail_at(&w, START_US + 3 * MINUTE_US);
    assert_true(look_at(&w, START_US + 3 * MINUTE_US).is_firing);  /* 2 after 1, in whole minutes */
    assert_false(look_at(&w, START_US + 4 * MINUTE_US).is_firing); /* 1 after 2 */
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

/* ---- an alert that is young ---- */

#define RUNS_LTE_0                                                                                 \
    THRESHOLD                                                                                      \
    "\"aggregation\":\"sum\",\"attribute\":\"run_count\",\"operator\":\"lte\",\"threshold\":0"

static void what_is_low_waits_for_its_window(void **state)
{
    struct watch w = watch_any(*state, START_US + 1, RUNS_LTE_0 ",\"window_minutes\":5");

    value_is(look_at(&w, START_US + 1), 0, false);
    value_is(look_at(&w, START_US + 6 * MINUTE_US - 1), 0, false);
    value_is(look_at(&w, START_US + 6 * MINUTE_US), 0, true);
}

static void no_data_waits_for_its_window(void **state)
{
    struct watch w =
        watch_any(*state, START_US,
                  THRESHOLD "\"aggregation\":\"avg\",\"attribute\":\"latency\",\"operator\":"
                            "\"gt\",\"threshold\":9,\"window_minutes\":1,\"no_data\":\"fire\"");

    assert_false(look_at(&w, START_US + MINUTE_US - 1).is_firing);
    assert_true(look_at(&w, START_US + MINUTE_US).is_firing);
    fail_at(&w, START_US + 2 * MINUTE_US - 1);
    assert_false(
        look_at(&w, START_US + 2 * MINUTE_US).is_firing); /* a minute that began is no silence */
    assert_true(look_at(&w, START_US + 3 * MINUTE_US).is_firing);
}

static void a_minute_that_has_just_begun_is_not_low(void **state)
{
    struct watch w =
        watch_any(*state, START_US,
                  THRESHOLD "\"aggregation\":\"sum\",\"attribute\":\"run_count\",\"operator\":"
                            "\"lt\",\"threshold\":3,\"window_minutes\":1");

    for (int64_t at = 0; at < 5 * 60; at += 20) {
        fail_at(&w, START_US + at * US_PER_SECOND);
        assert_false(look_at(&w, START_US + at * US_PER_SECOND).is_firing);
    }
    assert_true(look_at(&w, START_US + 6 * MINUTE_US).is_firing);
}

static void what_is_high_does_not_wait(void **state)
{
    struct watch w = watch_begin(*state, "\"window_minutes\":60,\"threshold\":1");

    fail_at(&w, START_US);
    value_is(look_at(&w, START_US), 1, true);
}

static void a_change_waits_for_what_it_is_compared_with(void **state)
{
    struct watch w = watch_any(
        *state, START_US,
        "\"type\":\"change\",\"aggregation\":\"sum\",\"attribute\":\"error_count\",\"operator\":"
        "\"gte\",\"threshold_multiplier\":2,\"window_minutes\":2,\"threshold_window_minutes\":2");

    for (int64_t minute = 0; minute < 3; minute++) {
        fail_at(&w, START_US + minute * MINUTE_US);
        assert_false(look_at(&w, START_US + minute * MINUTE_US).is_firing);
    }
    for (int i = 0; i < 4; i++)
        fail_at(&w, START_US + 3 * MINUTE_US);
    assert_true(look_at(&w, START_US + 3 * MINUTE_US).is_firing);
}

static void what_had_ended_is_nothing_to_a_new_one(void **state)
{
    struct watch w = watch_begin(*state, "\"window_minutes\":5,\"threshold\":9");
    struct alert_row second, found;

    fail_at(&w, START_US);
    alert_add(&w, &second, "00000000-0000-7000-8000-000000000002",
              THRESHOLD
              "\"aggregation\":\"sum\",\"attribute\":\"error_count\",\"operator\":\"gte\","
              "\"window_minutes\":5,\"threshold\":9");
    fail_at(&w, START_US);
    value_is(look_at(&w, START_US), 2, false);
    assert_int_equal(alerts_get(w.t->tx, TENANT, second.alert_id, &w.t->arena, &found), OK);
    value_is(found, 1, false);
    fail_at(&w, START_US);
    value_is(look_at(&w, START_US), 3, false);
    assert_int_equal(alerts_get(w.t->tx, TENANT, second.alert_id, &w.t->arena, &found), OK);
    value_is(found, 2, false);
}

static void what_ended_while_it_was_disabled_is_not_told(void **state)
{
    struct watch w = watch_begin(*state, "\"window_minutes\":5,\"threshold\":1");

    w.alert.is_enabled = false;
    assert_int_equal(alerts_update(w.t->tx, &w.alert), OK);
    fail_at(&w, START_US);
    w.alert.is_enabled = true;
    assert_int_equal(alerts_update(w.t->tx, &w.alert), OK);
    value_is(look_at(&w, START_US), 0, false);
    fail_at(&w, START_US);
    value_is(look_at(&w, START_US), 1, true);
}

static void a_new_name_does_not_fire_anew(void **state)
{
    struct watch w = watch_begin(*state, "\"window_minutes\":5,\"threshold\":1");

    fail_at(&w, START_US);
    value_is(look_at(&w, START_US), 1, true);
    assert_int_equal(alerts_rename(w.t->tx, &w.alert), OK);
    fail_at(&w, START_US);
    value_is(look_at(&w, START_US), 2, true);
    assert_int_equal(event_count(&w), 1);
    assert_int_equal(alerts_update(w.t->tx, &w.alert), OK);
    fail_at(&w, START_US);
    value_is(look_at(&w, START_US), 1, true);
    assert_int_equal(event_count(&w), 2);
}

static const struct CMUnitTest tests[] = {
    TEST("a window is calendar minutes, the running one included", a_window_is_calendar_minutes),
    TEST("a night when clocks change is like any other", a_change_of_clocks_is_nothing),
    TEST("what comes late counts in the minute of its end", what_comes_late_counts_where_it_ended),
    TEST("ends out of order come to the same", order_does_not_matter),
    TEST("an end in the future counts now, and once", a_clock_that_is_ahead_counts_now),
    TEST("it tells again after its pause, not before", it_tells_again_after_its_pause),
    TEST("what goes on is told once, though each minute begins with nothing",
         what_goes_on_is_told_once),
    TEST("what stays low is told once, though a minute and its beginning hold enough",
         what_stays_low_is_told_once),
    TEST("a mean ends with a whole window of it, and tells what that says",
         a_mean_ends_with_a_whole_window_of_it),
    TEST("so does a change", a_change_ends_with_a_whole_window_of_it),
    TEST("two nodes that look at once count once", two_nodes_count_once),
    TEST("what fires when it is low waits until its first window has passed",
         what_is_low_waits_for_its_window),
    TEST("so does what fires without data", no_data_waits_for_its_window),
    TEST("a minute that has just begun makes nothing low", a_minute_that_has_just_begun_is_not_low),
    TEST("what fires when it is high does not wait", what_is_high_does_not_wait),
    TEST("a change waits until there is something to compare with",
         a_change_waits_for_what_it_is_compared_with),
    TEST("what had ended before an alert was made does not count, whatever others have counted",
         what_had_ended_is_nothing_to_a_new_one),
    TEST("a new name does not make it fire anew", a_new_name_does_not_fire_anew),
    TEST("what ended while it was disabled does not count",
         what_ended_while_it_was_disabled_is_not_told),
};

int main(void)
{
    int failed;

    book = alert_book_new();
    failed = TABLE_RUN_TESTS(tests);
    alert_book_free(book);
    return failed;
}
