/* Tests of the policies: which results are retried, when, and how often. */
#include "base/test.h"

#include "base/time.h"
#include "delivery/schedule.h"

#define DAY_US (24 * 3600 * US_PER_SECOND)

static enum verdict next(const char *policy, enum attempt_result result, int status,
                         int64_t attempts, int64_t *delay_us)
{
    struct schedule_input input = {.result = result, .status = status, .attempts = attempts};
    struct str reason = STR_NONE;
    struct rng rng;

    rng_seed(&rng, (uint64_t)attempts);
    return schedule_next(policy_find(str_of(policy)), &input, &rng, delay_us, &reason);
}

static void what_is_retried(void **state)
{
    static const struct {
        enum attempt_result result;
        int status;
        enum verdict durable, documented;
    } cases[] = {
        {RESULT_DELIVERED, 200, VERDICT_DONE, VERDICT_DONE},
        {RESULT_UNREACHABLE, 0, VERDICT_AGAIN, VERDICT_AGAIN}, /* B12 */
        {RESULT_TLS, 0, VERDICT_AGAIN, VERDICT_AGAIN},
        {RESULT_TIMEOUT, 0, VERDICT_AGAIN, VERDICT_DEAD},         /* B13 */
        {RESULT_SERVER_ERROR, 500, VERDICT_AGAIN, VERDICT_AGAIN}, /* B14 */
        {RESULT_BUSY, 503, VERDICT_AGAIN, VERDICT_AGAIN},
        {RESULT_BUSY, 429, VERDICT_AGAIN, VERDICT_DEAD}, /* B15 */
        {RESULT_BUSY, 408, VERDICT_AGAIN, VERDICT_DEAD},
        {RESULT_REJECTED, 404, VERDICT_DEAD, VERDICT_DEAD},
        {RESULT_REJECTED, 302, VERDICT_DEAD, VERDICT_DEAD},
        {RESULT_GONE, 410, VERDICT_DEAD, VERDICT_DEAD},
        {RESULT_REFUSED, 0, VERDICT_DEAD, VERDICT_DEAD},
    };
    int64_t delay_us = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum attempt_result result = cases[i].result;
        bool is_done = result == RESULT_DELIVERED;

        assert_int_equal(next("durable", result, cases[i].status, 1, &delay_us), cases[i].durable);
        assert_int_equal(next("documented", result, cases[i].status, 1, &delay_us),
                         cases[i].documented);
        assert_int_equal(next("once", result, cases[i].status, 1, &delay_us),
                         is_done ? VERDICT_DONE : VERDICT_DEAD);
    }
}

static void durable_tries_for_three_days(void **state)
{
    int64_t attempts = 1, total_us = 0, delay_us = 0;

    (void)state;
    while (next("durable", RESULT_TIMEOUT, 0, attempts, &delay_us) == VERDICT_AGAIN) {
        int64_t planned_us = policy_find(STR("durable"))->delays_ms[attempts - 1] * US_PER_MS;

        assert_in_range(delay_us, planned_us * 8 / 10, planned_us * 12 / 10);
        total_us += delay_us;
        attempts++;
    }
    assert_int_equal(attempts, 11);
    assert_in_range(total_us, 2 * DAY_US, 4 * DAY_US);
}

static void documented_retries_twice_in_all(void **state)
{
    int64_t first_us = 0, second_us = 0, none_us = 0;
    const struct policy *policy = policy_find(STR("documented"));

    (void)state;
    assert_int_equal(next("documented", RESULT_UNREACHABLE, 0, 1, &first_us), VERDICT_AGAIN);
    assert_int_equal(next("documented", RESULT_SERVER_ERROR, 500, 2, &second_us), VERDICT_AGAIN);
    assert_int_equal(next("documented", RESULT_UNREACHABLE, 0, 3, &none_us), VERDICT_DEAD);
    assert_true(second_us > first_us * 3 / 2);
    assert_int_equal(policy->budget.total_ms, 5000);
    assert_int_equal(policy->budget.first_byte_ms, 5000);
}

