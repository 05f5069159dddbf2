/* metrics.h -- numbers that rise while the program runs: counted where the thing happens, summed
 * when somebody reads.
 *
 *   thread ──metric_add──▶ its own sheet of cells ──┐
 *   thread ──metric_add──▶ its own sheet of cells ──┴──metric_read──▶ the sum
 *
 * A metric is a static struct in the room where the thing happens. It has the same cells in every
 * thread's sheet; they are given out at its first use. A thread writes to its own sheet only, so
 * counting is an addition: no lock, no cache line that two threads write. What an ended thread has
 * counted stays; its sheet goes to the next new thread.
 *
 * A metric has a series for each combination of its labels' values, and their number is bounded:
 * values are fixed words, or names that come up while running, of which the first so many are
 * told apart and the rest is "other". Everything here may be called by any thread. */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdatomic.h>

#include "base/str.h"

#define METRIC_LABELS_MAX 2
#define METRIC_NAMES_MAX 64 /* told apart; the next is "other" */

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* Names that came up, in the order in which they did. Zero-initialised, never released. */
struct metric_names {
    _Atomic(const char *) list[METRIC_NAMES_MAX];
};

struct metric_label {
    const char *name;           /* NULL: there is no such label */
    const char *const *words;   /* its values; the last one is followed by NULL */
    struct metric_names *names; /* instead of words */
};

struct metric {
    const char *name; /* "runbell_deliveries_total"; a counter's ends with _total */
    const char *help;
    enum metric_type type;
    bool is_time; /* counted in microseconds, shown in seconds */
    struct metric_label labels[METRIC_LABELS_MAX];
    const int64_t *bounds;  /* of a histogram: what its buckets hold at most, rising; ends with 0 */
    atomic_uint first_cell; /* 0: not used yet */
    atomic_uint series_count, cells_each; /* with that */
};

/* Bounds of durations: 100 µs to 2.5 s, 1 ms to 60 s, 5 ms to a day. */
extern const int64_t metric_bounds_disk[], metric_bounds_network[], metric_bounds_wait[];

/* Which series: the indices of the labels' values (0 where there is no label). */
unsigned metric_series(const struct metric *metric, unsigned first, unsigned second);
/* The index of a word; of the last one if it is not among them. */
unsigned metric_word(const char *const *words, struct str text);
/* The index of a name, which is new perhaps; of "other" if there are too many, or if it is not
 * a short UTF-8 text. */
unsigned metric_name(struct metric_names *names, struct str text);

void metric_add(struct metric *metric, unsigned series, uint64_t count);
/* A gauge is set by one thread only. */
void metric_set(struct metric *metric, unsigned series, int64_t value);
/* One more value of a histogram. */
void metric_observe(struct metric *metric, unsigned series, int64_t value);

/* ---- reading ---- */

unsigned metric_series_count(const struct metric *metric);
/* The label's value in this series; NULL: no such name has come up yet. */
const char *metric_value_of(const struct metric *metric, unsigned series, unsigned label);
int64_t metric_read(struct metric *metric, unsigned series);

/* At most so many buckets, the one without a bound included. */
#define METRIC_BUCKETS_MAX 20
struct metric_histogram {
    unsigned bucket_count;
    uint64_t buckets[METRIC_BUCKETS_MAX]; /* each for itself */
    uint64_t count;                       /* their sum */
    int64_t sum;                          /* of the values */
};
struct metric_histogram metric_read_histogram(struct metric *metric, unsigned series);

#endif
