/* time_test.c -- dates accepted, refused and read back. */
#include "base/test.h"
#include "base/time.h"

#define US INT64_C(1795237957533121) /* 2026-11-21T05:12:37.533121Z */

static void known_texts(void **state)
{
    struct time_text text;

    (void)state;
    ASSERT_STR(time_write_iso(US, &text), "2026-11-21T05:12:37.533121+00:00");
    ASSERT_STR(time_write_http(US, &text), "Sat, 21 Nov 2026 05:12:37 GMT");
    ASSERT_STR(time_write_iso(0, &text), "1970-01-01T00:00:00.000000+00:00");
    ASSERT_STR(time_write_http(0, &text), "Thu, 01 Jan 1970 00:00:00 GMT");
    ASSERT_STR(time_write_iso(-1, &text), "1970-01-01T00:00:00.000000+00:00");
    ASSERT_STR(time_write_iso(INT64_MAX, &text), "9999-12-31T23:59:59.999999+00:00");
}

static void accepted(void **state)
{
    static const struct {
        const char *text;
        int64_t wall_us;
    } cases[] = {
        {"2026-11-21T05:12:37.533121+00:00", US},
        {"2026-11-21T05:12:37.533121Z", US},
        {"2026-11-21t05:12:37.533121z", US},
        {"2026-11-21 05:12:37.533121", US},
        {"2026-11-21T07:12:37.533121+02:00", US},
        {"2026-11-20T23:42:37.533121-05:30", US},
        {"2026-11-21T05:12:37.533121999Z", US},
        {"2026-11-21T05:12:37.5Z", US - 33121},
        {"2026-11-21T05:12:37", US - 533121},
        {"2026-11-21", US - 533121 - (5 * 3600 + 12 * 60 + 37) * US_PER_SECOND},
        {"2024-02-29T00:00:00Z", INT64_C(1709164800000000)},
        {"2000-02-29T00:00:00Z", INT64_C(951782400000000)},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800000000)},
        {"1970-01-01T00:00:00Z", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t wall_us = -1;
        assert_int_equal(time_parse_iso(str_of(cases[i].text), &wall_us), OK);
        assert_true(wall_us == cases[i].wall_us);
    }
}

static void refused(void **state)
{
    static const char *const cases[] = {"",
                                        "2026",
                                        "2026-11",
                                        "2026-13-01",
                                        "2026-00-01",
                                        "2026-02-29",
                                        "2100-02-29",
                                        "2026-11-31",
                                        "2026-11-00",
                                        "2026-11-21T",
                                        "2026-11-21T24:00:00Z",
                                        "2026-11-21T05:60:00Z",
                                        "2026-11-21T05:12:61Z",
                                        "2026-11-21T05:12",
                                        "2026-11-21T05:12:37.Z",
                                        "2026-11-21T05:12:37.1234567890Z",
                                        "2026-11-21T05:12:37+0200",
                                        "2026-11-21T05:12:37+24:00",
                                        "2026-11-21T05:12:37+02:60",
                                        "2026-11-21T05:12:37Zx",
                                        "2026-11-21T05:12:37 ",
                                        " 2026-11-21T05:12:37",
                                        "+026-11-21T05:12:37",
                                        "1969-12-31T23:59:59Z",
                                        "1970-01-01T00:00:00+01:00",
                                        "2026-11-21T05:12:-7Z",
                                        "2026/11/21",
                                        "0000-01-01T00:00:00Z"};
    int64_t wall_us = 7;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(time_parse_iso(str_of(cases[i]), &wall_us), ERR_INVALID);
        assert_int_equal(wall_us, 7);
    }
}

static void round_trip(void **state)
{
    struct time_text text;

    (void)state;
    for (int64_t day = 0; day < 2932896; day += 13) {
        int64_t wall_us = (day * 86400 + day % 86400) * US_PER_SECOND + day % US_PER_SECOND;
        int64_t back = -1;
        assert_int_equal(time_parse_iso(time_write_iso(wall_us, &text), &back), OK);
        assert_true(back == wall_us);
        assert_int_equal(time_parse_http(time_write_http(wall_us, &text), US, &back), OK);
        assert_true(back == wall_us / US_PER_SECOND * US_PER_SECOND);
    }
}

