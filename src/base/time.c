/* time.c -- the Gregorian calendar in integers, and its texts. */
#include "base/time.h"

#define SECONDS_PER_DAY INT64_C(86400)
#define DAYS_PER_400_YEARS INT64_C(146097)
#define WALL_US_MAX (INT64_C(253402300800) * US_PER_SECOND - 1) /* the end of 9999 */

static const char weekday_names[] = "SunMonTueWedThuFriSat";
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct civil {
    int64_t year, month, day, hour, minute, second;
};

/* Days since 1970-01-01 in the Gregorian calendar. Years are counted from March, so that the leap
 * day is the last of its year. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t month_from_march = month > 2 ? month - 3 : month + 9;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;

    return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

/* Days ≥ 0. The inverse of days_from_date. */
static void date_from_days(int64_t days, struct civil *civil)
{
    int64_t shifted = days + 719468; /* since 0000-03-01 */
    int64_t era = shifted / DAYS_PER_400_YEARS;
    int64_t day_of_era = shifted % DAYS_PER_400_YEARS;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;

    civil->day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    civil->month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    civil->year = era * 400 + year_of_era + (civil->month <= 2 ? 1 : 0);
}

/* Instants outside the years that have a text are moved to the nearest that has one. */
static int64_t clamp_wall(int64_t wall_us)
{
    return wall_us < 0 ? 0 : wall_us > WALL_US_MAX ? WALL_US_MAX : wall_us;
}

static struct civil civil_from_wall(int64_t wall_us)
{
    int64_t seconds = wall_us / US_PER_SECOND;
    int64_t of_day = seconds % SECONDS_PER_DAY;
    struct civil civil = {.hour = of_day / 3600, .minute = of_day / 60 % 60, .second = of_day % 60};

    date_from_days(seconds / SECONDS_PER_DAY, &civil);
    return civil;
}

