/* zone.h -- IANA time zones by name ("Europe/Berlin"). Instants are seconds since 1970 UTC, local
 * times seconds since 1970-01-01 00:00 on the zone's own clock.
 *
 * Reads the system's zone files; what was read is kept by the library. One thread at a time may use
 * one zone. */
#ifndef TIMER_ZONE_H
#define TIMER_ZONE_H

#include "base/str.h"

#define ZONE_NAME_MAX 64

struct zone;

/* STR_NONE: UTC. ERR_NOT_FOUND: no zone has this name. */
enum err zone_open(struct str name, struct zone **zone) MUST_USE;
void zone_close(struct zone *zone);

/* What to add to an instant to get the local time. */
int64_t zone_offset_s(const struct zone *zone, int64_t instant_s);

/* An instant after `early`, at latest `late`, at which the offset becomes another; the two offsets
 * must differ. */
int64_t zone_change_s(const struct zone *zone, int64_t early, int64_t late);

enum zone_fit {
    ZONE_ONCE,
    ZONE_TWICE, /* the clock was set back: the first of both */
    ZONE_NEVER  /* the clock was set forward over it: the instant at which it was */
};

enum zone_fit zone_instant(const struct zone *zone, int64_t local_s, int64_t *instant_s);

#endif
