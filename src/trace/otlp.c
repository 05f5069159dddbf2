/* What readers and writers of OTLP share. */
#include "trace/otlp.h"

#include "crypto/base64.h"

#define BASE64_BYTES_MAX (64 * MIB)

enum err otlp_refuse(struct otlp_reader *r, const char *why)
{
    r->why = str_of(why);
    return ERR_INVALID;
}

struct otlp_attribute *otlp_add(struct otlp_reader *r, struct arena *arena,
                                struct otlp_attributes *to)
{
    if (to->count == OTLP_ATTRIBUTES_MAX || r->value_count == OTLP_VALUES_MAX) {
        r->why = to->count == OTLP_ATTRIBUTES_MAX
                     ? STR("a list of attributes or values has more than 4,096")
                     : STR("more than 1,000,000 attributes in one request");
        return NULL;
    }
    r->value_count++;
    to->list = arena_more(arena, to->list, to->count, &to->cap, sizeof(*to->list));
    return &to->list[to->count++];
}

struct otlp_event *otlp_add_event(struct otlp_reader *r, struct otlp_events *to)
{
    if (to->count == OTLP_ATTRIBUTES_MAX || r->value_count == OTLP_VALUES_MAX) {
        r->why = STR("a span has more than 4,096 events");
        return NULL;
    }
    r->value_count++;
    to->list = arena_more(&r->scratch, to->list, to->count, &to->cap, sizeof(*to->list));
    return &to->list[to->count++];
}

enum err otlp_give(struct otlp_reader *r, const struct otlp_span *span)
{
    if (r->span_count == OTLP_SPANS_MAX) {
        r->why = STR("more than 100,000 spans in one request");
        return ERR_LIMIT;
    }
    r->span_count++;
    r->on_span(r->context, span);
    arena_reset(&r->scratch);
    return OK;
}

const struct otlp_value *otlp_find(const struct otlp_attributes *attributes, const char *key)
{
    struct str wanted = str_of(key);

    for (size_t i = 0; i < attributes->count; i++)
        if (str_eq(attributes->list[i].key, wanted))
            return &attributes->list[i].value;
    return NULL;
}

struct str otlp_text(const struct otlp_attributes *attributes, const char *key)
{
    const struct otlp_value *value = otlp_find(attributes, key);

    return value && value->type == OTLP_STRING && value->text.len > 0 ? value->text : STR_NONE;
}

static void write_bytes(struct json_writer *json, struct str bytes)
{
    struct buf text;

    buf_init(&text, 2 * BASE64_BYTES_MAX);
    base64_write(&text, bytes);
    json_str_out(json, buf_str(&text));
    buf_release(&text);
}

static void write_items(struct json_writer *json, const struct otlp_value *value)
{
    if (value->type == OTLP_ARRAY) {
        json_begin_array(json);
        for (size_t i = 0; i < value->items.count; i++)
            otlp_value_write(json, &value->items.list[i].value);
        json_end_array(json);
        return;
    }
    json_begin_object(json);
    for (size_t i = 0; i < value->items.count; i++) {
        json_key_str(json, value->items.list[i].key);
        otlp_value_write(json, &value->items.list[i].value);
    }
    json_end_object(json);
}

/* As deep as the readers let it be. */
void otlp_value_write(struct json_writer *json, const struct otlp_value *value)
{
    switch (value->type) {
    case OTLP_EMPTY:
        json_null_out(json);
        break;
    case OTLP_STRING:
        json_str_out(json, value->text);
        break;
    case OTLP_BOOL:
        json_bool_out(json, value->integer != 0);
        break;
    case OTLP_INT:
        json_i64_out(json, value->integer);
        break;
    case OTLP_DOUBLE:
        json_double_out(json, value->number);
        break;
    case OTLP_ARRAY:
    case OTLP_MAP:
        write_items(json, value);
        break;
    case OTLP_BYTES:
        write_bytes(json, value->text);
        break;
    }
}
