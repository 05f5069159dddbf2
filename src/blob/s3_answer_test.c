/* s3_answer_test.c -- tables of what services answer. */
#include "base/test.h"
#include "blob/s3_answer.h"

static struct s3_answer answered(int status, const char *xml)
{
    struct s3_answer answer = {.status = status};

    s3_answer_read_error(&answer, str_of(xml));
    return answer;
}

#define ERROR_XML(code)                                                                            \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" code                               \
    "</Code><Message>It said so.</Message><RequestId>1</RequestId></Error>"

static void verdicts(void **state)
{
    static const struct {
        int status;
        const char *xml;
        enum s3_verdict verdict;
        const char *words; /* a part of the explanation */
    } cases[] = {
        {200, "", S3_GOOD, "200"},
        {204, "", S3_GOOD, "204"},
        {404, ERROR_XML("NoSuchKey"), S3_MISSING, "NoSuchKey"},
        {404, "", S3_MISSING, "404"},
        {404, ERROR_XML("NoSuchBucket"), S3_REFUSED, "no bucket \"b\""},
        {500, ERROR_XML("InternalError"), S3_AGAIN, "500 InternalError (It said so.)"},
        {503, ERROR_XML("SlowDown"), S3_AGAIN, "503 SlowDown"},
        {502, "<html>bad gateway", S3_AGAIN, "502"},
        {429, "", S3_AGAIN, "429"},
        {501, ERROR_XML("NotImplemented"), S3_REFUSED, "NotImplemented"},
        {400, ERROR_XML("RequestTimeout"), S3_AGAIN, "RequestTimeout"},
        {400, ERROR_XML("BadDigest"), S3_REFUSED, "400 BadDigest"},
        {403, ERROR_XML("AccessDenied"), S3_REFUSED, "s3:PutObject"},
        {403, ERROR_XML("InvalidAccessKeyId"), S3_REFUSED, "access_key_id"},
        {403, ERROR_XML("SignatureDoesNotMatch"), S3_REFUSED, "secret_access_key"},
        {400, ERROR_XML("ExpiredToken"), S3_REFUSED, "session_token"},
        {403, ERROR_XML("RequestTimeTooSkewed"), S3_REFUSED, "clock"},
        {301, ERROR_XML("PermanentRedirect"), S3_REFUSED, "another region"},
        {400, "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>",
         S3_REFUSED, "region to eu-west-1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct s3_answer answer = answered(cases[i].status, cases[i].xml);
        struct buf out;

        buf_init(&out, MIB);
        s3_answer_explain(&out, &answer, STR("b"));
        assert_int_equal(s3_answer_judge(&answer), cases[i].verdict);
        if (!str_contains(buf_str(&out), str_of(cases[i].words)))
            fail_msg("case %zu: %s", i, buf_cstr(&out));
        buf_release(&out);
    }
}

static void not_answered(void **state)
{
    struct s3_answer answer = {.end = S3_UNREACHABLE, .why = "connection refused"};
    struct buf out;

    (void)state;
    buf_init(&out, MIB);
    assert_int_equal(s3_answer_judge(&answer), S3_AGAIN);
    s3_answer_explain(&out, &answer, STR("b"));
    ASSERT_STR(buf_str(&out), "it cannot be reached: connection refused");
    buf_release(&out);
}

static void clocks(void **state)
{
    struct s3_answer answer = answered(403, ERROR_XML("RequestTimeTooSkewed"));
    struct buf out;

    (void)state;
    answer.has_skew = true;
    answer.skew_s = -7200;
    buf_init(&out, MIB);
    s3_answer_explain(&out, &answer, STR("b"));
    assert_true(str_contains(buf_str(&out), STR("120 minutes ahead")));
    buf_clear(&out);
    answer.skew_s = 1000;
    s3_answer_explain(&out, &answer, STR("b"));
    assert_true(str_contains(buf_str(&out), STR("16 minutes behind")));
    buf_release(&out);
}

static void control_characters_stay_out_of_lines(void **state)
{
    struct s3_answer answer =
        answered(400, "<Error><Code>a\n\x1b[2J</Code><Message>\x80</Message></Error>");
    struct buf out;

    (void)state;
    buf_init(&out, MIB);
    s3_answer_explain(&out, &answer, STR("b"));
    ASSERT_STR(buf_str(&out), "it answers 400 a  [2J ( )");
    buf_release(&out);
}

static void failed_of_many(void **state)
{
    struct str xml =
        STR("<DeleteResult><Deleted><Key>x</Key></Deleted><Error><Key>p/ab/abc</Key>"
            "<Code>AccessDenied</Code></Error><Error><Code>InternalError</Code></Error>"
            "<Error><Key>cut");
    size_t position = 0;
    struct str key, code;

    (void)state;
    assert_true(s3_answer_next_failed(xml, &position, &key, &code));
    ASSERT_STR(key, "p/ab/abc");
    ASSERT_STR(code, "AccessDenied");
    assert_true(s3_answer_next_failed(xml, &position, &key, &code));
    assert_true(str_is_none(key));
    assert_false(s3_answer_next_failed(xml, &position, &key, &code));
}

static void pauses(void **state)
{
    (void)state;
    assert_int_equal(s3_pause_ms(2), 100);
    assert_int_equal(s3_pause_ms(3), 200);
    assert_int_equal(s3_pause_ms(6), 1600);
    assert_int_equal(s3_pause_ms(7), 2000);
    assert_int_equal(s3_pause_ms(4000000000u), 2000);
}

static const struct CMUnitTest tests[] = {
    TEST("each answer is judged and explained", verdicts),
    TEST("what is not answered may go well in a moment", not_answered),
    TEST("a clock that is wrong is told with how much and which way", clocks),
    TEST("a stranger's text cannot draw on a terminal", control_characters_stay_out_of_lines),
    TEST("what could not be removed of many is found", failed_of_many),
    TEST("pauses double up to two seconds", pauses),
};

int main(void)
{
    return RUN_TESTS(tests);
}
