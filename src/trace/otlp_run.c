/* otlp_run.c -- a span becomes a run: who it is, where it stands, and its kind.
 *
 * Ids. A trace's 16 bytes are a UUID; a span's 8 bytes are one with 8 zero bytes before. The root
 * of a trace has the trace's id, as every trace of the tracing API does; its children know it by
 * its span id all the same, so that is kept as an alias (spans.h). langsmith's own attributes say
 * ids outright.
 *
 * Places come from parents, also from those that are exported later: that is the store's work. */
#include "base/time.h"
#include "trace/otlp_priv.h"

#define RUN_BYTES_MAX (512 * MIB)
#define TRACE_ID_BYTES 16
#define SPAN_ID_BYTES 8

struct place {
    struct uuid id, trace_id, parent_id, alias;
    bool has_trace, has_parent, has_alias;
};

bool otlp_is_langsmith(const struct otlp_span *span)
{
    return str_eq(span->scope->name, STR("langsmith"));
}

static struct uuid span_uuid(struct str span_id)
{
    struct uuid id = {{0}};

    memcpy(id.bytes + sizeof(id.bytes) - SPAN_ID_BYTES, span_id.data, SPAN_ID_BYTES);
    return id;
}

static bool is_id(struct str bytes, size_t len)
{
    bool has_any = false;

    for (size_t i = 0; i < bytes.len; i++)
        has_any = has_any || bytes.data[i];
    return bytes.len == len && has_any;
}

/* *has: it is there. ERR_INVALID: it is no UUID. */
static enum err said_id(const struct otlp_span *span, const char *key, struct uuid *id, bool *has)
{
    struct str text = otlp_text(&span->attributes, key);

    *has = !str_is_none(text);
    return *has ? uuid_parse_loose(text, id) : OK;
}

/* The langsmith SDK puts a root below a span that only stands for its trace and is never sent. */
static bool is_root(const struct otlp_span *span)
{
    const struct otlp_value *said = otlp_find(&span->attributes, "langsmith.is_root");

    if (!is_id(span->parent_id, SPAN_ID_BYTES))
        return true;
    if (said && ((said->type == OTLP_BOOL && said->integer) ||
                 (said->type == OTLP_STRING && str_eq_nocase(said->text, STR("true")))))
        return true;
    return otlp_is_langsmith(span) &&
           str_eq(span->parent_id, str_first(span->trace_id, SPAN_ID_BYTES));
}

/* NULL, or what is wrong. */
static const char *place_find(const struct otlp_span *span, struct place *place)
{
    struct uuid own, trace_id;
    bool has_own;

    if (!is_id(span->trace_id, TRACE_ID_BYTES))
        return "trace_id must have 16 bytes, not all zero";
    if (!is_id(span->span_id, SPAN_ID_BYTES))
        return "span_id must have 8 bytes, not all zero";
    if (span->parent_id.len != 0 && span->parent_id.len != SPAN_ID_BYTES)
        return "parent_span_id must have 8 bytes, or none";
    memcpy(trace_id.bytes, span->trace_id.data, TRACE_ID_BYTES);
    place->alias = span_uuid(span->span_id);
    if (said_id(span, "langsmith.span.id", &own, &has_own) ||
        said_id(span, "langsmith.trace.id", &place->trace_id, &place->has_trace) ||
        said_id(span, "langsmith.span.parent_id", &place->parent_id, &place->has_parent))
        return "langsmith.span.id, langsmith.trace.id and langsmith.span.parent_id must be UUIDs";
    if (!place->has_parent && !is_root(span)) {
        place->parent_id = span_uuid(span->parent_id);
        place->has_parent = true;
    }
    place->id = has_own ? own : place->has_parent ? place->alias : trace_id;
    place->has_alias = !uuid_eq(place->id, place->alias);
    if (!place->has_trace && place->has_parent) {
        place->trace_id = trace_id;
        place->has_trace = true;
    }
    return NULL;
}

/* ---- its kind ---- */

struct kind {
    const char *word;
    enum span_type type;
};

