/* cron_test.c -- what cron schedules mean, and which are refused. */
#include "base/test.h"
#include "base/time.h"
#include "format/cron.h"

static int64_t minute_of(const char *text)
{
    char full[32];
    int64_t us;

    snprintf(full, sizeof(full), "%s:00Z", text);
    assert_int_equal(time_parse_iso(str_of(full), &us), OK);
    return us / (60 * US_PER_SECOND);
}

static void next(void **state)
{
    static const struct {
        const char *cron, *after, *next;
    } cases[] = {
        {"* * * * *", "2026-11-28T10:00", "2026-11-28T10:00"},
        {"0 0 * * *", "2026-11-28T00:01", "2026-11-29T00:00"},
        {"30 9 * * 1-5", "2026-11-28T10:00", "2026-11-30T09:30"}, /* a Saturday */
        {"30 9 * * MON-fri", "2026-11-30T09:31", "2026-12-01T09:30"},
        {"*/15 8-10/2 * * *", "2026-11-28T08:46", "2026-11-28T10:00"},
        {"5/20 * * * *", "2026-11-28T08:46", "2026-11-28T09:05"},
        {"0,59 23 31 * *", "2026-11-28T00:00", "2026-12-31T23:00"},
        {"0 0 29 2 *", "2026-01-01T00:00", "2028-02-29T00:00"},
        {"0 0 29 feb *", "2096-03-01T00:00", "2104-02-29T00:00"},
        {"0 12 1 jan,jul *", "2026-11-28T00:00", "2027-01-01T12:00"},
        {"0 0 * * 7", "2026-11-28T00:00", "2026-11-29T00:00"},
        {"0 0 * * 5-7", "2026-11-28T00:01", "2026-11-29T00:00"},
        {"0 0 13 * 5", "2026-11-28T00:00", "2026-12-04T00:00"}, /* the 13th or a Friday */
        {"0 0 13 * *", "2026-11-28T00:00", "2026-12-13T00:00"},
        {"0 0 1-31 * 2", "2026-11-28T00:00", "2026-12-01T00:00"},
        {"  0\t0  1 1 *  ", "2026-11-28T00:00", "2027-01-01T00:00"},
        {"@hourly", "2026-11-28T10:01", "2026-11-28T11:00"},
        {"@Weekly", "2026-11-28T10:01", "2026-11-29T00:00"},
        {"@yearly", "2026-11-28T10:01", "2027-01-01T00:00"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cron cron;
        struct cron_error error;

        assert_int_equal(cron_parse(str_of(cases[i].cron), &cron, &error), OK);
        assert_int_equal(cron_next(&cron, minute_of(cases[i].after)), minute_of(cases[i].next));
    }
}

static void refused(void **state)
{
    static const struct {
        const char *cron, *names;
    } cases[] = {
        {"", "five fields"},
        {"* * * *", "five fields"},
        {"* * * * * *", "five fields"},
        {"@reboot", "five fields"},
        {"60 * * * *", "minute"},
        {"-1 * * * *", "minute"},
        {"+1 * * * *", "minute"},
        {"1- * * * *", "minute"},
        {"1,,2 * * * *", "minute"},
        {"*/0 * * * *", "minute"},
        {"*/-1 * * * *", "minute"},
        {"* 24 * * *", "hour"},
        {"* 5-3 * * *", "hour"},
        {"* * 0 * *", "day of month"},
        {"* * L * *", "day of month"},
        {"* * * 13 *", "month"},
        {"* * * sun *", "month"},
        {"* * * * 8", "day of week"},
        {"* * * * fri-mon", "day of week"},
        {"0 0 30 2 *", "no day"},
        {"0 0 31 4,6 *", "no day"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cron cron;
        struct cron_error error = {""};

        assert_int_equal(cron_parse(str_of(cases[i].cron), &cron, &error), ERR_INVALID);
        if (str_find(str_of(error.text), str_of(cases[i].names)) == strlen(error.text))
            fail_msg("\"%s\": %s", cases[i].cron, error.text);
    }
}

static void long_text(void **state)
{
    static char text[CRON_BYTES_MAX + 2];
    struct cron cron;
    struct cron_error error;

    (void)state;
    memset(text, ' ', CRON_BYTES_MAX + 1);
    memcpy(text, "* * * * *", 9);
    assert_int_equal(cron_parse(str_range(text, CRON_BYTES_MAX), &cron, &error), OK);
    assert_int_equal(cron_parse(str_range(text, CRON_BYTES_MAX + 1), &cron, &error), ERR_LIMIT);
}

/* Against the library's own calendar: a year's days, one by one. */
static void calendar(void **state)
{
    struct cron cron;
    struct cron_error error;
    int64_t minute = minute_of("2023-12-31T00:00");
    struct time_text text;

    (void)state;
    for (int day = 0; day < 3 * 366; day++, minute += 1440) {
        char pattern[32];
        struct str iso = time_write_iso(minute * 60 * US_PER_SECOND, &text);

        snprintf(pattern, sizeof(pattern), "0 0 %.2s %.2s *", iso.data + 8, iso.data + 5);
        assert_int_equal(cron_parse(str_of(pattern), &cron, &error), OK);
        assert_int_equal(cron_next(&cron, minute), minute);
    }
}

static const struct CMUnitTest tests[] = {
    TEST("the next minute that fits", next),
    TEST("what is not a schedule is refused, and the field is named", refused),
    TEST("a schedule has a greatest length", long_text),
    TEST("every day of three years is where the calendar has it", calendar),
};

int main(void)
{
    return RUN_TESTS(tests);
}
