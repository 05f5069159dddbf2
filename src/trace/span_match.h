/* span_match.h -- a span in memory, as filters ask it: what binds format/filter to struct span.
 *
 * Values that are not loaded (span->loaded) and feedback that is not given are not at hand, unless
 * the row says that there are none. JSON is parsed when it is first asked for and stays parsed for
 * the next filter. */
#ifndef TRACE_SPAN_MATCH_H
#define TRACE_SPAN_MATCH_H

#include "format/filter.h"
#include "store/feedback.h"
#include "trace/span.h"

struct span_match {
    const struct span *span;
    struct arena *arena;
    const struct feedback_rows *given;
    struct filter_feedback *feedback; /* made of `given` when asked for */
    const struct json *documents[FILTER_ATTRIBUTE_COUNT];
    unsigned parsed;   /* bits 1 << enum filter_attribute */
    struct str error;  /* its whole text; STR_NONE: not parsed yet */
    bool has_feedback; /* `given` is all there is */
};

/* All borrowed. `feedback` NULL: not at hand. */
void span_match_init(struct span_match *match, const struct span *span,
                     const struct feedback_rows *feedback, struct arena *arena);
/* The values (bits 1 << enum span_field) that a filter may ask for; *feedback: that too. */
unsigned span_match_fields(const struct filter *filter, bool *feedback);

enum filter_answer span_match_test(struct span_match *match, const struct filter *filter);

#endif
