/* threads_priv.h -- what threads.c and thread_search.c share: a row. */
#ifndef STORE_THREADS_PRIV_H
#define STORE_THREADS_PRIV_H

#include "store/threads.h"

#define THREAD_COLUMNS                                                                             \
    "tenant, thread_id, status, metadata, config, graph_id, head_values, interrupts, error, "      \
    "head_state, temporary, created_us, updated_us, state_updated_us, ttl_us, ttl_strategy, "      \
    "expires_us"

void thread_row_read(const struct db_rows *rows, struct arena *arena, struct thread *thread);

#endif
