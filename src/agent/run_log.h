/* run_log.h -- the events of one run in memory, oldest first, bounded.
 *
 * Pure. Beyond `bytes_max` the oldest events go, but never the one with the lowest id (the
 * metadata) and, in a log whose events are also stored, never one that is not stored yet. Readers
 * have cursors: the id of the last event they saw. */
#ifndef AGENT_RUN_LOG_H
#define AGENT_RUN_LOG_H

#include "agent/run_event.h"
#include "base/base.h"

struct run_log {
    struct run_event **events; /* ring of `cap` places */
    size_t cap, first, count;
    size_t bytes, bytes_max;
    int64_t next_id;
    int64_t dropped_to; /* ids up to this (but the first) are gone; -1: none */
    int64_t stored_to;  /* ids up to this are in the store; INT64_MAX: nothing has to be stored */
    struct run_event *metadata; /* kept when it would be dropped */
};

void run_log_init(struct run_log *log, size_t bytes_max, bool is_stored);
void run_log_release(struct run_log *log);
/* Takes the caller's reference; its id is the log's next_id. */
void run_log_add(struct run_log *log, struct run_event *event);
/* Copies events with ids above `after` into `out` (with references), at most `max` of them and
 * about bytes_max bytes; returns how many. */
size_t run_log_read(const struct run_log *log, int64_t after, struct run_event **out, size_t max,
                    size_t bytes_max);
/* Are events above `after` missing here that existed once? */
bool run_log_has_gap(const struct run_log *log, int64_t after);

#endif
