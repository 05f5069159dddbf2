/* Filters with operators. */
#include "store/item_match.h"

#define DEPTH_MAX 64

enum operator{ OP_EQ, OP_NE, OP_GT, OP_GTE, OP_LT, OP_LTE, OP_UNKNOWN };

static enum operator operator_of(struct str name)
{
    static const char *const names[] = {"$eq", "$ne", "$gt", "$gte", "$lt", "$lte"};
    size_t i = 0;

    while (i < ARRAY_LEN(names) && !str_eq(name, str_of(names[i])))
        i++;
    return (enum operator)i;
}

/* {"$gt": 1}: its members are operators. */
static bool is_operators(const struct json *filter)
{
    struct json_iter iter = json_iter(filter);
    const struct json *operand;
    struct str name;

    if (json_type(filter) != JSON_OBJECT)
        return false;
    while (json_next(&iter, &name, &operand))
        if (str_starts(name, STR("$")))
            return true;
    return false;
}

static enum err check(const struct json *filter, unsigned depth, struct str *unknown)
{
    struct json_iter iter = json_iter(filter);
    const struct json *wanted;
    struct str name;
    enum err err = OK;

    if (json_type(filter) != JSON_OBJECT || depth > DEPTH_MAX)
        return depth > 0 && depth <= DEPTH_MAX ? OK : ERR_INVALID;
    while (!err && json_next(&iter, &name, &wanted)) {
        if (depth > 0 && is_operators(filter) && operator_of(name) == OP_UNKNOWN) {
            *unknown = name;
            return ERR_INVALID;
        }
        err = check(wanted, depth + 1, unknown);
    }
    return err;
}

enum err item_filter_check(const struct json *filter, struct str *unknown)
{
    *unknown = STR_NONE;
    return check(filter, 0, unknown);
}

static bool has_operators(const struct json *filter, unsigned depth)
{
    struct json_iter iter = json_iter(filter);
    const struct json *wanted;
    struct str name;

    if (json_type(filter) != JSON_OBJECT || depth > DEPTH_MAX)
        return false;
    while (json_next(&iter, &name, &wanted))
        if (is_operators(wanted) || has_operators(wanted, depth + 1))
            return true;
    return false;
}

bool item_filter_has_operators(const struct json *filter)
{
    return has_operators(filter, 0);
}

/* Less than 0, 0, more than 0; false: they cannot be compared. */
static bool compare(const struct json *a, const struct json *b, int *order)
{
    if (json_type(a) == JSON_STRING && json_type(b) == JSON_STRING) {
        *order = str_compare(json_string(a), json_string(b));
        return true;
    }
    if (json_type(a) != JSON_NUMBER || json_type(b) != JSON_NUMBER)
        return false;
    if (json_is_integer(a) && json_is_integer(b))
        *order = (json_i64(a, 0) > json_i64(b, 0)) - (json_i64(a, 0) < json_i64(b, 0));
    else
        *order = (json_double(a, 0) > json_double(b, 0)) - (json_double(a, 0) < json_double(b, 0));
    return true;
}

static bool operator_fits(enum operator op, const struct json *value, const struct json *operand)
{
    int order;

    switch (op) {
    case OP_EQ:
        return value && json_equals(value, operand);
    case OP_NE:
        return !value || !json_equals(value, operand);
    case OP_GT:
        return compare(value, operand, &order) && order > 0;
    case OP_GTE:
        return compare(value, operand, &order) && order >= 0;
    case OP_LT:
        return compare(value, operand, &order) && order < 0;
    case OP_LTE:
        return compare(value, operand, &order) && order <= 0;
    case OP_UNKNOWN:
        return false;
    }
    return false;
}

static bool operators_fit(const struct json *value, const struct json *operators)
{
    struct json_iter iter = json_iter(operators);
    const struct json *operand;
    struct str name;

    while (json_next(&iter, &name, &operand))
        if (!operator_fits(operator_of(name), value, operand))
            return false;
    return true;
}

static bool matches(const struct json *value, const struct json *filter, unsigned depth)
{
    struct json_iter iter = json_iter(filter);
    const struct json *wanted;
    struct str name;
    bool fits = json_type(value) == JSON_OBJECT && depth <= DEPTH_MAX;

    while (fits && json_next(&iter, &name, &wanted)) {
        const struct json *found = json_get_str(value, name);

        if (is_operators(wanted))
            fits = operators_fit(found, wanted);
        else if (json_type(wanted) == JSON_OBJECT)
            fits = matches(found, wanted, depth + 1);
        else
            fits = found && json_equals(found, wanted);
    }
    return fits;
}

bool item_matches(const struct json *value, const struct json *filter)
{
    return matches(value, filter, 0);
}
