/* Texts of spans. */
#include "trace/span.h"

#include <stdio.h>

#include "auth/principal.h"
#include "base/time.h"

#define PICO INT64_C(1000000000000)
#define PREVIEW_BYTES_MAX 300

struct str span_time_write(int64_t wall_us, struct span_time *time)
{
    struct time_text iso;
    struct str naive = str_first(time_write_iso(wall_us, &iso), sizeof(time->text) - 1);

    memcpy(time->text, naive.data, naive.len);
    time->text[naive.len] = '\0';
    return str_range(time->text, naive.len);
}

struct str trace_tenant_id(struct str tenant, struct uuid_text *text)
{
    return workspace_uuid(tenant, text);
}

struct str span_cost_write(int64_t picodollars, struct span_cost *cost)
{
    int64_t whole = picodollars / PICO, part = picodollars % PICO;
    int len =
        snprintf(cost->text, sizeof(cost->text), "%lld.%012lld", (long long)whole, (long long)part);

    REQUIRE(picodollars >= 0 && len > 0 && (size_t)len < sizeof(cost->text));
    while (cost->text[len - 1] == '0')
        len--;
    if (cost->text[len - 1] == '.')
        len--;
    cost->text[len] = '\0';
    return str_range(cost->text, (size_t)len);
}

#define COST_DIGITS_MAX 64
#define PICO_DIGITS 12
#define COST_INTEGER_DIGITS_MAX 18 /* $999,999.999999999999 */

/* Digits of the amount, and where the point stands among them. */
struct decimal {
    char digits[COST_DIGITS_MAX];
    int count, point;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The digits before the exponent; leading zeros are left out. */
static size_t mantissa_read(struct str text, struct decimal *d)
{
    bool has_point = false, has_digit = false;
    size_t at = 0;

    for (; at < text.len && (is_digit(text.data[at]) || (text.data[at] == '.' && !has_point));
         at++) {
        char c = text.data[at];

        if (c == '.') {
            has_point = true;
            continue;
        }
        has_digit = true;
        if (d->count > 0 || c != '0') {
            if (d->count < COST_DIGITS_MAX)
                d->digits[d->count++] = c;
            d->point += !has_point;
        } else {
            d->point -= has_point;
        }
    }
    return has_digit ? at : 0;
}

static int64_t decimal_pico(const struct decimal *d)
{
    int wanted = d->point + PICO_DIGITS;
    int64_t value = 0;

    for (int i = 0; i < wanted; i++)
        value = value * 10 + (i < d->count ? d->digits[i] - '0' : 0);
    if (wanted >= 0 && wanted < d->count && d->digits[wanted] >= '5')
        value++;
    return value;
}

enum err span_cost_parse(struct str text, int64_t *picodollars)
{
    struct decimal d = {.count = 0};
    int64_t exponent = 0;
    size_t at;

    if (text.len > 0 && text.data[0] == '+')
        text = str_from(text, 1);
    if ((at = mantissa_read(text, &d)) == 0)
        return ERR_INVALID;
    text = str_from(text, at);
    if (text.len > 0 && (text.data[0] == 'e' || text.data[0] == 'E')) {
        text = str_from(text, 1);
        if (text.len > 0 && text.data[0] == '+')
            text = str_from(text, 1);
        if (str_to_i64(text, &exponent) || exponent < -1000 || exponent > 1000)
            return ERR_INVALID;
    } else if (text.len > 0) {
        return ERR_INVALID;
    }
    d.point += (int)exponent;
    if (d.count > 0 && d.point + PICO_DIGITS > COST_INTEGER_DIGITS_MAX)
        return ERR_INVALID;
    *picodollars = d.count > 0 ? decimal_pico(&d) : 0;
    return OK;
}

/* 15 digits are what a double keeps of any decimal. */
enum err span_cost_read(const struct json *value, int64_t *picodollars)
{
    char text[40];
    int len;

    if (json_type(value) == JSON_STRING)
        return span_cost_parse(json_string(value), picodollars);
    if (json_type(value) != JSON_NUMBER)
        return ERR_INVALID;
    len = snprintf(text, sizeof(text), "%.15g", json_double(value, -1));
    return len > 0 ? span_cost_parse(str_range(text, (size_t)len), picodollars) : ERR_INVALID;
}

void span_costs_write(struct json_writer *json, struct str details, bool as_numbers)
{
    struct str kind, raw;
    size_t at = 0;

    if (str_is_none(details)) {
        json_null_out(json);
        return;
    }
    json_begin_object(json);
    while (json_raw_next(details, &at, &kind, &raw)) {
        struct span_cost cost;
        int64_t picodollars = 0;

        if (str_to_i64(raw, &picodollars) || picodollars < 0)
            continue;
        json_key_raw(json, kind);
        if (as_numbers)
            json_double_out(json, (double)picodollars / (double)PICO);
        else
            json_str_out(json, span_cost_write(picodollars, &cost));
    }
    json_end_object(json);
}

struct str span_preview(struct str text)
{
    struct str preview = str_first(text, PREVIEW_BYTES_MAX);

    while (preview.len < text.len && ((unsigned char)text.data[preview.len] & 0xc0) == 0x80)
        preview.len--;
    return preview;
}
