/* stats_test.c -- percentiles, what feedback says together (contract 7.3), what spans come to
 * (contract 7.2). */
#include "base/test_arena.h"
#include "trace/span_stats.h"

static void near(double actual, double expected, double tolerance)
{
    if (actual < expected - tolerance || actual > expected + tolerance)
        fail_msg("%g is not %g", actual, expected);
}

static void percentiles(void **state)
{
    struct quantiles q;

    (void)state;
    quantiles_init(&q, &arena);
    near(quantiles_get(&q, 0.5), 0, 0);
    quantiles_add(&q, 3);
    near(quantiles_get(&q, 0.99), 3, 0);
    quantiles_add(&q, 1);
    near(quantiles_get(&q, 0.5), 2, 1e-9);
    quantiles_add(&q, 2);
    near(quantiles_get(&q, 0.5), 2, 1e-9);
    near(quantiles_get(&q, 1), 3, 0);
    near(quantiles_get(&q, 0), 1, 0);
}

static void many_values_are_within_one_percent(void **state)
{
    static const double portions[] = {0, 0.01, 0.5, 0.9, 0.99, 1};

    (void)state;
    for (int64_t scale = 1; scale < INT64_C(1000000000000); scale *= 1000) {
        struct quantiles q;

        quantiles_init(&q, &arena);
        for (int64_t i = 0; i < 40000; i++)
            quantiles_add(&q, (i * 7919 % 40000) * scale);
        for (size_t i = 0; i < ARRAY_LEN(portions); i++) {
            double exact = portions[i] * 39999 * (double)scale;

            near(quantiles_get(&q, portions[i]), exact, exact * 0.01 + (double)scale);
        }
    }
}

static struct feedback_row row_of(const char *key, bool has_score, double score)
{
    return (struct feedback_row){.key = str_of(key), .has_score = has_score, .score = score};
}

static struct str written(const struct feedback_stats *stats, enum feedback_stats_form form)
{
    struct json_writer json;
    struct str text;
    struct buf out;

    buf_init(&out, 100000);
    json_writer_init(&json, &out);
    feedback_stats_write(stats, form, &json);
    text = arena_str(&arena, buf_str(&out));
    buf_release(&out);
    return text;
}

/* What the rules' document shows: user_score n 2 avg 0, a category with values and n 0. */
static void feedback_together(void **state)
{
    struct feedback_stats stats;
    struct feedback_row row;

    (void)state;
    feedback_stats_init(&stats, &arena);
    row = row_of("user_score", true, 0);
    row.source = STR("{\"type\":\"api\"}");
    feedback_stats_add(&stats, &row);
    row.score = 1;
    row.is_error = true;
    row.comment = STR("hm");
    feedback_stats_add(&stats, &row);
    row = row_of("category", false, 0);
    row.value = STR("\"CONCEPTUAL\"");
    row.source_type = STR("model");
    feedback_stats_add(&stats, &row);
    ASSERT_STR(written(&stats, FEEDBACK_STATS_V1),
               "{\"user_score\":{\"n\":2,\"avg\":0.5,\"stdev\":0.5,\"session_min_score\":0.0,"
               "\"session_max_score\":1.0,\"errors\":1,\"show_feedback_arrow\":false,\"values\":{},"
               "\"comments\":[\"hm\"],\"sources\":[\"{\\\"type\\\":\\\"api\\\"}\"],"
               "\"contains_thread_feedback\":false},"
               "\"category\":{\"n\":0,\"avg\":null,\"stdev\":null,\"session_min_score\":null,"
               "\"session_max_score\":null,\"errors\":0,\"show_feedback_arrow\":true,"
               "\"values\":{\"CONCEPTUAL\":1},\"comments\":[],\"sources\":[],"
               "\"contains_thread_feedback\":false}}");
    assert_true(str_contains(written(&stats, FEEDBACK_STATS_V2), STR("\"min\":0.0,\"max\":1.0")));
}

static struct span_row span_of(enum span_type type, int64_t tokens, int64_t latency_us)
{
    return (struct span_row){.type = type,
                             .status = SPAN_SUCCESS,
                             .start_us = 1000000,
                             .end_us = latency_us < 0 ? 0 : 1000000 + latency_us,
                             .total_tokens = tokens,
                             .has_cost = tokens > 0,
                             .total_cost = tokens * 1000000};
}

static struct str stats_written(struct span_stats *stats, const char *names)
{
    const struct json *list = NULL;
    struct json_writer json;
    struct str text;
    struct buf out;

    if (names)
        assert_int_equal(json_parse(&arena, str_of(names), &list, NULL), OK);
    buf_init(&out, 100000);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    span_stats_write(stats, SPAN_STATS_DECIMALS, list, &json);
    json_end_object(&json);
    text = arena_str(&arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static void spans_together(void **state)
{
    static const char names[] = "[\"run_count\",\"latency_p50\",\"total_tokens\",\"total_cost\","
                                "\"error_rate\",\"streaming_rate\",\"latency_avg\"]";
    struct span_row chain = span_of(SPAN_CHAIN, 30, 3000000), llm = span_of(SPAN_LLM, 30, 1000000);
    struct span_row pending = span_of(SPAN_TOOL, 0, -1);
    struct span_stats stats;

    (void)state;
    span_stats_init(&stats, &arena, false);
    ASSERT_STR(stats_written(&stats, "[\"run_count\",\"latency_p50\",\"error_rate\"]"),
               "{\"run_count\":0,\"latency_p50\":null,\"error_rate\":null}");
    llm.first_token_us = 1500000;
    llm.usage = STR("{\"own\":{\"pt\":30,\"tc\":30000000,\"pd\":{\"audio\":4}}}");
    pending.status = SPAN_ERROR;
    span_stats_add(&stats, &chain, NULL);
    span_stats_add(&stats, &llm, NULL);
    span_stats_add(&stats, &pending, NULL);
    ASSERT_STR(stats_written(&stats, names),
               "{\"run_count\":3,\"latency_p50\":2.0,\"latency_avg\":2.0,\"total_tokens\":30,"
               "\"error_rate\":0.3333333333333333,\"streaming_rate\":0.3333333333333333,"
               "\"total_cost\":\"0.00003\"}");
    ASSERT_STR(stats_written(&stats, "[\"prompt_token_details\",\"prompt_cost_details\"]"),
               "{\"prompt_token_details\":{\"audio\":4},\"prompt_cost_details\":null}");
    span_stats_init(&stats, &arena, true);
    span_stats_add(&stats, &chain, NULL);
    span_stats_add(&stats, &llm, NULL);
    ASSERT_STR(stats_written(&stats, "[\"total_tokens\"]"), "{\"total_tokens\":60}");
    span_stats_init(&stats, &arena, false);
    span_stats_add(&stats, &chain, NULL);
    span_stats_add(&stats, &chain, NULL);
    ASSERT_STR(stats_written(&stats, "[\"total_tokens\"]"), "{\"total_tokens\":60}");
    assert_true(str_contains(stats_written(&stats, NULL), STR("\"feedback_stats\":{}")));
}

#define CASE(sentence, function)                                                                   \
    {                                                                                              \
        (sentence), (function), test_arena_open, test_arena_close, NULL                            \
    }

static const struct CMUnitTest tests[] = {
    CASE("percentiles of few values are exact and interpolated", percentiles),
    CASE("percentiles of many values are within one percent", many_values_are_within_one_percent),
    CASE("feedback together is what the documents show", feedback_together),
    CASE("spans together: nothing is counted twice", spans_together),
};

int main(void)
{
    return RUN_TESTS(tests);
}
