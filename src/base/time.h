/* time.h -- wall-clock instants as microseconds since 1970 UTC, and their ISO 8601 text.
 *
 * No clock here: io/ has the clocks. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include "base/str.h"

#define TIME_TEXT_MAX 40

struct time_text {
    char text[TIME_TEXT_MAX];
};

/* "2026-11-21T05:12:37.533121+00:00"; borrows *text. Years 1970–9999: instants outside
 * become the first or the last. */
struct str time_write_iso(int64_t wall_us, struct time_text *text);
/* "Sat, 21 Nov 2026 05:12:37 GMT"; borrows *text. */
struct str time_write_http(int64_t wall_us, struct time_text *text);
/* ISO 8601 / RFC 3339 with "Z", "+hh:mm" or no zone (taken as UTC), 0–9 fraction digits, or a
 * date alone (its midnight UTC). What has no text above is ERR_INVALID. */
enum err time_parse_iso(struct str text, int64_t *wall_us) MUST_USE;
/* An HTTP date in one of its three forms (RFC 9110 section 5.6.7):
 *
 *   Sat, 21 Nov 2026 05:12:37 GMT
 *   Saturday, 21-Nov-26 05:12:37 GMT
 *   Sat Nov 21 05:12:37 2026
 *
 * A year of two digits is the latest such year that is not more than 50 years ahead of now. Which
 * day of the week it says is not looked at. */
enum err time_parse_http(struct str text, int64_t now_us, int64_t *wall_us) MUST_USE;

#endif
