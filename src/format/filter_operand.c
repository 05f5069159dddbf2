/* filter_operand.c -- literals in the terms of what they are compared with: seconds as
 * microseconds, dollars as picodollars, ISO text as an instant. */
#include "format/filter_priv.h"

#include <math.h>

#include "base/time.h"

#define PICO_PER_DOLLAR 1e12

struct context {
    struct arena *arena;
    struct filter_condition *condition;
    struct filter_error *error;
};

static enum err refuse(const struct context *c, const struct filter_part *part, const char *wanted)
{
    return filter_refuse(c->error, ERR_INVALID, part->position, "%s takes %s",
                         c->condition->target.name, wanted);
}

static bool is_numeric(const struct filter_part *part)
{
    return part->kind == PART_NUMBER || part->kind == PART_BOOL;
}

/* "5s", "1.5", 5, 5s. */
static bool seconds_of(struct arena *arena, const struct filter_part *part, double *seconds)
{
    struct filter_part *inner;
    struct filter_error ignored;

    if (part->kind == PART_STRING)
        return !filter_syntax_parse(arena, part->text, &inner, &ignored) &&
               inner->kind != PART_STRING && seconds_of(arena, inner, seconds);
    *seconds = part->number;
    return part->kind == PART_NUMBER || part->kind == PART_DURATION;
}

static bool bool_of(const struct filter_part *part, double *value)
{
    bool parsed;

    if (part->kind == PART_STRING && !str_to_bool(part->text, &parsed)) {
        *value = parsed;
        return true;
    }
    *value = part->number;
    return is_numeric(part) && (part->number == 0 || part->number == 1);
}

static bool number_of(const struct filter_part *part, double *value)
{
    *value = part->number;
    return is_numeric(part) || (part->kind == PART_STRING && !str_to_double(part->text, value));
}

static bool time_of(const struct filter_part *part, double *value)
{
    int64_t at_us;

    if (part->kind != PART_STRING || time_parse_iso(part->text, &at_us))
        return false;
    *value = (double)at_us;
    return true;
}

/* As the operand of a text, a pair or a path: all of its forms. */
static bool scalar_of(const struct filter_part *part, struct filter_operand *operand)
{
    operand->text = part->text;
    operand->is_bool = part->kind == PART_BOOL;
    operand->has_number = number_of(part, &operand->number);
    return part->kind != PART_LIST && part->kind != PART_CALL;
}

static enum err operand_compile(const struct context *c, const struct filter_part *part,
                                struct filter_operand *operand)
{
    operand->text = part->text;
    operand->is_null = part->kind == PART_NULL;
    operand->has_number = true;
    if (operand->is_null)
        return OK;
    switch (c->condition->target.class) {
    case CLASS_ID:
        return uuid_parse_loose(part->text, &operand->id) ? refuse(c, part, "UUIDs") : OK;
    case CLASS_BOOL:
        return bool_of(part, &operand->number) ? OK : refuse(c, part, "true or false");
    case CLASS_TIME:
        return time_of(part, &operand->number) ? OK : refuse(c, part, "an ISO time in quotes");
    case CLASS_SECONDS:
        if (!seconds_of(c->arena, part, &operand->number))
            return refuse(c, part, "seconds, or a duration such as \"1.5s\" or \"200ms\"");
        operand->number = round(operand->number * (double)US_PER_SECOND);
        return OK;
    case CLASS_NUMBER:
        return number_of(part, &operand->number) ? OK : refuse(c, part, "a number");
    case CLASS_MONEY:
        if (!number_of(part, &operand->number))
            return refuse(c, part, "a number of dollars");
        operand->number = round(operand->number * PICO_PER_DOLLAR);
        return OK;
    case CLASS_TEXT:
    case CLASS_WORD:
    case CLASS_ERROR:
    case CLASS_TAGS:
    case CLASS_DOCUMENT:
    case CLASS_PAIR:
    case CLASS_PATH:
        break;
    }
    return scalar_of(part, operand) ? OK : refuse(c, part, "a single value");
}

/* A list gives all its items, anything else one. */
static enum err operands_list(const struct context *c, const struct filter_part *value)
{
    bool is_list = value->kind == PART_LIST;
    const struct filter_part *part = is_list ? value->first : value;
    size_t count = is_list ? value->count : 1;
    struct filter_operand *list = ARENA_ARRAY(c->arena, struct filter_operand, count + 1);
    enum err err = OK;

    for (size_t i = 0; !err && i < count; i++, part = part->next)
        err = operand_compile(c, part, &list[i]);
    c->condition->operands = list;
    c->condition->operand_count = count;
    return err;
}

static enum err json_operand(const struct context *c, const struct filter_part *value)
{
    if (value->kind != PART_STRING || json_parse(c->arena, value->text, &c->condition->json, NULL))
        return refuse(c, value, "JSON text in quotes here, such as '{\"key\": \"value\"}'");
    return OK;
}

static enum err text_operand(const struct context *c, const struct filter_part *value)
{
    struct filter_condition *condition = c->condition;

    if (value->kind != PART_STRING && !is_numeric(value))
        return refuse(c, value, "text in quotes here");
    if (condition->comparator != COMPARE_SEARCH)
        filter_pattern_compile(c->arena, value->text, &condition->pattern);
    else if (!filter_words_compile(c->arena, value->text, &condition->words))
        return filter_refuse(c->error, ERR_INVALID, value->position,
                             "there is nothing to search for");
    return OK;
}

enum err filter_operands_compile(struct arena *arena, struct filter_condition *condition,
                                 const struct filter_part *value, struct filter_error *error)
{
    const struct context c = {arena, condition, error};
    bool takes_list = condition->comparator == COMPARE_IN ||
                      (condition->target.class == CLASS_TAGS && value->kind == PART_LIST);
    bool is_equality = condition->comparator == COMPARE_EQ || condition->comparator == COMPARE_NEQ;

    if (condition->comparator == COMPARE_LIKE || condition->comparator == COMPARE_NOTLIKE ||
        condition->comparator == COMPARE_SEARCH)
        return text_operand(&c, value);
    if (condition->comparator == COMPARE_HAS && condition->target.class == CLASS_DOCUMENT)
        return json_operand(&c, value);
    if (value->kind == PART_LIST && !takes_list)
        return refuse(&c, value, "a single value here; a list goes with in(…)");
    if (value->kind == PART_NULL && !is_equality)
        return refuse(&c, value, "null only in eq and neq");
    return operands_list(&c, value);
}
