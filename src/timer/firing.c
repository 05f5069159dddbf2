/* From one firing to the next. */
#include "timer/firing.h"

#define MINUTE_S 60

static int64_t minute_after(int64_t local_s)
{
    int64_t minute = local_s / MINUTE_S;

    return local_s < 0 && local_s % MINUTE_S ? minute : minute + 1;
}

/* By the clock on the wall. */
static int64_t named_hours(const struct cron *cron, const struct zone *zone, int64_t after_s)
{
    int64_t minute = minute_after(after_s + zone_offset_s(zone, after_s));
    int64_t instant_s;

    /* In an hour that comes again, the first time of it may be over. */
    do {
        minute = cron_next(cron, minute);
        zone_instant(zone, minute * MINUTE_S, &instant_s);
        minute++;
    } while (instant_s <= after_s);
    return instant_s;
}

/* By the time that passes: minutes are counted under one offset, and from where it changes on,
 * under the next. */
static int64_t every_hour(const struct cron *cron, const struct zone *zone, int64_t after_s)
{
    for (int64_t from_s = after_s;;) {
        int64_t offset = zone_offset_s(zone, from_s);
        int64_t local_s = (from_s == after_s ? from_s : from_s - 1) + offset;
        int64_t instant_s = cron_next(cron, minute_after(local_s)) * MINUTE_S - offset;

        if (zone_offset_s(zone, instant_s) == offset)
            return instant_s;
        from_s = zone_change_s(zone, from_s, instant_s);
    }
}

int64_t firing_next_us(const struct cron *cron, const struct zone *zone, int64_t after_us)
{
    int64_t after_s = after_us / US_PER_SECOND;

    return US_PER_SECOND * (cron_is_hourly(cron) ? every_hour(cron, zone, after_s)
                                                 : named_hours(cron, zone, after_s));
}
