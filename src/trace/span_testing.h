/* span_testing.h -- one span against many filters: first by its row alone; values and feedback are
 * read from the store when an answer depends on them, once for all filters. */
#ifndef TRACE_SPAN_TESTING_H
#define TRACE_SPAN_TESTING_H

#include "trace/span_match.h"

struct span_testing {
    struct tx *tx;       /* the caller's, as is the arena */
    struct arena *arena; /* of values and feedback */
    struct span span;
    struct span_match match;
    struct feedback_rows feedback;
    bool has_feedback;
};

/* tx and arena are set. Strings are borrowed. */
void span_testing_begin(struct span_testing *testing, const struct span_row *row,
                        struct str project_id);
enum err span_testing_test(struct span_testing *testing, const struct filter *filter,
                           bool *matches) MUST_USE;

#endif
