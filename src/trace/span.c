/* Texts of spans. */
#include "trace/span.h"

#include <stdio.h>

#include "base/time.h"

#define PICO INT64_C(1000000000000)
#define PREVIEW_BYTES_MAX 300

static const struct uuid tenants = {{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4,
                                     0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}};

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
    return uuid_write(uuid_v5(tenants, tenant), text);
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

struct str span_preview(struct str text)
{
    struct str preview = str_first(text, PREVIEW_BYTES_MAX);

    while (preview.len < text.len && ((unsigned char)text.data[preview.len] & 0xc0) == 0x80)
        preview.len--;
    return preview;
}
