/* cron.h -- five-field cron schedules: "minute hour day-of-month month day-of-week".
 *
 *   field = item *("," item)      item = "*" ["/" step] | value ["-" value] ["/" step]
 *   value = number | "jan" … "dec" | "sun" … "sat"          7 is Sunday too; "5/15" is "5-59/15"
 *   or one of @hourly @daily @midnight @weekly @monthly @yearly @annually
 *
 * When both day fields are restricted, a day that fits either one fits, as in cron. A schedule that
 * no day ever fits ("0 0 30 2 *") is refused. Times here are local and have no zone: timer/ knows
 * zones. Pure. */
#ifndef FORMAT_CRON_H
#define FORMAT_CRON_H

#include "base/str.h"

#define CRON_BYTES_MAX 256

struct cron {
    uint64_t minutes; /* bit n: value n fits */
    uint32_t hours, days, months, weekdays;
    bool any_day, any_weekday; /* that field says nothing */
};

struct cron_error {
    char text[160];
};

/* ERR_INVALID or ERR_LIMIT (too long): error->text names the field and what it takes. */
enum err cron_parse(struct str text, struct cron *cron, struct cron_error *error) MUST_USE;

/* The first fitting minute at or after `minute`; both count from 1970-01-01 00:00 local time. -1:
 * none in the next nine years, so none at all. */
int64_t cron_next(const struct cron *cron, int64_t minute);
/* Every hour of the day fits: it follows the time that passes, not the clock on the wall. */
bool cron_is_hourly(const struct cron *cron);

#endif
