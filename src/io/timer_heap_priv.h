/* timer_heap_priv.h -- the running timers of a loop, the next to fire first.
 *
 * A binary heap ordered by (due time, order of starting), so timers of one instant fire in the
 * order they were started. Each timer knows its place (heap_index, 1-based), so that stopping one
 * is O(log n). Pure: the clock belongs to the loop. The heap borrows the timers. */
#ifndef IO_TIMER_HEAP_PRIV_H
#define IO_TIMER_HEAP_PRIV_H

#include "base/base.h"

struct timer;

struct timer_slot {
    int64_t due_ms;
    uint64_t sequence;
    struct timer *timer;
};

struct timer_heap {
    struct timer_slot *slots;
    size_t count;
    size_t cap;
    uint64_t sequence;
};

void timer_heap_init(struct timer_heap *heap);
/* The timers left in it count as stopped. */
void timer_heap_release(struct timer_heap *heap);
/* Adds the timer, or moves it to its new due_ms. */
void timer_heap_put(struct timer_heap *heap, struct timer *timer);
/* Harmless if it is not in the heap. */
void timer_heap_remove(struct timer_heap *heap, struct timer *timer);
/* The next one to fire; NULL if none. */
struct timer *timer_heap_first(const struct timer_heap *heap);
/* Fires what is due, at most as many as run now: a timer that restarts itself with no delay waits
 * for the next turn. */
void timer_heap_run(struct timer_heap *heap, int64_t now_ms);

#endif
