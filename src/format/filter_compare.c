/* filter_compare.c -- one condition and one value. */
#include "format/filter_priv.h"

#include <stdio.h>

#define NUMBER_TEXT_MAX 40

bool filter_absent_meets(const struct filter_condition *condition)
{
    return filter_is_of_null(condition);
}

static bool ordered(enum filter_comparator comparator, int order)
{
    return (comparator == COMPARE_GT && order > 0) || (comparator == COMPARE_GTE && order >= 0) ||
           (comparator == COMPARE_LT && order < 0) || (comparator == COMPARE_LTE && order <= 0);
}

static bool is_order(enum filter_comparator comparator)
{
    return comparator >= COMPARE_GT && comparator <= COMPARE_LTE;
}

static int number_order(double a, double b)
{
    return (a > b) - (a < b);
}

bool filter_number_meets(const struct filter_condition *condition, double number)
{
    if (is_order(condition->comparator))
        return ordered(condition->comparator, number_order(number, condition->operands[0].number));
    for (size_t i = 0; i < condition->operand_count; i++)
        if (!condition->operands[i].is_null &&
            number_order(number, condition->operands[i].number) == 0)
            return true;
    return false;
}

static bool words_meet(const struct filter_condition *condition, struct str text)
{
    return filter_words_find(&condition->words, 0, text) == filter_words_all(&condition->words);
}

bool filter_text_meets(const struct filter_condition *condition, struct str text)
{
    bool any_case = condition->target.class == CLASS_WORD;

    if (condition->comparator == COMPARE_SEARCH)
        return words_meet(condition, text);
    if (condition->comparator == COMPARE_LIKE || condition->comparator == COMPARE_NOTLIKE)
        return filter_pattern_matches(&condition->pattern, text);
    for (size_t i = 0; i < condition->operand_count; i++) {
        const struct filter_operand *operand = &condition->operands[i];

        if (operand->is_null)
            continue;
        if (any_case ? str_eq_nocase(text, operand->text) : str_eq(text, operand->text))
            return true;
    }
    return false;
}

/* ---- scalars of pairs and paths ---- */

static bool scalar_equals(const struct filter_operand *operand, const struct filter_scalar *scalar)
{
    int64_t integer;

    if (operand->is_null)
        return scalar->kind == SCALAR_NULL;
    switch (scalar->kind) {
    case SCALAR_TEXT:
        return operand->is_bool ? str_eq_nocase(scalar->text, operand->text)
                                : str_eq(scalar->text, operand->text);
    case SCALAR_NUMBER:
        /* Integers beyond 2^53 are told apart. */
        if (json_is_integer(scalar->json) && !str_to_i64(operand->text, &integer))
            return integer == json_i64(scalar->json, 0);
        return operand->has_number && number_order(scalar->number, operand->number) == 0;
    case SCALAR_BOOL:
        return str_eq_nocase(operand->text, scalar->number > 0 ? STR("true") : STR("false")) ||
               (operand->has_number && number_order(scalar->number, operand->number) == 0);
    case SCALAR_NULL:
    case SCALAR_OTHER:
        break;
    }
    return false;
}

/* Numbers by their size, also those in quotes; texts bytewise; never one with the other. */
static bool scalar_ordered(const struct filter_condition *condition,
                           const struct filter_scalar *scalar)
{
    const struct filter_operand *operand = &condition->operands[0];
    double number = scalar->number;

    if (scalar->kind == SCALAR_NULL || scalar->kind == SCALAR_OTHER)
        return false;
    if (scalar->kind == SCALAR_TEXT && !operand->has_number)
        return ordered(condition->comparator, str_compare(scalar->text, operand->text));
    if (scalar->kind == SCALAR_TEXT && str_to_double(scalar->text, &number))
        return false;
    return operand->has_number &&
           ordered(condition->comparator, number_order(number, operand->number));
}

/* For like and search: as it would stand in JSON. */
static bool scalar_text(const struct filter_scalar *scalar, char buffer[NUMBER_TEXT_MAX],
                        struct str *text)
{
    switch (scalar->kind) {
    case SCALAR_TEXT:
        *text = scalar->text;
        return true;
    case SCALAR_BOOL:
        *text = scalar->number > 0 ? STR("true") : STR("false");
        return true;
    case SCALAR_NUMBER:
        if (json_is_integer(scalar->json))
            snprintf(buffer, NUMBER_TEXT_MAX, "%lld", (long long)json_i64(scalar->json, 0));
        else
            snprintf(buffer, NUMBER_TEXT_MAX, "%.15g", scalar->number);
        *text = str_of(buffer);
        return true;
    case SCALAR_NULL:
    case SCALAR_OTHER:
        break;
    }
    return false;
}

bool filter_scalar_meets(const struct filter_condition *condition,
                         const struct filter_scalar *scalar)
{
    char buffer[NUMBER_TEXT_MAX];
    struct str text;

    if (condition->pattern.count > 0 || condition->words.count > 0)
        return scalar_text(scalar, buffer, &text) && filter_text_meets(condition, text);
    if (is_order(condition->comparator))
        return scalar_ordered(condition, scalar);
    for (size_t i = 0; i < condition->operand_count; i++)
        if (scalar_equals(&condition->operands[i], scalar))
            return true;
    return false;
}

/* ---- tags ---- */

static bool has_tag(const struct json *tags, struct str tag)
{
    struct json_iter iter = json_iter(tags);
    const struct json *item;

    while (json_next(&iter, NULL, &item))
        if (json_type(item) == JSON_STRING && str_eq(json_string(item), tag))
            return true;
    return false;
}

/* in: one of them; everything else: all of them. */
bool filter_tags_meet(const struct filter_condition *condition, const struct json *tags)
{
    bool is_any = condition->comparator == COMPARE_IN;

    if (filter_is_of_null(condition))
        return json_count(tags) == 0;
    for (size_t i = 0; i < condition->operand_count; i++)
        if (has_tag(tags, condition->operands[i].text) == is_any)
            return is_any;
    return !is_any;
}
