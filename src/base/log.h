/* log.h -- one line per thing that happened, in logfmt, written at once to standard error.
 *
 *   ts=2026-11-21T05:12:37.533Z level=warn at=delivery msg="receiver refused" id=msg_…
 *
 * `at` is the module. Values are quoted where needed. Secrets never get here: whoever logs a URL
 * masks it first (format/url.h). Any thread. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_set_level(enum log_level level);
bool log_is_on(enum log_level level);
enum err log_level_parse(struct str text, enum log_level *level) MUST_USE;
/* `format` makes the message. */
void log_debug(const char *at, const char *format, ...) PRINTF_LIKE(2, 3);
void log_info(const char *at, const char *format, ...) PRINTF_LIKE(2, 3);
void log_warn(const char *at, const char *format, ...) PRINTF_LIKE(2, 3);
void log_error(const char *at, const char *format, ...) PRINTF_LIKE(2, 3);
/* The simulator turns lines into its own trace; they then have no `ts` and no line end, so that a
 * replay gives the same trace. NULL restores standard error. Before threads start. */
void log_set_sink(void (*sink)(void *context, struct str line), void *context);

#endif
