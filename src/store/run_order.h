/* run_order.h -- the runs of a thread in the order in which they started: for who follows a thread.
 */
#ifndef STORE_RUN_ORDER_H
#define STORE_RUN_ORDER_H

#include "store/runs.h"
#include "store/threads.h"

/* When the last one started that has; 0: none has. */
enum err run_last_started(struct tx *tx, const struct thread *of, int64_t *started_us) MUST_USE;
/* The first run of the thread that started after this instant. ERR_NOT_FOUND. */
enum err run_get_started(struct tx *tx, const struct thread *of, int64_t after_us,
                         struct arena *arena, struct run *run) MUST_USE;

#endif
