/* log.h -- one line per thing that happened, written at once to standard error: logfmt, or JSON.
 *
 *   ts=2026-11-21T05:12:37.533Z level=warn at=delivery msg="receiver refused" request=01935…
 *   {"ts":"2026-11-21T05:12:37.533Z","level":"warn","at":"delivery","msg":"receiver refused",…}
 *
 * `at` is the module, `request` the request that the thread is working for. Values are quoted where
 * needed. Secrets never get here: whoever logs a URL masks it first (format/url.h). Any thread. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

void log_set_level(enum log_level level);
bool log_is_on(enum log_level level);
enum err log_level_parse(struct str text, enum log_level *level) MUST_USE;
void log_set_format(enum log_format format);
enum err log_format_parse(struct str text, enum log_format *format) MUST_USE;
struct str log_format_name(enum log_format format);

/* `format` makes the message. */
void log_debug(const char *at, const char *format, ...) PRINTF_LIKE(2, 3);
void log_info(const char *at, const char *format, ...) PRINTF_LIKE(2, 3);
void log_warn(const char *at, const char *format, ...) PRINTF_LIKE(2, 3);
void log_error(const char *at, const char *format, ...) PRINTF_LIKE(2, 3);

/* A line with more to it than words. */
struct log_field {
    const char *name; /* lower case, no blanks */
    struct str text;  /* STR_NONE: the number counts */
    int64_t number;
};
void log_fields(enum log_level level, const char *at, struct str message,
                const struct log_field *fields, size_t count);

/* From now on this thread works for this request (its id; borrowed), STR_NONE: for none. */
void log_set_request(struct str request_id);

/* The simulator turns lines into its own trace; they then have no `ts` and no line end, so that a
 * replay gives the same trace. NULL restores standard error. Before threads start. */
void log_set_sink(void (*sink)(void *context, struct str line), void *context);

#endif
