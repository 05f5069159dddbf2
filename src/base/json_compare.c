/* json_compare.c -- equality and PostgreSQL's containment.
 *
 * Recursion here follows values that json_parse took: at most JSON_DEPTH_MAX deep. */
#include "base/json_priv.h"

/* yyjson keeps an integer signed only if it was written with a minus: "-0" is a signed 0. */
static bool is_negative(yyjson_val *integer)
{
    return yyjson_is_sint(integer) && yyjson_get_sint(integer) < 0;
}

static bool numbers_are_equal(yyjson_val *a, yyjson_val *b)
{
    if (yyjson_is_int(a) && yyjson_is_int(b))
        return is_negative(a) == is_negative(b) && a->uni.u64 == b->uni.u64;
    return !(yyjson_get_num(a) < yyjson_get_num(b)) && !(yyjson_get_num(a) > yyjson_get_num(b));
}

static bool scalars_are_equal(const struct json *a, const struct json *b)
{
    switch (json_type(a)) {
    case JSON_NULL:
        return true;
    case JSON_BOOL:
        return json_bool(a, false) == json_bool(b, false);
    case JSON_NUMBER:
        return numbers_are_equal(json_val(a), json_val(b));
    case JSON_STRING:
        return str_eq(json_string(a), json_string(b));
    case JSON_ABSENT:
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return false;
}

static bool is_container(const struct json *value)
{
    return json_type(value) == JSON_ARRAY || json_type(value) == JSON_OBJECT;
}

static bool arrays_are_equal(const struct json *a, const struct json *b)
{
    struct json_iter in_a = json_iter(a), in_b = json_iter(b);
    const struct json *item_a, *item_b;

    if (json_count(a) != json_count(b))
        return false;
    while (json_next(&in_a, NULL, &item_a) && json_next(&in_b, NULL, &item_b))
        if (!json_equals(item_a, item_b))
            return false;
    return true;
}

static bool objects_are_equal(const struct json *a, const struct json *b)
{
    struct json_iter in_a = json_iter(a), in_b = json_iter(b);
    const struct json *ignored;
    struct str key;

    /* By key, not by position of values: of equal keys only the last counts. */
    while (json_next(&in_a, &key, &ignored))
        if (!json_equals(json_get_str(a, key), json_get_str(b, key)))
            return false;
    while (json_next(&in_b, &key, &ignored))
        if (!json_get_str(a, key))
            return false;
    return true;
}

bool json_equals(const struct json *a, const struct json *b)
{
    enum json_type type = json_type(a);

    if (type != json_type(b))
        return false;
    if (type == JSON_ARRAY)
        return arrays_are_equal(a, b);
    if (type == JSON_OBJECT)
        return objects_are_equal(a, b);
    return type == JSON_ABSENT || scalars_are_equal(a, b);
}

static bool contains_same_kind(const struct json *value, const struct json *filter);

static bool array_has(const struct json *array, const struct json *wanted)
{
    struct json_iter iter = json_iter(array);
    const struct json *item;

    while (json_next(&iter, NULL, &item))
        if (contains_same_kind(item, wanted))
            return true;
    return false;
}

static bool contains_same_kind(const struct json *value, const struct json *filter)
{
    struct json_iter iter = json_iter(filter);
    const struct json *wanted;
    struct str key;

    if (json_type(value) != json_type(filter))
        return false;
    if (!is_container(filter))
        return scalars_are_equal(value, filter);
    while (json_next(&iter, &key, &wanted)) {
        bool is_there = json_type(filter) == JSON_ARRAY
                            ? array_has(value, wanted)
                            : contains_same_kind(json_get_str(value, key), wanted);
        if (!is_there)
            return false;
    }
    return true;
}

bool json_contains(const struct json *value, const struct json *filter)
{
    /* PostgreSQL's one exception, at the top only: an array contains a bare scalar. */
    if (json_type(value) == JSON_ARRAY && json_type(filter) != JSON_ABSENT && !is_container(filter))
        return array_has(value, filter);
    return contains_same_kind(value, filter);
}
