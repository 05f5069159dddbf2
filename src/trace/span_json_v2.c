/* span_json_v2.c -- one table: a name, the function that writes its value, what that needs. */
#include "trace/span_json_v2.h"

#include <ctype.h>

#include "trace/span_links.h"
#include "trace/span_members.h"

#define PICO 1e12

#define FIELD(name)                                                                                \
    static void write_##name(struct json_writer *json, const struct span *span UNUSED,             \
                             const struct span_view *view UNUSED)

static void capitals_out(struct json_writer *json, struct str word)
{
    char text[32];
    size_t len = word.len < sizeof(text) ? word.len : sizeof(text);

    for (size_t i = 0; i < len; i++)
        text[i] = (char)toupper((unsigned char)word.data[i]);
    json_str_out(json, str_range(text, len));
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

FIELD(error_preview)
{
    json_str_out(json, span_preview(span->row.error_preview));
}

FIELD(metadata)
{
    struct str extra = str_trim(span->values[SPAN_EXTRA].bytes);
    bool is_object = extra.len > 0 && extra.data[0] == '{';

    json_raw_out(json, is_object ? json_raw(extra, STR("metadata")) : STR_NONE);
}

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

#define OWN(name, part)                                                                            \
    FIELD(name)                                                                                    \
    {                                                                                              \
        span_put_own(json, span, part, true);                                                      \
    }
OWN(prompt_token_details, SPAN_OWN_PROMPT_TOKENS)
OWN(completion_token_details, SPAN_OWN_COMPLETION_TOKENS)
OWN(prompt_cost_details, SPAN_OWN_PROMPT_COSTS)
OWN(completion_cost_details, SPAN_OWN_COMPLETION_COSTS)

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
    buf_init(&url, SPAN_LINK_BYTES_MAX);
    buf_addf(&url, "%.*s/public/%.*s/r", STR_ARG(view->base), STR_ARG(span->share_token));
    json_str_out(json, buf_str(&url));
    buf_release(&url);
}

FIELD(feedback_stats)
{
    json_raw_out(json, str_is_none(span->feedback_stats) ? STR("{}") : span->feedback_stats);
}

static const struct {
    const char *name; /* in small letters as the member, in capitals as what is selected */
    span_put_fn write;
    const char *needs; /* as span_select knows it */
} fields[] = {
    {"id", span_put_id, NULL},
    {"name", span_put_name, NULL},
    {"run_type", write_run_type, NULL},
    {"status", write_status, NULL},
    {"start_time", write_start_time, NULL},
    {"end_time", write_end_time, NULL},
    {"latency_seconds", write_latency_seconds, NULL},
    {"first_token_time", write_first_token_time, NULL},
    {"error", span_put_error, "error"},
    {"error_preview", write_error_preview, NULL},
    {"extra", span_put_extra, "extra"},
    {"metadata", write_metadata, "extra"},
    {"events", span_put_events, "events"},
    {"inputs", span_put_inputs, "inputs"},
    {"inputs_preview", span_put_inputs_preview, "inputs"},
    {"outputs", span_put_outputs, "outputs"},
    {"outputs_preview", span_put_outputs_preview, "outputs"},
    {"manifest", span_put_serialized, "serialized"},
    {"parent_run_ids", span_put_parent_run_ids, NULL},
    {"project_id", span_put_project_id, NULL},
    {"trace_id", span_put_trace_id, NULL},
    {"thread_id", span_put_thread_id, NULL},
    {"dotted_order", span_put_dotted_order, NULL},
    {"is_root", span_put_is_root, NULL},
    {"reference_example_id", span_put_reference_example_id, NULL},
    {"reference_dataset_id", span_put_reference_dataset_id, NULL},
    {"total_tokens", span_put_total_tokens, NULL},
    {"prompt_tokens", span_put_prompt_tokens, NULL},
    {"completion_tokens", span_put_completion_tokens, NULL},
    {"total_cost", write_total_cost, NULL},
    {"prompt_cost", write_prompt_cost, NULL},
    {"completion_cost", write_completion_cost, NULL},
    {"prompt_token_details", write_prompt_token_details, NULL},
    {"completion_token_details", write_completion_token_details, NULL},
    {"prompt_cost_details", write_prompt_cost_details, NULL},
    {"completion_cost_details", write_completion_cost_details, NULL},
    {"price_model_id", span_put_price_model_id, NULL},
    {"tags", span_put_tags, NULL},
    {"app_path", span_put_app_path, NULL},
    {"attachments", write_attachments, "s3_urls"},
    {"thread_evaluation_time", span_put_null, NULL},
    {"is_in_dataset", span_put_in_dataset, NULL},
    {"last_queued_at", span_put_null, NULL},
    {"share_url", write_share_url, NULL},
    {"feedback_stats", write_feedback_stats, NULL},
    {"ls_user_id", span_put_null, NULL},
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
