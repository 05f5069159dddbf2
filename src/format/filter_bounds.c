/* filter_bounds.c -- what every match fulfils: the conjuncts at the top that a table can look up.
 *
 * Of two conjuncts on one attribute the first is taken (times: both); what is not understood here
 * bounds nothing. */
#include "format/filter_priv.h"

#include <math.h>

struct finder {
    struct arena *arena;
    struct filter_bounds *bounds;
};

static bool is_equality(const struct filter_condition *condition)
{
    return (condition->comparator == COMPARE_EQ || condition->comparator == COMPARE_IN) &&
           !filter_is_of_null(condition);
}

static void texts_bound(struct finder *f, const struct filter_condition *condition,
                        struct filter_texts *texts)
{
    struct str *list;

    if (!is_equality(condition) || texts->count > 0)
        return;
    list = ARENA_ARRAY(f->arena, struct str, condition->operand_count);
    for (size_t i = 0; i < condition->operand_count; i++) {
        struct str copy = arena_str(f->arena, condition->operands[i].text);
        char *letters = arena_cstr(f->arena, copy);

        for (size_t at = 0; condition->target.class == CLASS_WORD && at < copy.len; at++)
            if (letters[at] >= 'A' && letters[at] <= 'Z')
                letters[at] = (char)(letters[at] | 0x20);
        list[i] = str_range(letters, copy.len);
    }
    *texts = (struct filter_texts){list, condition->operand_count};
}

static void ids_bound(struct finder *f, const struct filter_condition *condition,
                      struct filter_ids *ids)
{
    struct uuid *list;

    if (!is_equality(condition) || ids->count > 0)
        return;
    list = ARENA_ARRAY(f->arena, struct uuid, condition->operand_count);
    for (size_t i = 0; i < condition->operand_count; i++)
        list[i] = condition->operands[i].id;
    *ids = (struct filter_ids){list, condition->operand_count};
}

static void time_bound(struct finder *f, const struct filter_condition *condition)
{
    struct filter_bounds *b = f->bounds;
    enum filter_comparator comparator = condition->comparator;
    int64_t at_us = (int64_t)condition->operands[0].number;

    if (filter_is_of_null(condition))
        return;
    if (comparator == COMPARE_EQ || comparator == COMPARE_GT || comparator == COMPARE_GTE)
        b->start_min_us = at_us > b->start_min_us ? at_us : b->start_min_us;
    if (comparator == COMPARE_EQ || comparator == COMPARE_LT || comparator == COMPARE_LTE)
        b->start_max_us = at_us < b->start_max_us ? at_us : b->start_max_us;
}

/* Numbers are compared as doubles, so a bound is a little wider than what is written. */
static int64_t widened(double number, double by)
{
    double wide = number + by * (fabs(number) * 1e-15 + 1);

    return wide <= -9e18 ? INT64_MIN : wide >= 9e18 ? INT64_MAX : (int64_t)wide;
}

static void range_raise(struct filter_range *range, int64_t min)
{
    range->min = range->has_min && range->min > min ? range->min : min;
    range->has_min = true;
}

static void range_lower(struct filter_range *range, int64_t max)
{
    range->max = range->has_max && range->max < max ? range->max : max;
    range->has_max = true;
}

static void range_bound(const struct filter_condition *condition, struct filter_range *range)
{
    enum filter_comparator comparator = condition->comparator;
    int64_t min, max;

    if (filter_is_of_null(condition))
        return;
    min = widened(condition->operands[0].number, -1);
    max = widened(condition->operands[0].number, 1);
    if (comparator == COMPARE_EQ || comparator == COMPARE_GT || comparator == COMPARE_GTE)
        range_raise(range, min);
    if (comparator == COMPARE_EQ || comparator == COMPARE_LT || comparator == COMPARE_LTE)
        range_lower(range, max);
}

static void root_bound(struct finder *f, const struct filter_condition *condition)
{
    if (filter_is_of_null(condition))
        return;
    if ((condition->operands[0].number > 0) == (condition->comparator == COMPARE_EQ))
        f->bounds->only_roots = true;
    else
        f->bounds->only_children = true;
}

/* neq(error, null), or anything said of its text. */
static void error_bound(struct finder *f, const struct filter_condition *condition)
{
    static const struct str status[] = {{"error", 5}};

    if (filter_is_denial(condition) == filter_is_of_null(condition) &&
        f->bounds->statuses.count == 0)
        f->bounds->statuses = (struct filter_texts){status, 1};
}

static void condition_bound(struct finder *f, const struct filter_condition *condition)
{
    struct filter_bounds *b = f->bounds;
    struct filter_texts *texts[FILTER_ATTRIBUTE_COUNT] = {
        [FILTER_NAME] = &b->names,
        [FILTER_RUN_TYPE] = &b->run_types,
        [FILTER_STATUS] = &b->statuses,
        [FILTER_THREAD_ID] = &b->threads,
    };
    struct filter_ids *ids[FILTER_ATTRIBUTE_COUNT] = {
        [FILTER_ID] = &b->ids,
        [FILTER_TRACE_ID] = &b->traces,
        [FILTER_PARENT_ID] = &b->parents,
        [FILTER_PROJECT_ID] = &b->projects,
        [FILTER_EXAMPLE_ID] = &b->examples,
    };
    struct filter_range *ranges[FILTER_ATTRIBUTE_COUNT] = {
        [FILTER_END_TIME] = &b->end_us,
        [FILTER_LATENCY] = &b->latency_us,
        [FILTER_TOTAL_TOKENS] = &b->total_tokens,
        [FILTER_TOTAL_COST] = &b->total_cost,
    };
    enum filter_attribute attribute = condition->target.attribute;

    if (condition->target.class == CLASS_ERROR)
        error_bound(f, condition);
    else if (condition->target.class == CLASS_PATH)
        return;
    else if (texts[attribute])
        texts_bound(f, condition, texts[attribute]);
    else if (ids[attribute])
        ids_bound(f, condition, ids[attribute]);
    else if (ranges[attribute])
        range_bound(condition, ranges[attribute]);
    else if (attribute == FILTER_START_TIME)
        time_bound(f, condition);
    else if (attribute == FILTER_IS_ROOT)
        root_bound(f, condition);
}

static void group_bound(struct finder *f, const struct filter_group *group)
{
    for (size_t i = 0; i < group->same_count && group->family == FILTER_FEEDBACK; i++) {
        const struct filter_condition *condition = group->same[i];

        if (condition->target.field == FIELD_KEY && is_equality(condition) &&
            condition->operand_count == 1)
            f->bounds->feedback_key = condition->operands[0].text;
    }
}

static void node_bound(struct finder *f, const struct filter_node *node)
{
    if (node->kind == NODE_CONDITION)
        condition_bound(f, node->condition);
    else if (node->kind == NODE_GROUP)
        group_bound(f, node->group);
    for (size_t i = 0; node->kind == NODE_AND && i < node->child_count; i++)
        node_bound(f, node->children[i]);
}

void filter_bounds_find(struct arena *arena, const struct filter_node *root,
                        struct filter_bounds *bounds)
{
    struct finder f = {arena, bounds};

    *bounds = (struct filter_bounds){
        .start_min_us = INT64_MIN, .start_max_us = INT64_MAX, .feedback_key = STR_NONE};
    if (!root)
        return;
    node_bound(&f, root);
    bounds->marks = filter_marks_of_node(root);
}
