/* Tests of how endpoints are paced, on both databases: turns, rates, places, rests. */
#include "store/endpoint_fixture.h"

#define A ENDPOINT_ORIGIN
#define URL_A ENDPOINT_URL

/* ---- turns ---- */

static void endpoints_take_turns(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claimed *rows;
    size_t count = 0, small = 0;

    endpoint_rig_add_many(rig, URL_A "?bulk", 40);
    rig->now_us++;
    endpoint_rig_add_many(rig, URL_A "?one", 1);
    rows = outbox_rig_claim(rig, A, 4, 0, &count);
    assert_int_equal(count, 4); /* half of the places each; what one does not want is the other's */
    for (size_t i = 0; i < count; i++)
        small += str_eq(rows[i].url, STR(URL_A "?one"));
    assert_int_equal(small, 1); /* it did not wait for the forty */
    /* With one place they alternate: the one that was served goes behind the other. */
    endpoint_rig_add_many(rig, URL_A "?one", 3);
    small = 0;
    for (int i = 0; i < 6; i++) {
        rig->now_us++;
        rows = outbox_rig_claim(rig, A, 1, 0, &count);
        assert_int_equal(count, 1);
        small += str_eq(rows[0].url, STR(URL_A "?one"));
    }
    assert_int_equal(small, 3);
}

static void thousands_of_endpoints_take_turns(void **state)
{
    struct outbox_rig *rig = *state;
    size_t count = 1, all = 0;
    char url[64];

    for (int i = 0; i < 300; i++) {
        snprintf(url, sizeof(url), URL_A "?n=%d", i);
        endpoint_rig_add_many(rig, url, 1 + i % 2);
    }
    for (; count; all += count)
        (void)outbox_rig_claim(rig, A, 64, 0, &count);
    assert_int_equal(all, 450);
}

static void tenants_have_lanes_of_their_own(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claim_lane other = {.lane = STR(A " another"), .room = 5};
    struct outbox_claimed *rows;
    size_t count = 0;

    endpoint_rig_add_many(rig, URL_A, 3);
    endpoint_rig_add(rig, (struct outbox_event){.tenant = STR("another")});
    rows = outbox_rig_claim_lane(rig, &other, &count);
    assert_int_equal(count, 1);
    ASSERT_STR(rows[0].tenant, "another");
    assert_int_equal(other.next_us[OUTBOX_FRESH], 0);
    assert_int_equal(endpoint_rig_claim_count(rig, 5), 3);
}

static void what_is_sent_once_more_has_its_own_line(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claim_lane lane = {
        .lane = STR(A " t"), .room = 8, .shares = {[OUTBOX_REPLAY] = 1}};
    struct outbox_claimed *rows;
    size_t count = 0, replays = 0;

    for (int i = 0; i < 20; i++)
        endpoint_rig_add(rig, (struct outbox_event){.class = DELIVERY_REPLAY});
    rig->now_us++;
    endpoint_rig_add_many(rig, URL_A, 10);
    rows = outbox_rig_claim_lane(rig, &lane, &count);
    for (size_t i = 0; i < count; i++)
        replays += rows[i].class == DELIVERY_REPLAY;
    assert_int_equal(count, 8);
    assert_int_equal(replays, 1);
    outbox_rig_settle(rig, &rows[0], DELIVERY_DUE, rig->now_us + 5);
    rig->now_us += 10;
    lane.shares[OUTBOX_REPLAY] = 0; /* a replay's retry stays a replay */
    lane.room = 3;
    rows = outbox_rig_claim_lane(rig, &lane, &count);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(rows[i].class, DELIVERY_LIVE);
    assert_true(lane.next_us[OUTBOX_REPLAY] > 0);
}

