/* What a change makes of a span: pure, and the same whatever the order of changes. */
#include "format/dotted_order.h"
#include "store/spans.h"

/* Does the change say this field, and may it? */
static bool takes(const struct span_row *span, const struct span_change *change, unsigned bit)
{
    return change->given & bit && (change->layer == SPAN_PATCH || !(span->patched & bit));
}

/* Of the keys that name a thread the first one wins, whichever layer or change it came from. */
static bool takes_thread(const struct span_row *span, const struct span_change *change)
{
    unsigned bit = change->given & SPAN_HAS_THREAD;
    unsigned known = (span->posted | span->patched) & SPAN_HAS_THREAD;

    return bit && !(known & (bit - 1)) && takes(span, change, bit);
}

/* The post's word stands above the patch's; within a layer the first one stays, since a span does
 * not move. A post that names none goes where it is put, until somebody names one. */
static bool takes_project(const struct span_row *span, const struct span_change *change)
{
    unsigned known = change->layer == SPAN_POST ? span->posted : span->posted | span->patched;

    if (!(change->given & SPAN_HAS_PROJECT))
        return change->project_no && span->project_no == 0;
    return !(known & SPAN_HAS_PROJECT);
}

static void merge_name_and_times(struct span_row *span, const struct span_change *change)
{
    if (takes(span, change, SPAN_HAS_NAME))
        span->name = change->name;
    if (takes(span, change, SPAN_HAS_TYPE))
        span->type = change->type;
    if (takes(span, change, SPAN_HAS_START))
        span->start_us = change->start_us;
    if (takes(span, change, SPAN_HAS_END))
        span->end_us = change->end_us;
    if (takes(span, change, SPAN_HAS_FIRST_TOKEN))
        span->first_token_us = change->first_token_us;
    if (takes(span, change, SPAN_HAS_TAGS))
        span->tags = change->tags;
    if (takes(span, change, SPAN_HAS_FIELD(SPAN_ERROR_TEXT)))
        span->error_preview = change->error_preview;
}

static void merge_places(struct span_row *span, const struct span_change *change)
{
    if (takes(span, change, SPAN_HAS_TRACE))
        span->trace_id = change->trace_id;
    if (takes(span, change, SPAN_HAS_ORDER))
        span->dotted_order = change->dotted_order;
    if (takes(span, change, SPAN_HAS_PARENT)) {
        span->parent_id = change->parent_id;
        span->has_parent = true;
    }
    if (takes(span, change, SPAN_HAS_EXAMPLE)) {
        span->example_id = change->example_id;
        span->has_example = true;
    }
    if (takes(span, change, SPAN_HAS_ALIAS)) {
        span->alias_id = change->alias_id;
        span->has_alias = true;
    }
    if (takes_thread(span, change))
        span->thread_id = change->thread_id;
    if (takes_project(span, change))
        span->project_no = change->project_no;
}

/* Only ever added to: what is overwritten may still be looked for in vain. */
static void merge_marks(struct span_row *span, const struct span_change *change)
{
    unsigned told = change->given & (SPAN_HAS_TAGS | SPAN_HAS_FIELD(SPAN_EXTRA));
    struct marks marks = told & ~change->marked ? MARKS_ALL : change->marks;

    if (change->given & SPAN_HAS_NAME)
        marks = marks_both(marks, marks_of(MARKS_NAME, change->name));
    if (change->given & SPAN_HAS_THREAD)
        marks = marks_both(marks, marks_of(MARKS_THREAD, change->thread_id));
    if (change->given & SPAN_HAS_EXAMPLE)
        marks = marks_both(marks, marks_of_example(change->example_id));
    span->marks = marks_both(span->marks, marks);
}

static enum span_status status_of(unsigned given)
{
    if (given & SPAN_HAS_FIELD(SPAN_ERROR_TEXT))
        return SPAN_ERROR;
    return given & SPAN_HAS_END ? SPAN_SUCCESS : SPAN_PENDING;
}

void span_merge(struct span_row *span, const struct span_change *change)
{
    unsigned given;

    REQUIRE(span->span_no > 0);
    span->span_id = change->span_id;
    merge_name_and_times(span, change);
    merge_places(span, change);
    merge_marks(span, change);
    if (change->layer == SPAN_POST)
        span->posted |= change->given;
    else
        span->patched |= change->given;
    given = span->posted | span->patched;
    span->status = status_of(given);
    if (!(given & SPAN_HAS_START))
        span->start_us = span->received_us;
}

/* A dotted order that was given says all. */
static void place_by_order(struct span_row *span)
{
    struct dotted_order order;
    unsigned given = span->posted | span->patched;

    REQUIRE(!dotted_order_parse(span->dotted_order, &order)); /* it was checked when it came */
    span->depth = (int64_t)order.depth;
    span->trace_id = order.trace_id;
    span->has_parent = order.depth > 0;
    span->parent_id = order.depth > 0 ? order.parent_id : (struct uuid){{0}};
    if (!(given & SPAN_HAS_START))
        span->start_us = order.start_us;
}

void span_place(struct span_row *span, const struct span_row *parent, struct arena *arena)
{
    unsigned given = span->posted | span->patched;
    struct dotted_segment segment;
    struct str own;

    if (given & SPAN_HAS_ORDER) {
        place_by_order(span);
    } else if (parent) {
        own = dotted_segment_write(span->start_us, span->span_id, &segment);
        span->dotted_order =
            arena_concat(arena, (struct str[]){parent->dotted_order, STR("."), own}, 3);
        span->depth = parent->depth + 1;
        span->trace_id = parent->trace_id;
    } else {
        own = dotted_segment_write(span->start_us, span->span_id, &segment);
        span->dotted_order = arena_str(arena, own);
        span->depth = 0;
        if (!(given & SPAN_HAS_TRACE) || !span->has_parent)
            span->trace_id = span->span_id;
    }
    span->is_root = !span->has_parent;
}