static void exact_policies_send_one_request_an_attempt(void **state)
{
    (void)state;
    assert_int_equal(policy_reuse(policy_find(STR("durable")), 1), HTTP_REUSE);
    assert_int_equal(policy_reuse(policy_find(STR("durable")), 2), HTTP_REUSE);
    assert_int_equal(policy_reuse(policy_find(STR("documented")), 1), HTTP_REUSE_ONCE);
    assert_int_equal(policy_reuse(policy_find(STR("documented")), 2), HTTP_FRESH);
    assert_int_equal(policy_reuse(policy_find(STR("once")), 1), HTTP_FRESH);
}

static int64_t delay_with(const char *policy, const char *retry_after, int64_t now_us)
{
    struct schedule_input input = {.result = RESULT_BUSY,
                                   .status = 503,
                                   .attempts = 1,
                                   .retry_after = str_of(retry_after),
                                   .now_us = now_us};
    struct str reason = STR_NONE;
    int64_t delay_us = -1;
    struct rng rng;

    rng_seed(&rng, 1);
    assert_int_equal(schedule_next(policy_find(str_of(policy)), &input, &rng, &delay_us, &reason),
                     VERDICT_AGAIN);
    return delay_us;
}

static void retry_after_is_waited_for(void **state)
{
    int64_t six_us = 0;

    (void)state;
    assert_int_equal(time_parse_http(STR("Sat, 21 Nov 2026 06:00:00 GMT"), 0, &six_us), OK);
    assert_int_equal(delay_with("durable", "3600", 0), 3600 * US_PER_SECOND);
    assert_true(delay_with("durable", "1", 0) >= 4 * US_PER_SECOND); /* never shortens */
    assert_int_equal(delay_with("durable", "9999999", 0), DAY_US);
    assert_int_equal(
        delay_with("durable", "Sat, 21 Nov 2026 06:00:00 GMT", six_us - 2 * 3600 * US_PER_SECOND),
        2 * 3600 * US_PER_SECOND);
    assert_in_range(delay_with("durable", "soon", 0), 4 * US_PER_SECOND, 6 * US_PER_SECOND);
    assert_in_range(delay_with("documented", "3600", 0), 9 * US_PER_SECOND / 10,
                    11 * US_PER_SECOND / 10);
}

static int64_t rest_with(const char *policy, int status, const char *retry_after)
{
    const struct schedule_input input = {.result = RESULT_BUSY,
                                         .status = status,
                                         .attempts = 1,
                                         .retry_after = str_of(retry_after),
                                         .now_us = DAY_US};

    return schedule_rest_until(policy_find(str_of(policy)), &input);
}

static void who_asks_for_rest_gets_it(void **state)
{
    (void)state;
    assert_int_equal(rest_with("durable", 429, "60"), DAY_US + 60 * US_PER_SECOND);
    assert_int_equal(rest_with("durable", 503, "60"), DAY_US + 60 * US_PER_SECOND);
    assert_int_equal(rest_with("durable", 503, "9999999"), 2 * DAY_US);
    assert_int_equal(rest_with("durable", 500, "60"), 0);
    assert_int_equal(rest_with("durable", 429, "soon"), 0);
    assert_int_equal(rest_with("durable", 429, NULL), 0);
    assert_int_equal(rest_with("documented", 503, "60"), 0);
}

