/* filter_target.c -- what can be compared, and with which comparators. */
#include "format/filter_syntax_priv.h"

#include <stdio.h>

#include "base/nearest.h"

#define PAIR(name, family, field)                                                                  \
    {                                                                                              \
        (name), (family), CLASS_PAIR, (field),                                                     \
        {                                                                                          \
            NULL, 0                                                                                \
        }                                                                                          \
    }
#define SIMPLE(name, attribute, class)                                                             \
    {                                                                                              \
        (name), (attribute), (class), FIELD_KEY,                                                   \
        {                                                                                          \
            NULL, 0                                                                                \
        }                                                                                          \
    }

/* execution_order is 1 for roots: the tracing API's older name for is_root. */
#define EXECUTION_ORDER "execution_order"

static const struct filter_target targets[] = {
    SIMPLE("id", FILTER_ID, CLASS_ID),
    SIMPLE("trace_id", FILTER_TRACE_ID, CLASS_ID),
    SIMPLE("parent_run_id", FILTER_PARENT_ID, CLASS_ID),
    SIMPLE("session_id", FILTER_PROJECT_ID, CLASS_ID),
    SIMPLE("project_id", FILTER_PROJECT_ID, CLASS_ID),
    SIMPLE("reference_example_id", FILTER_EXAMPLE_ID, CLASS_ID),
    SIMPLE("reference_dataset_id", FILTER_DATASET_ID, CLASS_ID),
    SIMPLE("name", FILTER_NAME, CLASS_TEXT),
    SIMPLE("run_type", FILTER_RUN_TYPE, CLASS_WORD),
    SIMPLE("status", FILTER_STATUS, CLASS_WORD),
    SIMPLE("thread_id", FILTER_THREAD_ID, CLASS_TEXT),
    SIMPLE("error", FILTER_ERROR, CLASS_ERROR),
    SIMPLE("is_root", FILTER_IS_ROOT, CLASS_BOOL),
    SIMPLE(EXECUTION_ORDER, FILTER_IS_ROOT, CLASS_BOOL),
    SIMPLE("start_time", FILTER_START_TIME, CLASS_TIME),
    SIMPLE("end_time", FILTER_END_TIME, CLASS_TIME),
    SIMPLE("first_token_time", FILTER_FIRST_TOKEN_TIME, CLASS_TIME),
    SIMPLE("latency", FILTER_LATENCY, CLASS_SECONDS),
    SIMPLE("ttft", FILTER_TTFT, CLASS_SECONDS),
    SIMPLE("total_tokens", FILTER_TOTAL_TOKENS, CLASS_NUMBER),
    SIMPLE("prompt_tokens", FILTER_PROMPT_TOKENS, CLASS_NUMBER),
    SIMPLE("completion_tokens", FILTER_COMPLETION_TOKENS, CLASS_NUMBER),
    SIMPLE("total_cost", FILTER_TOTAL_COST, CLASS_MONEY),
    SIMPLE("prompt_cost", FILTER_PROMPT_COST, CLASS_MONEY),
    SIMPLE("completion_cost", FILTER_COMPLETION_COST, CLASS_MONEY),
    SIMPLE("tags", FILTER_TAGS, CLASS_TAGS),
    SIMPLE("metadata", FILTER_METADATA, CLASS_DOCUMENT),
    SIMPLE("inputs", FILTER_INPUTS, CLASS_DOCUMENT),
    SIMPLE("outputs", FILTER_OUTPUTS, CLASS_DOCUMENT),
    PAIR("metadata_key", FILTER_METADATA, FIELD_KEY),
    PAIR("metadata_value", FILTER_METADATA, FIELD_VALUE),
    PAIR("input_key", FILTER_INPUTS, FIELD_KEY),
    PAIR("input_value", FILTER_INPUTS, FIELD_VALUE),
    PAIR("output_key", FILTER_OUTPUTS, FIELD_KEY),
    PAIR("output_value", FILTER_OUTPUTS, FIELD_VALUE),
    PAIR("feedback_key", FILTER_FEEDBACK, FIELD_KEY),
    PAIR("feedback_score", FILTER_FEEDBACK, FIELD_SCORE),
    PAIR("feedback_value", FILTER_FEEDBACK, FIELD_VALUE),
    PAIR("feedback_source", FILTER_FEEDBACK, FIELD_SOURCE),
    PAIR("feedback_comment", FILTER_FEEDBACK, FIELD_COMMENT),
};

