/* span_testing.c -- see span_testing.h. */
#include "trace/span_testing.h"

#include "store/span_values.h"

void span_testing_begin(struct span_testing *t, const struct span_row *row, struct str project_id)
{
    t->span = (struct span){.row = *row, .project_id = project_id};
    t->has_feedback = false;
    span_match_init(&t->match, &t->span, NULL, t->arena);
}

static enum err load(struct span_testing *t, const struct filter *filter)
{
    bool feedback = false;
    unsigned fields = span_match_fields(filter, &feedback) & ~t->span.loaded;
    enum err err = OK;

    if (fields)
        err =
            span_values_get(t->tx, &t->span.row, fields | t->span.loaded, t->arena, t->span.values);
    t->span.loaded |= fields;
    if (!err && feedback && !t->has_feedback) {
        err = feedback_of_span(t->tx, t->span.row.tenant, t->span.row.span_id, t->arena,
                               &t->feedback);
        t->has_feedback = true;
    }
    span_match_init(&t->match, &t->span, t->has_feedback ? &t->feedback : NULL, t->arena);
    return err;
}

enum err span_testing_test(struct span_testing *t, const struct filter *filter, bool *matches)
{
    enum filter_answer answer = span_match_test(&t->match, filter);
    enum err err = OK;

    if (answer == FILTER_UNKNOWN && !(err = load(t, filter)))
        answer = span_match_test(&t->match, filter);
    *matches = !err && answer == FILTER_YES;
    return err;
}
