/* What a run has done, told as spans (the body of POST /runs/batch). */
#include "native/trace.h"

#include "base/uuid.h"
#include "format/dotted_order.h"
#include "native/run_priv.h"

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

static bool has_begun(const struct native_run *run, const struct trace_span *span)
{
    return is_traced(run) && !str_is_none(span->id);
}

/* ---- beginning ---- */

static void span_begin(struct native_run *run, const struct trace_span *parent, struct uuid id,
                       int64_t now_us, struct trace_span *span)
{
    struct dotted_segment segment;
    struct uuid_text text;
    struct str own = dotted_segment_write(now_us, id, &segment);

    *span = (struct trace_span){
        .id = arena_str(run->arena, uuid_write(id, &text)),
        .parent = parent ? parent->id : STR_NONE,
        .dotted = parent
                      ? arena_printf(run->arena, "%.*s.%.*s", STR_ARG(parent->dotted), STR_ARG(own))
                      : arena_str(run->arena, own),
        .start_us = now_us,
    };
}

static void child_begin(struct native_run *run, const struct trace_span *parent,
                        struct trace_span *span)
{
    int64_t now_us = loop_wall_us(run->native->loop);

    span_begin(run, parent, uuid_v7(loop_rng(run->native->loop), now_us), now_us, span);
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

    buf_init(&out, TRACE_SPAN_BYTES_MAX);
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

/* {"output": text} */
static struct str output_of(struct native_run *run, struct str text)
{
    struct json_writer json;
    struct buf out;

    buf_init(&out, TRACE_SPAN_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "output", text);
    json_end_object(&json);
    return buf_keep(&out, run->arena);
}

/* ---- the run ---- */

void trace_begin(struct native_run *run)
{
    struct uuid id;

    if (!run->native->traces || uuid_parse(run->execution->run.run_id, &id))
        return;
    span_begin(run, NULL, id, loop_wall_us(run->native->loop), &run->root);
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

void trace_end(struct native_run *run, struct str values, struct str error)
{
    if (!is_traced(run))
        return;
    trace_model_end(run, STR_NONE, str_is_none(error) ? STR("Cancelled") : error);
    for (size_t i = run->frame_count; i > 1; i--)
        trace_task_end(run, &run->frames[i - 1], STR_NONE, error);
    tell(run, &(struct told){
                  .span = &run->root,
                  .name = run->spec.row.name,
                  .type = "chain",
                  .inputs = inputs_of(run),
                  .outputs = values,
                  .error = error,
                  .metadata = run->execution->run.metadata,
              });
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

    if (!is_traced(run))
        return;
    child_begin(run, top_span(run), &run->model_span);
    buf_clear(&run->model_inputs);
    json_writer_init(&json, &run->model_inputs);
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
    return buf_keep(&out, run->arena);
}

void trace_model_end(struct native_run *run, struct str message, struct str error)
{
    const struct str parts[] = {STR("{\"messages\":["), message, STR("]}")};
    const struct buf *inputs = &run->model_inputs;

    if (!has_begun(run, &run->model_span))
        return;
    tell(run,
         &(struct told){
             .span = &run->model_span,
             .name = run->model.target.model,
             .type = "llm",
             .inputs = inputs->failed ? STR_NONE : buf_str(inputs),
             .outputs = str_is_none(message) ? STR_NONE
                                             : arena_concat(run->arena, parts, ARRAY_LEN(parts)),
             .error = error,
             .metadata = model_metadata(run),
         });
    run->model_span.id = STR_NONE;
}

/* ---- tools ---- */

void trace_tool_begin(struct native_run *run)
{
    if (is_traced(run))
        child_begin(run, top_span(run), &run->tool_span);
}

void trace_tool_end(struct native_run *run, const struct tool_call *call, struct str text,
                    bool is_error)
{
    if (!has_begun(run, &run->tool_span))
        return;
    tell(run, &(struct told){
                  .span = &run->tool_span,
                  .name = call->name,
                  .type = "tool",
                  .inputs = call->args,
                  .outputs = output_of(run, text),
                  .error = is_error ? text : STR_NONE,
                  .metadata = STR_NONE,
              });
    run->tool_span.id = STR_NONE;
}

void trace_task_begin(struct native_run *run, struct frame *frame)
{
    if (!is_traced(run))
        return;
    child_begin(run, &run->root, &frame->task_span);
    child_begin(run, &frame->task_span, &frame->span);
}

void trace_task_end(struct native_run *run, struct frame *frame, struct str text, struct str error)
{
    struct told told = {
        .span = &frame->span,
        .name = frame->agent->name,
        .type = "chain",
        .inputs = frame->call.args,
        .error = error,
        .metadata = STR_NONE,
    };

    if (!has_begun(run, &frame->span))
        return;
    told.outputs = str_is_none(text) ? STR_NONE : output_of(run, text);
    tell(run, &told);
    told.span = &frame->task_span;
    told.name = frame->call.name;
    told.type = "tool";
    tell(run, &told);
    frame->span.id = STR_NONE;
}
