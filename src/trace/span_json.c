/* span_json.c -- one table: a name, and the function that writes its value. */
#include "trace/span_json.h"

#include "format/query.h"
#include "store/span_usage.h"
#include "trace/span_links.h"

#define LINK_BYTES_MAX 4096

typedef void (*write_fn)(struct json_writer *json, const struct span *span,
                         const struct span_view *view);

/* ---- pieces ---- */

static void id_out(struct json_writer *json, struct uuid id)
{
    struct uuid_text text;

    json_str_out(json, uuid_write(id, &text));
}

static void time_out(struct json_writer *json, int64_t wall_us)
{
    struct span_time time;

    json_str_out(json, wall_us ? span_time_write(wall_us, &time) : STR_NONE);
}

static void value_out(struct json_writer *json, const struct span *span,
                      const struct span_view *view, enum span_field field)
{
    const struct span_value *value = &span->values[field];

    if (view->write_blob && !str_is_none(value->blob_key))
        view->write_blob(view, json, value);
    else
        json_raw_out(json, value->bytes);
}

static void cost_out(struct json_writer *json, const struct span *span, int64_t picodollars)
{
    struct span_cost cost;

    json_str_out(json, span->row.has_cost ? span_cost_write(picodollars, &cost) : STR_NONE);
}

static void preview_out(struct json_writer *json, const struct span *span, enum span_field field)
{
    json_str_out(json, span_preview(span->values[field].bytes));
}

/* ---- the fields ---- */

#define FIELD(name)                                                                                \
    static void write_##name(struct json_writer *json, const struct span *span,                    \
                             const struct span_view *view UNUSED)

FIELD(id)
{
    id_out(json, span->row.span_id);
}

FIELD(trace_id)
{
    id_out(json, span->row.trace_id);
}

FIELD(session_id)
{
    json_str_out(json, span->project_id);
}

FIELD(dotted_order)
{
    json_str_out(json, span->row.dotted_order);
}

/* /o/{tenant}/projects/p/{project}/r/{span}?trace_id=…&start_time=… (B8) */
FIELD(app_path)
{
    struct uuid_text id, trace;
    struct span_time time;
    struct buf path;

    buf_init(&path, LINK_BYTES_MAX);
    buf_addf(&path, "/o/%.*s/projects/p/%.*s/r/%s?trace_id=%s&start_time=%s",
             STR_ARG(view->tenant_id), STR_ARG(span->project_id),
             uuid_write(span->row.span_id, &id).data, uuid_write(span->row.trace_id, &trace).data,
             span_time_write(span->row.start_us, &time).data);
    json_str_out(json, buf_str(&path));
    buf_release(&path);
}

FIELD(name)
{
    json_str_out(json, span->row.name);
}

FIELD(run_type)
{
    json_str_out(json, span_type_name(span->row.type));
}

FIELD(status)
{
    json_str_out(json, span_status_name(span->row.status));
}

FIELD(start_time)
{
    time_out(json, span->row.start_us);
}

FIELD(end_time)
{
    time_out(json, span->row.end_us);
}

FIELD(first_token_time)
{
    time_out(json, span->row.first_token_us);
}

/* Clients want an object. */
FIELD(inputs)
{
    const struct span_value *inputs = &span->values[SPAN_INPUTS];

    if (str_is_none(inputs->bytes) && str_is_none(inputs->blob_key))
        json_raw_out(json, STR("{}"));
    else
        value_out(json, span, view, SPAN_INPUTS);
}

FIELD(outputs)
{
    value_out(json, span, view, SPAN_OUTPUTS);
}

FIELD(events)
{
    value_out(json, span, view, SPAN_EVENTS);
}

FIELD(extra)
{
    value_out(json, span, view, SPAN_EXTRA);
}

FIELD(error)
{
    value_out(json, span, view, SPAN_ERROR_TEXT);
}

FIELD(serialized)
{
    value_out(json, span, view, SPAN_SERIALIZED);
}

FIELD(inputs_preview)
{
    preview_out(json, span, SPAN_INPUTS);
}

FIELD(outputs_preview)
{
    preview_out(json, span, SPAN_OUTPUTS);
}

FIELD(inputs_s3_urls)
{
    span_links_value_out(json, span, view, SPAN_INPUTS);
}

FIELD(outputs_s3_urls)
{
    span_links_value_out(json, span, view, SPAN_OUTPUTS);
}

