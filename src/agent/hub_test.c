/* hub_test.c -- readers on other loops see a run's events in order, at their own pace, and its end.
 */
#include "agent/hub_rig.h"

static const struct run_reader_config from_start = {.start = READER_ALL};

/* Opens a reader that pulls by itself. */
static void open_pulling(struct hearer *l, struct hub_rig *rig, int loop, const char *run_id,
                         struct run_reader_config how)
{
    l->pulls = true;
    hearer_open(l, rig, loop, run_id, how);
}

static void close_all(struct hub_rig *rig, struct hearer *hearers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hearer_close(&hearers[i]);
    for (size_t i = 0; i < count; i++) {
        (void)hearer_has_batch(&hearers[i], rig);
        hearer_release(&hearers[i]);
    }
}

/* What a reader of this kind hears of the run, to its end. */
static void expect_heard(struct hub_rig *rig, const char *run_id, struct run_reader_config how,
                         const char *names)
{
    struct hearer l = {0};

    open_pulling(&l, rig, 0, run_id, how);
    hearer_wait_end(&l);
    ASSERT_STR(buf_str(&l.names), names);
    ASSERT_STR(buf_str(&l.end), "success {\"end\":1}");
    close_all(rig, &l, 1);
}

static void readers_on_two_loops_hear_the_same(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", false);
    struct hearer l[4] = {{0}};

    hub_rig_begin(rig, &run, 1, 0);
    for (int i = 0; i < 4; i++)
        open_pulling(&l[i], rig, i % HUB_LOOPS, "run", from_start);
    hub_rig_events(rig, &run, 3);
    hub_rig_end(rig, &run);
    for (int i = 0; i < 4; i++) {
        hearer_wait_end(&l[i]);
        ASSERT_STR(buf_str(&l[i].names), "metadata@0 values@1 values@2 values@3 ");
        ASSERT_STR(buf_str(&l[i].end), "success {\"end\":1}");
        assert_int_equal(l[i].err, OK);
    }
    close_all(rig, l, 4);
}

static void who_is_there_before_the_run_hears_all(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", false);
    struct hearer l = {0};

    hub_rig_insert(rig, &run);
    open_pulling(&l, rig, 0, "run", from_start);
    hub_rig_begin(rig, &run, 1, 0);
    hub_rig_events(rig, &run, 1);
    hub_rig_end(rig, &run);
    hearer_wait_end(&l);
    ASSERT_STR(buf_str(&l.names), "metadata@0 values@1 ");
    close_all(rig, &l, 1);
}

static void who_comes_late_hears_what_is_kept(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", false);

    hub_rig_begin(rig, &run, 1, 0);
    hub_rig_events(rig, &run, 2);
    hub_rig_end(rig, &run);
    expect_heard(rig, "run", from_start, "metadata@0 values@1 values@2 ");
    expect_heard(rig, "run", (struct run_reader_config){.start = READER_LIVE}, "");
    expect_heard(rig, "run", (struct run_reader_config){.start = READER_AFTER, .after_id = 0},
                 "values@1 values@2 ");
    expect_heard(rig, "run", (struct run_reader_config){.start = READER_AFTER, .after_id = 2}, "");
    expect_heard(rig, "run", (struct run_reader_config){.only_end = true}, "");
}

static void who_joins_a_live_run_hears_it_from_the_start(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", false);
    struct hearer l = {0};

    hub_rig_begin(rig, &run, 1, 0);
    hub_rig_events(rig, &run, 2);
    open_pulling(&l, rig, 1, "run", (struct run_reader_config){.start = READER_LIVE});
    hearer_wait_batch(&l);
    hub_rig_end(rig, &run);
    hearer_wait_end(&l);
    ASSERT_STR(buf_str(&l.names), "metadata@0 values@1 values@2 ");
    close_all(rig, &l, 1);
}

static void a_reader_gets_a_batch_when_it_asks(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", false);
    struct hearer l = {0};

    hub_rig_begin(rig, &run, 1, 0);
    hearer_open(&l, rig, 0, "run", from_start);
    hearer_wait_batch(&l);
    hub_rig_events(rig, &run, 600);
    hub_rig_end(rig, &run);
    assert_false(hearer_has_batch(&l, rig)); /* nor the end */
    assert_int_not_equal(sem_trywait(&l.ended), 0);
    hearer_more(&l);
    hearer_wait_batch(&l);
    assert_false(hearer_has_batch(&l, rig));
    assert_int_equal(l.count, 1 + 256);
    hearer_more(&l);
    hearer_wait_batch(&l);
    hearer_more(&l);
    hearer_wait_batch(&l);
    assert_int_equal(l.count, 601);
    assert_int_equal(l.largest_batch, 256);
    assert_true(l.in_order);
    assert_int_not_equal(sem_trywait(&l.ended), 0);
    hearer_more(&l);
    hearer_wait_end(&l);
    close_all(rig, &l, 1);
}

static void a_slow_reader_holds_nobody_back(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", false);
    struct hearer l[2] = {{0}};

    hub_rig_begin(rig, &run, 1, 0);
    hearer_open(&l[0], rig, 0, "run", from_start);
    open_pulling(&l[1], rig, 0, "run", from_start);
    hearer_wait_batch(&l[0]);
    hub_rig_events(rig, &run, 300);
    hub_rig_end(rig, &run);
    hearer_wait_end(&l[1]);
    assert_int_equal(l[1].count, 301);
    assert_int_equal(l[0].count, 1);
    close_all(rig, l, 2);
}

