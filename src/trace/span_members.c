/* span_members.c -- see span_members.h. */
#include "trace/span_members.h"

#include "store/span_usage.h"

void span_put_uuid(struct json_writer *json, struct uuid id)
{
    struct uuid_text text;

    json_str_out(json, uuid_write(id, &text));
}

SPAN_MEMBER(id)
{
    span_put_uuid(json, span->row.span_id);
}

SPAN_MEMBER(trace_id)
{
    span_put_uuid(json, span->row.trace_id);
}

SPAN_MEMBER(project_id)
{
    json_str_out(json, span->project_id);
}

SPAN_MEMBER(dotted_order)
{
    json_str_out(json, span->row.dotted_order);
}

SPAN_MEMBER(app_path)
{
    struct uuid_text id, trace;
    struct span_time time;
    struct buf path;

    buf_init(&path, SPAN_LINK_BYTES_MAX);
    buf_addf(&path, "/o/%.*s/projects/p/%.*s/r/%s?trace_id=%s&start_time=%s",
             STR_ARG(view->tenant_id), STR_ARG(span->project_id),
             uuid_write(span->row.span_id, &id).data, uuid_write(span->row.trace_id, &trace).data,
             span_time_write(span->row.start_us, &time).data);
    json_str_out(json, buf_str(&path));
    buf_release(&path);
}

SPAN_MEMBER(name)
{
    json_str_out(json, span->row.name);
}

/* ---- values ---- */

static void value_out(struct json_writer *json, const struct span *span,
                      const struct span_view *view, enum span_field field)
{
    const struct span_value *value = &span->values[field];

    if (view->write_blob && !str_is_none(value->blob_key))
        view->write_blob(view, json, value);
    else
        json_raw_out(json, value->bytes);
}

#define VALUE(name, field)                                                                         \
    SPAN_MEMBER(name)                                                                              \
    {                                                                                              \
        value_out(json, span, view, field);                                                        \
    }
VALUE(inputs, SPAN_INPUTS)
VALUE(outputs, SPAN_OUTPUTS)
VALUE(events, SPAN_EVENTS)
VALUE(extra, SPAN_EXTRA)
VALUE(error, SPAN_ERROR_TEXT)
VALUE(serialized, SPAN_SERIALIZED)

SPAN_MEMBER(inputs_preview)
{
    json_str_out(json, span_preview(span->values[SPAN_INPUTS].bytes));
}

SPAN_MEMBER(outputs_preview)
{
    json_str_out(json, span_preview(span->values[SPAN_OUTPUTS].bytes));
}

SPAN_MEMBER(tags)
{
    json_raw_out(json, span->row.tags);
}

/* The ancestors, the root first: every segment of the dotted order but the last ends in one. */
SPAN_MEMBER(parent_run_ids)
{
    struct str rest = span->row.dotted_order, segment;
    struct uuid id;

    json_begin_array(json);
    for (int64_t i = 0; i < span->row.depth && str_split(&rest, '.', &segment); i++)
        if (segment.len > 22 && !uuid_parse_loose(str_from(segment, 22), &id))
            span_put_uuid(json, id);
    json_end_array(json);
}

SPAN_MEMBER(is_root)
{
    json_bool_out(json, span->row.is_root);
}

SPAN_MEMBER(reference_example_id)
{
    if (span->row.has_example)
        span_put_uuid(json, span->row.example_id);
    else
        json_null_out(json);
}

SPAN_MEMBER(reference_dataset_id)
{
    json_str_out(json, span->dataset_id);
}

SPAN_MEMBER(in_dataset)
{
    json_bool_out(json, span->in_dataset);
}

SPAN_MEMBER(thread_id)
{
    json_str_out(json, span->row.thread_id);
}

SPAN_MEMBER(null)
{
    json_null_out(json);
}

SPAN_MEMBER(false)
{
    json_bool_out(json, false);
}

/* ---- tokens and costs ---- */

#define TOKENS(name)                                                                               \
    SPAN_MEMBER(name)                                                                              \
    {                                                                                              \
        json_i64_out(json, span->row.name);                                                        \
    }
TOKENS(total_tokens)
TOKENS(prompt_tokens)
TOKENS(completion_tokens)

SPAN_MEMBER(price_model_id)
{
    struct arena arena;
    struct span_usage own;

    arena_init(&arena);
    span_usage_read(span->row.usage, &arena, &own);
    json_str_out(json, own.price_id);
    arena_release(&arena);
}

static struct str own_part(const struct span_usage *own, enum span_own part)
{
    switch (part) {
    case SPAN_OWN_PROMPT_TOKENS:
        return own->prompt_token_details;
    case SPAN_OWN_COMPLETION_TOKENS:
        return own->completion_token_details;
    case SPAN_OWN_PROMPT_COSTS:
        return own->prompt_cost_details;
    case SPAN_OWN_COMPLETION_COSTS:
        return own->completion_cost_details;
    }
    return STR_NONE;
}

static void details_out(struct json_writer *json, struct str details, enum span_own part,
                        bool is_v2)
{
    if (part == SPAN_OWN_PROMPT_TOKENS || part == SPAN_OWN_COMPLETION_TOKENS)
        json_raw_out(json, details);
    else
        span_costs_write(json, details, is_v2);
}

void span_put_own(struct json_writer *json, const struct span *span, enum span_own part, bool is_v2)
{
    struct arena arena;
    struct span_usage own;
    struct str details;

    arena_init(&arena);
    span_usage_read(span->row.usage, &arena, &own);
    details = own_part(&own, part);
    if (is_v2 && !str_is_none(details)) {
        json_begin_object(json);
        json_key(json, "raw");
        details_out(json, details, part, true);
        json_end_object(json);
    } else {
        details_out(json, details, part, is_v2);
    }
    arena_release(&arena);
}
