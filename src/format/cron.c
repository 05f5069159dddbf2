/* Parses cron schedules, and walks the days that fit. */
#include "format/cron.h"

#include <stdarg.h>
#include <stdio.h>

#define MINUTES_PER_DAY 1440
/* From one 29 February to the next are eight years where a century leaves one out. */
#define DAYS_MAX (9 * 366)
#define BIT(n) (UINT64_C(1) << (n))

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                     "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct field {
    const char *name;
    int64_t min, max;
    const char *const *words; /* names of values, from `min` on; NULL: none */
    size_t word_count;
};

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELD_COUNT };

static const struct field fields[FIELD_COUNT] = {
    {"minute", 0, 59, NULL, 0},
    {"hour", 0, 23, NULL, 0},
    {"day of month", 1, 31, NULL, 0},
    {"month", 1, 12, months, ARRAY_LEN(months)},
    {"day of week", 0, 7, weekdays, ARRAY_LEN(weekdays)},
};

static const struct {
    const char *name, *means;
} nicknames[] = {
    {"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
};

PRINTF_LIKE(2, 3)
static enum err refuse(struct cron_error *error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return ERR_INVALID;
}

static enum err field_refuse(const struct field *field, struct str item, struct cron_error *error)
{
    return refuse(error,
                  "%s: \"%.*s\" is not *, a value from %d to %d, a range, or these with /step",
                  field->name, STR_ARG(str_first(item, 32)), (int)field->min, (int)field->max);
}

/* ---- parsing ---- */

static bool value_read(const struct field *field, struct str text, int64_t *value)
{
    for (size_t i = 0; i < field->word_count; i++)
        if (str_eq_nocase(text, str_of(field->words[i]))) {
            *value = field->min + (int64_t)i;
            return true;
        }
    return text.len <= 2 && text.len > 0 && text.data[0] >= '0' && text.data[0] <= '9' &&
           !str_to_i64(text, value) && *value >= field->min && *value <= field->max;
}

/* Cuts `text` at the first `sign`; *rest is STR_NONE if there is none. */
static struct str cut(struct str text, char sign, struct str *rest)
{
    size_t at = str_find_char(text, sign);

    *rest = at < text.len ? str_range(text.data + at + 1, text.len - at - 1) : STR_NONE;
    return str_first(text, at);
}

static bool item_read(const struct field *field, struct str item, uint64_t *bits)
{
    struct str step_text, last_text, range = cut(item, '/', &step_text);
    struct str first_text = cut(range, '-', &last_text);
    int64_t first = field->min, last = field->max, step = 1;

    if (!str_is_none(step_text) &&
        (step_text.len == 0 || step_text.len > 2 || step_text.data[0] < '0' ||
         step_text.data[0] > '9' || str_to_i64(step_text, &step) || step < 1))
        return false;
    if (!str_eq(range, STR("*"))) {
        if (!value_read(field, first_text, &first))
            return false;
        last = str_is_none(step_text) ? first : field->max;
        if (!str_is_none(last_text) && !value_read(field, last_text, &last))
            return false;
    } else if (field == &fields[WEEKDAY]) {
        last = 6; /* 7 is the first day again */
    }
    for (int64_t value = first; value <= last; value += step)
        *bits |= BIT(value);
    return first <= last;
}

static enum err field_read(const struct field *field, struct str text, uint64_t *bits,
                           struct cron_error *error)
{
    *bits = 0;
    do {
        struct str rest, item = cut(text, ',', &rest);

        if (!item_read(field, item, bits))
            return field_refuse(field, item, error);
        text = rest;
    } while (!str_is_none(text));
    return OK;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static size_t split(struct str text, struct str parts[FIELD_COUNT + 1])
{
    size_t count = 0;

    for (size_t i = 0; i < text.len && count <= FIELD_COUNT;) {
        size_t start = i;

        if (is_blank(text.data[i])) {
            i++;
            continue;
        }
        while (i < text.len && !is_blank(text.data[i]))
            i++;
        parts[count++] = str_range(text.data + start, i - start);
    }
    return count;
}

static struct str nickname_expand(struct str text)
{
    for (size_t i = 0; i < ARRAY_LEN(nicknames); i++)
        if (str_eq_nocase(text, str_of(nicknames[i].name)))
            return str_of(nicknames[i].means);
    return text;
}

enum err cron_parse(struct str text, struct cron *cron, struct cron_error *error)
{
    struct str parts[FIELD_COUNT + 1];
    uint64_t bits[FIELD_COUNT];
    enum err err = OK;

    if (text.len > CRON_BYTES_MAX) {
        refuse(error, "is longer than %d bytes", CRON_BYTES_MAX);
        return ERR_LIMIT;
    }
    if (split(nickname_expand(text), parts) != FIELD_COUNT)
        return refuse(error, "must have five fields: minute hour day-of-month month day-of-week, "
                             "as in \"30 9 * * 1-5\"");
    for (size_t i = 0; !err && i < FIELD_COUNT; i++)
        err = field_read(&fields[i], parts[i], &bits[i], error);
    if (err)
        return err;
    if (bits[WEEKDAY] & BIT(7))
        bits[WEEKDAY] = (bits[WEEKDAY] & ~BIT(7)) | BIT(0);
    *cron = (struct cron){
        .minutes = bits[MINUTE],
        .hours = (uint32_t)bits[HOUR],
        .days = (uint32_t)bits[DAY],
        .months = (uint32_t)bits[MONTH],
        .weekdays = (uint32_t)bits[WEEKDAY],
        .any_day = bits[DAY] == BIT(32) - BIT(1),
        .any_weekday = bits[WEEKDAY] == BIT(7) - BIT(0),
    };
    if (cron_next(cron, 0) < 0)
        return refuse(error, "no day ever fits it");
    return OK;
}

/* ---- walking ---- */

struct date {
    unsigned month, day, weekday;
};

/* Days since 1970-01-01 to a date of the Gregorian calendar. The year is taken to begin in March,
 * so that the leap day is its last: months then have lengths that repeat every five, 153 days. */
static struct date date_of(int64_t days)
{
    int64_t shifted = days + 719468; /* since 0000-03-01 */
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    unsigned of_era = (unsigned)(shifted - era * 146097);
    unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * of_year + 2) / 153; /* from March */
    int64_t weekday = (days + 4) % 7;         /* 1970-01-01 was a Thursday */

    return (struct date){.month = month < 10 ? month + 3 : month - 9,
                         .day = of_year - (153 * month + 2) / 5 + 1,
                         .weekday = (unsigned)(weekday < 0 ? weekday + 7 : weekday)};
}

static bool day_fits(const struct cron *s, int64_t day)
{
    struct date date = date_of(day);
    bool by_day = s->days & BIT(date.day), by_weekday = s->weekdays & BIT(date.weekday);

    if (!(s->months & BIT(date.month)))
        return false;
    if (s->any_day || s->any_weekday)
        return by_day && by_weekday;
    return by_day || by_weekday;
}

/* The first fitting minute of a day from `from` on; -1: none. */
static int64_t minute_of_day(const struct cron *s, int64_t from)
{
    for (int64_t minute = from; minute < MINUTES_PER_DAY; minute++)
        if ((s->hours & BIT(minute / 60)) && (s->minutes & BIT(minute % 60)))
            return minute;
    return -1;
}

int64_t cron_next(const struct cron *cron, int64_t minute)
{
    int64_t day = minute / MINUTES_PER_DAY, from = minute % MINUTES_PER_DAY;

    if (from < 0) {
        from += MINUTES_PER_DAY;
        day--;
    }
    for (int i = 0; i <= DAYS_MAX; i++, day++, from = 0) {
        int64_t found = day_fits(cron, day) ? minute_of_day(cron, from) : -1;

        if (found >= 0)
            return day * MINUTES_PER_DAY + found;
    }
    return -1;
}

bool cron_is_hourly(const struct cron *cron)
{
    return cron->hours == BIT(24) - 1;
}
