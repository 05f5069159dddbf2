/* What a run has done, told as spans (the body of POST /runs/batch). */
#include "native/trace.h"

#include "base/time.h"
#include "base/uuid.h"
#include "native/run_priv.h"

#define SPAN_BYTES_MAX (32 * MIB)
#define TIME_BYTES 32

/* What is told of a span at its end. */
struct told {
    const struct trace_span *span;
    struct str name;
    const char *type;
    struct str inputs, outputs; /* JSON objects; STR_NONE */
    struct str error;           /* STR_NONE: none */
    struct str metadata;        /* JSON object over the common one; STR_NONE */
};

static bool is_traced(const struct native_run *run)
{
    return run->native->traces && !str_is_none(run->root.id);
}

/* ---- beginning ---- */

/* "20261121T051237533121Z" */
static struct str compact_time(struct native_run *run, int64_t wall_us)
{
    struct time_text text;
    struct str iso = time_write_iso(wall_us, &text);
    char *out = arena_alloc(run->arena, TIME_BYTES);
    size_t len = 0;

    for (size_t i = 0; i < iso.len && iso.data[i] != '+' && len + 1 < TIME_BYTES; i++)
        if (iso.data[i] != '-' && iso.data[i] != ':' && iso.data[i] != '.')
            out[len++] = iso.data[i];
    out[len++] = 'Z';
    return str_range(out, len);
}

/* id STR_NONE: a new one. */
static void span_begin(struct native_run *run, const struct trace_span *parent, struct str id,
                       struct trace_span *span)
{
    int64_t now_us = loop_wall_us(run->native->loop);
    struct str time = compact_time(run, now_us);
    struct uuid_text text;

    if (str_is_none(id))
        id = arena_str(run->arena, uuid_write(uuid_v7(loop_rng(run->native->loop), now_us), &text));
    *span = (struct trace_span){
        .id = id,
        .parent = parent ? parent->id : STR_NONE,
        .dotted = parent ? arena_printf(run->arena, "%.*s.%.*s%.*s", STR_ARG(parent->dotted),
                                        STR_ARG(time), STR_ARG(id))
                         : arena_printf(run->arena, "%.*s%.*s", STR_ARG(time), STR_ARG(id)),
        .start_us = now_us,
    };
}

/* ---- telling ---- */

static void metadata_out(struct json_writer *json, struct native_run *run, struct str more)
{
    const struct run *r = &run->execution->run;
    struct json_writer own;
    struct buf out, merged;

    buf_init(&out, 64 * KIB);
    json_writer_init(&own, &out);
    json_begin_object(&own);
    json_put_str(&own, "thread_id", r->thread_id);
    json_put_str(&own, "run_id", r->run_id);
    json_put_str(&own, "assistant_id", r->assistant_id);
    json_put_str(&own, "graph_id", r->graph_id);
    json_put_str(&own, "agent_id", run->spec.row.agent_id);
    json_put_i64(&own, "agent_version", run->spec.row.version);
    json_end_object(&own);
    buf_init(&merged, MIB);
    json_merge(&merged, buf_str(&out), more);
    json_put_raw(json, "metadata", buf_str(merged.failed ? &out : &merged));
    buf_release(&merged);
    buf_release(&out);
}

