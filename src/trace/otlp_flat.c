/* otlp_flat.c -- attributes have no values inside values, so exporters write paths instead:
 *
 *   llm.input_messages.0.message.role = "user"        ┐   [{"role": "user", "content": "Hi"}]
 *   llm.input_messages.0.message.content = "Hi"       ┘
 *
 * The paths are sorted, number by number, so what belongs together stands together. Below a number
 * the words that only wrap (message, tool_call …) are passed over. */
#include <stdlib.h>

#include "trace/otlp_priv.h"

#define SEGMENTS_MAX 16 /* what is behind them stays one key */
#define DIGITS_MAX 6

struct item {
    struct str path;
    const struct otlp_value *value;
};

static bool is_number(struct str segment)
{
    if (segment.len == 0 || segment.len > DIGITS_MAX)
        return false;
    for (size_t i = 0; i < segment.len; i++)
        if (segment.data[i] < '0' || segment.data[i] > '9')
            return false;
    return true;
}

static int compare_segments(struct str a, struct str b)
{
    int64_t first, second;

    if (is_number(a) && is_number(b) && !str_to_i64(a, &first) && !str_to_i64(b, &second))
        return (first > second) - (first < second);
    return str_compare(a, b);
}

static int by_path(const void *a, const void *b)
{
    const struct item *first = a, *second = b;
    struct str rest = first->path, other = second->path, segment, against;
    int order = 0;

    while (order == 0 && str_split(&rest, '.', &segment)) {
        if (!str_split(&other, '.', &against))
            return 1;
        order = compare_segments(segment, against);
    }
    return order ? order : other.len > 0 ? -1 : 0;
}

/* The segment that stands at `depth`; false: the path ends before. The last one takes the rest. */
static bool segment_at(struct str path, size_t depth, struct str *segment)
{
    for (size_t i = 0; i <= depth; i++) {
        if (i == SEGMENTS_MAX && path.len > 0) {
            *segment = path;
            return i == depth;
        }
        if (!str_split(&path, '.', segment))
            return false;
    }
    return true;
}

/* How many of the items have the first one's segment. */
static size_t group_len(const struct item *items, size_t count, size_t depth)
{
    struct str first, other;
    size_t len = 1;

    if (!segment_at(items[0].path, depth, &first))
        return 1;
    while (len < count && segment_at(items[len].path, depth, &other) &&
           compare_segments(first, other) == 0)
        len++;
    return len;
}

static bool are_numbers(const struct item *items, size_t count, size_t depth)
{
    struct str segment;

    for (size_t i = 0; i < count; i++)
        if (!segment_at(items[i].path, depth, &segment) || !is_number(segment))
            return false;
    return true;
}

/* "message" in input_messages.0.message.role: all items have it, and it says nothing. */
static bool is_wrapped(const struct item *items, size_t count, size_t depth)
{
    static const char *const words[] = {"message", "tool_call", "message_content", "document",
                                        NULL};
    struct str segment, behind;

    if (group_len(items, count, depth) < count || !segment_at(items[0].path, depth, &segment) ||
        !segment_at(items[0].path, depth + 1, &behind))
        return false;
    return str_is_one_of(segment, words);
}

static void write_range(struct json_writer *json, const struct item *items, size_t count,
                        size_t depth);

static void write_groups(struct json_writer *json, const struct item *items, size_t count,
                         size_t depth)
{
    bool is_array = are_numbers(items, count, depth);
    struct str key = STR("");
    size_t len;

    for (size_t at = 0; at < count; at += len) {
        size_t below = depth + 1;

        len = group_len(items + at, count - at, depth);
        if (!is_array && segment_at(items[at].path, depth, &key))
            json_key_str(json, key);
        if (is_array && is_wrapped(items + at, len, below))
            below++;
        write_range(json, items + at, len, below);
    }
}

/* A value of a path that others go beyond gives way to them. */
static void write_range(struct json_writer *json, const struct item *items, size_t count,
                        size_t depth)
{
    struct str segment;

    while (count > 1 && !segment_at(items[0].path, depth, &segment)) {
        items++;
        count--;
    }
    if (!segment_at(items[0].path, depth, &segment)) {
        otlp_value_write(json, items[0].value);
    } else if (are_numbers(items, count, depth)) {
        json_begin_array(json);
        write_groups(json, items, count, depth);
        json_end_array(json);
    } else {
        json_begin_object(json);
        write_groups(json, items, count, depth);
        json_end_object(json);
    }
}

bool otlp_flat_write(struct otlp_run *run, const char *prefix, struct json_writer *json)
{
    const struct otlp_attributes *attributes = &run->span->attributes;
    struct str front = arena_printf(run->arena, "%s.", prefix);
    struct item *items = NULL;
    size_t count = 0;

    for (size_t i = 0; i < attributes->count; i++) {
        const struct otlp_attribute *attribute = &attributes->list[i];

        if (!str_starts(attribute->key, front) || attribute->key.len == front.len)
            continue;
        if (!items)
            items = ARENA_ARRAY(run->arena, struct item, attributes->count);
        items[count++] = (struct item){str_from(attribute->key, front.len), &attribute->value};
    }
    if (count == 0)
        return false;
    qsort(items, count, sizeof(*items), by_path);
    write_range(json, items, count, 0);
    return true;
}
