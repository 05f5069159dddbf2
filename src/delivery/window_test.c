/* Tests of the window: its growth, its shrinking, its closing, and random walks that must keep its
 * laws. */
#include "base/test.h"

#include "base/rng.h"
#include "delivery/window.h"

static const struct window_limits small = {
    .width_start = 4, .width_max = 8, .dead_after = 2, .closed_ms = 1000, .closed_ms_max = 3000};

static void begin(struct window *w, unsigned count, int64_t now_ms)
{
    for (unsigned i = 0; i < count; i++) {
        assert_true(window_room(w, now_ms) > 0);
        window_begin(w);
    }
}

static void failures(struct window *w, unsigned count, int64_t now_ms)
{
    for (unsigned i = 0; i < count; i++)
        window_failed(w, now_ms);
}

/* A full window of failures at a time, until it closes; returns how many failures that took. */
static unsigned fail_until_closed(struct window *w, int64_t now_ms)
{
    unsigned count = 0;

    while (w->state == WINDOW_OPEN && count < 1000) {
        unsigned width = w->width;

        begin(w, width, now_ms);
        failures(w, width, now_ms);
        count += width;
    }
    return count;
}

static void starts_with_its_width(void **state)
{
    struct window w;

    (void)state;
    window_init(&w, &small);
    assert_int_equal(window_room(&w, 0), 4);
    begin(&w, 4, 0);
    assert_int_equal(window_room(&w, 0), 0);
    window_ended(&w);
    assert_int_equal(window_room(&w, 0), 1);
}

static void a_round_of_successes_widens(void **state)
{
    struct window w;

    (void)state;
    window_init(&w, &small);
    begin(&w, 4, 0);
    for (int i = 0; i < 3; i++) {
        window_succeeded(&w);
        begin(&w, 1, 0);
    }
    assert_int_equal(w.width, 4);
    window_succeeded(&w);
    assert_int_equal(w.width, 5);
}

static void never_wider_than_allowed(void **state)
{
    struct window w;

    (void)state;
    window_init(&w, &small);
    for (int i = 0; i < 1000; i++) {
        begin(&w, window_room(&w, 0), 0);
        window_succeeded(&w);
    }
    assert_int_equal(w.width, 8);
}

static void an_unused_window_does_not_grow(void **state)
{
    struct window w;

    (void)state;
    window_init(&w, &small);
    for (int i = 0; i < 1000; i++) {
        begin(&w, 1, 0);
        window_succeeded(&w);
    }
    assert_int_equal(w.width, 4);
}

static void a_half_used_window_grows(void **state)
{
    struct window w;

    (void)state;
    window_init(&w, &small);
    begin(&w, 1, 0);
    for (int i = 0; i < 4; i++) {
        begin(&w, 1, 0);
        window_succeeded(&w);
    }
    assert_int_equal(w.width, 5);
}

static void the_first_failure_of_a_round_halves(void **state)
{
    struct window w;

    (void)state;
    window_init(&w, &small);
    begin(&w, 4, 0);
    failures(&w, 1, 0);
    assert_int_equal(w.width, 2);
    failures(&w, 3, 0);
    assert_int_equal(w.width, 2);
    assert_int_equal(w.failed_rounds, 1);
    assert_int_equal(w.state, WINDOW_OPEN);
}

static void closes_after_failed_rounds(void **state)
{
    struct window w;

    (void)state;
    window_init(&w, &small);
    /* A round of 4 (width 4 when it began) and one of 2. */
    assert_int_equal(fail_until_closed(&w, 100), 6);
    assert_int_equal(w.state, WINDOW_CLOSED);
    assert_int_equal(window_room(&w, 100), 0);
    assert_int_equal(window_room(&w, 1099), 0);
    assert_int_equal(window_room(&w, 1100), 1);
}

static void one_burst_does_not_close_a_wide_one(void **state)
{
    static const struct window_limits wide = {.width_start = 64,
                                              .width_max = 64,
                                              .dead_after = 2,
                                              .closed_ms = 1000,
                                              .closed_ms_max = 1000};
    struct window w;

    (void)state;
    window_init(&w, &wide);
    begin(&w, 64, 0);
    failures(&w, 64, 0);
    assert_int_equal(w.state, WINDOW_OPEN);
    assert_int_equal(w.failed_rounds, 1);
}

static void a_success_in_between_keeps_it_open(void **state)
{
    struct window w;

    (void)state;
    window_init(&w, &small);
    for (int i = 0; i < 50; i++) {
        begin(&w, 1, 0);
        window_failed(&w, 0);
        if (i % 2)
            continue;
        begin(&w, 1, 0);
        window_succeeded(&w);
    }
    assert_int_equal(w.state, WINDOW_OPEN);
}

