/* thread_totals.h -- how many threads each workspace has: kept with every change, never counted.
 *
 * A page of a search says how many threads match it in all. Asked for nothing in particular that is
 * all of them, and counting a million takes longer than the page itself. So who inserts or deletes
 * a thread says so; what a group of works comes to goes with its transaction into one row of each
 * workspace. With PostgreSQL each connection has one of a few rows, so that nodes do not wait for
 * each other; the total is their sum. Threads of stateless runs, which nobody sees, do not count.
 */
#ifndef STORE_THREAD_TOTALS_H
#define STORE_THREAD_TOTALS_H

#include "store/store.h"

/* Threads of this workspace came; less than none: went. Only in a write. */
void thread_total_grow(struct tx *tx, struct str tenant, int64_t by);
/* Of what is committed, and what this transaction has changed. */
enum err thread_total_read(struct tx *tx, struct str tenant, int64_t *total) MUST_USE;
/* The writer's, before the commit. */
enum err thread_totals_write(struct tx *tx) MUST_USE;

#endif
