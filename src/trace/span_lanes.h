/* span_lanes.h -- the walks of one query, merged into one row after the other by start.
 *
 * A lane is one walk (store/span_scan.h), or a list of rows that were looked up by id. What a
 * filter's bounds say narrows the lanes; they never leave out a span that the query means, and the
 * filter still decides. */
#ifndef TRACE_SPAN_LANES_H
#define TRACE_SPAN_LANES_H

#include "store/projects.h"
#include "store/span_scan.h"
#include "trace/span_search.h"

struct span_lane {
    struct span_range range;
    struct span_place at;
    struct arena arena; /* of its rows */
    struct span_rows rows;
    size_t next; /* of the rows */
    int64_t piece;
};

struct span_lanes {
    struct span_lane *list;
    size_t count;
    bool ascending;
    int64_t looked; /* index entries so far */
};

/* In the arena; what the lanes hold besides is freed by span_lanes_release. ERR_LIMIT: more than
 * SPAN_SEARCH_IDS_MAX lanes or ids. */
enum err span_lanes_open(struct tx *tx, const struct span_query *query, struct arena *arena,
                         struct span_lanes *lanes) MUST_USE;
/* The next row of all: valid until the second call from now. *row NULL: none is left. ERR_AGAIN:
 * `budget` index entries have been looked at; the next call goes on. */
enum err span_lanes_next(struct tx *tx, struct span_lanes *lanes, int64_t *budget,
                         struct span_row **row) MUST_USE;
void span_lanes_release(struct span_lanes *lanes);

#endif
