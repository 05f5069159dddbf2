/* failure_log.h -- what fails again and again, as when the database is away, without a line each
 * time.
 *
 *   alerts could not be looked at: not possible now; it is tried again
 *   alerts could not be looked at: not possible now; 61 times in 60 s
 *   alerts could not be looked at: that is over, after 92 failures in 91 s
 *
 * The first failure is told, then a number once a minute, then the end. What fails anew within ten
 * seconds of its end waits for the rest of them, so what comes and goes is not told all the time
 * either; it is counted. One for each thing that may fail, on the thread of who tries; all zeros at
 * first. */
#ifndef BASE_FAILURE_LOG_H
#define BASE_FAILURE_LOG_H

#include "base/err.h"
#include "base/log.h"

struct failure_log {
    uint64_t count;         /* of failures since an end was told */
    int64_t began_ms;       /* when the first of them was */
    int64_t told_ms;        /* the last line, if there was one */
    bool has_told, is_open; /* open: its end is to be told */
};

/* After each try, with its outcome. `what` and `at` are as in log.h; the time only runs on. */
void failure_log_note(struct failure_log *log, int64_t now_ms, enum err err, enum log_level level,
                      const char *at, const char *what);

#endif
