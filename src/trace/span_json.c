/* span_json.c -- one table: a name, and the function that writes its value. */
#include "trace/span_json.h"

#include "trace/span_links.h"
#include "trace/span_members.h"

/* ---- pieces ---- */

static void time_out(struct json_writer *json, int64_t wall_us)
{
    struct span_time time;

    json_str_out(json, wall_us ? span_time_write(wall_us, &time) : STR_NONE);
}

static void cost_out(struct json_writer *json, const struct span *span, int64_t picodollars)
{
    struct span_cost cost;

    json_str_out(json, span->row.has_cost ? span_cost_write(picodollars, &cost) : STR_NONE);
}

/* ---- the fields ---- */

#define FIELD(name)                                                                                \
    static void write_##name(struct json_writer *json, const struct span *span,                    \
                             const struct span_view *view UNUSED)

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
        span_put_inputs(json, span, view);
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

FIELD(parent_run_id)
{
    if (span->row.has_parent)
        span_put_uuid(json, span->row.parent_id);
    else
        json_null_out(json);
}

FIELD(one)
{
    (void)span;
    json_i64_out(json, 1);
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

FIELD(trace_min_start)
{
    time_out(json, span->trace_min_us);
}

FIELD(trace_max_start)
{
    time_out(json, span->trace_max_us);
}

#define COSTS(name)                                                                                \
    FIELD(name)                                                                                    \
    {                                                                                              \
        cost_out(json, span, span->row.name);                                                      \
    }
COSTS(total_cost)
COSTS(prompt_cost)
COSTS(completion_cost)

#define OWN(name, part)                                                                            \
    FIELD(name)                                                                                    \
    {                                                                                              \
        span_put_own(json, span, part, false);                                                     \
    }
OWN(prompt_token_details, SPAN_OWN_PROMPT_TOKENS)
OWN(completion_token_details, SPAN_OWN_COMPLETION_TOKENS)
OWN(prompt_cost_details, SPAN_OWN_PROMPT_COSTS)
OWN(completion_cost_details, SPAN_OWN_COMPLETION_COSTS)

FIELD(share_token)
{
    json_str_out(json, span->share_token);
}

FIELD(feedback_stats)
{
    json_raw_out(json, span->feedback_stats);
}

#define OF(field) (1u << (field))

static const struct {
    const char *name;
    span_put_fn write;
    bool is_required;
    unsigned fields; /* values it needs */
} fields[] = {
    {"id", span_put_id, true, 0},
    {"trace_id", span_put_trace_id, true, 0},
    {"session_id", span_put_project_id, true, 0},
    {"dotted_order", span_put_dotted_order, true, 0},
    {"app_path", span_put_app_path, true, 0},
    {"name", span_put_name, true, 0},
    {"run_type", write_run_type, true, 0},
    {"status", write_status, true, 0},
    {"start_time", write_start_time, true, 0},
    {"end_time", write_end_time, false, 0},
    {"inputs", write_inputs, false, OF(SPAN_INPUTS)},
    {"outputs", span_put_outputs, false, OF(SPAN_OUTPUTS)},
    {"error", span_put_error, false, OF(SPAN_ERROR_TEXT)},
    {"events", span_put_events, false, OF(SPAN_EVENTS)},
    {"extra", span_put_extra, false, OF(SPAN_EXTRA)},
    {"serialized", span_put_serialized, false, OF(SPAN_SERIALIZED)},
    {"inputs_preview", span_put_inputs_preview, false, OF(SPAN_INPUTS)},
    {"outputs_preview", span_put_outputs_preview, false, OF(SPAN_OUTPUTS)},
    {"inputs_s3_urls", write_inputs_s3_urls, false, OF(SPAN_INPUTS)},
    {"outputs_s3_urls", write_outputs_s3_urls, false, OF(SPAN_OUTPUTS)},
    {"s3_urls", write_s3_urls, false, 0},
    {"tags", span_put_tags, false, 0},
    {"parent_run_id", write_parent_run_id, false, 0},
    {"parent_run_ids", span_put_parent_run_ids, false, 0},
    {"child_run_ids", span_put_null, false, 0},
    {"direct_child_run_ids", span_put_null, false, 0},
    {"is_root", span_put_is_root, false, 0},
    {"tenant_id", write_tenant_id, false, 0},
    {"modified_at", write_modified_at, false, 0},
    {"execution_order", write_one, false, 0},
    {"total_tokens", span_put_total_tokens, false, 0},
    {"prompt_tokens", span_put_prompt_tokens, false, 0},
    {"completion_tokens", span_put_completion_tokens, false, 0},
    {"prompt_token_details", write_prompt_token_details, false, 0},
    {"completion_token_details", write_completion_token_details, false, 0},
    {"total_cost", write_total_cost, false, 0},
    {"prompt_cost", write_prompt_cost, false, 0},
    {"completion_cost", write_completion_cost, false, 0},
    {"prompt_cost_details", write_prompt_cost_details, false, 0},
    {"completion_cost_details", write_completion_cost_details, false, 0},
    {"price_model_id", span_put_price_model_id, false, 0},
    {"first_token_time", write_first_token_time, false, 0},
    {"feedback_stats", write_feedback_stats, false, 0},
    {"reference_example_id", span_put_reference_example_id, false, 0},
    {"reference_dataset_id", span_put_reference_dataset_id, false, 0},
    {"in_dataset", span_put_in_dataset, false, 0},
    {"share_token", write_share_token, false, 0},
    {"manifest_id", span_put_null, false, 0},
    {"manifest_s3_id", span_put_null, false, 0},
    {"last_queued_at", span_put_null, false, 0},
    {"trace_first_received_at", write_received_at, false, 0},
    {"trace_min_start_time", write_trace_min_start, false, 0},
    {"trace_max_start_time", write_trace_max_start, false, 0},
    {"trace_tier", span_put_null, false, 0},
    {"ttl_seconds", span_put_null, false, 0},
    {"trace_upgrade", span_put_false, false, 0},
    {"thread_id", span_put_thread_id, false, 0},
    {"messages", span_put_null, false, 0},
};
static_assert(ARRAY_LEN(fields) <= 63, "each has a bit");

/* Names that ask for the same as another. */
static const struct {
    const char *name, *as;
} aliases[] = {
    {"inputs_or_signed_url", "inputs"}, {"outputs_or_signed_url", "outputs"},
    {"error_or_signed_url", "error"},   {"events_or_signed_url", "events"},
    {"extra_or_signed_url", "extra"},   {"serialized_or_signed_url", "serialized"},
    {"manifest", "manifest_id"},        {"inserted_at", "trace_first_received_at"},
};

uint64_t span_select(struct str name)
{
    if (str_eq(name, STR("trace_min_max_start_time")))
        return span_select(STR("trace_min_start_time")) | span_select(STR("trace_max_start_time"));
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
