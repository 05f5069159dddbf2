/* firing_test.c -- cron schedules in time zones, above all where clocks are set. */
#include "base/test.h"
#include "base/time.h"
#include "timer/firing.h"

static int64_t us_of(const char *text)
{
    int64_t us;

    assert_int_equal(time_parse_iso(str_of(text), &us), OK);
    return us;
}

/* Fires from `after` on, and looks whether these instants come, one after the other. */
static void expect(const char *schedule, const char *place, const char *after,
                   const char *const *firings)
{
    struct cron cron;
    struct cron_error error;
    struct zone *zone;
    int64_t us = us_of(after);

    assert_int_equal(cron_parse(str_of(schedule), &cron, &error), OK);
    assert_int_equal(zone_open(place ? str_of(place) : STR_NONE, &zone), OK);
    for (; *firings; firings++) {
        struct time_text text;
        char wanted[40];

        us = firing_next_us(&cron, zone, us);
        snprintf(wanted, sizeof(wanted), "%s:00.000000+00:00", *firings);
        ASSERT_STR(time_write_iso(us, &text), wanted);
    }
    zone_close(zone);
}

#define EXPECT(schedule, place, after, ...)                                                        \
    expect(schedule, place, after, (const char *const[]){__VA_ARGS__, NULL})

static void ordinary(void **state)
{
    (void)state;
    EXPECT("30 9 * * *", NULL, "2026-11-28T09:30:00Z", "2026-11-29T09:30", "2026-11-30T09:30");
    EXPECT("30 9 * * *", "Asia/Tokyo", "2026-11-28T00:29:59Z", "2026-11-28T00:30",
           "2026-11-29T00:30");
    EXPECT("0 9 * * 1", "America/New_York", "2026-11-28T00:00:00Z", "2026-11-30T14:00",
           "2026-12-07T14:00");
    EXPECT("* * * * *", "Asia/Kathmandu", "2026-11-28T00:00:30Z", "2026-11-28T00:01",
           "2026-11-28T00:02");
    EXPECT("0 0 * * *", "Asia/Kathmandu", "2026-11-28T00:00:00Z", "2026-11-28T18:15");
}

/* Berlin, 2027-03-28: at 02:00 (01:00 UTC) it becomes 03:00. */
static void gap(void **state)
{
    (void)state;
    EXPECT("30 2 * * *", "Europe/Berlin", "2027-03-27T00:00:00Z", "2027-03-27T01:30",
           "2027-03-28T01:00", "2027-03-29T00:30");
    EXPECT("15,30 2,3 * * *", "Europe/Berlin", "2027-03-28T00:00:00Z", "2027-03-28T01:00",
           "2027-03-28T01:15", "2027-03-28T01:30", "2027-03-29T00:15");
    EXPECT("*/30 * * * *", "Europe/Berlin", "2027-03-28T00:15:00Z", "2027-03-28T00:30",
           "2027-03-28T01:00", "2027-03-28T01:30");
    EXPECT("0 * * * *", "Europe/Berlin", "2027-03-27T23:59:00Z", "2027-03-28T00:00",
           "2027-03-28T01:00", "2027-03-28T02:00");
}

/* Berlin, 2026-10-25: at 03:00 (01:00 UTC) it becomes 02:00. */
static void overlap(void **state)
{
    (void)state;
    EXPECT("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30",
           "2026-10-26T01:30");
    EXPECT("0,30 2-3 * * *", "Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T00:00",
           "2026-10-25T00:30", "2026-10-25T02:00", "2026-10-25T02:30", "2026-10-26T01:00");
    EXPECT("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T00:30",
           "2026-10-25T01:00", "2026-10-25T01:30", "2026-10-25T02:00");
    EXPECT("15 * * * *", "Europe/Berlin", "2026-10-25T00:15:00Z", "2026-10-25T01:15",
           "2026-10-25T02:15");
    /* Asked in the second pass. */
    EXPECT("45 2 * * *", "Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-26T01:45");
}

/* Lord Howe sets its clocks by half an hour: 2026-10-04 02:00 becomes 02:30, 2027-04-04 back. */
static void half_hours(void **state)
{
    (void)state;
    EXPECT("25 * * * *", "Australia/Lord_Howe", "2026-10-03T15:20:00Z", "2026-10-03T16:25",
           "2026-10-03T17:25");
    EXPECT("45 * * * *", "Australia/Lord_Howe", "2027-04-03T14:40:00Z", "2027-04-03T14:45",
           "2027-04-03T15:15", "2027-04-03T16:15");
}

static void far(void **state)
{
    (void)state;
    EXPECT("*/30 * 29 2 *", "Europe/Berlin", "2026-07-01T00:00:00Z", "2028-02-28T23:00",
           "2028-02-28T23:30");
    EXPECT("*/20 * 1 8 *", "Europe/Berlin", "2026-11-01T00:00:00Z", "2027-07-31T22:00");
}

static void names(void **state)
{
    static const char *const bad[] = {
        "",       "Mars/Olympus",   "/etc/localtime",   "../../etc/passwd",
        "+02:00", "Europe/Berlin ", "CET-1CEST,M3.5.0", "Europe"};
    static const char *const good[] = {"UTC", "Etc/GMT+3", "America/Argentina/Buenos_Aires", "EST"};
    struct zone *zone;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(zone_open(str_of(bad[i]), &zone), ERR_NOT_FOUND);
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(zone_open(str_of(good[i]), &zone), OK);
        zone_close(zone);
    }
}

static const struct CMUnitTest tests[] = {
    TEST("a schedule fires by the place's own clock", ordinary),
    TEST("a local time that is left out fires at the end of the gap", gap),
    TEST("a local time that comes twice fires once, a schedule of every hour each time", overlap),
    TEST("clocks that are set by half an hour", half_hours),
    TEST("the next firing may be years and several changes away", far),
    TEST("only names of zones are taken", names),
};

int main(void)
{
    return RUN_TESTS(tests);
}