/* So that what failed together does not come back together. */
static void delays_are_spread(void **state)
{
    const int64_t planned_us = 5 * US_PER_SECOND;
    int64_t least_us = planned_us, most_us = planned_us;
    struct schedule_input input = {.result = RESULT_TIMEOUT, .attempts = 1};
    struct str reason = STR_NONE;
    struct rng rng;

    (void)state;
    rng_seed(&rng, 1);
    for (int i = 0; i < 100; i++) {
        int64_t delay_us = 0;

        assert_int_equal(
            schedule_next(policy_find(STR("durable")), &input, &rng, &delay_us, &reason),
            VERDICT_AGAIN);
        least_us = delay_us < least_us ? delay_us : least_us;
        most_us = delay_us > most_us ? delay_us : most_us;
    }
    assert_in_range(least_us, planned_us * 80 / 100, planned_us * 85 / 100);
    assert_in_range(most_us, planned_us * 115 / 100, planned_us * 120 / 100);
}

/* The next try counts, not this one. */
static void nothing_is_tried_beyond_its_age(void **state)
{
    struct policy policy = *policy_find(STR("durable"));
    struct schedule_input input = {.result = RESULT_TIMEOUT, .attempts = 1, .created_us = 1000};
    struct str reason = STR_NONE;
    int64_t delay_us = 0;
    struct rng rng;

    (void)state;
    rng_seed(&rng, 1);
    policy.jitter = 0;
    policy.age_ms_max = 60 * MS_PER_SECOND;
    input.now_us = input.created_us + 55 * US_PER_SECOND; /* and 5 s of delay */
    assert_int_equal(schedule_next(&policy, &input, &rng, &delay_us, &reason), VERDICT_AGAIN);
    input.now_us += 1;
    assert_int_equal(schedule_next(&policy, &input, &rng, &delay_us, &reason), VERDICT_DEAD);
    ASSERT_STR(reason, "expired");
    policy.age_ms_max = 0;
    assert_int_equal(schedule_next(&policy, &input, &rng, &delay_us, &reason), VERDICT_AGAIN);
}

static void reasons_say_why(void **state)
{
    struct schedule_input input = {.result = RESULT_REJECTED, .status = 404, .attempts = 1};
    struct str reason = STR_NONE;
    int64_t delay_us = 0;
    struct rng rng;

    (void)state;
    rng_seed(&rng, 1);
    assert_int_equal(schedule_next(policy_find(STR("durable")), &input, &rng, &delay_us, &reason),
                     VERDICT_DEAD);
    ASSERT_STR(reason, "rejected");
    input = (struct schedule_input){.result = RESULT_TIMEOUT, .attempts = 11};
    assert_int_equal(schedule_next(policy_find(STR("durable")), &input, &rng, &delay_us, &reason),
                     VERDICT_DEAD);
    ASSERT_STR(reason, "exhausted");
}

static void the_unknown_is_tried_again(void **state)
{
    int64_t delay_us = -1;

    (void)state;
    assert_int_equal(next("once", RESULT_UNKNOWN, 0, 5, &delay_us), VERDICT_AGAIN);
    assert_int_equal(delay_us, 0);
    assert_ptr_equal(policy_find(STR("yesterday's")), policy_find(STR("durable")));
    assert_null(policy_find_known(STR("yesterday's")));
}

static const struct CMUnitTest tests[] = {
    TEST("each policy retries what it says (B12-B16)", what_is_retried),
    TEST("durable makes 11 tries over about three days", durable_tries_for_three_days),
    TEST("documented retries twice in all, each time later, on a 5 s clock",
         documented_retries_twice_in_all),
    TEST("documented and once never send an attempt twice",
         exact_policies_send_one_request_an_attempt),
    TEST("Retry-After lengthens a delay, up to a day, where the policy reads it",
         retry_after_is_waited_for),
    TEST("429 and 503 with Retry-After let all of the endpoint rest, where the policy reads it",
         who_asks_for_rest_gets_it),
    TEST("delays are spread over their jitter", delays_are_spread),
    TEST("nothing is tried beyond its age", nothing_is_tried_beyond_its_age),
    TEST("what is given up says why", reasons_say_why),
    TEST("an outcome nobody knows is tried again; an unknown policy is durable",
         the_unknown_is_tried_again),
};

int main(void)
{
    return RUN_TESTS(tests);
}
