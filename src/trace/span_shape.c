/* span_shape.c -- see span_shape.h. */
#include "trace/span_shape.h"

#define EVENTS_BYTES_MORE 16 /* for each event that is wrapped */

struct span_wrap span_shape_wrap(enum span_field field, char first)
{
    const struct span_wrap as_it_is = {STR(""), STR("")};

    switch (field) {
    case SPAN_INPUTS:
        return first == '{' ? as_it_is : (struct span_wrap){STR("{\"input\":"), STR("}")};
    case SPAN_OUTPUTS:
        return first == '{' ? as_it_is : (struct span_wrap){STR("{\"output\":"), STR("}")};
    case SPAN_EXTRA:
    case SPAN_SERIALIZED:
        return first == '{' ? as_it_is : (struct span_wrap){STR("{\"value\":"), STR("}")};
    case SPAN_EVENTS:
        if (first == '[')
            return as_it_is;
        return first == '{' ? (struct span_wrap){STR("["), STR("]")}
                            : (struct span_wrap){STR("[{\"value\":"), STR("}]")};
    case SPAN_ERROR_TEXT:
    case SPAN_FIELD_COUNT:
        break;
    }
    return as_it_is;
}

static bool are_objects(const struct json *array)
{
    struct json_iter iter = json_iter(array);
    const struct json *item;

    while (json_next(&iter, NULL, &item))
        if (json_type(item) != JSON_OBJECT)
            return false;
    return true;
}

static struct str events_wrap(struct arena *arena, struct str text, const struct json *events)
{
    struct str key, item, shaped;
    size_t at = 0;
    struct buf out;

    buf_init(&out, text.len + EVENTS_BYTES_MORE * json_count(events) + 2);
    while (json_raw_next(text, &at, &key, &item)) {
        bool is_object = item.data[0] == '{';

        buf_add(&out, out.len ? STR(",") : STR("["));
        buf_add(&out, is_object ? STR("") : STR("{\"value\":"));
        buf_add(&out, item);
        buf_add(&out, is_object ? STR("") : STR("}"));
    }
    buf_add_char(&out, ']');
    REQUIRE(!out.failed);
    shaped = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return shaped;
}

static struct str as_string(struct arena *arena, struct str text)
{
    struct json_writer json;
    struct str shaped;
    struct buf out;

    buf_init(&out, 6 * text.len + 2); /* \u0000 of each */
    json_writer_init(&json, &out);
    json_str_out(&json, text);
    shaped = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return shaped;
}

struct str span_shape(struct arena *arena, enum span_field field, struct str text,
                      const struct json *value)
{
    struct span_wrap wrap;

    if (field == SPAN_ERROR_TEXT)
        return json_type(value) == JSON_STRING ? text : as_string(arena, str_trim(text));
    if (field == SPAN_EVENTS && json_type(value) == JSON_ARRAY)
        return are_objects(value) ? text : events_wrap(arena, text, value);
    /* Some languages write an empty object so. */
    if (json_type(value) == JSON_ARRAY && json_count(value) == 0)
        return STR("{}");
    text = str_trim(text);
    wrap = span_shape_wrap(field, text.data[0]);
    if (wrap.before.len == 0)
        return text;
    return arena_concat(arena, (struct str[]){wrap.before, text, wrap.behind}, 3);
}
