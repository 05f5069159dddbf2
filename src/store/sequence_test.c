/* sequence_test.c -- numbers rise, and none is given twice to committed work. */
#include "store/sequence.h"

#include "store/fresh_rig.h"
#include "store/store_fixture.h"

static struct fixture fixtures[2];

/* Takes `count` numbers, then returns what it is told. */
struct taker {
    struct job job;
    int64_t count, first;
    int64_t later_us; /* than now */
    bool serial;
};

static int setup(void **state)
{
    *state = &fixtures[0];
    return fixture_open(&fixtures[0], fresh_postgres_url());
}

static int teardown(void **state)
{
    fixture_close(*state);
    return 0;
}

static enum err take(struct tx *tx, struct store_work *work)
{
    struct taker *taker = CONTAINER_OF(work, struct taker, job.work);
    enum err err;

    tx->now_us += taker->later_us;
    err = taker->serial ? sequence_next_serial(tx, STR("feed"), taker->count, &taker->first)
                        : sequence_next(tx, STR("ids"), taker->count, &taker->first);

    return err ? err : job_nothing(tx, work);
}

static int64_t taken(struct fixture *fixture, int64_t count, enum err returns)
{
    struct taker taker = {.count = count};

    job_init(&taker.job, take, STR("x"));
    taker.job.returns = returns;
    store_write(fixture->store, &taker.job.work);
    assert_int_equal(job_wait(&taker.job), returns);
    return taker.first;
}

static void numbers_start_at_one_and_rise(void **state)
{
    for (int64_t expected = 1; expected <= 2500; expected++)
        assert_int_equal(taken(*state, 1, OK), expected);
}

static void several_are_without_a_gap(void **state)
{
    int64_t first = taken(*state, 990, OK), second = taken(*state, 20, OK),
            third = taken(*state, 5000, OK), last = taken(*state, 1, OK);

    assert_int_equal(first, 1);
    assert_true(second >= first + 990);
    assert_true(third >= second + 20);
    assert_true(last >= third + 5000);
}

static void a_restart_goes_on_above(void **state)
{
    int64_t before = taken(*state, 3, OK);

    fixture_reopen(*state);
    assert_true(taken(*state, 1, OK) >= before + 3);
}

/* The block is reserved by a work that fails: alone, and inside a group. */
static void a_rolled_back_block_is_not_used(void **state)
{
    struct fixture *fixture = *state;
    struct taker failing = {.count = 10}, good = {.count = 10};
    struct job hold;
    sem_t gate, entered;
    int64_t first;

    (void)taken(fixture, 5, ERR_DENIED);
    first = taken(fixture, 5, OK);
    fixture_reopen(fixture);
    sem_init(&gate, 0, 0);
    sem_init(&entered, 0, 0);
    job_init(&hold, job_nothing, STR("x"));
    hold.holds = &gate;
    hold.entered = &entered;
    store_write(fixture->store, &hold.work);
    sem_wait(&entered);
    job_init(&failing.job, take, STR("x"));
    failing.job.returns = ERR_DENIED;
    job_init(&good.job, take, STR("x"));
    store_write(fixture->store, &failing.job.work);
    store_write(fixture->store, &good.job.work);
    sem_post(&gate);
    assert_int_equal(job_wait(&hold), OK);
    assert_int_equal(job_wait(&failing.job), ERR_DENIED);
    assert_int_equal(job_wait(&good.job), OK);
    sem_destroy(&gate);
    sem_destroy(&entered);
    assert_true(good.first >= first + 5);
    fixture_reopen(fixture);
    assert_true(taken(fixture, 1, OK) >= good.first + 10);
}

/* The block is reserved by a work that is fine, in a group that is repeated because of another one.
 */