static const struct filter_target paths[] = {
    SIMPLE("metadata.", FILTER_METADATA, CLASS_PATH),
    SIMPLE("extra.metadata.", FILTER_METADATA, CLASS_PATH),
    SIMPLE("inputs.", FILTER_INPUTS, CLASS_PATH),
    SIMPLE("outputs.", FILTER_OUTPUTS, CLASS_PATH),
};

static const char *const comparators[COMPARE_COUNT] = {
    [COMPARE_EQ] = "eq",     [COMPARE_NEQ] = "neq",         [COMPARE_GT] = "gt",
    [COMPARE_GTE] = "gte",   [COMPARE_LT] = "lt",           [COMPARE_LTE] = "lte",
    [COMPARE_IN] = "in",     [COMPARE_HAS] = "has",         [COMPARE_SEARCH] = "search",
    [COMPARE_LIKE] = "like", [COMPARE_NOTLIKE] = "notlike", [COMPARE_EXISTS] = "exists",
};

#define BIT(comparator) (1U << (comparator))
#define EQUALITY (BIT(COMPARE_EQ) | BIT(COMPARE_NEQ))
#define ORDER (BIT(COMPARE_GT) | BIT(COMPARE_GTE) | BIT(COMPARE_LT) | BIT(COMPARE_LTE))
#define WORDS (BIT(COMPARE_SEARCH) | BIT(COMPARE_LIKE) | BIT(COMPARE_NOTLIKE))

bool filter_class_takes(enum filter_class class, enum filter_comparator comparator)
{
    static const unsigned taken[] = {
        [CLASS_ID] = EQUALITY | BIT(COMPARE_IN),
        [CLASS_TEXT] = EQUALITY | BIT(COMPARE_IN) | WORDS,
        [CLASS_WORD] = EQUALITY | BIT(COMPARE_IN),
        [CLASS_ERROR] = EQUALITY | WORDS,
        [CLASS_BOOL] = EQUALITY,
        [CLASS_TIME] = EQUALITY | ORDER,
        [CLASS_SECONDS] = EQUALITY | ORDER,
        [CLASS_NUMBER] = EQUALITY | ORDER | BIT(COMPARE_IN),
        [CLASS_MONEY] = EQUALITY | ORDER,
        [CLASS_TAGS] = EQUALITY | BIT(COMPARE_IN) | BIT(COMPARE_HAS),
        [CLASS_DOCUMENT] = WORDS | BIT(COMPARE_HAS) | BIT(COMPARE_EXISTS),
        [CLASS_PAIR] = EQUALITY | ORDER | WORDS | BIT(COMPARE_IN) | BIT(COMPARE_HAS),
        [CLASS_PATH] = EQUALITY | ORDER | WORDS | BIT(COMPARE_IN) | BIT(COMPARE_HAS),
    };

    return taken[class] & BIT(comparator);
}

bool filter_comparator_find(struct str name, enum filter_comparator *comparator)
{
    for (size_t i = 0; i < COMPARE_COUNT; i++)
        if (str_eq(name, str_of(comparators[i]))) {
            *comparator = (enum filter_comparator)i;
            return true;
        }
    return false;
}

const char *filter_comparator_name(enum filter_comparator comparator)
{
    return comparators[comparator];
}

/* " (did you mean name?)" if one is near. */
static void suggest(struct str name, char text[64])
{
    unsigned nearest = name.len < 6 ? 2 : 4;

    text[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        unsigned distance = nearest_distance(name, str_of(targets[i].name));

        if (distance >= nearest)
            continue;
        nearest = distance;
        snprintf(text, 64, " (did you mean %s?)", targets[i].name);
    }
}

enum err filter_target_find(const struct filter_part *part, struct filter_target *target,
                            struct filter_error *error)
{
    struct str name = part->text;
    char nearest[64];

    if (part->kind != PART_PATH && part->kind != PART_STRING)
        return filter_refuse(error, ERR_INVALID, part->position,
                             "the name of an attribute must stand here");
    for (size_t i = 0; i < ARRAY_LEN(targets); i++)
        if (str_eq(name, str_of(targets[i].name))) {
            *target = targets[i];
            return OK;
        }
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        if (str_starts(name, str_of(paths[i].name)) && name.len > strlen(paths[i].name)) {
            *target = paths[i];
            target->path = str_from(name, strlen(paths[i].name));
            return OK;
        }
    suggest(name, nearest);
    return filter_refuse(error, ERR_INVALID, part->position, "there is no attribute %.*s%s",
                         STR_ARG(str_first(name, 40)), nearest);
}
