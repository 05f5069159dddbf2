/* beats.h -- heartbeats of thousands of streams by one timer.
 *
 * Streams of one kind wait equally long, so whoever was sent to last stands at the end of the list,
 * and only its front is looked at. On its loop's thread. */
#ifndef API_BEATS_H
#define API_BEATS_H

#include "base/list.h"
#include "io/loop.h"

struct beat {
    struct list node;
    int64_t due_ms;
};

struct beats {
    struct list all; /* by due_ms */
    struct timer timer;
    /* Nothing was sent for so long. It must wait again, or be stopped for good. */
    void (*on_silence)(struct beat *beat);
};

void beats_init(struct beats *beats, struct loop *loop, void (*on_silence)(struct beat *beat));
void beats_release(struct beats *beats);
/* From now on; zeroed before the first time. */
void beat_wait(struct beats *beats, struct beat *beat, int64_t wait_ms);
void beat_stop(struct beat *beat);

#endif
