/* otlp_protobuf.c -- an ExportTraceServiceRequest in Protocol Buffers' encoding. The numbers of the
 * fields are those of opentelemetry-proto (trace.proto, resource.proto, common.proto).
 *
 * A message inside is read as the last of its kind, as encoders write it; in what belongs to many
 * spans (resource, scope) it is looked for before the spans, wherever it stands. */
#include "format/protobuf.h"
#include "trace/otlp.h"

static const char not_protobuf[] = "the body is not an ExportTraceServiceRequest in protobuf";

static enum err ended(struct otlp_reader *r, const struct protobuf_reader *message)
{
    return message->failed ? otlp_refuse(r, not_protobuf) : OK;
}

static bool is_bytes(const struct protobuf_field *field, uint32_t number)
{
    return field->number == number && field->type == PROTOBUF_BYTES;
}

/* ---- values ---- */

struct place {
    struct otlp_reader *r;
    struct arena *arena;
    size_t depth;
};

static enum err read_value(const struct place *place, struct str bytes, struct otlp_value *value);

static enum err read_pair(const struct place *place, struct str bytes, struct otlp_attribute *pair)
{
    struct protobuf_reader message;
    struct protobuf_field field;
    enum err err;

    protobuf_reader_init(&message, bytes);
    while (protobuf_next(&message, &field))
        if (is_bytes(&field, 1))
            pair->key = field.bytes;
        else if (is_bytes(&field, 2) && (err = read_value(place, field.bytes, &pair->value)))
            return err;
    if (str_is_none(pair->key))
        pair->key = STR("");
    return ended(place->r, &message);
}

static enum err add_pair(const struct place *place, struct str bytes, struct otlp_attributes *to)
{
    struct otlp_attribute *pair = otlp_add(place->r, place->arena, to);

    return pair ? read_pair(place, bytes, pair) : ERR_LIMIT;
}

/* ArrayValue, KeyValueList: `values` is field 1 of both. */
static enum err read_items(const struct place *place, struct str bytes, struct otlp_value *value)
{
    struct place below = {place->r, place->arena, place->depth + 1};
    struct protobuf_reader message;
    struct protobuf_field field;
    struct otlp_attribute *item;
    enum err err = OK;

    if (below.depth > OTLP_DEPTH_MAX) {
        place->r->why = STR("values of attributes are nested more than 32 deep");
        return ERR_LIMIT;
    }
    protobuf_reader_init(&message, bytes);
    while (!err && protobuf_next(&message, &field)) {
        if (!is_bytes(&field, 1))
            continue;
        if (value->type == OTLP_MAP)
            err = add_pair(&below, field.bytes, &value->items);
        else if ((item = otlp_add(place->r, place->arena, &value->items)))
            err = read_value(&below, field.bytes, &item->value);
        else
            err = ERR_LIMIT;
    }
    return err ? err : ended(place->r, &message);
}

static enum err read_one(const struct place *place, const struct protobuf_field *field,
                         struct otlp_value *value)
{
    static const enum otlp_type types[] = {
        [1] = OTLP_STRING, [2] = OTLP_BOOL, [3] = OTLP_INT,  [4] = OTLP_DOUBLE,
        [5] = OTLP_ARRAY,  [6] = OTLP_MAP,  [7] = OTLP_BYTES};
    static const enum protobuf_type encodings[] = {
        [1] = PROTOBUF_BYTES, [2] = PROTOBUF_VARINT, [3] = PROTOBUF_VARINT, [4] = PROTOBUF_FIXED64,
        [5] = PROTOBUF_BYTES, [6] = PROTOBUF_BYTES,  [7] = PROTOBUF_BYTES};

    if (field->number == 0 || field->number >= ARRAY_LEN(types) ||
        field->type != encodings[field->number])
        return OK;
    *value = (struct otlp_value){.type = types[field->number], .text = field->bytes};
    if (value->type == OTLP_ARRAY || value->type == OTLP_MAP)
        return read_items(place, field->bytes, value);
    if (value->type == OTLP_DOUBLE)
        value->number = protobuf_double(field);
    else
        value->integer = (int64_t)field->value;
    return OK;
}

static enum err read_value(const struct place *place, struct str bytes, struct otlp_value *value)
{
    struct protobuf_reader message;
    struct protobuf_field field;
    enum err err;

    protobuf_reader_init(&message, bytes);
    while (protobuf_next(&message, &field))
        if ((err = read_one(place, &field, value)))
            return err;
    return ended(place->r, &message);
}

/* ---- spans ---- */

static enum err read_event(const struct place *place, struct str bytes, struct otlp_event *event)
{
    struct protobuf_reader message;
    struct protobuf_field field;
    enum err err;

    protobuf_reader_init(&message, bytes);
    while (protobuf_next(&message, &field))
        if (field.number == 1 && field.type == PROTOBUF_FIXED64)
            event->time_ns = field.value;
        else if (is_bytes(&field, 2))
            event->name = field.bytes;
        else if (is_bytes(&field, 3) && (err = add_pair(place, field.bytes, &event->attributes)))
            return err;
    return ended(place->r, &message);
}

