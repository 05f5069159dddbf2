/* traces_turns.c -- see traces_turns.h. */
#include "api/traces_turns.h"

#include "store/feedback.h"
#include "store/span_values.h"

static void turns_restart(void *context)
{
    struct traces_turns *turns = context;

    traces_turns_release(turns);
    thread_groups_init(&turns->groups, turns->arena);
    turns->has_groups = true;
    turns->err = OK;
}

static bool turns_visit(void *context, struct tx *tx, struct span_match *match)
{
    struct traces_turns *turns = context;
    const struct span_row *row = &match->span->row;
    struct feedback_rows feedback = {0};

    if (turns->has_feedback && !str_is_none(row->thread_id))
        turns->err = feedback_of_span(tx, row->tenant, row->span_id, match->arena, &feedback);
    if (turns->err)
        return false;
    thread_groups_add(&turns->groups, row, &feedback);
    return true;
}

struct span_visitor traces_turns_visitor(struct traces_turns *turns)
{
    return (struct span_visitor){turns_restart, turns_visit, turns};
}

void traces_turns_release(struct traces_turns *turns)
{
    if (turns->has_groups)
        thread_groups_release(&turns->groups);
    turns->has_groups = false;
}

enum err traces_turns_preview(struct tx *tx, const struct thread_group *group,
                              enum span_field field, struct str *preview)
{
    struct span_value values[SPAN_FIELD_COUNT];
    enum err err = span_values_get(tx, field == SPAN_INPUTS ? &group->first : &group->last,
                                   1u << field, tx->arena, values);

    if (!err)
        *preview = span_preview(values[field].bytes);
    return err;
}
