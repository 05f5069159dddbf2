/* span_rollup.h -- tokens and costs of a span stand in every span above it.
 *
 * The law: what a row of spans says is what the span used itself, and what the rows say whose
 * parent it is. So it holds after every spans_apply, whatever came first:
 *
 *   a span comes     it takes the sum of the children that are there (span_set_ask, rollup_collect)
 *   it uses more     the difference goes up from its parent on
 *   it moves         what it says is taken from above the old parent and put above the new one
 *
 * What goes up is gathered by parent while a batch is written, and carried at its end: one way up
 * for all the children of a span. Where the way ends at a span that has not come, that span will
 * collect. A circle of parents is walked once round at most DOTTED_ORDER_DEPTH_MAX times; its sums
 * mean nothing. */
#ifndef STORE_SPAN_ROLLUP_H
#define STORE_SPAN_ROLLUP_H

#include "store/span_set.h"

struct rollup_entry;

struct rollup {
    struct span_set *set; /* borrowed */
    int64_t change_seq;   /* the last: what is carried up counts as its change */
    struct map by_id;
    struct rollup_entry *first;
};

void rollup_init(struct rollup *rollup, struct span_set *set);
void rollup_release(struct rollup *rollup);

/* A span that has just come: what waits to be carried to it is added to *totals instead. With what
 * its children in the store say (span_set_entry.below) that is all. */
void rollup_collect(struct rollup *rollup, const struct uuid *span_id, struct span_totals *totals);

/* Later, to the span and all above it. */
void rollup_add(struct rollup *rollup, const struct uuid *span_id,
                const struct span_totals *totals);
void rollup_take(struct rollup *rollup, const struct uuid *span_id,
                 const struct span_totals *totals);
/* Into the rows of the set. */
enum err rollup_carry(struct rollup *rollup) MUST_USE;

#endif
