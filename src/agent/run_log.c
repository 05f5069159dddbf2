/* The bounded log of a run's events. */
#include "agent/run_log.h"

#include "base/mem.h"

void run_log_init(struct run_log *log, size_t bytes_max, bool is_stored)
{
    *log = (struct run_log){
        .bytes_max = bytes_max, .dropped_to = -1, .stored_to = is_stored ? -1 : INT64_MAX};
}

static struct run_event **place(const struct run_log *log, size_t index)
{
    return &log->events[(log->first + index) & (log->cap - 1)];
}

void run_log_release(struct run_log *log)
{
    for (size_t i = 0; i < log->count; i++)
        run_event_unref(*place(log, i));
    run_event_unref(log->metadata);
    mem_free(log->events);
}

static void drop_oldest(struct run_log *log)
{
    struct run_event *event = *place(log, 0);

    log->first = (log->first + 1) & (log->cap - 1);
    log->count--;
    log->bytes -= run_event_bytes(event);
    if (log->metadata) {
        log->dropped_to = event->id;
        run_event_unref(event);
    } else {
        log->metadata = event;
    }
}

static void grow(struct run_log *log)
{
    size_t cap = log->cap ? log->cap * 2 : 8;
    struct run_event **events = mem_alloc(cap * sizeof(struct run_event *));

    for (size_t i = 0; i < log->count; i++)
        events[i] = *place(log, i);
    mem_free(log->events);
    log->events = events;
    log->cap = cap;
    log->first = 0;
}

void run_log_add(struct run_log *log, struct run_event *event)
{
    if (log->count == log->cap)
        grow(log);
    *place(log, log->count) = event;
    log->count++;
    log->bytes += run_event_bytes(event);
    log->next_id = event->id + 1;
    while (log->bytes > log->bytes_max && log->count > 1 && (*place(log, 0))->id <= log->stored_to)
        drop_oldest(log);
}

/* Index of the first event above `after`: ids rise, so halve. */
static size_t find_after(const struct run_log *log, int64_t after)
{
    size_t low = 0, high = log->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if ((*place(log, middle))->id > after)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

size_t run_log_read(const struct run_log *log, int64_t after, struct run_event **out, size_t max,
                    size_t bytes_max)
{
    size_t bytes = 0, n = 0;

    if (log->metadata && log->metadata->id > after && n < max)
        out[n++] = run_event_ref(log->metadata);
    for (size_t i = find_after(log, after); i < log->count && n < max && bytes < bytes_max; i++) {
        out[n] = run_event_ref(*place(log, i));
        bytes += run_event_bytes(out[n++]);
    }
    return n;
}

bool run_log_has_gap(const struct run_log *log, int64_t after)
{
    return log->dropped_to > after;
}
