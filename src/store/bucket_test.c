/* Tables of cases for the token bucket. */
#include "store/bucket.h"

#include "base/rng.h"
#include "base/test.h"

#define T INT64_C(1795240800000000)

static void a_full_bucket_lets_a_burst_go(void **state)
{
    const struct bucket bucket = {.per_s = 2, .burst = 3};
    int64_t full_us = 0;

    (void)state;
    assert_int_equal(bucket_room(&bucket, full_us, T, 10), 3);
    assert_int_equal(bucket_room(&bucket, full_us, T, 2), 2);
    full_us = bucket_take(&bucket, full_us, T, 3);
    assert_int_equal(bucket_room(&bucket, full_us, T, 10), 0);
    assert_int_equal(bucket_ready_us(&bucket, full_us), T + 500000);
    assert_int_equal(bucket_room(&bucket, full_us, T + 499999, 10), 0);
    assert_int_equal(bucket_room(&bucket, full_us, T + 500000, 10), 1);
    assert_int_equal(bucket_room(&bucket, full_us, T + 1000000, 10), 2);
    assert_int_equal(bucket_room(&bucket, full_us, T + 1500000, 10), 3);
    assert_int_equal(bucket_room(&bucket, full_us, T + 99000000, 10), 3);
}

static void a_slow_one_lets_one_go_in_hours(void **state)
{
    const struct bucket bucket = {.per_s = BUCKET_PER_S_MIN, .burst = 1};
    int64_t full_us = bucket_take(&bucket, 0, T, 1);

    (void)state;
    assert_int_equal(bucket_ready_us(&bucket, full_us), T + 10000 * US_PER_SECOND);
    assert_int_equal(bucket_room(&bucket, full_us, T + 9999 * US_PER_SECOND, 1), 0);
    assert_int_equal(bucket_room(&bucket, full_us, T + 10000 * US_PER_SECOND, 1), 1);
}

/* However it is asked, no more go in any span than the rate and one burst allow. */
static void never_more_than_the_rate(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 5);
    for (int round = 0; round < 200; round++) {
        const struct bucket bucket = {.per_s = 1 + (double)rng_below(&rng, 50),
                                      .burst = 1 + (int64_t)rng_below(&rng, 20)};
        int64_t now_us = T, full_us = 0, gone = 0;

        while (now_us < T + 10 * US_PER_SECOND) {
            unsigned count = bucket_room(&bucket, full_us, now_us, 1 + (unsigned)round % 7);

            full_us = bucket_take(&bucket, full_us, now_us, count);
            gone += count;
            now_us += (int64_t)rng_below(&rng, 10000);
        }
        assert_true((double)gone <= bucket.per_s * 10.1 + (double)bucket.burst + 1);
        assert_true((double)gone >= bucket.per_s * 9.0 || bucket.burst == 1);
    }
}

static const struct CMUnitTest tests[] = {
    TEST("a full bucket lets a burst go, then one at a time", a_full_bucket_lets_a_burst_go),
    TEST("a slow one lets one go in hours", a_slow_one_lets_one_go_in_hours),
    TEST("never more than the rate and one burst", never_more_than_the_rate),
};

int main(void)
{
    return cmocka_run_group_tests_name("bucket", tests, NULL, NULL);
}