static void what_others_do_not_want_is_filled(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claim_lane lane = {
        .lane = STR(A " t"), .room = 16, .shares = {[OUTBOX_REPLAY] = 2}};
    size_t count = 0;

    for (int i = 0; i < 20; i++)
        endpoint_rig_add(rig, (struct outbox_event){.class = DELIVERY_REPLAY});
    for (int i = 1; i <= 5; i++) {
        char url[64];

        snprintf(url, sizeof(url), URL_A "?n=%d", i);
        endpoint_rig_add_many(rig, url, 1);
    }
    endpoint_rig_add_many(rig, URL_A "?n=6", 7);
    (void)outbox_rig_claim_lane(rig, &lane, &count); /* 12 first tries, whoever has them */
    assert_int_equal(count, 16);
    assert_int_equal(lane.next_us[OUTBOX_FRESH], 0);
    (void)outbox_rig_claim_lane(rig, &lane, &count);
    assert_int_equal(count, 16);
    assert_int_equal(lane.next_us[OUTBOX_REPLAY], 0);
    (void)outbox_rig_claim_lane(rig, &lane, &count);
    assert_int_equal(count, 0);
}

/* ---- limits ---- */

/* Claims one at a time, as places or the rate allow it; how many of `turns` were of this line. */
static size_t turns_of(struct outbox_rig *rig, enum outbox_line line, int64_t step_us, int turns)
{
    size_t count = 0, of_line = 0;

    for (int i = 0; i < turns; i++) {
        struct outbox_claim_lane lane = {
            .lane = STR(A " t"), .room = 16, .shares = {[OUTBOX_RETRY] = 6, [OUTBOX_REPLAY] = 2}};
        struct outbox_claimed *rows = outbox_rig_claim_lane(rig, &lane, &count);

        assert_int_equal(count, 1);
        of_line += outbox_line_of(rows[0].class, rows[0].attempts - 1) == line;
        outbox_rig_settle(rig, &rows[0], DELIVERY_DONE, 0);
        rig->now_us += step_us;
    }
    return of_line;
}

static void add_to_both_lines(struct outbox_rig *rig, struct endpoint_row told)
{
    (void)endpoint_rig_make(rig, told);
    for (int i = 0; i < 60; i++)
        endpoint_rig_add(rig, (struct outbox_event){.class = DELIVERY_REPLAY});
    endpoint_rig_add_many(rig, URL_A, 70);
}

static void replays_do_not_starve_first_tries_by_the_rate(void **state)
{
    struct outbox_rig *rig = *state;

    add_to_both_lines(rig, (struct endpoint_row){.rate_limit = 8, .rate_burst = 1});
    assert_int_equal(turns_of(rig, OUTBOX_REPLAY, US_PER_SECOND / 8, 80), 10);
    assert_int_equal(turns_of(rig, OUTBOX_REPLAY, US_PER_SECOND / 8, 30),
                     30); /* all that is left */
}

static void replays_do_not_starve_first_tries_by_their_places(void **state)
{
    struct outbox_rig *rig = *state;

    add_to_both_lines(rig, (struct endpoint_row){.in_flight_max = 1});
    assert_int_equal(turns_of(rig, OUTBOX_REPLAY, 1, 80), 10);
    assert_int_equal(turns_of(rig, OUTBOX_REPLAY, 1, 30), 30);
}

static void retries_do_not_starve_first_tries(void **state)
{
    struct outbox_rig *rig = *state;
    struct str id = endpoint_rig_make(rig, (struct endpoint_row){0});
    struct endpoint_row told = endpoint_rig_get(rig, id);
    struct outbox_claimed *rows;
    size_t count = 0;
    struct tx *tx;

    endpoint_rig_add_many(rig, URL_A, 20);
    rows = outbox_rig_claim(rig, A, 20, 0, &count);
    assert_int_equal(count, 20);
    for (size_t i = 0; i < count; i++)
        outbox_rig_settle(rig, &rows[i], DELIVERY_DUE, rig->now_us);
    told.in_flight_max = 1;
    tx = outbox_rig_begin(rig);
    assert_int_equal(outbox_rig_end(rig, endpoint_update(tx, &told)), OK);
    endpoint_rig_add_many(rig, URL_A, 20);
    assert_int_equal(turns_of(rig, OUTBOX_RETRY, 1, 20), 10);
}