/* Beyond 16 MiB the oldest events of a run that is not resumable are gone, but not the first. */
static void who_is_too_slow_misses_the_middle(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", false);
    struct hearer l = {0};

    hub_rig_begin(rig, &run, 1, 0);
    for (int i = 0; i < 20; i++)
        hub_rig_event(rig, &run, MIB);
    hub_rig_end(rig, &run);
    open_pulling(&l, rig, 0, "run", from_start);
    hearer_wait_end(&l);
    assert_true(str_starts(buf_str(&l.names), STR("metadata@0 values@6 values@7 ")));
    assert_int_equal(l.last_id, 20);
    close_all(rig, &l, 1);
}

static void nobody_hears_of_what_is_not_theirs(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", false);
    struct hearer l[3] = {{0}};

    hub_rig_begin(rig, &run, 1, 0);
    hearer_open(&l[0], rig, 0, "no such run", from_start);
    hearer_open(&l[1], rig, 1, "run", (struct run_reader_config){.tenant = STR("other")});
    hub_rig_insert(rig, &run);
    hearer_wait_end(&l[0]);
    hearer_wait_end(&l[1]);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(l[i].err, ERR_NOT_FOUND);
        assert_int_equal(l[i].count, 0);
        ASSERT_STR(buf_str(&l[i].end), " ");
    }
    /* Asking about it leaves nothing behind. */
    open_pulling(&l[2], rig, 0, "run", from_start);
    hearer_wait_batch(&l[2]);
    close_all(rig, l, 3);
}

static void who_closes_hears_nothing_more(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", false);
    struct hearer l[4] = {{0}};

    hub_rig_begin(rig, &run, 1, 0);
    l[0].closes = true; /* from inside its batch */
    for (int i = 0; i < 4; i++)
        hearer_open(&l[i], rig, i % HUB_LOOPS, "run", from_start);
    hearer_close(&l[1]); /* perhaps before it is known to the hub, or with a batch under way */
    hearer_wait_batch(&l[0]);
    hearer_wait_batch(&l[2]);
    hearer_more(&l[2]);
    hearer_close(&l[2]); /* behind its question */
    hub_rig_events(rig, &run, 300);
    hub_rig_end(rig, &run);
    hearer_wait_batch(&l[3]);
    assert_int_equal(l[0].count, 1);
    assert_int_equal(l[2].count, 1);
    close_all(rig, l, 4);
    for (int i = 0; i < 3; i++)
        assert_int_not_equal(sem_trywait(&l[i].ended), 0);
}

static void who_closes_under_way_hears_nothing_more(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", false);

    hub_rig_begin(rig, &run, 1, 0);
    for (int at_end = 0; at_end <= 1; at_end++) {
        struct hearer h = {0};

        hearer_open(&h, rig, 0, "run", from_start);
        hearer_wait_batch(&h);
        hearer_more(&h);
        hearer_close_late(&h, rig, &run, at_end);
        assert_false(hearer_has_batch(&h, rig));
        assert_int_equal(h.count, 1 + at_end);
        assert_int_not_equal(sem_trywait(&h.ended), 0);
        hearer_release(&h);
    }
}

static void an_attempt_follows_another(void **state)
{
    struct hub_rig *rig = *state;
    struct run run = hub_rig_run("run", false);
    struct hearer l = {0};

    hub_rig_insert(rig, &run);
    hub_rig_begin(rig, &run, 1, 0);
    open_pulling(&l, rig, 0, "run", from_start);
    hub_rig_events(rig, &run, 1);
    hub_rig_pause(rig, &run);
    hub_rig_events(rig, &run, 5); /* the executor that was lost still speaks */
    hub_rig_begin(rig, &run, 2, 1000000);
    hub_rig_events(rig, &run, 1);
    hub_rig_end(rig, &run);
    hub_rig_events(rig, &run, 5);
    hearer_wait_end(&l);
    ASSERT_STR(buf_str(&l.names), "metadata@0 values@1 metadata@1000000 values@1000001 ");
    close_all(rig, &l, 1);
}

#define CASE(sentence, function)                                                                   \
    {                                                                                              \
        (sentence), (function), hub_rig_setup, hub_rig_teardown, NULL                              \
    }

static const struct CMUnitTest tests[] = {
    CASE("readers on two loops hear the same", readers_on_two_loops_hear_the_same),
    CASE("who is there before the run hears all of it", who_is_there_before_the_run_hears_all),
    CASE("who comes late hears what is kept", who_comes_late_hears_what_is_kept),
    CASE("who joins a live run hears it from the start",
         who_joins_a_live_run_hears_it_from_the_start),
    CASE("a reader gets a batch when it asks, of a bounded size",
         a_reader_gets_a_batch_when_it_asks),
    CASE("a slow reader holds nobody back", a_slow_reader_holds_nobody_back),
    CASE("who is too slow misses the middle, not the first event",
         who_is_too_slow_misses_the_middle),
    CASE("nobody hears of what is not theirs", nobody_hears_of_what_is_not_theirs),
    CASE("who closes hears nothing more", who_closes_hears_nothing_more),
    CASE("who closes while a batch is on its way does not get it",
         who_closes_under_way_hears_nothing_more),
    CASE("an attempt follows another", an_attempt_follows_another),
};

int main(void)
{
    return RUN_TESTS(tests);
}