/* Attachments. */
FIELD(s3_urls)
{
    span_links_attachments_out(json, span, view);
}

FIELD(tags)
{
    json_raw_out(json, span->row.tags);
}

FIELD(parent_run_id)
{
    if (span->row.has_parent)
        id_out(json, span->row.parent_id);
    else
        json_null_out(json);
}

/* The ancestors, the root first: every segment of the dotted order but the last ends in one. */
FIELD(parent_run_ids)
{
    struct str rest = span->row.dotted_order, segment;

    json_begin_array(json);
    for (int64_t i = 0; i < span->row.depth && str_split(&rest, '.', &segment); i++) {
        struct uuid id;

        if (segment.len > 22 && !uuid_parse_loose(str_from(segment, 22), &id))
            id_out(json, id);
    }
    json_end_array(json);
}

FIELD(null)
{
    (void)span;
    json_null_out(json);
}

FIELD(false)
{
    (void)span;
    json_bool_out(json, false);
}

FIELD(one)
{
    (void)span;
    json_i64_out(json, 1);
}

FIELD(is_root)
{
    json_bool_out(json, span->row.is_root);
}

FIELD(tenant_id)
{
    (void)span;
    json_str_out(json, view->tenant_id);
}

FIELD(modified_at)
{
    time_out(json, span->row.modified_us);
}

FIELD(received_at)
{
    time_out(json, span->row.received_us);
}

#define TOKENS(name)                                                                               \
    FIELD(name)                                                                                    \
    {                                                                                              \
        json_i64_out(json, span->row.name);                                                        \
    }
TOKENS(total_tokens)
TOKENS(prompt_tokens)
TOKENS(completion_tokens)

#define COSTS(name)                                                                                \
    FIELD(name)                                                                                    \
    {                                                                                              \
        cost_out(json, span, span->row.name);                                                      \
    }
COSTS(total_cost)
COSTS(prompt_cost)
COSTS(completion_cost)

enum own_part { PROMPT_TOKENS, COMPLETION_TOKENS, PROMPT_COSTS, COMPLETION_COSTS, PRICE };

/* Of what the span used itself, not of what is below it. */
static void own_out(struct json_writer *json, const struct span *span, enum own_part part)
{
    struct arena arena;
    struct span_usage own;

    arena_init(&arena);
    span_usage_read(span->row.usage, &arena, &own);
    if (part == PRICE)
        json_str_out(json, own.price_id);
    else if (part == PROMPT_TOKENS || part == COMPLETION_TOKENS)
        json_raw_out(json, part == PROMPT_TOKENS ? own.prompt_token_details
                                                 : own.completion_token_details);
    else
        span_costs_write(
            json, part == PROMPT_COSTS ? own.prompt_cost_details : own.completion_cost_details,
            false);
    arena_release(&arena);
}

#define OWN(name, part)                                                                            \
    FIELD(name)                                                                                    \
    {                                                                                              \
        own_out(json, span, part);                                                                 \
    }
OWN(prompt_token_details, PROMPT_TOKENS)
OWN(completion_token_details, COMPLETION_TOKENS)
OWN(prompt_cost_details, PROMPT_COSTS)
OWN(completion_cost_details, COMPLETION_COSTS)
OWN(price_model_id, PRICE)

FIELD(reference_example_id)
{
    if (span->row.has_example)
        id_out(json, span->row.example_id);
    else
        json_null_out(json);
}

FIELD(in_dataset)
{
    json_bool_out(json, span->in_dataset);
}

#define TEXT(name, member)                                                                         \
    FIELD(name)                                                                                    \
    {                                                                                              \
        json_str_out(json, span->member);                                                          \
    }
TEXT(reference_dataset_id, dataset_id)
TEXT(thread_id, row.thread_id)
TEXT(share_token, share_token)

FIELD(feedback_stats)
{
    json_raw_out(json, span->feedback_stats);
}

#define OF(field) (1u << (field))

