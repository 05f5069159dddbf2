/* span_search.h -- which spans a query means: ids, projects, times, filters.
 *
 *   lanes (one walk per project, or a trace, or a list of ids), merged by start
 *      ──▶ columns ──▶ filter; values are loaded only where it depends on them
 *             ──▶ trace_filter on the root, tree_filter on any span of the trace ──▶ visit
 *
 * The search runs in steps, each short enough for one transaction; between them it rests, so that
 * no reader is held for long and no writer is held up by a snapshot. A step may be run again: the
 * whole search then starts anew, and the visitor is told. */
#ifndef TRACE_SPAN_SEARCH_H
#define TRACE_SPAN_SEARCH_H

#include "format/filter.h"
#include "store/projects.h"
#include "store/span_scan.h"
#include "trace/span_match.h"

#define SPAN_SEARCH_IDS_MAX 5000

/* Counts of 0 and pointers of NULL are any. All borrowed for as long as the search. */
struct span_query {
    struct str tenant;
    struct filter_ids ids; /* then nothing else counts … */
    bool ids_and_rest;     /* … but if this is said */
    const struct project_row *projects;
    size_t project_count;
    bool has_trace, has_parent;
    struct str thread_id; /* with only_roots: those of this thread; STR_NONE: any */
    struct uuid trace_id, parent_id;
    struct filter_ids examples;
    unsigned types, statuses; /* bits 1 << value */
    bool only_roots, only_children;
    int64_t start_min_us, start_max_us; /* both are in */
    const struct filter *filter, *trace_filter, *tree_filter;
    bool ascending; /* else the newest first */
    bool has_after;
    struct span_place after; /* goes on behind it */
};

struct span_visitor {
    /* The search begins, for the first time or anew: forget what was visited. */
    void (*restart)(void *context);
    /* `match` has what was loaded. False: that was enough; its place is where to go on from. All
     * given lives until the return. */
    bool (*visit)(void *context, struct tx *tx, struct span_match *match);
    void *context;
};

struct span_search;

/* Lives in the arena; memory besides is freed by span_search_release. */
struct span_search *span_search_new(struct arena *arena, const struct span_query *query,
                                    const struct span_visitor *visitor);
/* `step` counts from 0 the steps that have succeeded. *is_over: nothing is left, or the visitor has
 * had enough. */
enum err span_search_step(struct tx *tx, struct span_search *search, size_t step,
                          bool *is_over) MUST_USE;
/* How many spans have been looked at. */
int64_t span_search_looked(const struct span_search *search);
void span_search_release(struct span_search *search);

#endif
