/* run_log_test.c -- events are counted and shared; the log is bounded, but keeps the first event
 * and what is not stored yet; readers are told of gaps. */
#include "base/test.h"

#include "agent/run_log.h"
#include "base/mem.h"

#define EVENT_DATA STR("0123456789")
#define READ_MAX 64

static size_t event_bytes(void)
{
    struct run_event *event = run_event_new(0, STR("values"), EVENT_DATA);
    size_t bytes = run_event_bytes(event);

    run_event_unref(event);
    return bytes;
}

/* Room for `count` events. */
static void log_of(struct run_log *log, size_t count, bool is_stored)
{
    run_log_init(log, count * event_bytes(), is_stored);
}

static void add(struct run_log *log, size_t count)
{
    for (size_t i = 0; i < count; i++)
        run_log_add(log, run_event_new(log->next_id, STR("values"), EVENT_DATA));
}

/* The ids that are read, as "0,3,4". */
static struct str read_ids(const struct run_log *log, int64_t after, size_t max, size_t bytes_max)
{
    static char text[512];
    struct run_event *events[READ_MAX];
    size_t n = run_log_read(log, after, events, max, bytes_max);
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%lld", i > 0 ? "," : "",
                                (long long)events[i]->id);
        run_event_unref(events[i]);
    }
    return str_range(text, len);
}

static struct str all_after(const struct run_log *log, int64_t after)
{
    return read_ids(log, after, READ_MAX, SIZE_MAX);
}

/* ---- events ---- */

static void an_event_keeps_copies(void **state)
{
    char name[] = "values", data[] = "{\"a\":1}";
    struct run_event *event = run_event_new(7, str_of(name), str_of(data));
    struct run_event *same = run_event_ref(event);

    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    memset(data, 'x', sizeof(data) - 1);
    assert_ptr_equal(same, event);
    run_event_unref(event);
    assert_int_equal(same->id, 7);
    ASSERT_STR(same->name, "values");
    ASSERT_STR(same->data, "{\"a\":1}");
    run_event_unref(same);
    run_event_unref(NULL);
}

static void an_event_may_be_empty(void **state)
{
    struct run_event *none = run_event_new(0, STR_NONE, STR_NONE);
    struct run_event *some = run_event_new(0, STR("ab"), STR("cde"));

    (void)state;
    ASSERT_STR(none->name, "");
    ASSERT_STR(none->data, "");
    assert_int_equal(run_event_bytes(some), run_event_bytes(none) + 5);
    run_event_unref(none);
    run_event_unref(some);
}

/* ---- the log ---- */

static void a_log_gives_what_is_behind_the_cursor(void **state)
{
    struct run_log log;

    (void)state;
    log_of(&log, 100, false);
    ASSERT_STR(all_after(&log, -1), "");
    add(&log, 20); /* more than the first ring holds */
    ASSERT_STR(all_after(&log, -1), "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19");
    ASSERT_STR(all_after(&log, 16), "17,18,19");
    ASSERT_STR(all_after(&log, 19), "");
    ASSERT_STR(all_after(&log, INT64_MAX), "");
    assert_int_equal(log.next_id, 20);
    assert_false(run_log_has_gap(&log, -1));
    run_log_release(&log);
}

static void a_batch_is_bounded(void **state)
{
    struct run_log log;

    (void)state;
    log_of(&log, 100, false);
    add(&log, 10);
    ASSERT_STR(read_ids(&log, -1, 3, SIZE_MAX), "0,1,2");
    ASSERT_STR(read_ids(&log, 2, 3, SIZE_MAX), "3,4,5");
    /* About so many bytes: the event that passes the bound is the last, and there is always one. */
    ASSERT_STR(read_ids(&log, -1, READ_MAX, 2 * event_bytes()), "0,1");
    ASSERT_STR(read_ids(&log, -1, READ_MAX, 2 * event_bytes() + 1), "0,1,2");
    ASSERT_STR(read_ids(&log, -1, READ_MAX, 1), "0");
    run_log_release(&log);
}

