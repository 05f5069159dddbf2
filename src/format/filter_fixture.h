/* filter_fixture.h -- for tests: a span that is a JSON object whose members are the attributes by
 * their names in the filter language, times as ISO text, "feedback" as rows. Members named in
 * "unknown" are not at hand. */
#ifndef FORMAT_FILTER_FIXTURE_H
#define FORMAT_FILTER_FIXTURE_H

#include "format/filter.h"

struct filter_fixture {
    const struct json *span;
    struct str span_text;
    struct filter_feedback *feedback;
    size_t feedback_count;
};

/* `span_text` must be valid and is kept. */
void filter_fixture_init(struct filter_fixture *f, struct arena *arena, struct str span_text);

extern const struct filter_source filter_fixture_source;

#endif