static void the_rate_holds(void **state)
{
    struct outbox_rig *rig = *state;
    size_t got = 0;

    (void)endpoint_rig_make(rig, (struct endpoint_row){.rate_limit = 2, .rate_burst = 3});
    endpoint_rig_add_many(rig, URL_A, 30);
    assert_int_equal(endpoint_rig_claim_count(rig, 10), 3);
    assert_int_equal(endpoint_rig_claim_count(rig, 10), 0);
    rig->now_us += 500000;
    assert_int_equal(endpoint_rig_claim_count(rig, 10), 1);
    for (int i = 0; i < 100; i++) {
        rig->now_us += 50000; /* 5 s in all */
        got += endpoint_rig_claim_count(rig, 10);
    }
    assert_in_range(got, 9, 10);
}

static void the_places_are_kept(void **state)
{
    struct outbox_rig *rig = *state;
    struct str id = endpoint_rig_make(rig, (struct endpoint_row){.in_flight_max = 2});
    struct outbox_claimed *rows;
    size_t count = 0;

    endpoint_rig_add_many(rig, URL_A, 5);
    endpoint_rig_add_many(rig, URL_A "?other", 5);
    rows = outbox_rig_claim(rig, A, 4, 0, &count);
    assert_int_equal(count, 4);
    assert_int_equal(endpoint_rig_backlog(rig, id).sending, 2);
    (void)outbox_rig_claim(rig, A, 10, 0, &count);
    assert_int_equal(count, 3); /* the other's */
    assert_int_equal(endpoint_rig_backlog(rig, id).sending, 2);
    for (size_t i = 0; i < 4; i++)
        outbox_rig_settle(rig, &rows[i], DELIVERY_DONE, 0);
    assert_int_equal(endpoint_rig_claim_count(rig, 10), 2);
    /* Whoever dies with its places gives them back. */
    rig->now_us += 61 * US_PER_SECOND;
    assert_true(outbox_rig_recover(rig, NULL) >= 2);
    (void)outbox_rig_claim(rig, A, 10, 5, &count);
    assert_int_equal(endpoint_rig_backlog(rig, id).sending, 2);
}

/* What went out before there were places takes them, too; but who has taken it does not know that
 * somebody waits for its end. */
static void new_places_count_what_is_being_sent(void **state)
{
    struct outbox_rig *rig = *state;
    struct str id = endpoint_rig_make(rig, (struct endpoint_row){0});
    struct endpoint_row told = {.tenant = STR("t"), .endpoint_id = id, .in_flight_max = 2};
    struct outbox_claim_lane lane = {.lane = STR(A " t"), .room = 10};
    struct outbox_claimed *rows;
    size_t count = 0;
    struct tx *tx;

    endpoint_rig_add_many(rig, URL_A, 2);
    rows = outbox_rig_claim(rig, A, 2, 0, &count);
    assert_int_equal(count, 2);
    tx = outbox_rig_begin(rig);
    assert_int_equal(outbox_rig_end(rig, endpoint_update(tx, &told)), OK);
    endpoint_rig_add_many(rig, URL_A, 5);
    assert_int_equal(endpoint_rig_claim_count(rig, 10), 0);
    for (size_t i = 0; i < 2; i++)
        outbox_rig_settle(rig, &rows[i], DELIVERY_DONE, 0);
    rig->now_us += US_PER_SECOND;
    assert_int_equal(endpoint_rig_claim_count(rig, 10), 2);
    /* Who takes one later knows it: then nobody looks before the end of the leases. */
    rig->now_us += 61 * US_PER_SECOND;
    assert_int_equal(outbox_rig_recover(rig, NULL), 2);
    rows = outbox_rig_claim(rig, A, 10, 10, &count);
    assert_int_equal(count, 2);
    (void)outbox_rig_claim_lane(rig, &lane, &count);
    assert_int_equal(count, 0);
    assert_int_equal(lane.next_us[OUTBOX_FRESH], rig->now_us + 60 * US_PER_SECOND);
    outbox_rig_settle(rig, &rows[0], DELIVERY_DONE, 0);
    assert_int_equal(endpoint_rig_claim_count(rig, 10), 1);
}

