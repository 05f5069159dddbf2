/* otlp_extra.c -- the member extra: metadata (what was said to be it, and all that has no place
 * elsewhere), invocation_params (how the model or tool was called), runtime (the resource: which
 * process it was). Of a key that is said twice the first one counts. */
#include "base/hex.h"
#include "base/map.h"
#include "trace/otlp_priv.h"

#define HEX_BYTES_MAX 16

/* An object with each key once. */
struct members {
    struct otlp_run *run;
    struct map keys;
};

static bool is_new(struct members *members, struct str key)
{
    return map_put(&members->keys, key, members) == NULL;
}

static void put_value(struct members *members, struct str key, const struct otlp_value *value)
{
    if (!value || value->type == OTLP_EMPTY || !is_new(members, key))
        return;
    json_key_str(members->run->json, key);
    otlp_value_write(members->run->json, value);
}

static void put_json(struct members *members, struct str key, struct str json)
{
    if (str_is_none(json) || !is_new(members, key))
        return;
    json_key_str(members->run->json, key);
    json_raw_out(members->run->json, json);
}

static void put_text(struct members *members, const char *key, struct str text)
{
    if (str_is_none(text) || !is_new(members, str_of(key)))
        return;
    json_put_str(members->run->json, key, text);
}

/* The first of these that is there, as text. */
static struct str first_text(struct otlp_run *run, const char *const *keys)
{
    struct str text = STR_NONE;

    for (size_t i = 0; keys[i] && str_is_none(text); i++)
        text = otlp_text(&run->span->attributes, keys[i]);
    return text;
}

/* The members of a value that is JSON text of an object, or a map. */
static void put_object(struct members *members, const char *attribute)
{
    struct otlp_run *run = members->run;
    const struct otlp_value *value = otlp_find(&run->span->attributes, attribute);
    struct str object = value ? otlp_json_of(run->arena, value) : STR_NONE;
    struct str key, raw;
    size_t at = 0;

    if (str_is_none(object) || object.data[0] != '{')
        return;
    while (json_raw_next(object, &at, &key, &raw))
        if (is_new(members, key)) {
            json_key_raw(run->json, key);
            json_raw_out(run->json, raw);
        }
}

/* ---- metadata ---- */

/* The langsmith SDK writes objects and lists as JSON text. */
static void put_below(struct members *members, const char *prefix)
{
    const struct otlp_attributes *attributes = &members->run->span->attributes;
    bool is_langsmith = otlp_is_langsmith(members->run->span);
    struct str front = str_of(prefix);

    for (size_t i = 0; i < attributes->count; i++) {
        const struct otlp_attribute *one = &attributes->list[i];
        struct str key = str_from(one->key, front.len);

        if (!str_starts(one->key, front) || key.len == 0)
            continue;
        if (is_langsmith && one->value.type == OTLP_STRING && one->value.text.len > 0 &&
            strchr("{[", one->value.text.data[0]))
            put_json(members, key, otlp_json_of(members->run->arena, &one->value));
        else
            put_value(members, key, &one->value);
    }
}

static struct str hex(struct arena *arena, struct str bytes)
{
    char text[2 * HEX_BYTES_MAX];
    size_t len = bytes.len > HEX_BYTES_MAX ? HEX_BYTES_MAX : bytes.len;

    hex_write(text, bytes.data, len);
    return arena_str(arena, str_range(text, 2 * len));
}

static void put_model(struct members *members)
{
    static const char *const providers[] = {"gen_ai.system", "gen_ai.provider.name", "llm.system",
                                            NULL};
    static const char *const models[] = {"gen_ai.request.model", "gen_ai.response.model",
                                         "llm.model_name", NULL};
    struct otlp_run *run = members->run;

    put_text(members, "ls_provider", first_text(run, providers));
    put_text(members, "ls_model_name", first_text(run, models));
}

