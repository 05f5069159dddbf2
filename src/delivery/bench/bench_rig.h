/* bench_rig.h -- what the benches of the sender share: filling the outbox, and clocks. */
#ifndef DELIVERY_BENCH_BENCH_RIG_H
#define DELIVERY_BENCH_BENCH_RIG_H

#include <time.h>

#include "delivery/sender_rig.h"

struct bench_fill {
    const char *url;        /* "http://127.0.0.1:9000"; the endpoint's number becomes the path */
    size_t count;           /* deliveries */
    size_t endpoints;       /* that take turns */
    size_t first_endpoint;  /* number of the first of them */
    struct str body;        /* borrowed */
    int64_t due_in_us;      /* from now */
    int64_t due_spacing_us; /* between one delivery and the next */
    int64_t *first_due_us;  /* NULL, or where it is put when the first one is due */
};

/* Writes them in groups of 500 and waits for the last commit. Says on standard error how far it is
 * when that takes long. */
void bench_fill(struct sender_rig *rig, const struct bench_fill *fill);

/* The first `template` deliveries of a fresh store, and as many copies of them by the database
 * itself (store/bench_outbox.h) as make `fill->count`; both counts are multiples of
 * fill->endpoints. */
void bench_fill_much(struct sender_rig *rig, const struct bench_fill *fill, size_t template);

double bench_seconds(clockid_t clock);
/* Sorts `values`; the one that `share` (0 … 1) of them do not exceed. */
double bench_percentile(double *values, size_t count, double share);
/* argv[index], or `fallback` if there is none; ends the program if it is no number ≥ 0. */
size_t bench_argument(int argc, char **argv, int index, size_t fallback);
/* "x" repeated; the caller frees it with mem_free. */
struct str bench_body(size_t bytes);
size_t bench_rss_bytes(void); /* resident now */

#endif