static void a_probe_decides(void **state)
{
    struct window w;

    (void)state;
    window_init(&w, &small);
    (void)fail_until_closed(&w, 0);
    assert_int_equal(window_room(&w, 1000), 1);
    assert_int_equal(w.state, WINDOW_PROBING);
    begin(&w, 1, 1000);
    assert_int_equal(window_room(&w, 1000), 0);
    window_failed(&w, 1000);
    assert_int_equal(w.state, WINDOW_CLOSED);
    assert_int_equal(w.reopens_ms, 3000); /* twice as long */
    begin(&w, 1, 3000);
    window_failed(&w, 3000);
    assert_int_equal(w.reopens_ms, 6000); /* at most closed_ms_max */
    begin(&w, 1, 6000);
    window_succeeded(&w);
    assert_int_equal(w.state, WINDOW_OPEN);
    assert_int_equal(window_room(&w, 6000), 4);
    (void)fail_until_closed(&w, 7000);
    assert_int_equal(w.reopens_ms, 8000); /* the first time again */
}

static void a_probe_that_was_not_sent_leaves_it_probing(void **state)
{
    struct window w;

    (void)state;
    window_init(&w, &small);
    (void)fail_until_closed(&w, 0);
    begin(&w, 1, 1000);
    window_ended(&w);
    assert_int_equal(w.state, WINDOW_PROBING);
    assert_int_equal(window_room(&w, 1000), 1);
}

/* Closed by one round, with one request still under way. */
static void close_with_one_in_flight(struct window *w, const struct window_limits *limits)
{
    window_init(w, limits);
    begin(w, 4, 0);
    failures(w, 1, 0);
    window_succeeded(w);
    failures(w, 2, 0);
    begin(w, 2, 10);
    failures(w, 1, 10);
    assert_int_equal(w->state, WINDOW_CLOSED);
    assert_int_equal(w->in_flight, 1);
}

static void late_failures_do_not_lengthen_the_closing(void **state)
{
    struct window_limits limits = small;
    struct window w;

    (void)state;
    limits.dead_after = 1;
    close_with_one_in_flight(&w, &limits);
    window_failed(&w, 500);
    assert_int_equal(w.reopens_ms, 1010);
    assert_int_equal(w.closed_ms, 2000);
}

static void a_late_success_opens_it(void **state)
{
    struct window_limits limits = small;
    struct window w;

    (void)state;
    limits.dead_after = 1;
    close_with_one_in_flight(&w, &limits);
    window_succeeded(&w);
    assert_int_equal(w.state, WINDOW_OPEN);
    assert_int_equal(w.width, 4);
}

static void the_last_answer_proves_an_origin(void **state)
{
    struct window w;

    (void)state;
    window_init(&w, &small);
    assert_false(w.is_proven);
    begin(&w, 3, 0);
    window_succeeded(&w);
    assert_true(w.is_proven);
    window_failed(&w, 0);
    assert_false(w.is_proven);
    window_ended(&w);
    assert_false(w.is_proven);
}

static void walks_keep_the_laws(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct window w;
        struct rng rng;
        int64_t now_ms = 0;

        rng_seed(&rng, seed);
        window_init(&w, &small);
        for (int i = 0; i < 2000; i++) {
            unsigned action = (unsigned)rng_below(&rng, 5);

            now_ms += (int64_t)rng_below(&rng, 200);
            if (action < 2 && window_room(&w, now_ms) > 0)
                window_begin(&w);
            else if (action == 2 && w.in_flight)
                window_succeeded(&w);
            else if (action == 3 && w.in_flight)
                window_failed(&w, now_ms);
            else if (action == 4 && w.in_flight)
                window_ended(&w);
            assert_true(w.width <= small.width_max);
            assert_true((w.state == WINDOW_CLOSED) == (w.width == 0));
            assert_true(w.state != WINDOW_CLOSED || w.reopens_ms <= now_ms + small.closed_ms_max);
        }
        /* Whatever happened: once all is quiet, time alone brings room back. */
        while (w.in_flight)
            window_ended(&w);
        assert_true(window_room(&w, now_ms + small.closed_ms_max) > 0);
    }
}

static const struct CMUnitTest tests[] = {
    TEST("a new window has its starting width", starts_with_its_width),
    TEST("a round of successes widens it by one", a_round_of_successes_widens),
    TEST("it never gets wider than allowed", never_wider_than_allowed),
    TEST("a window that is hardly used does not grow", an_unused_window_does_not_grow),
    TEST("half of it in use is enough to grow", a_half_used_window_grows),
    TEST("the first failure of a round halves it", the_first_failure_of_a_round_halves),
    TEST("failed rounds without a success close it", closes_after_failed_rounds),
    TEST("one burst does not close a wide window", one_burst_does_not_close_a_wide_one),
    TEST("a success in between keeps it open", a_success_in_between_keeps_it_open),
    TEST("one probe decides whether it opens", a_probe_decides),
    TEST("a probe that was not sent leaves it probing",
         a_probe_that_was_not_sent_leaves_it_probing),
    TEST("failures from before the closing do not lengthen it",
         late_failures_do_not_lengthen_the_closing),
    TEST("a success from before the closing opens it", a_late_success_opens_it),
    TEST("the last answer says whether an origin has proved itself",
         the_last_answer_proves_an_origin),
    TEST("random walks never leave a window that time does not open", walks_keep_the_laws),
};

int main(void)
{
    return RUN_TESTS(tests);
}