static void tell(struct native_run *run, const struct told *told)
{
    const struct trace_span *span = told->span;
    struct json_writer json;
    struct buf out;

    buf_init(&out, SPAN_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_key(&json, "post");
    json_begin_array(&json);
    json_begin_object(&json);
    json_put_str(&json, "id", span->id);
    json_put_str(&json, "trace_id", run->root.id);
    json_put_str(&json, "parent_run_id", span->parent);
    json_put_str(&json, "dotted_order", span->dotted);
    json_put_str(&json, "name", told->name);
    json_put_str(&json, "run_type", str_of(told->type));
    json_put_str(&json, "session_name", run->execution->run.graph_id);
    json_put_time(&json, "start_time", span->start_us);
    json_put_time(&json, "end_time", loop_wall_us(run->native->loop));
    json_put_raw(&json, "inputs", str_is_none(told->inputs) ? STR("{}") : told->inputs);
    json_put_raw(&json, "outputs", told->outputs);
    json_put_str(&json, "error", told->error);
    json_key(&json, "extra");
    json_begin_object(&json);
    metadata_out(&json, run, told->metadata);
    json_end_object(&json);
    json_end_object(&json);
    json_end_array(&json);
    json_end_object(&json);
    if (!out.failed)
        span_parcels_send(&run->native->spans, run->execution->run.tenant, buf_str(&out));
    buf_release(&out);
}

static struct str taken(struct native_run *run, struct buf *out)
{
    struct str text = out->failed ? STR_NONE : arena_str(run->arena, buf_str(out));

    buf_release(out);
    return text;
}

/* {"output": text} */
static struct str output_of(struct native_run *run, struct str text)
{
    struct json_writer json;
    struct buf out;

    buf_init(&out, SPAN_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "output", text);
    json_end_object(&json);
    return taken(run, &out);
}

/* ---- the run ---- */

void trace_begin(struct native_run *run)
{
    if (!run->native->traces)
        return;
    span_begin(run, NULL, run->execution->run.run_id, &run->root);
    for (size_t i = 1; i < run->frame_count; i++)
        trace_task_begin(run, &run->frames[i]);
}

/* What the run was asked: its input, or the command that goes on. */
static struct str inputs_of(struct native_run *run)
{
    struct str kwargs = run->execution->run.kwargs;
    struct str input = json_raw(kwargs, STR("input")), command = json_raw(kwargs, STR("command"));

    if (!str_is_none(input) && str_starts(input, STR("{")))
        return input;
    return str_is_none(command) || !str_starts(command, STR("{")) ? STR("{}") : command;
}

void trace_end(struct native_run *run, struct str error)
{
    const struct told told = {
        .span = &run->root,
        .name = run->spec.row.name,
        .type = "chain",
        .inputs = inputs_of(run),
        .outputs = run->frame_count > 0 ? stream_result(run) : STR_NONE,
        .error = error,
        .metadata = run->execution->run.metadata,
    };

    if (!is_traced(run))
        return;
    if (!str_is_none(run->model_span.id))
        trace_model_end(run, STR_NONE, str_is_none(error) ? STR("Cancelled") : error);
    for (size_t i = run->frame_count; i > 1; i--)
        trace_task_end(run, &run->frames[i - 1], STR_NONE, error);
    tell(run, &told);
    run->root.id = STR_NONE;
}

/* ---- models ---- */

static const struct trace_span *top_span(struct native_run *run)
{
    return run->frame_count > 1 ? &native_top(run)->span : &run->root;
}

void trace_model_begin(struct native_run *run)
{
    struct json_writer json;
    struct buf out;

    if (!is_traced(run))
        return;
    span_begin(run, top_span(run), STR_NONE, &run->model_span);
    buf_init(&out, SPAN_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_key(&json, "messages");
    json_begin_array(&json);
    json_begin_object(&json);
    json_put_str(&json, "type", STR("system"));
    json_put_str(&json, "content", native_top(run)->agent->prompt);
    json_end_object(&json);
    for (size_t i = 0; i < native_top(run)->messages.count; i++)
        json_raw_out(&json, native_top(run)->messages.list[i].text);
    json_end_array(&json);
    json_end_object(&json);
    run->model_inputs = taken(run, &out);
}

/* {"ls_model_name", "ls_provider", "usage_metadata"} */
static struct str model_metadata(struct native_run *run)
{
    const struct model_answer *answer = &run->model.answer;
    struct str id = native_top(run)->agent->model_id;
    size_t colon = str_find_char(id, ':');
    struct json_writer json;
    struct buf out;

    buf_init(&out, 64 * KIB);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "ls_model_type", STR("chat"));
    json_put_str(&json, "ls_model_name", run->model.target.model);
    if (colon < id.len)
        json_put_str(&json, "ls_provider", str_first(id, colon));
    if (answer->input_tokens + answer->output_tokens > 0) {
        json_key(&json, "usage_metadata");
        json_begin_object(&json);
        json_put_i64(&json, "input_tokens", answer->input_tokens);
        json_put_i64(&json, "output_tokens", answer->output_tokens);
        json_put_i64(&json, "total_tokens", answer->input_tokens + answer->output_tokens);
        json_end_object(&json);
    }
    json_end_object(&json);
    return taken(run, &out);
}

void trace_model_end(struct native_run *run, struct str message, struct str error)
{
    const struct str parts[] = {STR("{\"messages\":["), message, STR("]}")};
    struct told told = {
        .span = &run->model_span,
        .name = run->model.target.model,
        .type = "llm",
        .inputs = run->model_inputs,
        .outputs = STR_NONE,
        .error = error,
    };

    if (!is_traced(run) || str_is_none(run->model_span.id))
        return;
    if (!str_is_none(message))
        told.outputs = arena_concat(run->arena, parts, ARRAY_LEN(parts));
    told.metadata = model_metadata(run);
    tell(run, &told);
    run->model_span.id = STR_NONE;
}

/* ---- tools ---- */

void trace_tool_begin(struct native_run *run)
{
    if (is_traced(run))
        span_begin(run, top_span(run), STR_NONE, &run->tool_span);
}

void trace_tool_end(struct native_run *run, const struct tool_call *call, struct str text,
                    bool is_error)
{
    const struct told told = {
        .span = &run->tool_span,
        .name = call->name,
        .type = "tool",
        .inputs = call->args,
        .outputs = is_traced(run) ? output_of(run, text) : STR_NONE,
        .error = is_error ? text : STR_NONE,
        .metadata = STR_NONE,
    };

    if (!is_traced(run) || str_is_none(run->tool_span.id))
        return;
    tell(run, &told);
    run->tool_span.id = STR_NONE;
}

void trace_task_begin(struct native_run *run, struct frame *frame)
{
    if (!is_traced(run))
        return;
    span_begin(run, &run->root, STR_NONE, &frame->task_span);
    span_begin(run, &frame->task_span, STR_NONE, &frame->span);
}

void trace_task_end(struct native_run *run, struct frame *frame, struct str text, struct str error)
{
    struct str outputs = str_is_none(text) ? STR_NONE : output_of(run, text);
    const struct told agent = {
        .span = &frame->span,
        .name = frame->agent->name,
        .type = "chain",
        .inputs = frame->call.args,
        .outputs = outputs,
        .error = error,
        .metadata = STR_NONE,
    };
    const struct told task = {
        .span = &frame->task_span,
        .name = frame->call.name,
        .type = "tool",
        .inputs = frame->call.args,
        .outputs = outputs,
        .error = error,
        .metadata = STR_NONE,
    };

    if (!is_traced(run) || str_is_none(frame->span.id))
        return;
    tell(run, &agent);
    tell(run, &task);
    frame->span.id = STR_NONE;
}