static void beyond_the_bound_the_oldest_go_but_the_first(void **state)
{
    struct run_log log;

    (void)state;
    log_of(&log, 4, false);
    add(&log, 4);
    ASSERT_STR(all_after(&log, -1), "0,1,2,3");
    add(&log, 1); /* the first moves aside: nothing is lost yet */
    ASSERT_STR(all_after(&log, -1), "0,1,2,3,4");
    assert_false(run_log_has_gap(&log, -1));
    add(&log, 5);
    ASSERT_STR(all_after(&log, -1), "0,6,7,8,9");
    ASSERT_STR(all_after(&log, 0), "6,7,8,9");
    ASSERT_STR(all_after(&log, 7), "8,9");
    assert_true(log.bytes <= log.bytes_max);
    run_log_release(&log);
}

static void a_gap_is_told_to_whom_it_concerns(void **state)
{
    struct run_log log;

    (void)state;
    log_of(&log, 4, false);
    add(&log, 10);
    assert_true(run_log_has_gap(&log, -1));
    assert_true(run_log_has_gap(&log, 0));
    assert_true(run_log_has_gap(&log, 4));
    assert_false(run_log_has_gap(&log, 5)); /* has seen the last that went */
    assert_false(run_log_has_gap(&log, 9));
    run_log_release(&log);
}

static void one_event_may_be_larger_than_the_bound(void **state)
{
    struct run_log log;

    (void)state;
    run_log_init(&log, 1, false);
    add(&log, 1);
    ASSERT_STR(all_after(&log, -1), "0");
    add(&log, 2);
    ASSERT_STR(all_after(&log, -1), "0,2");
    run_log_release(&log);
}

static void what_is_not_stored_stays(void **state)
{
    struct run_log log;

    (void)state;
    log_of(&log, 2, true);
    add(&log, 6);
    ASSERT_STR(all_after(&log, -1), "0,1,2,3,4,5");
    log.stored_to = 3;
    add(&log, 1);
    /* 0 was put aside, 1 to 3 could go; 4 is not stored. */
    ASSERT_STR(all_after(&log, -1), "0,4,5,6");
    assert_true(run_log_has_gap(&log, 2));
    assert_false(run_log_has_gap(&log, 3));
    log.stored_to = INT64_MAX;
    add(&log, 1);
    ASSERT_STR(all_after(&log, -1), "0,6,7");
    run_log_release(&log);
}

static void ids_may_leap(void **state)
{
    struct run_log log;

    (void)state;
    log_of(&log, 100, false);
    add(&log, 2);
    log.next_id = 1000000; /* a second attempt */
    add(&log, 2);
    ASSERT_STR(all_after(&log, -1), "0,1,1000000,1000001");
    ASSERT_STR(all_after(&log, 1), "1000000,1000001");
    ASSERT_STR(all_after(&log, 500), "1000000,1000001");
    ASSERT_STR(all_after(&log, 1000000), "1000001");
    run_log_release(&log);
}

static void a_reader_may_hold_events_longer(void **state)
{
    struct run_event *events[READ_MAX];
    struct run_log log;
    size_t n;

    (void)state;
    log_of(&log, 2, false);
    add(&log, 2);
    n = run_log_read(&log, -1, events, READ_MAX, SIZE_MAX);
    add(&log, 10);
    run_log_release(&log);
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++) {
        ASSERT_STR(events[i]->data, "0123456789");
        run_event_unref(events[i]);
    }
}

static const struct CMUnitTest tests[] = {
    TEST("an event keeps copies of its own, until nobody has it", an_event_keeps_copies),
    TEST("an event may be empty, and weighs what it holds", an_event_may_be_empty),
    TEST("a log gives what is behind the cursor", a_log_gives_what_is_behind_the_cursor),
    TEST("a batch is bounded in number and bytes", a_batch_is_bounded),
    TEST("beyond the bound the oldest events go, but never the first",
         beyond_the_bound_the_oldest_go_but_the_first),
    TEST("a gap is told to whom it concerns", a_gap_is_told_to_whom_it_concerns),
    TEST("one event may be larger than the bound", one_event_may_be_larger_than_the_bound),
    TEST("what is not stored yet stays", what_is_not_stored_stays),
    TEST("ids may leap between attempts", ids_may_leap),
    TEST("a reader may hold events longer than the log", a_reader_may_hold_events_longer),
};

int main(void)
{
    return RUN_TESTS(tests);
}
