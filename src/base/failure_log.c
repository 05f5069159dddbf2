/* failure_log.c -- see failure_log.h. */
#include "base/failure_log.h"

#include <stdio.h>

#define NUMBER_MS (60 * MS_PER_SECOND)
#define QUIET_MS (10 * MS_PER_SECOND)
#define MESSAGE_BYTES_MAX 300

static const char *words_of(enum err err)
{
    return err == ERR_AGAIN ? "not possible now" : err_name(err);
}

static long long seconds(const struct failure_log *log, int64_t now_ms)
{
    return (long long)((now_ms - log->began_ms + MS_PER_SECOND / 2) / MS_PER_SECOND);
}

/* Is this failure told? */
static bool is_due(const struct failure_log *log, int64_t now_ms)
{
    return !log->has_told || now_ms - log->told_ms >= (log->is_open ? NUMBER_MS : QUIET_MS);
}

static void told(struct failure_log *log, int64_t now_ms, bool is_open)
{
    log->told_ms = now_ms;
    log->has_told = true;
    log->is_open = is_open;
}

void failure_log_note(struct failure_log *log, int64_t now_ms, enum err err, enum log_level level,
                      const char *at, const char *what)
{
    char text[MESSAGE_BYTES_MAX];

    if (err && log->count++ == 0)
        log->began_ms = now_ms;
    if (err ? !is_due(log, now_ms) : !log->is_open)
        return;
    told(log, now_ms, err != OK);
    if (!err)
        snprintf(text, sizeof(text), "%s: that is over, after %llu failure%s in %lld s", what,
                 (unsigned long long)log->count, log->count == 1 ? "" : "s", seconds(log, now_ms));
    else if (log->count == 1)
        snprintf(text, sizeof(text), "%s: %s; it is tried again", what, words_of(err));
    else
        snprintf(text, sizeof(text), "%s: %s; %llu times in %lld s", what, words_of(err),
                 (unsigned long long)log->count, seconds(log, now_ms));
    log_fields(err ? level : LOG_INFO, at, str_of(text), NULL, 0);
    if (!err)
        log->count = 0;
}