/* Strong words first: a key is taken once. */
static void metadata_write(struct otlp_run *run)
{
    const struct otlp_span *span = run->span;
    const struct otlp_value *usage = otlp_find(&span->attributes, "langsmith.usage_metadata");
    struct members members = {.run = run};

    map_init(&members.keys);
    json_key(run->json, "metadata");
    json_begin_object(run->json);
    put_below(&members, "langsmith.metadata.");
    put_below(&members, "traceloop.association.properties.");
    put_object(&members, "metadata");
    put_value(&members, STR("session_id"), otlp_find(&span->attributes, "session.id"));
    put_value(&members, STR("conversation_id"),
              otlp_find(&span->attributes, "gen_ai.conversation.id"));
    put_model(&members);
    if (usage)
        put_json(&members, STR("usage_metadata"), otlp_json_of(run->arena, usage));
    if (otlp_is_langsmith(span))
        put_json(&members, STR("usage_metadata"), otlp_usage(run));
    put_text(&members, "OTEL_TRACE_ID", hex(run->arena, span->trace_id));
    put_text(&members, "OTEL_SPAN_ID", hex(run->arena, span->span_id));
    put_text(&members, "service.name", otlp_text(&span->scope->resource, "service.name"));
    for (size_t i = 0; i < span->attributes.count; i++)
        if (!otlp_is_known(span->attributes.list[i].key))
            put_value(&members, span->attributes.list[i].key, &span->attributes.list[i].value);
    json_end_object(run->json);
    map_release(&members.keys);
}

/* ---- invocation_params ---- */

static void put_requests(struct members *members)
{
    static const char front[] = "gen_ai.request.";
    const struct otlp_attributes *attributes = &members->run->span->attributes;

    for (size_t i = 0; i < attributes->count; i++) {
        struct str key = str_from(attributes->list[i].key, sizeof(front) - 1);

        if (!str_starts(attributes->list[i].key, str_of(front)) || key.len == 0)
            continue;
        put_value(members, str_eq(key, STR("stop_sequences")) ? STR("stop") : key,
                  &attributes->list[i].value);
    }
}

static void put_named(struct members *members)
{
    static const struct otlp_name names[] = {
        {"gen_ai.response.model", "model"},
        {"llm.model_name", "model"},
        {"llm.presence_penalty", "presence_penalty"},
        {"llm.frequency_penalty", "frequency_penalty"},
        {"llm.request.functions", "functions"},
        {"gen_ai.tool.definitions", "tools"},
        {"tools", "tools"},
        {"tool_arguments", "tool_arguments"},
        {"gen_ai.tool.name", "tool_name"},
    };
    struct otlp_run *run = members->run;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct otlp_value *value = otlp_find(&run->span->attributes, names[i].key);

        if (value)
            put_json(members, str_of(names[i].as), otlp_json_of(run->arena, value));
    }
}

static void put_functions(struct members *members)
{
    struct otlp_run *run = members->run;
    struct json_writer json;
    struct buf out;

    buf_init(&out, 16 * MIB);
    json_writer_init(&json, &out);
    if (otlp_flat_write(run, "llm.request.functions", &json) && !out.failed)
        put_json(members, STR("functions"), arena_str(run->arena, buf_str(&out)));
    buf_release(&out);
}

static bool is_called(const struct otlp_span *span)
{
    static const char *const fronts[] = {"gen_ai.request.",  "gen_ai.response.model",   "llm.",
                                         "gen_ai.tool.name", "gen_ai.tool.definitions", "tools",
                                         "tool_arguments"};

    for (size_t i = 0; i < span->attributes.count; i++)
        for (size_t k = 0; k < ARRAY_LEN(fronts); k++)
            if (str_starts(span->attributes.list[i].key, str_of(fronts[k])))
                return true;
    return false;
}

static void invocation_write(struct otlp_run *run)
{
    struct members members = {.run = run};

    if (!is_called(run->span))
        return;
    map_init(&members.keys);
    json_key(run->json, "invocation_params");
    json_begin_object(run->json);
    put_requests(&members);
    put_named(&members);
    put_functions(&members);
    put_object(&members, "llm.invocation_parameters");
    json_end_object(run->json);
    map_release(&members.keys);
}

/* ---- runtime ---- */

static void runtime_write(struct otlp_run *run)
{
    const struct otlp_scope *scope = run->span->scope;
    struct members members = {.run = run};

    map_init(&members.keys);
    json_key(run->json, "runtime");
    json_begin_object(run->json);
    put_text(&members, "library", scope->name.len > 0 ? scope->name : STR_NONE);
    put_text(&members, "library_version", scope->version.len > 0 ? scope->version : STR_NONE);
    for (size_t i = 0; i < scope->resource.count; i++)
        put_value(&members, scope->resource.list[i].key, &scope->resource.list[i].value);
    json_end_object(run->json);
    map_release(&members.keys);
}

void otlp_extra_write(struct otlp_run *run)
{
    json_key(run->json, "extra");
    json_begin_object(run->json);
    metadata_write(run);
    invocation_write(run);
    runtime_write(run);
    json_end_object(run->json);
}