static enum err read_status(struct otlp_reader *r, struct str bytes, struct otlp_span *span)
{
    struct protobuf_reader message;
    struct protobuf_field field;

    protobuf_reader_init(&message, bytes);
    while (protobuf_next(&message, &field))
        if (is_bytes(&field, 2))
            span->status_message = field.bytes;
        else if (field.number == 3 && field.type == PROTOBUF_VARINT)
            span->status = (int64_t)field.value;
    return ended(r, &message);
}

static enum err read_message(const struct place *place, const struct protobuf_field *field,
                             struct otlp_span *span)
{
    struct otlp_event *event;

    switch (field->number) {
    case 1:
        span->trace_id = field->bytes;
        return OK;
    case 2:
        span->span_id = field->bytes;
        return OK;
    case 4:
        span->parent_id = field->bytes;
        return OK;
    case 5:
        span->name = field->bytes;
        return OK;
    case 9:
        return add_pair(place, field->bytes, &span->attributes);
    case 11:
        event = otlp_add_event(place->r, &span->events);
        return event ? read_event(place, field->bytes, event) : ERR_LIMIT;
    case 15:
        return read_status(place->r, field->bytes, span);
    default:
        return OK;
    }
}

static enum err read_span(struct otlp_reader *r, const struct otlp_scope *scope, struct str bytes)
{
    struct place place = {r, &r->scratch, 0};
    struct otlp_span span = {.scope = scope};
    struct protobuf_reader message;
    struct protobuf_field field;
    enum err err;

    protobuf_reader_init(&message, bytes);
    while (protobuf_next(&message, &field))
        if (field.type == PROTOBUF_FIXED64 && field.number == 7)
            span.start_ns = field.value;
        else if (field.type == PROTOBUF_FIXED64 && field.number == 8)
            span.end_ns = field.value;
        else if (field.type == PROTOBUF_BYTES && (err = read_message(&place, &field, &span)))
            return err;
    err = ended(r, &message);
    return err ? err : otlp_give(r, &span);
}

/* ---- what holds spans ---- */

static enum err read_scope(struct otlp_reader *r, struct str bytes, struct otlp_scope *scope)
{
    struct protobuf_reader message;
    struct protobuf_field field;

    protobuf_reader_init(&message, bytes);
    while (protobuf_next(&message, &field))
        if (is_bytes(&field, 1))
            scope->name = field.bytes;
        else if (is_bytes(&field, 2))
            scope->version = field.bytes;
    return ended(r, &message);
}

static enum err read_resource(struct otlp_reader *r, struct str bytes, struct otlp_scope *scope)
{
    struct place place = {r, r->arena, 0};
    struct protobuf_reader message;
    struct protobuf_field field;
    enum err err;

    protobuf_reader_init(&message, bytes);
    while (protobuf_next(&message, &field))
        if (is_bytes(&field, 1) && (err = add_pair(&place, field.bytes, &scope->resource)))
            return err;
    return ended(r, &message);
}

typedef enum err (*read_part)(struct otlp_reader *r, struct str bytes, struct otlp_scope *scope);

static enum err each(struct otlp_reader *r, struct str bytes, uint32_t number, read_part read,
                     struct otlp_scope *scope)
{
    struct protobuf_reader message;
    struct protobuf_field field;
    enum err err;

    protobuf_reader_init(&message, bytes);
    while (protobuf_next(&message, &field))
        if (is_bytes(&field, number) && (err = read(r, field.bytes, scope)))
            return err;
    return ended(r, &message);
}

static enum err read_span_of(struct otlp_reader *r, struct str bytes, struct otlp_scope *scope)
{
    return read_span(r, scope, bytes);
}

/* ScopeSpans: scope = 1, spans = 2 */
static enum err read_scope_spans(struct otlp_reader *r, struct str bytes, struct otlp_scope *above)
{
    struct otlp_scope scope = {.resource = above->resource};
    enum err err = each(r, bytes, 1, read_scope, &scope);

    return err ? err : each(r, bytes, 2, read_span_of, &scope);
}

/* ResourceSpans: resource = 1, scope_spans = 2 */
static enum err read_resource_spans(struct otlp_reader *r, struct str bytes,
                                    struct otlp_scope *none)
{
    struct otlp_scope scope = *none;
    enum err err = each(r, bytes, 1, read_resource, &scope);

    return err ? err : each(r, bytes, 2, read_scope_spans, &scope);
}

enum err otlp_read_protobuf(struct otlp_reader *r, struct str body)
{
    struct otlp_scope none = {.name = STR_NONE};
    enum err err;

    arena_init(&r->scratch);
    err = each(r, body, 1, read_resource_spans, &none);
    arena_release(&r->scratch);
    return err;
}
