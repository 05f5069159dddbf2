/* sequence.h -- durable rising numbers: run positions, delivery ids, attempt ids.
 *
 * A sequence is a row of the table `sequences`, made at its first use; its first value is 1. The
 * writer reserves values in blocks and hands them out from memory, so that most inserts do not
 * touch the row. Values may be skipped (a crash, a work that failed), never given twice to
 * committed work, on one node or on several: what was reserved in a transaction that is rolled back
 * is forgotten with it.
 *
 * With one writer (SQLite) the order of values is the order of commits. With several nodes on
 * PostgreSQL each has blocks of its own, so sequence_next only promises distinct values that rise
 * on one node, and are not below what another one reserved more than ten seconds ago; where readers
 * follow the values as a position (a feed, FIFO), use sequence_next_serial: it holds the row's lock
 * until the commit, so that values and commits have one order everywhere. One name is used with one
 * of the two only. */
#ifndef STORE_SEQUENCE_H
#define STORE_SEQUENCE_H

#include "store/store.h"

/* Of one connection that writes; the writer owns it. */
struct sequences;

/* `count` ≥ 1 values from *first on, without a gap. In apply of a write only. */
enum err sequence_next(struct tx *tx, struct str name, int64_t count, int64_t *first) MUST_USE;
enum err sequence_next_serial(struct tx *tx, struct str name, int64_t count,
                              int64_t *first) MUST_USE;

/* ---- for the writer ---- */
struct sequences *sequences_new(void);
void sequences_free(struct sequences *sequences);
/* The savepoint of one work ended, and the transaction of its group. */
void sequences_end_work(struct sequences *sequences, bool kept);
void sequences_end_group(struct sequences *sequences, bool committed);

#endif
