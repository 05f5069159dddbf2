/* otlp_json.c -- an ExportTraceServiceRequest as JSON: Protocol Buffers' mapping, but for trace and
 * span ids in hex. Numbers of 64 bits may be text; enumerations are numbers, or their names. */
#include "crypto/base64.h"
#include "trace/otlp.h"

struct place {
    struct otlp_reader *r;
    struct arena *arena;
    size_t depth;
};

/* ---- values ---- */

static bool read_int(const struct json *value, int64_t *number)
{
    if (json_type(value) == JSON_STRING)
        return str_to_i64(json_string(value), number) == OK;
    if (!json_is_integer(value))
        return false;
    *number = json_i64(value, 0);
    return true;
}

/* Times since 1970 fit into 63 bits until 2262. */
static uint64_t read_time(const struct json *value)
{
    int64_t number;

    return read_int(value, &number) && number > 0 ? (uint64_t)number : 0;
}

static double read_double(const struct json *value)
{
    double number;

    if (json_type(value) == JSON_STRING)
        return str_to_double(json_string(value), &number) ? 0 : number;
    return json_double(value, 0);
}

static enum err read_value(const struct place *place, const struct json *json,
                           struct otlp_value *value);

static enum err add_pairs(const struct place *place, const struct json *list,
                          struct otlp_attributes *to)
{
    struct json_iter iter = json_iter(list);
    const struct json *item;
    struct str ignored;
    enum err err = OK;

    if (json_type(list) != JSON_ARRAY)
        return OK;
    while (!err && json_next(&iter, &ignored, &item)) {
        struct otlp_attribute *pair = otlp_add(place->r, place->arena, to);

        if (!pair)
            return ERR_LIMIT;
        pair->key = json_string(json_get(item, "key"));
        if (str_is_none(pair->key))
            pair->key = STR("");
        err = read_value(place, json_get(item, "value"), &pair->value);
    }
    return err;
}

static enum err add_values(const struct place *place, const struct json *list,
                           struct otlp_attributes *to)
{
    struct json_iter iter = json_iter(list);
    const struct json *item;
    struct str ignored;
    enum err err = OK;

    if (json_type(list) != JSON_ARRAY)
        return OK;
    while (!err && json_next(&iter, &ignored, &item)) {
        struct otlp_attribute *one = otlp_add(place->r, place->arena, to);

        err = one ? read_value(place, item, &one->value) : ERR_LIMIT;
    }
    return err;
}

static struct str read_bytes(struct arena *arena, const struct json *value)
{
    struct str text = json_string(value);
    size_t len = 0, room = text.len / 4 * 3 + 3;
    char *bytes = arena_alloc(arena, room);

    return base64_decode(text, bytes, room, &len) ? STR("") : str_range(bytes, len);
}

static enum err read_items(const struct place *place, const struct json *json,
                           struct otlp_value *value)
{
    struct place below = {place->r, place->arena, place->depth + 1};
    const struct json *list = json_get(json, "values");

    if (below.depth > OTLP_DEPTH_MAX) {
        place->r->why = STR("values of attributes are nested more than 32 deep");
        return ERR_LIMIT;
    }
    return value->type == OTLP_ARRAY ? add_values(&below, list, &value->items)
                                     : add_pairs(&below, list, &value->items);
}

static enum err read_as(const struct place *place, enum otlp_type type, const struct json *json,
                        struct otlp_value *value)
{
    *value = (struct otlp_value){.type = type};
    switch (type) {
    case OTLP_STRING:
        value->text = json_string(json);
        if (str_is_none(value->text))
            value->text = STR("");
        break;
    case OTLP_BOOL:
        value->integer = json_bool(json, false);
        break;
    case OTLP_INT:
        if (!read_int(json, &value->integer))
            return otlp_refuse(place->r, "an intValue must be a whole number of 64 bits");
        break;
    case OTLP_DOUBLE:
        value->number = read_double(json);
        break;
    case OTLP_BYTES:
        value->text = read_bytes(place->arena, json);
        break;
    case OTLP_ARRAY:
    case OTLP_MAP:
        return read_items(place, json, value);
    case OTLP_EMPTY:
        break;
    }
    return OK;
}

static enum err read_value(const struct place *place, const struct json *json,
                           struct otlp_value *value)
{
    static const struct {
        const char *key;
        enum otlp_type type;
    } forms[] = {
        {"stringValue", OTLP_STRING}, {"boolValue", OTLP_BOOL},   {"intValue", OTLP_INT},
        {"doubleValue", OTLP_DOUBLE}, {"arrayValue", OTLP_ARRAY}, {"kvlistValue", OTLP_MAP},
        {"bytesValue", OTLP_BYTES},
    };

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        const struct json *form = json_get(json, forms[i].key);

        if (!json_is_absent(form))
            return read_as(place, forms[i].type, form, value);
    }
    return OK;
}

/* ---- spans ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* STR_NONE: not hex. */
static struct str read_id(struct arena *arena, const struct json *value)
{
    struct str text = json_string(value);
    char *bytes = arena_alloc(arena, text.len / 2 + 1);

