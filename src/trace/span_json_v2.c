/* span_json_v2.c -- one table: a name, the function that writes its value, what that needs. */
#include "trace/span_json_v2.h"

#include <ctype.h>
#include <stdio.h>

#include "store/span_usage.h"
#include "trace/span_links.h"

#define LINK_BYTES_MAX 4096
#define PICO 1e12

typedef void (*write_fn)(struct json_writer *json, const struct span *span,
                         const struct span_view *view);

#define FIELD(name)                                                                                \
    static void write_##name(struct json_writer *json, const struct span *span UNUSED,             \
                             const struct span_view *view UNUSED)

static void id_out(struct json_writer *json, bool is_there, struct uuid id)
{
    struct uuid_text text;

    json_str_out(json, is_there ? uuid_write(id, &text) : STR_NONE);
}

static void capitals_out(struct json_writer *json, struct str word)
{
    char text[32];
    size_t len = word.len < sizeof(text) ? word.len : sizeof(text);

    for (size_t i = 0; i < len; i++)
        text[i] = (char)toupper((unsigned char)word.data[i]);
    json_str_out(json, str_range(text, len));
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

FIELD(id)
{
    id_out(json, true, span->row.span_id);
}

FIELD(trace_id)
{
    id_out(json, true, span->row.trace_id);
}

FIELD(project_id)
{
    json_str_out(json, span->project_id);
}

FIELD(name)
{
    json_str_out(json, span->row.name);
}

FIELD(run_type)
{
    capitals_out(json, span_type_name(span->row.type));
}

FIELD(status)
{
    capitals_out(json, span_status_name(span->row.status));
}

FIELD(start_time)
{
    json_time_out(json, span->row.start_us);
}

FIELD(end_time)
{
    json_time_out(json, span->row.end_us);
}

FIELD(first_token_time)
{
    json_time_out(json, span->row.first_token_us);
}

FIELD(latency_seconds)
{
    int64_t took_us = span->row.end_us - span->row.start_us;

    if (span->row.end_us)
        json_double_out(json, took_us > 0 ? (double)took_us / 1e6 : 0);
    else
        json_null_out(json);
}

FIELD(inputs)
{
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

FIELD(manifest)
{
    value_out(json, span, view, SPAN_SERIALIZED);
}

FIELD(error_preview)
{
    json_str_out(json, span_preview(span->row.error_preview));
}

FIELD(inputs_preview)
{
    json_str_out(json, span_preview(span->values[SPAN_INPUTS].bytes));
}

FIELD(outputs_preview)
{
    json_str_out(json, span_preview(span->values[SPAN_OUTPUTS].bytes));
}

FIELD(metadata)
{
    struct str extra = str_trim(span->values[SPAN_EXTRA].bytes);
    bool is_object = extra.len > 0 && extra.data[0] == '{';

    json_raw_out(json, is_object ? json_raw(extra, STR("metadata")) : STR_NONE);
}

/* The ancestors, the root first: every segment of the dotted order but the last ends in one. */
FIELD(parent_run_ids)
{
    struct str rest = span->row.dotted_order, segment;
    struct uuid id;

    json_begin_array(json);
    for (int64_t i = 0; i < span->row.depth && str_split(&rest, '.', &segment); i++)
        if (segment.len > 22 && !uuid_parse_loose(str_from(segment, 22), &id))
            id_out(json, true, id);
    json_end_array(json);
}

FIELD(thread_id)
{
    json_str_out(json, span->row.thread_id);
}

FIELD(dotted_order)
{
    json_str_out(json, span->row.dotted_order);
}

FIELD(is_root)
{
    json_bool_out(json, span->row.is_root);
}

FIELD(reference_example_id)
{
    id_out(json, span->row.has_example, span->row.example_id);
}

FIELD(reference_dataset_id)
{
    json_str_out(json, span->dataset_id);
}

#define TOKENS(name)                                                                               \
    FIELD(name)                                                                                    \
    {                                                                                              \
        json_i64_out(json, span->row.name);                                                        \
    }
TOKENS(total_tokens)
TOKENS(prompt_tokens)
TOKENS(completion_tokens)

#define COST(name)                                                                                 \
    FIELD(name)                                                                                    \
    {                                                                                              \
        if (span->row.has_cost)                                                                    \
            json_double_out(json, (double)span->row.name / PICO);                                  \
        else                                                                                       \
            json_null_out(json);                                                                   \
    }
COST(total_cost)
COST(prompt_cost)
COST(completion_cost)

enum own_part { PROMPT_TOKENS, COMPLETION_TOKENS, PROMPT_COSTS, COMPLETION_COSTS, PRICE };

static void raw_begin(struct json_writer *json, struct str details, bool are_costs)
{
    if (str_is_none(details)) {
        json_null_out(json);
        return;
    }
    json_begin_object(json);
    json_key(json, "raw");
    if (are_costs)
        span_costs_write(json, details, true);
    else
        json_raw_out(json, details);
    json_end_object(json);
}

static void own_out(struct json_writer *json, const struct span *span, enum own_part part)
{
    struct arena arena;
    struct span_usage own;

    arena_init(&arena);
    span_usage_read(span->row.usage, &arena, &own);
    if (part == PRICE)
        json_str_out(json, own.price_id);
    else if (part == PROMPT_TOKENS || part == COMPLETION_TOKENS)
        raw_begin(json,
                  part == PROMPT_TOKENS ? own.prompt_token_details : own.completion_token_details,
                  false);
    else
        raw_begin(json,
                  part == PROMPT_COSTS ? own.prompt_cost_details : own.completion_cost_details,
                  true);
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

FIELD(tags)
{
    json_raw_out(json, span->row.tags);
}

FIELD(app_path)
{
    char path[512];
    struct uuid_text id, trace;
    int len = snprintf(path, sizeof(path), "/o/%.*s/projects/p/%.*s/r/%s?trace_id=%s",
                       STR_ARG(view->tenant_id), STR_ARG(span->project_id),
                       uuid_write(span->row.span_id, &id).data,
                       uuid_write(span->row.trace_id, &trace).data);

    json_str_out(json,
                 len > 0 && (size_t)len < sizeof(path) ? str_range(path, (size_t)len) : STR_NONE);
}

FIELD(attachments)
{
    span_links_attachments_v2_out(json, span, view);
}

FIELD(share_url)
{
    struct buf url;

    if (str_is_none(span->share_token)) {
        json_null_out(json);
        return;
    }
    buf_init(&url, LINK_BYTES_MAX);
    buf_addf(&url, "%.*s/public/%.*s/r", STR_ARG(view->base), STR_ARG(span->share_token));
    json_str_out(json, buf_str(&url));
    buf_release(&url);
}

FIELD(feedback_stats)
{
    json_raw_out(json, str_is_none(span->feedback_stats) ? STR("{}") : span->feedback_stats);
}

FIELD(is_in_dataset)
{
    json_bool_out(json, span->in_dataset);
}

FIELD(null)
{
    json_null_out(json);
}

static const struct {
    const char *name; /* in small letters as the member, in capitals as what is selected */
    write_fn write;
    const char *needs; /* as span_select knows it */
} fields[] = {
    {"id", write_id, NULL},
    {"name", write_name, NULL},
    {"run_type", write_run_type, NULL},
    {"status", write_status, NULL},
    {"start_time", write_start_time, NULL},
    {"end_time", write_end_time, NULL},
    {"latency_seconds", write_latency_seconds, NULL},
    {"first_token_time", write_first_token_time, NULL},
    {"error", write_error, "error"},
    {"error_preview", write_error_preview, NULL},
    {"extra", write_extra, "extra"},
    {"metadata", write_metadata, "extra"},
    {"events", write_events, "events"},
    {"inputs", write_inputs, "inputs"},
    {"inputs_preview", write_inputs_preview, "inputs"},
    {"outputs", write_outputs, "outputs"},
    {"outputs_preview", write_outputs_preview, "outputs"},
    {"manifest", write_manifest, "serialized"},
    {"parent_run_ids", write_parent_run_ids, NULL},
    {"project_id", write_project_id, NULL},
    {"trace_id", write_trace_id, NULL},
    {"thread_id", write_thread_id, NULL},
    {"dotted_order", write_dotted_order, NULL},
    {"is_root", write_is_root, NULL},
    {"reference_example_id", write_reference_example_id, NULL},
    {"reference_dataset_id", write_reference_dataset_id, NULL},
    {"total_tokens", write_total_tokens, NULL},
    {"prompt_tokens", write_prompt_tokens, NULL},
    {"completion_tokens", write_completion_tokens, NULL},
    {"total_cost", write_total_cost, NULL},
    {"prompt_cost", write_prompt_cost, NULL},
    {"completion_cost", write_completion_cost, NULL},
    {"prompt_token_details", write_prompt_token_details, NULL},
    {"completion_token_details", write_completion_token_details, NULL},
    {"prompt_cost_details", write_prompt_cost_details, NULL},
    {"completion_cost_details", write_completion_cost_details, NULL},
    {"price_model_id", write_price_model_id, NULL},
    {"tags", write_tags, NULL},
    {"app_path", write_app_path, NULL},
    {"attachments", write_attachments, "s3_urls"},
    {"thread_evaluation_time", write_null, NULL},
    {"is_in_dataset", write_is_in_dataset, NULL},
    {"last_queued_at", write_null, NULL},
    {"share_url", write_share_url, NULL},
    {"feedback_stats", write_feedback_stats, NULL},
    {"ls_user_id", write_null, NULL},
};
static_assert(ARRAY_LEN(fields) <= 61, "each has a bit, the first is ID's, the last are others'");

uint64_t span_v2_select(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] >= 'a' && name.data[i] <= 'z')
            return 0;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (str_eq_nocase(name, str_of(fields[i].name)))
            return UINT64_C(1) << i;
    return 0;
}

uint64_t span_v2_needs(uint64_t select)
{
    uint64_t needs = 0;

    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (select >> i & 1 && fields[i].needs)
            needs |= span_select(str_of(fields[i].needs));
    return needs;
}

bool span_v2_wants_feedback(uint64_t select)
{
    return select & span_v2_select(STR("FEEDBACK_STATS"));
}

void span_json_v2_members(struct json_writer *json, const struct span *span,
                          const struct span_view *view)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (!(view->select >> i & 1))
            continue;
        json_key(json, fields[i].name);
        fields[i].write(json, span, view);
    }
}

void span_json_v2_write(struct json_writer *json, const struct span *span,
                        const struct span_view *view)
{
    json_begin_object(json);
    span_json_v2_members(json, span, view);
    json_end_object(json);
}