static void a_rest_is_for_all(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_outcome busy = {
        .to = DELIVERY_DUE, .news = ENDPOINT_FAILED, .result = STR("busy"), .status = 429};
    struct outbox_claimed *rows;
    size_t count = 0;

    endpoint_rig_add_many(rig, URL_A, 10);
    rows = outbox_rig_claim(rig, A, 1, 0, &count);
    busy.row = &rows[0];
    busy.next_us = rig->now_us + 10 * US_PER_SECOND;
    busy.rest_until_us = rig->now_us + 60 * US_PER_SECOND;
    endpoint_rig_settle(rig, &busy);
    rig->now_us += 59 * US_PER_SECOND;
    endpoint_rig_add_many(rig, URL_A, 1);
    endpoint_rig_add_many(rig, URL_A "?other", 1);
    assert_int_equal(endpoint_rig_claim_count(rig, 20), 1); /* only the other's */
    (void)outbox_rig_claim(rig, A, 20, 10, &count);
    assert_int_equal(count, 0);
    rig->now_us += 2 * US_PER_SECOND;
    rows = outbox_rig_claim(rig, A, 20, 10, &count);
    assert_int_equal(count, 1); /* after a rest one goes ahead, whatever lines it stands in */
    outbox_rig_settle(rig, &rows[0], DELIVERY_DONE, 0);
    assert_int_equal(endpoint_rig_claim_count(rig, 20), 10);
}

static void one_that_fails_rests(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_claimed *rows;
    size_t count = 0;

    rig->rules.rest_after = 4;
    endpoint_rig_add_many(rig, URL_A, 10);
    rows = outbox_rig_claim(rig, A, 4, 0, &count);
    for (size_t i = 0; i < count; i++)
        outbox_rig_settle(rig, &rows[i], DELIVERY_DUE, rig->now_us + 1000);
    assert_int_equal(endpoint_rig_claim_count(rig, 10), 0);
    endpoint_rig_add_many(rig, URL_A "?well", 3); /* on the same origin */
    assert_int_equal(endpoint_rig_claim_count(rig, 10), 3);
    rig->now_us += 5 * US_PER_SECOND + 1;
    rows = outbox_rig_claim(rig, A, 10, 0, &count);
    assert_int_equal(count, 1); /* the probe */
    outbox_rig_settle(rig, &rows[0], DELIVERY_DUE, rig->now_us + 1000);
    rig->now_us += 4 * US_PER_SECOND;
    assert_int_equal(endpoint_rig_claim_count(rig, 10), 0);
    rig->now_us += 2 * US_PER_SECOND;
    rows = outbox_rig_claim(rig, A, 10, 0, &count);
    assert_int_equal(count, 1);
    outbox_rig_settle(rig, &rows[0], DELIVERY_DONE, 0);
    assert_int_equal(endpoint_rig_claim_count(rig, 10), 9); /* all that is due */
}

static const struct CMUnitTest tests[] = {
    TEST("endpoints of one lane take turns", endpoints_take_turns),
    TEST("so do very many", thousands_of_endpoints_take_turns),
    TEST("tenants have lanes of their own", tenants_have_lanes_of_their_own),
    TEST("what is sent once more has its own line", what_is_sent_once_more_has_its_own_line),
    TEST("places that others do not want are filled", what_others_do_not_want_is_filled),
    TEST("by a rate, every eighth turn at most is for what is sent once more",
         replays_do_not_starve_first_tries_by_the_rate),
    TEST("so it is with few places", replays_do_not_starve_first_tries_by_their_places),
    TEST("and every second for retries", retries_do_not_starve_first_tries),
    TEST("the rate holds", the_rate_holds),
    TEST("no more are sent at once than it has places", the_places_are_kept),
    TEST("places that are new count what is being sent", new_places_count_what_is_being_sent),
    TEST("a rest is for all of an endpoint, and for it alone", a_rest_is_for_all),
    TEST("one that fails rests, longer each time, and a probe goes ahead", one_that_fails_rests),
};

int main(void)
{
    return OUTBOX_RUN_TESTS(tests);
}
