/* Time zones, by GLib. */
#include "timer/zone.h"

#include <glib.h>

#define DAY_S 86400

struct zone; /* is a GTimeZone */

static GTimeZone *of(const struct zone *zone)
{
    return (GTimeZone *)(uintptr_t)zone;
}

/* GLib also takes offsets, absolute paths and what TZ may hold; here only names count. */
static bool is_name(struct str name)
{
    if (name.len == 0 || name.len > ZONE_NAME_MAX || name.data[0] == '/' ||
        str_find(name, STR("..")) < name.len)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!is_letter && (i == 0 || ((c < '0' || c > '9') && !strchr("/_-+", c))))
            return false;
    }
    return true;
}

enum err zone_open(struct str name, struct zone **zone)
{
    char text[ZONE_NAME_MAX + 1] = "UTC";
    GTimeZone *found;

    if (!str_is_none(name)) {
        if (!is_name(name))
            return ERR_NOT_FOUND;
        memcpy(text, name.data, name.len);
        text[name.len] = '\0';
    }
    found = g_time_zone_new_identifier(text);
    if (!found)
        return ERR_NOT_FOUND;
    *zone = (struct zone *)found;
    return OK;
}

void zone_close(struct zone *zone)
{
    g_time_zone_unref(of(zone));
}

int64_t zone_offset_s(const struct zone *zone, int64_t instant_s)
{
    int interval = g_time_zone_find_interval(of(zone), G_TIME_TYPE_UNIVERSAL, instant_s);

    return interval < 0 ? 0 : g_time_zone_get_offset(of(zone), interval);
}

int64_t zone_change_s(const struct zone *zone, int64_t early, int64_t late)
{
    int64_t before = zone_offset_s(zone, early);

    while (late - early > 1) {
        int64_t middle = early + (late - early) / 2;

        if (zone_offset_s(zone, middle) == before)
            early = middle;
        else
            late = middle;
    }
    return late;
}

/* The offsets a day before and a day after: at most one of them changes between, and the local time
 * was shown under one, under both, or under none. */
enum zone_fit zone_instant(const struct zone *zone, int64_t local_s, int64_t *instant_s)
{
    int64_t before = zone_offset_s(zone, local_s - DAY_S);
    int64_t after = zone_offset_s(zone, local_s + DAY_S);
    bool under_before = zone_offset_s(zone, local_s - before) == before;
    bool under_after = zone_offset_s(zone, local_s - after) == after;

    if (under_before || under_after) {
        *instant_s = local_s - (under_before ? before : after);
        return under_before && under_after && before != after ? ZONE_TWICE : ZONE_ONCE;
    }
    *instant_s = zone_change_s(zone, local_s - after, local_s - before);
    return ZONE_NEVER;
}
