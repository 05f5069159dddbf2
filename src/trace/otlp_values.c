/* otlp_values.c -- inputs, outputs, events and error of a run, from wherever an instrumentation
 * puts them. Of several places the first one counts; the tables are in that order. */
#include "base/time.h"
#include "trace/otlp_priv.h"

#define VALUE_BYTES_MAX (256 * MIB)

/* ---- values as JSON ---- */

static bool is_json(struct arena *arena, struct str text)
{
    const struct json *root;

    if (text.len == 0 || !strchr("{[\"", text.data[0]))
        return false;
    return json_parse(arena, text, &root, NULL) == OK;
}

struct str otlp_json_of(struct arena *arena, const struct otlp_value *value)
{
    struct str text = value->type == OTLP_STRING ? str_trim(value->text) : STR_NONE;
    struct json_writer json;
    struct buf out;

    if (value->type == OTLP_EMPTY || str_eq(text, STR("null")))
        return STR_NONE;
    if (is_json(arena, text))
        return text;
    buf_init(&out, VALUE_BYTES_MAX);
    json_writer_init(&json, &out);
    otlp_value_write(&json, value);
    return buf_keep(&out, arena);
}

/* ---- one side: inputs or outputs ---- */

/* An object stays itself; a list is of messages; anything else is called `as`. */
struct source {
    const char *key;
    const char *as;
};

struct side {
    const char *name;
    const struct source *sources;
    size_t source_count;
    const char *content_event; /* its attribute has the whole */
    const char *content_key;
    const struct otlp_name *message_events; /* event → role */
    size_t message_event_count;
};

static const struct source input_sources[] = {
    {"gen_ai.prompt", "input"},
    {"llm.input_messages", "messages"},
    {"gen_ai.input.messages", "messages"},
    {"input.value", "input"},
    {"traceloop.entity.input", "input"},
    {"gen_ai.tool.call.arguments", "input"},
    {"prompt", "input"},
};
static const struct source output_sources[] = {
    {"gen_ai.completion", "output"},        {"llm.output_messages", "messages"},
    {"gen_ai.output.messages", "messages"}, {"output.value", "output"},
    {"traceloop.entity.output", "output"},  {"gen_ai.tool.call.result", "output"},
    {"all_messages_events", "messages"},    {"events", "events"},
};
static const struct otlp_name input_events[] = {{"gen_ai.system.message", "system"},
                                                {"gen_ai.user.message", "user"}};
static const struct otlp_name output_events[] = {{"gen_ai.assistant.message", "assistant"},
                                                 {"gen_ai.tool.message", "tool"},
                                                 {"gen_ai.choice", "assistant"}};

static const struct side inputs = {
    "inputs",        input_sources, ARRAY_LEN(input_sources), "gen_ai.content.prompt",
    "gen_ai.prompt", input_events,  ARRAY_LEN(input_events)};
static const struct side outputs = {
    "outputs",           output_sources, ARRAY_LEN(output_sources), "gen_ai.content.completion",
    "gen_ai.completion", output_events,  ARRAY_LEN(output_events)};

/* The value of a side, as an object's members without the braces; a member `key` is in it. */
struct found {
    struct str object; /* an object that came as such */
    struct str value;  /* or one value … */
    const char *as;    /* … with this name */
};

static struct found found_of(struct str json, const char *as)
{
    struct found found = {STR_NONE, STR_NONE, as};

    if (str_is_none(json))
        return found;
    if (json.data[0] == '{')
        found.object = json;
    else
        found.value = json;
    if (json.data[0] == '[' &&
        (str_eq(str_of(as), STR("input")) || str_eq(str_of(as), STR("output"))))
        found.as = "messages";
    return found;
}

static bool is_found(const struct found *found)
{
    return !str_is_none(found->object) || !str_is_none(found->value);
}

static struct str flat_json(struct otlp_run *run, const char *key)
{
    struct json_writer json;
    struct str text = STR_NONE;
    struct buf out;