    if (text.len % 2 != 0)
        return STR_NONE;
    for (size_t i = 0; i < text.len; i += 2) {
        int high = hex_digit(text.data[i]), low = hex_digit(text.data[i + 1]);

        if (high < 0 || low < 0)
            return STR_NONE;
        bytes[i / 2] = (char)(high << 4 | low);
    }
    return str_range(bytes, text.len / 2);
}

static enum err read_events(const struct place *place, const struct json *list,
                            struct otlp_events *to)
{
    struct json_iter iter = json_iter(list);
    const struct json *item;
    struct str ignored;
    enum err err = OK;

    if (json_type(list) != JSON_ARRAY)
        return OK;
    while (!err && json_next(&iter, &ignored, &item)) {
        struct otlp_event *event = otlp_add_event(place->r, to);

        if (!event)
            return ERR_LIMIT;
        event->name = json_string(json_get(item, "name"));
        event->time_ns = read_time(json_get(item, "timeUnixNano"));
        err = add_pairs(place, json_get(item, "attributes"), &event->attributes);
    }
    return err;
}

static int64_t read_status(const struct json *code)
{
    int64_t number;

    if (str_eq(json_string(code), STR("STATUS_CODE_OK")))
        return OTLP_OK;
    if (str_eq(json_string(code), STR("STATUS_CODE_ERROR")))
        return OTLP_ERROR;
    return read_int(code, &number) ? number : OTLP_UNSET;
}

static enum err read_span(struct otlp_reader *r, const struct otlp_scope *scope,
                          const struct json *json)
{
    struct place place = {r, &r->scratch, 0};
    const struct json *status = json_get(json, "status");
    struct otlp_span span = {
        .scope = scope,
        .trace_id = read_id(&r->scratch, json_get(json, "traceId")),
        .span_id = read_id(&r->scratch, json_get(json, "spanId")),
        .parent_id = read_id(&r->scratch, json_get(json, "parentSpanId")),
        .name = json_string(json_get(json, "name")),
        .start_ns = read_time(json_get(json, "startTimeUnixNano")),
        .end_ns = read_time(json_get(json, "endTimeUnixNano")),
        .status = read_status(json_get(status, "code")),
        .status_message = json_string(json_get(status, "message")),
    };
    enum err err;

    if (json_type(json) != JSON_OBJECT)
        return otlp_refuse(r, "a span must be a JSON object");
    if ((err = add_pairs(&place, json_get(json, "attributes"), &span.attributes)) ||
        (err = read_events(&place, json_get(json, "events"), &span.events)))
        return err;
    return otlp_give(r, &span);
}

static enum err read_scope_spans(struct otlp_reader *r, const struct otlp_scope *above,
                                 const struct json *json)
{
    const struct json *by = json_get(json, "scope"), *spans = json_get(json, "spans"), *item;
    struct otlp_scope scope = {.resource = above->resource,
                               .name = json_string(json_get(by, "name")),
                               .version = json_string(json_get(by, "version"))};
    struct json_iter iter = json_iter(spans);
    struct str ignored;
    enum err err = OK;

    while (!err && json_type(spans) == JSON_ARRAY && json_next(&iter, &ignored, &item))
        err = read_span(r, &scope, item);
    return err;
}

static enum err read_resource_spans(struct otlp_reader *r, const struct json *json)
{
    struct place place = {r, r->arena, 0};
    const struct json *list = json_get(json, "scopeSpans"), *item;
    struct otlp_scope scope = {.name = STR_NONE};
    struct json_iter iter = json_iter(list);
    struct str ignored;
    enum err err =
        add_pairs(&place, json_get(json_get(json, "resource"), "attributes"), &scope.resource);

    while (!err && json_type(list) == JSON_ARRAY && json_next(&iter, &ignored, &item))
        err = read_scope_spans(r, &scope, item);
    return err;
}

static enum err read_request(struct otlp_reader *r, const struct json *root)
{
    const struct json *list = json_get(root, "resourceSpans"), *item;
    struct json_iter iter = json_iter(list);
    struct str ignored;
    enum err err = OK;

    if (json_type(root) != JSON_OBJECT)
        return otlp_refuse(r, "the body must be a JSON object with resourceSpans");
    if (list && json_type(list) != JSON_ARRAY && !json_is_null(list))
        return otlp_refuse(r, "resourceSpans must be an array");
    while (!err && json_type(list) == JSON_ARRAY && json_next(&iter, &ignored, &item))
        err = read_resource_spans(r, item);
    return err;
}

enum err otlp_read_json(struct otlp_reader *r, struct str body)
{
    const struct json *root;
    struct json_error error;
    enum err err;

    if (json_parse(r->arena, body, &root, &error)) {
        r->why = arena_printf(r->arena, "the body is not JSON: %s at byte %zu", error.reason,
                              error.position);
        return ERR_INVALID;
    }
    arena_init(&r->scratch);
    err = read_request(r, root);
    arena_release(&r->scratch);
    return err;
}
