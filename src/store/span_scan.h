/* span_scan.h -- spans in the order of their start, a piece at a time: the walks that searches are
 * made of.
 *
 * A walk goes along one index: all spans of a project, its roots, its errors, the roots of one of
 * its threads, or the spans of one trace. What else the range says is tested in the database on the
 * rows of the piece. A piece is a number of index entries looked at, not of rows found: so it costs
 * the same however rare the rows are, and it may be empty without being the last. */
#ifndef STORE_SPAN_SCAN_H
#define STORE_SPAN_SCAN_H

#include "format/filter.h"
#include "store/span.h"
#include "store/store.h"

/* Where a walk stands: spans are in the order of (start_us, span_no). */
struct span_place {
    int64_t start_us, span_no;
};

struct span_range {
    struct str tenant;
    int64_t project_no; /* of all walks but a trace's */
    bool of_trace;      /* then in all its projects */
    struct uuid trace_id;
    struct str thread_id; /* with only_roots; STR_NONE: any; so below */
    bool only_roots, only_children;
    int64_t start_min_us, start_max_us; /* both are in */
    unsigned types, statuses;           /* bits 1 << value; 0: any */
    struct str name;
    struct str feedback_key; /* there is feedback under it */
    struct marks marks;      /* it has these */
    struct filter_range end_us, latency_us, total_tokens, total_cost; /* it is there, and within */
    bool ascending;                                                   /* else the newest first */
};

struct span_rows {
    struct span_row *list; /* in the arena given */
    size_t count;
    bool is_last; /* nothing is behind them in the range */
};

/* Before the first span of the range. */
struct span_place span_place_start(const struct span_range *range);
/* The spans among the next `piece` index entries behind *at, which moves on. */
enum err span_scan(struct tx *tx, const struct span_range *range, int64_t piece,
                   struct span_place *at, struct arena *arena, struct span_rows *found) MUST_USE;

/* Which turn of its thread the root is, from 1: in the order of starts, then of trace ids. */
enum err span_turn_number(struct tx *tx, const struct span_row *root, int64_t *number) MUST_USE;

/* The first and the last start in the span's trace; 0 for one of more than 10,000 spans, so that
 * the cost is bounded. */
enum err span_trace_times(struct tx *tx, const struct span_row *row, int64_t *min_us,
                          int64_t *max_us) MUST_USE;

/* A copy whose strings live in the arena. */
struct span_row span_row_keep(const struct span_row *row, struct arena *arena);

#endif
