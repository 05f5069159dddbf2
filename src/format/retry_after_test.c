/* retry_after_test.c -- delays that receivers ask for. */
#include "base/test.h"
#include "format/retry_after.h"

#define NOW INT64_C(1795237957000000) /* Sat, 21 Nov 2026 05:12:37 GMT */
#define DAY_MS INT64_C(86400000)

static void delays(void **state)
{
    static const struct {
        const char *value;
        int64_t delay_ms;
    } cases[] = {
        {"0", 0},
        {"120", 120000},
        {" 5 ", 5000},
        {"86401", DAY_MS},
        {"9223372036854775807", DAY_MS},
        {"99999999999999999999999999", DAY_MS},
        {"Sat, 21 Nov 2026 05:13:37 GMT", 60000},
        {"Sat, 21 Nov 2026 05:12:37 GMT", 0},
        {"Sat, 21 Nov 2020 05:12:37 GMT", 0},
        {"Fri, 31 Dec 9999 23:59:59 GMT", DAY_MS},
        {"Saturday, 21-Nov-26 05:13:37 GMT", 60000},
        {"Sat Nov 21 05:13:37 2026", 60000},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t delay_ms = -1;
        assert_int_equal(retry_after_parse(str_of(cases[i].value), NOW, DAY_MS, &delay_ms), OK);
        assert_true(delay_ms == cases[i].delay_ms);
    }
}

static void refused(void **state)
{
    static const char *const cases[] = {"",
                                        " ",
                                        "-1",
                                        "+1",
                                        "1.5",
                                        "1s",
                                        "soon",
                                        "1,2",
                                        "0x10",
                                        "Sat, 21 Nov 2026 05:13:37 CET",
                                        "2026-11-21T05:13:37Z"};
    int64_t delay_ms = 7;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(retry_after_parse(str_of(cases[i]), NOW, DAY_MS, &delay_ms), ERR_INVALID);
    assert_int_equal(delay_ms, 7);
}

static const struct CMUnitTest tests[] = {
    TEST("seconds and dates give a delay between nothing and the bound", delays),
    TEST("everything else is refused and changes nothing", refused),
};

int main(void)
{
    return RUN_TESTS(tests);
}
