/* The policies, and the one decision made from them. */
#include "delivery/schedule.h"

#include "format/retry_after.h"

#define SECONDS(n) ((n)*MS_PER_SECOND)
#define MINUTES(n) SECONDS((n)*60)
#define HOURS(n) MINUTES((n)*60)

#define BUDGET(total_s)                                                                            \
    {                                                                                              \
        .dns_ms = SECONDS(5), .connect_ms = SECONDS(5), .tls_ms = SECONDS(5),                      \
        .first_byte_ms = SECONDS(total_s), .total_ms = SECONDS(total_s), .body_ms = SECONDS(2),    \
        .body_rate_min = 256                                                                       \
    }

const struct policy policy_list[] = {
    {
        .name = "durable",
        .delays_ms = {SECONDS(5), SECONDS(30), MINUTES(2), MINUTES(10), HOURS(1), HOURS(3),
                      HOURS(6), HOURS(12), HOURS(24), HOURS(24)},
        .delay_count = 10,
        .jitter = 0.2,
        .retries = SCHEDULE_RETRIES(RESULT_UNREACHABLE) | SCHEDULE_RETRIES(RESULT_TLS) |
                   SCHEDULE_RETRIES(RESULT_TIMEOUT) | SCHEDULE_RETRIES(RESULT_BUSY) |
                   SCHEDULE_RETRIES(RESULT_SERVER_ERROR),
        .retry_after_ms_max = HOURS(24),
        .budget = BUDGET(15),
    },
    {
        .name = "documented",
        .delays_ms = {SECONDS(1), SECONDS(2)},
        .delay_count = 2,
        .jitter = 0.1,
        .retries = SCHEDULE_RETRIES(RESULT_UNREACHABLE) | SCHEDULE_RETRIES(RESULT_TLS) |
                   SCHEDULE_RETRIES(RESULT_SERVER_ERROR),
        .retries_every_5xx = true,
        .is_exact = true,
        .budget = BUDGET(5),
    },
    {
        .name = "once", /* somebody waits for the answer */
        .is_exact = true,
        .budget = BUDGET(15),
        .answer_bytes_max = 64 * KIB,
    },
};

const size_t policy_count = ARRAY_LEN(policy_list);

const struct policy *policy_find_known(struct str name)
{
    for (size_t i = 0; i < policy_count; i++)
        if (str_eq(name, str_of(policy_list[i].name)))
            return &policy_list[i];
    return NULL;
}

const struct policy *policy_find(struct str name)
{
    const struct policy *policy = policy_find_known(name);

    return policy ? policy : &policy_list[0];
}

enum http_reuse policy_reuse(const struct policy *policy, int64_t attempt)
{
    if (!policy->is_exact)
        return HTTP_REUSE;
    return attempt == 1 && policy->delay_count > 0 ? HTTP_REUSE_ONCE : HTTP_FRESH;
}

static bool is_retried(const struct policy *policy, const struct schedule_input *input)
{
    if (input->result == RESULT_UNKNOWN)
        return true;
    if (policy->retries_every_5xx && input->status >= 500)
        return true;
    return (policy->retries & SCHEDULE_RETRIES(input->result)) != 0;
}

static int64_t asked_for_ms(const struct policy *policy, const struct schedule_input *input)
{
    int64_t asked_ms = 0;

    if (policy->retry_after_ms_max == 0 || str_is_none(input->retry_after))
        return 0;
    if (retry_after_parse(input->retry_after, input->now_us, policy->retry_after_ms_max, &asked_ms))
        return 0;
    return asked_ms;
}

enum verdict schedule_next(const struct policy *policy, const struct schedule_input *input,
                           struct rng *rng, int64_t *delay_us, struct str *reason)
{
    int64_t delay_ms, asked_ms;

    REQUIRE(input->attempts >= 1 && input->result < RESULT_COUNT);
    REQUIRE(policy->delay_count <= SCHEDULE_DELAYS_MAX);
    if (input->result == RESULT_DELIVERED)
        return VERDICT_DONE;
    if (!is_retried(policy, input)) {
        *reason = result_name(input->result);
        return VERDICT_DEAD;
    }
    if (input->result == RESULT_UNKNOWN) {
        *delay_us = 0;
        return VERDICT_AGAIN;
    }
    if (input->attempts > (int64_t)policy->delay_count) {
        *reason = STR("exhausted");
        return VERDICT_DEAD;
    }
    delay_ms = rng_jitter(rng, policy->delays_ms[input->attempts - 1], policy->jitter);
    asked_ms = asked_for_ms(policy, input);
    *delay_us = (asked_ms > delay_ms ? asked_ms : delay_ms) * US_PER_MS;
    if (policy->age_ms_max &&
        input->now_us + *delay_us - input->created_us > policy->age_ms_max * US_PER_MS) {
        *reason = STR("expired");
        return VERDICT_DEAD;
    }
    return VERDICT_AGAIN;
}

int64_t schedule_rest_until(const struct policy *policy, const struct schedule_input *input)
{
    int64_t asked_ms = 0;

    if (input->status == 429 || input->status == 503)
        asked_ms = asked_for_ms(policy, input);
    return asked_ms ? input->now_us + asked_ms * US_PER_MS : 0;
}