static const struct {
    const char *name;
    write_fn write;
    bool is_required;
    unsigned fields; /* values it needs */
} fields[] = {
    {"id", write_id, true, 0},
    {"trace_id", write_trace_id, true, 0},
    {"session_id", write_session_id, true, 0},
    {"dotted_order", write_dotted_order, true, 0},
    {"app_path", write_app_path, true, 0},
    {"name", write_name, true, 0},
    {"run_type", write_run_type, true, 0},
    {"status", write_status, true, 0},
    {"start_time", write_start_time, true, 0},
    {"end_time", write_end_time, false, 0},
    {"inputs", write_inputs, false, OF(SPAN_INPUTS)},
    {"outputs", write_outputs, false, OF(SPAN_OUTPUTS)},
    {"error", write_error, false, OF(SPAN_ERROR_TEXT)},
    {"events", write_events, false, OF(SPAN_EVENTS)},
    {"extra", write_extra, false, OF(SPAN_EXTRA)},
    {"serialized", write_serialized, false, OF(SPAN_SERIALIZED)},
    {"inputs_preview", write_inputs_preview, false, OF(SPAN_INPUTS)},
    {"outputs_preview", write_outputs_preview, false, OF(SPAN_OUTPUTS)},
    {"inputs_s3_urls", write_inputs_s3_urls, false, OF(SPAN_INPUTS)},
    {"outputs_s3_urls", write_outputs_s3_urls, false, OF(SPAN_OUTPUTS)},
    {"s3_urls", write_s3_urls, false, 0},
    {"tags", write_tags, false, 0},
    {"parent_run_id", write_parent_run_id, false, 0},
    {"parent_run_ids", write_parent_run_ids, false, 0},
    {"child_run_ids", write_null, false, 0},
    {"direct_child_run_ids", write_null, false, 0},
    {"is_root", write_is_root, false, 0},
    {"tenant_id", write_tenant_id, false, 0},
    {"modified_at", write_modified_at, false, 0},
    {"execution_order", write_one, false, 0},
    {"total_tokens", write_total_tokens, false, 0},
    {"prompt_tokens", write_prompt_tokens, false, 0},
    {"completion_tokens", write_completion_tokens, false, 0},
    {"prompt_token_details", write_prompt_token_details, false, 0},
    {"completion_token_details", write_completion_token_details, false, 0},
    {"total_cost", write_total_cost, false, 0},
    {"prompt_cost", write_prompt_cost, false, 0},
    {"completion_cost", write_completion_cost, false, 0},
    {"prompt_cost_details", write_prompt_cost_details, false, 0},
    {"completion_cost_details", write_completion_cost_details, false, 0},
    {"price_model_id", write_price_model_id, false, 0},
    {"first_token_time", write_first_token_time, false, 0},
    {"feedback_stats", write_feedback_stats, false, 0},
    {"reference_example_id", write_reference_example_id, false, 0},
    {"reference_dataset_id", write_reference_dataset_id, false, 0},
    {"in_dataset", write_in_dataset, false, 0},
    {"share_token", write_share_token, false, 0},
    {"manifest_id", write_null, false, 0},
    {"manifest_s3_id", write_null, false, 0},
    {"last_queued_at", write_null, false, 0},
    {"trace_first_received_at", write_received_at, false, 0},
    {"trace_tier", write_null, false, 0},
    {"ttl_seconds", write_null, false, 0},
    {"trace_upgrade", write_false, false, 0},
    {"thread_id", write_thread_id, false, 0},
    {"messages", write_null, false, 0},
};
static_assert(ARRAY_LEN(fields) <= 63, "each has a bit");

/* Names that ask for the same as another. */
static const struct {
    const char *name, *as;
} aliases[] = {
    {"inputs_or_signed_url", "inputs"},
    {"outputs_or_signed_url", "outputs"},
    {"error_or_signed_url", "error"},
    {"events_or_signed_url", "events"},
    {"extra_or_signed_url", "extra"},
    {"serialized_or_signed_url", "serialized"},
    {"manifest", "manifest_id"},
    {"trace_min_max_start_time", "start_time"},
    {"inserted_at", "trace_first_received_at"},
};

uint64_t span_select(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
        if (str_eq(name, str_of(aliases[i].name)))
            name = str_of(aliases[i].as);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (str_eq(name, str_of(fields[i].name)))
            return UINT64_C(1) << i;
    return 0;
}

unsigned span_select_fields(uint64_t select)
{
    unsigned wanted = 0;

    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (select >> i & 1)
            wanted |= fields[i].fields;
    return wanted;
}

bool span_select_attachments(uint64_t select)
{
    return select & span_select(STR("s3_urls"));
}

void span_json_write(struct json_writer *json, const struct span *span,
                     const struct span_view *view)
{
    json_begin_object(json);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (!fields[i].is_required && !(view->select >> i & 1))
            continue;
        json_key(json, fields[i].name);
        fields[i].write(json, span, view);
    }
    json_end_object(json);
}