static void a_block_of_a_repeated_group(void **state)
{
    struct fixture *fixture = *state;
    struct taker good = {.count = 10};
    struct job hold, failing;
    sem_t gate, entered;

    sem_init(&gate, 0, 0);
    sem_init(&entered, 0, 0);
    job_init(&hold, job_nothing, STR("x"));
    hold.holds = &gate;
    hold.entered = &entered;
    store_write(fixture->store, &hold.work);
    sem_wait(&entered);
    job_init(&good.job, take, STR("x"));
    job_init(&failing, job_insert, STR("y"));
    failing.returns = ERR_DENIED;
    store_write(fixture->store, &good.job.work);
    store_write(fixture->store, &failing.work);
    sem_post(&gate);
    assert_int_equal(job_wait(&hold), OK);
    assert_int_equal(job_wait(&good.job), OK);
    assert_int_equal(job_wait(&failing), ERR_DENIED);
    assert_int_equal(good.job.applies, 2);
    sem_destroy(&gate);
    sem_destroy(&entered);
    fixture_reopen(fixture);
    assert_true(taken(fixture, 1, OK) >= good.first + 10);
}

static int64_t taken_later(struct fixture *fixture, int64_t seconds)
{
    struct taker taker = {.count = 1, .later_us = seconds * US_PER_SECOND};

    job_init(&taker.job, take, STR("x"));
    store_write(fixture->store, &taker.job.work);
    assert_int_equal(job_wait(&taker.job), OK);
    return taker.first;
}

/* What is made now does not stand among what another node made long ago. */
static void a_node_does_not_stay_behind(void **state)
{
    struct fixture *other = &fixtures[1];
    int64_t here, there;

    if (!fresh_postgres_url())
        skip();
    fixture_open_beside(other, *state);
    here = taken(*state, 1, OK);
    there = taken(other, 1, OK);
    assert_true(there > here);
    assert_int_equal(taken_later(*state, 5), here + 1); /* not yet worth a look */
    here = taken_later(*state, 20);
    assert_true(here > there);
    assert_int_equal(taken_later(*state, 40), here + 1); /* nobody is above */
    fixture_close(other);
}

#define TAKERS 400

static void two_nodes_share_one_sequence(void **state)
{
    static struct taker takers[2][TAKERS];
    static bool seen[16 * TAKERS];
    struct fixture *other = &fixtures[1];

    if (!fresh_postgres_url())
        skip();
    fixture_open_beside(other, *state);
    memset(seen, 0, sizeof(seen));
    for (int i = 0; i < TAKERS; i++) {
        for (int node = 0; node < 2; node++) {
            struct taker *taker = &takers[node][i];

            *taker = (struct taker){.count = 7, .serial = i % 2};
            job_init(&taker->job, take, STR("x"));
            taker->job.returns = i % 5 == 0 ? ERR_DENIED : OK;
            store_write(fixtures[node].store, &taker->job.work);
        }
    }
    for (int i = 0; i < TAKERS; i++) {
        for (int node = 0; node < 2; node++) {
            struct taker *taker = &takers[node][i];

            assert_int_equal(job_wait(&taker->job), i % 5 == 0 ? ERR_DENIED : OK);
            for (int64_t n = taker->first; i % 5 && !taker->serial && n < taker->first + 7; n++) {
                assert_true(n > 0 && n < (int64_t)ARRAY_LEN(seen));
                assert_false(seen[n]);
                seen[n] = true;
            }
        }
    }
    fixture_close(other);
}

static const struct CMUnitTest tests[] = {
    TEST("numbers start at 1 and rise", numbers_start_at_one_and_rise),
    TEST("several numbers are without a gap", several_are_without_a_gap),
    TEST("after a restart they go on above", a_restart_goes_on_above),
    TEST("a block that was rolled back is not used", a_rolled_back_block_is_not_used),
    TEST("nor is one of a group that was repeated", a_block_of_a_repeated_group),
    TEST("two nodes never get the same number", two_nodes_share_one_sequence),
    TEST("a node does not stay behind another one", a_node_does_not_stay_behind),
};

int main(void)
{
    return fresh_run_tests(tests, ARRAY_LEN(tests), setup, teardown);
}
