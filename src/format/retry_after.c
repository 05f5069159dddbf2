/* retry_after.c -- seconds or a date, bounded. */
#include "format/retry_after.h"

#include "base/time.h"

static bool is_all_digits(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return text.len > 0;
}

enum err retry_after_parse(struct str value, int64_t now_wall_us, int64_t delay_ms_max,
                           int64_t *delay_ms)
{
    struct str text = str_trim(value);
    int64_t wanted_ms = 0, wall_us = 0;

    REQUIRE(delay_ms_max >= 0);
    if (is_all_digits(text)) {
        int64_t seconds;
        bool is_small = str_to_i64(text, &seconds) == OK && seconds <= INT64_MAX / MS_PER_SECOND;
        wanted_ms = is_small ? seconds * MS_PER_SECOND : INT64_MAX;
    } else if (time_parse_http(text, now_wall_us, &wall_us) == OK) {
        wanted_ms = wall_us > now_wall_us ? (wall_us - now_wall_us) / US_PER_MS : 0;
    } else {
        return ERR_INVALID;
    }
    *delay_ms = wanted_ms < delay_ms_max ? wanted_ms : delay_ms_max;
    return OK;
}