    buf_init(&out, VALUE_BYTES_MAX);
    json_writer_init(&json, &out);
    if (otlp_flat_write(run, key, &json) && !out.failed)
        text = arena_str(run->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static struct found from_attributes(struct otlp_run *run, const struct side *side)
{
    struct found found = {STR_NONE, STR_NONE, NULL};

    for (size_t i = 0; i < side->source_count && !is_found(&found); i++) {
        const struct source *source = &side->sources[i];
        const struct otlp_value *value = otlp_find(&run->span->attributes, source->key);

        if (value)
            found = found_of(otlp_json_of(run->arena, value), source->as);
        if (!is_found(&found))
            found = found_of(flat_json(run, source->key), source->as);
    }
    return found;
}

/* ---- messages that are events ---- */

static const char *role_of(const struct side *side, struct str event)
{
    for (size_t i = 0; i < side->message_event_count; i++)
        if (str_eq(event, str_of(side->message_events[i].key)))
            return side->message_events[i].as;
    return NULL;
}

/* What a choice says stands in an object of its own, or in its text; STR_NONE: it does not. */
static struct str choice_of(struct otlp_run *run, const struct otlp_event *event)
{
    const struct otlp_value *message = otlp_find(&event->attributes, "message");
    struct str json = message ? otlp_json_of(run->arena, message) : STR_NONE;

    return json.len > 0 && json.data[0] == '{' ? json : STR_NONE;
}

/* All at one level: what the event says itself, and what its choice says besides. */
static void message_write(struct otlp_run *run, struct json_writer *json,
                          const struct otlp_event *event, const char *role)
{
    struct str choice = choice_of(run, event), key, value;
    size_t at = 0;

    json_begin_object(json);
    if (!otlp_find(&event->attributes, "role") &&
        (str_is_none(choice) || str_is_none(json_raw(choice, STR("role")))))
        json_put_str(json, "role", str_of(role));
    for (size_t i = 0; i < event->attributes.count; i++) {
        const struct otlp_attribute *attribute = &event->attributes.list[i];

        if (!str_is_none(choice) && str_eq(attribute->key, STR("message")))
            continue;
        json_key_str(json, attribute->key);
        otlp_value_write(json, &attribute->value);
    }
    while (!str_is_none(choice) && json_raw_next(choice, &at, &key, &value)) {
        const char *name = arena_cstr(run->arena, key);

        if (otlp_find(&event->attributes, name) && !str_eq(key, STR("message")))
            continue;
        json_key_raw(json, key);
        json_raw_out(json, value);
    }
    json_end_object(json);
}

static struct found from_messages(struct otlp_run *run, const struct side *side)
{
    const struct otlp_events *events = &run->span->events;
    struct found found = {STR_NONE, STR_NONE, "messages"};
    struct json_writer json;
    struct buf out;
    size_t count = 0;

    buf_init(&out, VALUE_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_array(&json);
    for (size_t i = 0; i < events->count; i++) {
        const char *role = role_of(side, events->list[i].name);

        if (role && ++count)
            message_write(run, &json, &events->list[i], role);
    }
    json_end_array(&json);
    if (count > 0 && !out.failed)
        found.value = arena_str(run->arena, buf_str(&out));
    buf_release(&out);
    return found;
}

static struct found from_events(struct otlp_run *run, const struct side *side)
{
    const struct otlp_events *events = &run->span->events;
    struct found found = {STR_NONE, STR_NONE, NULL};

    for (size_t i = 0; i < events->count && !is_found(&found); i++) {
        const struct otlp_value *value;

        if (!str_eq(events->list[i].name, str_of(side->content_event)))
            continue;
        value = otlp_find(&events->list[i].attributes, side->content_key);
        if (value)
            found = found_of(otlp_json_of(run->arena, value), side->sources[0].as);
    }
    return is_found(&found) ? found : from_messages(run, side);
}

static struct found find(struct otlp_run *run, const struct side *side)
{
    struct found found = from_attributes(run, side);

    return is_found(&found) ? found : from_events(run, side);
}

/* ---- documents ---- */

/* What OpenInference calls content is page_content here; metadata may be JSON in a text. */
static void document_write(struct json_writer *json, struct arena *arena,
                           const struct json *document)
{
    struct json_iter iter = json_iter(document);
    const struct json *value;
    struct str key;

    json_begin_object(json);
    while (json_type(document) == JSON_OBJECT && json_next(&iter, &key, &value)) {
        bool is_metadata = str_eq(key, STR("metadata"));

        json_key_str(json, str_eq(key, STR("content")) ? STR("page_content") : key);
        if (is_metadata && is_json(arena, json_string(value)))
            json_raw_out(json, json_string(value));
        else
            json_value_out(json, value);
    }
    json_end_object(json);
}

static void documents_write(struct otlp_run *run)
{
    struct str text = flat_json(run, "retrieval.documents");
    const struct json *documents, *document;
    struct json_iter iter;
    struct str ignored;

    if (str_is_none(text) || json_parse(run->arena, text, &documents, NULL) ||
        json_type(documents) != JSON_ARRAY)
        return;
    iter = json_iter(documents);
    json_key(run->json, "documents");
    json_begin_array(run->json);
    while (json_next(&iter, &ignored, &document))
        document_write(run->json, run->arena, document);
    json_end_array(run->json);
}

/* ---- the members ---- */

static void members_copy(struct json_writer *json, struct str object)
{
    struct str key, value;
    size_t at = 0;

    while (json_raw_next(object, &at, &key, &value)) {
        json_key_raw(json, key);
        json_raw_out(json, value);
    }
}

static void found_write(struct json_writer *json, const struct found *found)
{
    if (!str_is_none(found->object))
        members_copy(json, found->object);
    else if (!str_is_none(found->value))
        json_put_raw(json, found->as, found->value);
}

static void inputs_write(struct otlp_run *run)
{
    struct found found = find(run, &inputs);

    if (!is_found(&found))
        return;
    json_key(run->json, inputs.name);
    if (!str_is_none(found.object)) {
        json_raw_out(run->json, found.object);
        return;
    }
    json_begin_object(run->json);
    found_write(run->json, &found);
    json_end_object(run->json);
}

static bool has_documents(const struct otlp_span *span)
{
    for (size_t i = 0; i < span->attributes.count; i++)
        if (str_starts(span->attributes.list[i].key, STR("retrieval.documents.")))
            return true;
    return false;
}

/* Values that came as an object stay byte for byte, unless something is to be added. */
static void outputs_write(struct otlp_run *run)
{
    struct found found = find(run, &outputs);
    bool with_documents =
        has_documents(run->span) && str_is_none(json_raw(found.object, STR("documents")));
    struct str usage =
        otlp_is_langsmith(run->span) || !str_is_none(json_raw(found.object, STR("usage_metadata")))
            ? STR_NONE
            : otlp_usage(run);

    if (!is_found(&found) && !with_documents && str_is_none(usage))
        return;
    json_key(run->json, outputs.name);
    if (!str_is_none(found.object) && !with_documents && str_is_none(usage)) {
        json_raw_out(run->json, found.object);
        return;
    }
    json_begin_object(run->json);
    found_write(run->json, &found);
    if (with_documents)
        documents_write(run);
    if (!str_is_none(usage))
        json_put_raw(run->json, "usage_metadata", usage);
    json_end_object(run->json);
}

/* ---- what happened ---- */

static bool is_message(const struct otlp_event *event)
{
    return role_of(&inputs, event->name) || role_of(&outputs, event->name) ||
           str_eq(event->name, str_of(inputs.content_event)) ||
           str_eq(event->name, str_of(outputs.content_event));
}

static void event_write(struct json_writer *json, const struct otlp_event *event)
{
    json_begin_object(json);
    json_put_str(json, "name", event->name.data ? event->name : STR(""));
    json_put_time(json, "time", (int64_t)(event->time_ns / 1000));
    if (event->attributes.count > 0) {
        struct otlp_value all = {.type = OTLP_MAP, .items = event->attributes};

        json_key(json, "kwargs");
        otlp_value_write(json, &all);
    }
    json_end_object(json);
}

static void events_write(struct otlp_run *run)
{
    const struct otlp_events *events = &run->span->events;
    bool has_begun = false;

    for (size_t i = 0; i < events->count; i++) {
        if (is_message(&events->list[i]))
            continue;
        if (!has_begun) {
            json_key(run->json, "events");
            json_begin_array(run->json);
        }
        has_begun = true;
        event_write(run->json, &events->list[i]);
    }
    if (has_begun)
        json_end_array(run->json);
}

/* The last one: what was raised in the end. */
static const struct otlp_event *exception_of(const struct otlp_span *span)
{
    for (size_t i = span->events.count; i > 0; i--)
        if (str_eq(span->events.list[i - 1].name, STR("exception")))
            return &span->events.list[i - 1];
    return NULL;
}

/* STR_NONE: the span went well, or says that it did. */
static struct str error_of(struct otlp_run *run)
{
    const struct otlp_span *span = run->span;
    const struct otlp_event *exception = exception_of(span);
    struct str message = span->status_message, stack = STR_NONE;

    if (span->status == OTLP_OK || (!exception && span->status != OTLP_ERROR))
        return STR_NONE;
    if (exception) {
        struct str said = otlp_text(&exception->attributes, "exception.message");

        if (!str_is_none(said))
            message = said;
        else if (message.len == 0)
            message = otlp_text(&exception->attributes, "exception.type");
        if (!otlp_is_langsmith(span))
            stack = otlp_text(&exception->attributes, "exception.stacktrace");
    }
    if (message.len == 0)
        message = STR("error");
    return str_is_none(stack)
               ? message
               : arena_concat(run->arena, (struct str[]){message, STR("\n\n"), stack}, 3);
}

void otlp_values_write(struct otlp_run *run)
{
    struct str error = error_of(run);

    inputs_write(run);
    outputs_write(run);
    events_write(run);
    if (!str_is_none(error))
        json_put_str(run->json, "error", error);
}