static enum span_type kind_of(struct str word, const struct kind *kinds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq_nocase(word, str_of(kinds[i].word)))
            return kinds[i].type;
    return SPAN_TYPE_NONE;
}

static enum span_type type_of_operation(const struct otlp_span *span)
{
    static const struct kind kinds[] = {{"chat", SPAN_LLM},
                                        {"completion", SPAN_LLM},
                                        {"text_completion", SPAN_LLM},
                                        {"generate_content", SPAN_LLM},
                                        {"embedding", SPAN_EMBEDDING},
                                        {"embeddings", SPAN_EMBEDDING},
                                        {"execute_tool", SPAN_TOOL}};

    return kind_of(otlp_text(&span->attributes, "gen_ai.operation.name"), kinds, ARRAY_LEN(kinds));
}

static enum span_type type_of_request(const struct otlp_span *span)
{
    struct str word = otlp_text(&span->attributes, "traceloop.llm.request.type");

    if (str_is_none(word))
        word = otlp_text(&span->attributes, "llm.request.type");
    if (str_is_none(word))
        return SPAN_TYPE_NONE;
    return str_starts_nocase(word, STR("embedding")) ? SPAN_EMBEDDING : SPAN_LLM;
}

static enum span_type type_of_kind(const struct otlp_span *span)
{
    static const struct kind kinds[] = {
        {"tool", SPAN_TOOL},           {"llm", SPAN_LLM},       {"retriever", SPAN_RETRIEVER},
        {"embedding", SPAN_EMBEDDING}, {"prompt", SPAN_PROMPT}, {"workflow", SPAN_CHAIN},
        {"task", SPAN_CHAIN},          {"agent", SPAN_CHAIN},   {"chain", SPAN_CHAIN}};
    struct str word = otlp_text(&span->attributes, "openinference.span.kind");

    if (str_is_none(word))
        word = otlp_text(&span->attributes, "traceloop.span.kind");
    return kind_of(word, kinds, ARRAY_LEN(kinds));
}

/* Our own word; other conventions write theirs in capitals. */
static enum span_type type_of_word(const struct otlp_span *span)
{
    struct str word = otlp_text(&span->attributes, "langsmith.span.kind");

    for (unsigned type = SPAN_CHAIN; type < SPAN_TYPE_COUNT; type++)
        if (str_eq_nocase(word, span_type_name((enum span_type)type)))
            return (enum span_type)type;
    return SPAN_TYPE_NONE;
}

static enum span_type type_of(const struct otlp_span *span)
{
    enum span_type type = type_of_word(span);

    if (type == SPAN_TYPE_NONE)
        type = type_of_operation(span);
    if (type == SPAN_TYPE_NONE)
        type = type_of_request(span);
    if (type == SPAN_TYPE_NONE)
        type = type_of_kind(span);
    if (type == SPAN_TYPE_NONE && otlp_find(&span->attributes, "llm.prompt_template.variables"))
        type = SPAN_PROMPT;
    if (type == SPAN_TYPE_NONE && otlp_find(&span->attributes, "gen_ai.tool.name"))
        type = SPAN_TOOL;
    return type == SPAN_TYPE_NONE ? SPAN_CHAIN : type;
}

/* ---- the run's object ---- */

static void place_write(struct json_writer *json, const struct otlp_span *span,
                        const struct place *place)
{
    struct uuid_text text;

    json_put_str(json, "id", uuid_write(place->id, &text));
    if (place->has_trace)
        json_put_str(json, "trace_id", uuid_write(place->trace_id, &text));
    if (place->has_parent)
        json_put_str(json, "parent_run_id", uuid_write(place->parent_id, &text));
    if (!str_is_none(otlp_text(&span->attributes, "langsmith.span.dotted_order")))
        json_put_str(json, "dotted_order",
                     otlp_text(&span->attributes, "langsmith.span.dotted_order"));
}

