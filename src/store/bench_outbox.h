/* bench_outbox.h -- for programs that measure the sender beside many deliveries: rows of the outbox
 * made by the database itself, from rows that are there, so that ten million take minutes. */
#ifndef STORE_BENCH_OUTBOX_H
#define STORE_BENCH_OUTBOX_H

#include "store/store.h"

struct bench_copy {
    struct str tenant;
    int64_t first_id, count;  /* what is copied: deliveries of these ids, first tries that wait */
    int64_t of_endpoint;      /* how many of them each endpoint has */
    int64_t number, later_us; /* the how-manieth copy, from 1; due so much later than the first */
};

#define BENCH_INDEXES_MAX 32

/* How the indexes of deliveries are made. */
struct bench_indexes {
    const char *made_by[BENCH_INDEXES_MAX]; /* in the arena */
    size_t count;
};

/* New deliveries under new webhook-ids, numbered on, that share the bodies of the first; the size
 * of the log and the endpoints' numbers go along. Only in a write. */
enum err bench_outbox_copy(struct tx *tx, const struct bench_copy *copy) MUST_USE;

/* Rows come ten times as fast without them (SQLite; elsewhere there are none to take away). Each is
 * to be made again by a write of its own. */
enum err bench_outbox_unindex(struct tx *tx, struct bench_indexes *taken,
                              struct arena *arena) MUST_USE;
enum err bench_outbox_index(struct tx *tx, const char *made_by) MUST_USE;

#endif
