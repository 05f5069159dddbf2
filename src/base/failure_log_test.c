/* failure_log_test.c -- how often a failure that repeats is told, and that no one is lost from the
 * numbers. */
#include "base/failure_log.h"

#include "base/buf.h"
#include "base/test.h"

static struct buf lines;
static struct failure_log failures;

static void keep(void *context, struct str line)
{
    (void)context;
    buf_add(&lines, line);
    buf_add_char(&lines, '\n');
}

static int start(void **state)
{
    (void)state;
    buf_init(&lines, 10000);
    log_set_sink(keep, NULL);
    failures = (struct failure_log){0};
    return 0;
}

static int stop(void **state)
{
    (void)state;
    log_set_sink(NULL, NULL);
    buf_release(&lines);
    return 0;
}

static void try_at(int64_t second, enum err err)
{
    failure_log_note(&failures, second * MS_PER_SECOND, err, LOG_ERROR, "rule",
                     "rules could not be applied");
}

static void assert_lines(const char *expected)
{
    ASSERT_STR(buf_str(&lines), expected);
    buf_clear(&lines);
}

static void one_that_lasts(void **state)
{
    (void)state;
    try_at(0, OK);
    for (int64_t second = 1; second <= 150; second++)
        try_at(second, ERR_AGAIN);
    try_at(151, OK);
    try_at(152, OK);
    assert_lines(
        "level=error at=rule msg=\"rules could not be applied: not possible now; "
        "it is tried again\"\n"
        "level=error at=rule msg=\"rules could not be applied: not possible now; "
        "61 times in 60 s\"\n"
        "level=error at=rule msg=\"rules could not be applied: not possible now; "
        "121 times in 120 s\"\n"
        "level=info at=rule msg=\"rules could not be applied: that is over, after 150 failures "
        "in 150 s\"\n");
    try_at(300, ERR_IO);
    assert_lines("level=error at=rule msg=\"rules could not be applied: io; it is tried again\"\n");
}

static void one_that_comes_and_goes(void **state)
{
    int told = 0;

    (void)state;
    for (int64_t second = 0; second < 60; second++)
        try_at(second, second % 2 ? OK : ERR_AGAIN);
    for (size_t i = 0; i < buf_str(&lines).len; i++)
        told += buf_str(&lines).data[i] == '\n';
    assert_in_range(told, 2, 12);
}

static void a_silent_one_is_counted(void **state)
{
    (void)state;
    try_at(0, ERR_AGAIN);
    try_at(1, OK);
    buf_clear(&lines);
    try_at(2, ERR_AGAIN);
    try_at(3, OK);
    try_at(5, ERR_AGAIN);
    assert_lines("");
    try_at(11, ERR_AGAIN);
    try_at(12, OK);
    assert_lines(
        "level=error at=rule msg=\"rules could not be applied: not possible now; "
        "3 times in 9 s\"\n"
        "level=info at=rule msg=\"rules could not be applied: that is over, after 3 failures "
        "in 10 s\"\n");
}

#define LINES(sentence, function)                                                                  \
    {                                                                                              \
        (sentence), (function), start, stop, NULL                                                  \
    }

static const struct CMUnitTest tests[] = {
    LINES("a failure that lasts is told at first, once a minute and at its end", one_that_lasts),
    LINES("one that comes and goes is told now and then", one_that_comes_and_goes),
    LINES("one that is not told is counted", a_silent_one_is_counted),
};

int main(void)
{
    return RUN_TESTS(tests);
}
