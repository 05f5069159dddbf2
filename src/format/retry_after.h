/* retry_after.h -- the header with which a receiver says when to come again.
 *
 *   Retry-After = 1*DIGIT (seconds) | HTTP-date (base/time.h)
 *
 * The receiver proposes, the caller's bound decides. Pure: the caller passes the time. */
#ifndef FORMAT_RETRY_AFTER_H
#define FORMAT_RETRY_AFTER_H

#include "base/str.h"

/* 0 ≤ *delay_ms ≤ delay_ms_max. A date in the past gives 0. */
enum err retry_after_parse(struct str value, int64_t now_wall_us, int64_t delay_ms_max,
                           int64_t *delay_ms) MUST_USE;

#endif