static char *put_digits(char *at, int64_t value, int count)
{
    for (int i = count - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + count;
}

static char *put_text(char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}

static char *put_clock(char *at, const struct civil *civil)
{
    at = put_digits(at, civil->hour, 2);
    *at++ = ':';
    at = put_digits(at, civil->minute, 2);
    *at++ = ':';
    return put_digits(at, civil->second, 2);
}

struct str time_write_iso(int64_t wall_us, struct time_text *text)
{
    int64_t wall = clamp_wall(wall_us);
    struct civil civil = civil_from_wall(wall);
    char *at = put_digits(text->text, civil.year, 4);

    *at++ = '-';
    at = put_digits(at, civil.month, 2);
    *at++ = '-';
    at = put_digits(at, civil.day, 2);
    *at++ = 'T';
    at = put_clock(at, &civil);
    *at++ = '.';
    at = put_digits(at, wall % US_PER_SECOND, 6);
    at = put_text(at, "+00:00", 6);
    *at = '\0';
    return str_range(text->text, (size_t)(at - text->text));
}

struct str time_write_http(int64_t wall_us, struct time_text *text)
{
    int64_t wall = clamp_wall(wall_us);
    struct civil civil = civil_from_wall(wall);
    int64_t weekday = (wall / US_PER_SECOND / SECONDS_PER_DAY + 4) % 7; /* 1970 began on Thursday */
    char *at = put_text(text->text, weekday_names + 3 * weekday, 3);

    at = put_text(at, ", ", 2);
    at = put_digits(at, civil.day, 2);
    *at++ = ' ';
    at = put_text(at, month_names + 3 * (civil.month - 1), 3);
    *at++ = ' ';
    at = put_digits(at, civil.year, 4);
    *at++ = ' ';
    at = put_clock(at, &civil);
    at = put_text(at, " GMT", 4);
    *at = '\0';
    return str_range(text->text, (size_t)(at - text->text));
}

/* What is still to be read, and whether all before it was right. */
struct reader {
    struct str rest;
    bool bad;
};

static char peek(const struct reader *r)
{
    return r->rest.len ? r->rest.data[0] : '\0';
}

static char take_char(struct reader *r)
{
    char c = peek(r);

    if (!r->rest.len)
        r->bad = true;
    r->rest = str_from(r->rest, 1);
    return c;
}

static void take_text(struct reader *r, struct str text)
{
    if (!str_starts(r->rest, text))
        r->bad = true;
    r->rest = str_from(r->rest, text.len);
}

static int64_t take_digits(struct reader *r, int count)
{
    int64_t value = 0;

    for (int i = 0; i < count; i++) {
        char c = take_char(r);
        if (c < '0' || c > '9')
            r->bad = true;
        else
            value = value * 10 + (c - '0');
    }
    return value;
}

/* One of the three-letter names, counted from 1. */
static int64_t take_name(struct reader *r, const char *names, int64_t count)
{
    struct str name = str_first(r->rest, 3);

    r->rest = str_from(r->rest, 3);
    for (int64_t i = 0; i < count; i++)
        if (str_eq(name, str_range(names + 3 * i, 3)))
            return i + 1;
    r->bad = true;
    return 1;
}

static void take_clock(struct reader *r, struct civil *civil)
{
    civil->hour = take_digits(r, 2);
    take_text(r, STR(":"));
    civil->minute = take_digits(r, 2);
    take_text(r, STR(":"));
    civil->second = take_digits(r, 2);
}

/* Microseconds; digits behind the sixth are cut off. */
static int64_t take_fraction(struct reader *r)
{
    int64_t fraction_us = 0;
    int digits = 0;

    for (; peek(r) >= '0' && peek(r) <= '9'; digits++) {
        int64_t digit = take_digits(r, 1);
        if (digits < 6)
            fraction_us = fraction_us * 10 + digit;
    }
    if (digits == 0 || digits > 9)
        r->bad = true;
    for (; digits < 6; digits++)
        fraction_us *= 10;
    return fraction_us;
}

static int64_t take_zone_seconds(struct reader *r)
{
    int64_t hours, minutes;
    char sign;

    if (r->rest.len == 0)
        return 0;
    sign = take_char(r);
    if (sign == 'Z' || sign == 'z')
        return 0;
    hours = take_digits(r, 2);
    take_text(r, STR(":"));
    minutes = take_digits(r, 2);
    if ((sign != '+' && sign != '-') || hours > 23 || minutes > 59)
        r->bad = true;
    return (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

static int64_t days_of_month(int64_t year, int64_t month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

/* A leap second (:60) is taken as the second that follows it. */
static enum err wall_from_civil(const struct civil *civil, int64_t zone_seconds,
                                int64_t fraction_us, int64_t *wall_us)
{
    int64_t seconds, wall;

    if (civil->month < 1 || civil->month > 12 || civil->day < 1 ||
        civil->day > days_of_month(civil->year, civil->month) || civil->hour > 23 ||
        civil->minute > 59 || civil->second > 60)
        return ERR_INVALID;
    seconds = days_from_date(civil->year, civil->month, civil->day) * SECONDS_PER_DAY +
              civil->hour * 3600 + civil->minute * 60 + civil->second - zone_seconds;
    wall = seconds * US_PER_SECOND + fraction_us;
    if (wall < 0 || wall > WALL_US_MAX)
        return ERR_INVALID;
    *wall_us = wall;
    return OK;
}

enum err time_parse_iso(struct str text, int64_t *wall_us)
{
    struct reader r = {.rest = text};
    struct civil civil = {0};
    int64_t fraction_us = 0, zone_seconds = 0;

    civil.year = take_digits(&r, 4);
    take_text(&r, STR("-"));
    civil.month = take_digits(&r, 2);
    take_text(&r, STR("-"));
    civil.day = take_digits(&r, 2);
    if (r.rest.len) {
        char between = take_char(&r);
        if (between != 'T' && between != 't' && between != ' ')
            return ERR_INVALID;
        take_clock(&r, &civil);
        if (peek(&r) == '.') {
            take_char(&r);
            fraction_us = take_fraction(&r);
        }
        zone_seconds = take_zone_seconds(&r);
    }
    if (r.bad || r.rest.len)
        return ERR_INVALID;
    return wall_from_civil(&civil, zone_seconds, fraction_us, wall_us);
}

/* ---- HTTP's dates ---- */

/* "21 Nov 2026 05:12:37 GMT", behind "Sat, " */
static void take_fixdate(struct reader *r, struct civil *civil)
{
    civil->day = take_digits(r, 2);
    take_text(r, STR(" "));
    civil->month = take_name(r, month_names, 12);
    take_text(r, STR(" "));
    civil->year = take_digits(r, 4);
    take_text(r, STR(" "));
    take_clock(r, civil);
    take_text(r, STR(" GMT"));
}

/* "Nov 21 05:12:37 2026", behind "Sat "; a day of one digit has a blank before it. */
static void take_asctime(struct reader *r, struct civil *civil)
{
    civil->month = take_name(r, month_names, 12);
    take_text(r, STR(" "));
    if (peek(r) == ' ') {
        take_text(r, STR(" "));
        civil->day = take_digits(r, 1);
    } else {
        civil->day = take_digits(r, 2);
    }
    take_text(r, STR(" "));
    take_clock(r, civil);
    take_text(r, STR(" "));
    civil->year = take_digits(r, 4);
}

/* The latest year with these two digits that is not more than 50 years ahead. */
static int64_t full_year(const struct civil *civil, int64_t now_us)
{
    int64_t latest_day =
        clamp_wall(now_us) / US_PER_SECOND / SECONDS_PER_DAY + 50 * DAYS_PER_400_YEARS / 400;
    struct civil now = civil_from_wall(clamp_wall(now_us));
    int64_t year = (now.year / 100 + 1) * 100 + civil->year;

    while (days_from_date(year, civil->month, civil->day) > latest_day)
        year -= 100;
    return year;
}

/* "21-Nov-26 05:12:37 GMT", behind "Saturday, " */
static void take_rfc850(struct reader *r, struct civil *civil, int64_t now_us)
{
    civil->day = take_digits(r, 2);
    take_text(r, STR("-"));
    civil->month = take_name(r, month_names, 12);
    take_text(r, STR("-"));
    civil->year = full_year(
        &(struct civil){.year = take_digits(r, 2), .month = civil->month, .day = civil->day},
        now_us);
    take_text(r, STR(" "));
    take_clock(r, civil);
    take_text(r, STR(" GMT"));
}

enum err time_parse_http(struct str text, int64_t now_us, int64_t *wall_us)
{
    static const char *const rest_of_days[] = {"day",   "day", "sday", "nesday",
                                               "rsday", "day", "urday"};
    struct reader r = {.rest = text};
    struct civil civil = {0};
    int64_t weekday = take_name(&r, weekday_names, 7);

    if (str_starts(r.rest, STR(", "))) {
        take_text(&r, STR(", "));
        take_fixdate(&r, &civil);
    } else if (str_starts(r.rest, STR(" "))) {
        take_text(&r, STR(" "));
        take_asctime(&r, &civil);
    } else {
        take_text(&r, str_of(rest_of_days[weekday - 1]));
        take_text(&r, STR(", "));
        take_rfc850(&r, &civil, now_us);
    }
    if (r.bad || r.rest.len)
        return ERR_INVALID;
    return wall_from_civil(&civil, 0, 0, wall_us);
}
