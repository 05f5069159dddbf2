/* Tests of the nine words. */
#include "base/test.h"

#include "delivery/classify.h"

static enum attempt_result of_status(int status, bool has_retry_after)
{
    static const struct http_header header = {{"retry-after", 11}, {"3", 1}};
    struct http_result answer = {.outcome = HTTP_ANSWERED,
                                 .status = status,
                                 .headers = &header,
                                 .header_count = has_retry_after ? 1 : 0};

    return classify(&answer);
}

static void every_status(void **state)
{
    (void)state;
    for (int status = 100; status <= 999; status++) {
        enum attempt_result result = of_status(status, false);

        if (status >= 200 && status <= 299)
            assert_int_equal(result, RESULT_DELIVERED);
        else if (status == 410)
            assert_int_equal(result, RESULT_GONE);
        else if (status == 408 || status == 425 || status == 429)
            assert_int_equal(result, RESULT_BUSY);
        else if (status >= 300 && status <= 499)
            assert_int_equal(result, RESULT_REJECTED);
        else
            assert_int_equal(result, RESULT_SERVER_ERROR);
    }
}

static void retry_after_makes_503_busy(void **state)
{
    (void)state;
    assert_int_equal(of_status(503, true), RESULT_BUSY);
    assert_int_equal(of_status(503, false), RESULT_SERVER_ERROR);
    assert_int_equal(of_status(500, true), RESULT_SERVER_ERROR);
    assert_int_equal(of_status(301, true), RESULT_REJECTED);
}

static void every_outcome(void **state)
{
    static const struct {
        enum http_outcome outcome;
        int64_t connect_us;
        enum attempt_result result;
        enum origin_news news;
    } cases[] = {
        {HTTP_DENIED, -1, RESULT_REFUSED, ORIGIN_UNTRIED},
        {HTTP_NO_NAME, -1, RESULT_UNREACHABLE, ORIGIN_FAILED},
        {HTTP_NO_CONNECTION, -1, RESULT_UNREACHABLE, ORIGIN_FAILED},
        {HTTP_TLS_FAILED, 5, RESULT_TLS, ORIGIN_FAILED},
        {HTTP_TIMED_OUT, 5, RESULT_TIMEOUT, ORIGIN_FAILED},
        {HTTP_TIMED_OUT, 0, RESULT_TIMEOUT, ORIGIN_FAILED},
        {HTTP_TIMED_OUT, -1, RESULT_UNREACHABLE, ORIGIN_FAILED},
        {HTTP_BAD_RESPONSE, 5, RESULT_SERVER_ERROR, ORIGIN_FAILED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_result answer = {.outcome = cases[i].outcome,
                                     .phases = {.connect_us = cases[i].connect_us}};

        assert_int_equal(classify(&answer), cases[i].result);
        assert_int_equal(classify_origin(cases[i].result), cases[i].news);
    }
}

static void only_five_count_against_the_origin(void **state)
{
    int failed = 0;

    (void)state;
    for (int i = 0; i < RESULT_COUNT; i++)
        failed += classify_origin((enum attempt_result)i) == ORIGIN_FAILED;
    assert_int_equal(failed, 5);
    assert_int_equal(classify_origin(RESULT_REJECTED), ORIGIN_ANSWERED);
    assert_int_equal(classify_origin(RESULT_GONE), ORIGIN_ANSWERED);
}

static void words_go_both_ways(void **state)
{
    struct result_words words;

    (void)state;
    for (int i = 0; i < RESULT_COUNT; i++)
        assert_int_equal(result_parse(result_name((enum attempt_result)i)), i);
    assert_int_equal(result_parse(STR("lost in space")), RESULT_UNKNOWN);
    ASSERT_STR(result_write_words(RESULT_REJECTED, 404, &words),
               "the receiver refused the message (HTTP 404)");
    ASSERT_STR(result_write_words(RESULT_TIMEOUT, 0, &words),
               "the receiver was connected but did not answer in time");
}

static const struct CMUnitTest tests[] = {
    TEST("every status has its word", every_status),
    TEST("Retry-After makes a 503 busy and nothing else", retry_after_makes_503_busy),
    TEST("every outcome of the client has its word", every_outcome),
    TEST("only five words count against the origin", only_five_count_against_the_origin),
    TEST("words are read as they are written", words_go_both_ways),
};

int main(void)
{
    return RUN_TESTS(tests);
}
