/* The census against what the tables say, in pages small enough that every walk has several. */
#include "store/outbox_census.h"

#include "store/endpoint_fixture.h"

#define OTHER_URL "https://b.example/hook"
#define PAUSED_URL "https://c.example/hook"

static struct outbox_census count_all(struct outbox_rig *rig, size_t limit)
{
    struct outbox_census census = {0};
    int steps = 0;

    while (!census.is_done) {
        struct tx *tx = outbox_rig_begin(rig);

        assert_int_equal(outbox_rig_end(rig, outbox_census_step(tx, &census, limit, &rig->arena)),
                         OK);
        assert_true(steps++ < 200);
    }
    return census;
}

static void expect_queue(const struct outbox_census *census, const int64_t *wanted)
{
    for (int i = 0; i < CENSUS_QUEUE_COUNT; i++)
        assert_int_equal(census->queue[i], wanted[i]);
}

static void an_empty_outbox(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_census census;

    census = count_all(rig, 10);
    expect_queue(&census, (const int64_t[CENSUS_QUEUE_COUNT]){0});
    assert_int_equal(census.oldest_us, 0);
    for (int i = 0; i < CENSUS_ENDPOINT_COUNT; i++)
        assert_int_equal(census.endpoints[i], 0);
}

/* Of the endpoint with an order: one may go, the others wait behind it. */
static void add_ordered(struct outbox_rig *rig, int count)
{
    (void)endpoint_rig_make(rig, (struct endpoint_row){.is_fifo = true});
    for (int i = 0; i < count; i++)
        endpoint_rig_add(
            rig, (struct outbox_event){.url = STR(ENDPOINT_URL), .ordering_key = STR("thread")});
}

static void settle_some(struct outbox_rig *rig)
{
    size_t count;
    struct outbox_claimed *rows = outbox_rig_claim(rig, "https://b.example:443", 5, 0, &count);

    assert_int_equal(count, 5);
    outbox_rig_settle(rig, &rows[0], DELIVERY_DEAD, 0);
    outbox_rig_settle(rig, &rows[1], DELIVERY_DEAD, 0);
    outbox_rig_settle(rig, &rows[2], DELIVERY_DONE, 0);
    outbox_rig_settle(rig, &rows[3], DELIVERY_DUE, rig->now_us + US_PER_SECOND);
}

static struct str endpoint_of(struct outbox_rig *rig, const char *url)
{
    struct delivery_row *found;
    size_t count = outbox_rig_list(rig, url, NULL, &found);

    assert_true(count > 0);
    return found[0].endpoint_id;
}

static void every_state_is_counted(void **state)
{
    struct outbox_rig *rig = *state;
    struct outbox_census census;
    struct str paused;
    int64_t began_us;

    began_us = rig->now_us;
    add_ordered(rig, 4); /* 1 due, 3 blocked */
    endpoint_rig_add_many(rig, OTHER_URL, 12);
    (void)outbox_rig_add(rig, PAUSED_URL, "p", STR("{}"));
    paused = endpoint_of(rig, "p");
    endpoint_rig_set_state(rig, paused, ENDPOINT_PAUSED);
    (void)endpoint_rig_shift(rig, 100);
    endpoint_rig_add_many(rig, PAUSED_URL, 2); /* 3 held */
    rig->now_us += 10 * US_PER_SECOND;
    settle_some(rig); /* 2 dead, 1 done, 1 scheduled, 1 sending; 7 of 12 still due */
    for (size_t limit = 1; limit < 30; limit += 3) {
        census = count_all(rig, limit);
        expect_queue(&census, (const int64_t[CENSUS_QUEUE_COUNT]){8, 1, 1, 3, 3, 2});
        assert_int_equal(census.oldest_us, began_us);
        assert_int_equal(census.endpoints[CENSUS_ACTIVE], 2);
        assert_int_equal(census.endpoints[CENSUS_PAUSED], 1);
        assert_int_equal(census.endpoints[CENSUS_RESTING] + census.endpoints[CENSUS_DISABLED], 0);
    }
    rig->now_us += 10 * US_PER_SECOND;
    census = count_all(rig, 100);
    assert_int_equal(census.queue[CENSUS_DUE], 9);
    assert_int_equal(census.queue[CENSUS_SCHEDULED], 0);
}

static const struct CMUnitTest tests[] = {
    TEST("an empty outbox has nothing in any state", an_empty_outbox),
    TEST("every state is counted, in pages of any size", every_state_is_counted),
};

int main(void)
{
    return OUTBOX_RUN_TESTS(tests);
}