static void http_forms(void **state)
{
    static const char *const cases[] = {"Fri, 06 Nov 2026 08:49:37 GMT",
                                        "Friday, 06-Nov-26 08:49:37 GMT",
                                        "Fri Nov  6 08:49:37 2026", "Fri Nov 06 08:49:37 2026"};
    static const char *const days[] = {"Sun", "Mon", "Tues", "Wednes", "Thurs", "Fri", "Satur"};
    char text[TIME_TEXT_MAX];
    int64_t wall_us = -1;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(time_parse_http(str_of(cases[i]), US, &wall_us), OK);
        assert_true(wall_us == INT64_C(1793954977000000));
    }
    for (size_t i = 0; i < ARRAY_LEN(days); i++) {
        (void)snprintf(text, sizeof(text), "%sday, 06-Nov-26 08:49:37 GMT", days[i]);
        assert_int_equal(time_parse_http(str_of(text), US, &wall_us), OK);
    }
}

static void short_years(void **state)
{
    static const struct {
        const char *now, *text, *is;
    } cases[] = {
        {"2026-11-21T05:00:00Z", "Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37Z"},
        {"2026-11-21T05:00:00Z", "Friday, 20-Nov-76 08:49:37 GMT", "2076-11-20T08:49:37Z"},
        {"2026-11-21T05:00:00Z", "Tuesday, 23-Nov-76 08:49:37 GMT", "1976-11-23T08:49:37Z"},
        {"2095-01-01T00:00:00Z", "Tuesday, 01-Jan-02 00:00:00 GMT", "2102-01-01T00:00:00Z"},
        {"1999-12-31T23:59:59Z", "Saturday, 01-Jan-00 00:00:00 GMT", "2000-01-01T00:00:00Z"},
    };
    int64_t now_us = 0, wall_us = 0, wanted_us = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(time_parse_iso(str_of(cases[i].now), &now_us), OK);
        assert_int_equal(time_parse_iso(str_of(cases[i].is), &wanted_us), OK);
        assert_int_equal(time_parse_http(str_of(cases[i].text), now_us, &wall_us), OK);
        assert_true(wall_us == wanted_us);
    }
}

static void http_refused(void **state)
{
    static const char *const cases[] = {"",
                                        "Sat, 21 Nov 2026 05:12:37 UTC",
                                        "Sat, 21-Nov-26 05:12:37 GMT",
                                        "Satday, 21-Nov-26 05:12:37 GMT",
                                        "Sunday, 21-Nov-2026 05:12:37 GMT",
                                        "Saturday, 21-Nov-26 05:12:37",
                                        "Saturday, 1-Nov-26 05:12:37 GMT",
                                        "Thursday, 29-Feb-27 05:12:37 GMT",
                                        "Saturday,",
                                        "Sat",
                                        "Sat Nov 21 05:12:37 2026 GMT",
                                        "Sun Nov 1 05:12:37 2026",
                                        "Sun Nov  0 05:12:37 2026",
                                        "Sun Nov   05:12:37 2026",
                                        "Sat, 32 Nov 2026 05:12:37 GMT",
                                        "Sat, 21 Foo 2026 05:12:37 GMT",
                                        "Sat, 21 Nov 2026 05:12:37 GMT ",
                                        "120"};
    int64_t wall_us = 7;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(time_parse_http(str_of(cases[i]), US, &wall_us), ERR_INVALID);
    assert_int_equal(wall_us, 7);
}

static const struct CMUnitTest tests[] = {
    TEST("instants have the texts of ISO 8601 and HTTP, at the ends of the calendar too",
         known_texts),
    TEST("zones, fractions, leap days, leap seconds and bare dates are read", accepted),
    TEST("what is no date is refused and changes nothing", refused),
    TEST("what is written is read back as the same instant", round_trip),
    TEST("the three forms of HTTP dates are read as the same instant", http_forms),
    TEST("a year of two digits is at most 50 years ahead", short_years),
    TEST("what is no HTTP date is refused and changes nothing", http_refused),
};

int main(void)
{
    return RUN_TESTS(tests);
}