static struct str name_of(const struct otlp_span *span)
{
    static const char *const keys[] = {"langsmith.trace.name", "traceloop.entity.name",
                                       "tool.name"};
    struct str name = STR_NONE;

    for (size_t i = 0; i < ARRAY_LEN(keys) && str_is_none(name); i++)
        name = otlp_text(&span->attributes, keys[i]);
    if (str_is_none(name))
        name = span->name;
    return str_is_none(name) ? STR("") : name;
}

/* "a, b", or an array of texts. */
static void tags_write(struct json_writer *json, const struct otlp_span *span)
{
    const struct otlp_value *tags = otlp_find(&span->attributes, "langsmith.span.tags");
    struct str rest, tag;

    if (!tags || (tags->type != OTLP_STRING && tags->type != OTLP_ARRAY))
        return;
    json_key(json, "tags");
    json_begin_array(json);
    for (rest = tags->text; tags->type == OTLP_STRING && str_split(&rest, ',', &tag);)
        if (str_trim(tag).len > 0)
            json_str_out(json, str_trim(tag));
    for (size_t i = 0; tags->type == OTLP_ARRAY && i < tags->items.count; i++)
        if (tags->items.list[i].value.type == OTLP_STRING)
            json_str_out(json, tags->items.list[i].value.text);
    json_end_array(json);
}

/* The span's own word, then its process's, then the request's. */
static void project_write(struct json_writer *json, const struct otlp_span *span,
                          struct str project)
{
    const struct otlp_attributes *at[] = {&span->attributes, &span->scope->resource};

    for (size_t i = 0; i < ARRAY_LEN(at); i++) {
        struct str id = otlp_text(at[i], "langsmith.trace.session_id");
        struct str name = otlp_text(at[i], "langsmith.trace.session_name");

        if (str_is_none(id) && str_is_none(name))
            continue;
        if (str_is_none(id))
            json_put_str(json, "session_name", name);
        else
            json_put_str(json, "session_id", id);
        return;
    }
    if (project.len > 0)
        json_put_str(json, "session_name", project);
}

static void run_write(struct otlp_run *run, const struct place *place, struct str project)
{
    const struct otlp_span *span = run->span;
    struct json_writer *json = run->json;
    struct str example = otlp_text(&span->attributes, "langsmith.reference_example_id");

    json_begin_object(json);
    place_write(json, span, place);
    json_put_str(json, "name", name_of(span));
    json_put_str(json, "run_type", span_type_name(type_of(span)));
    if (span->start_ns)
        json_put_time(json, "start_time", (int64_t)(span->start_ns / 1000));
    if (span->end_ns)
        json_put_time(json, "end_time", (int64_t)(span->end_ns / 1000));
    tags_write(json, span);
    project_write(json, span, project);
    if (!str_is_none(example))
        json_put_str(json, "reference_example_id", example);
    otlp_values_write(run);
    otlp_extra_write(run);
    json_end_object(json);
}

static void give(struct span_batch *batch, const struct place *place, struct str text)
{
    char *copy = arena_cstr(&batch->arena, text);

    json_scrub_nul(copy, text.len);
    span_batch_add_object(batch, SPAN_POST, &place->id, str_range(copy, text.len));
    if (place->has_alias)
        span_batch_add_alias(batch, place->id, place->alias);
}

void otlp_run_add(struct span_batch *batch, const struct otlp_span *span, struct str project)
{
    struct arena arena;
    struct json_writer json;
    struct otlp_run run = {span, &arena, &json};
    struct place place = {.has_trace = false};
    const char *why = place_find(span, &place);
    struct buf out;

    if (why) {
        span_batch_problem(batch, span->name.len > 0 ? span->name : STR("a span"), str_of(why));
        return;
    }
    arena_init(&arena);
    buf_init(&out, RUN_BYTES_MAX);
    json_writer_init(&json, &out);
    run_write(&run, &place, project);
    if (out.failed)
        span_batch_problem(batch, span->name, STR("the span is too large"));
    else
        give(batch, &place, buf_str(&out));
    buf_release(&out);
    arena_release(&arena);
}
