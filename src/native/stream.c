/* What clients see while a run goes on. Only the agent's own conversation is told; of a sub-agent's
 * what it comes to. */
#include "native/run_priv.h"

#define EVENT_BYTES_MAX (128 * MIB)

static bool has_mode(const struct json *kwargs, const char *mode)
{
    const struct json *modes = json_get(kwargs, "stream_mode");
    struct json_iter iter = json_iter(modes);
    const struct json *item;

    if (json_type(modes) == JSON_STRING)
        return str_eq(json_string(modes), str_of(mode));
    while (json_next(&iter, NULL, &item))
        if (str_eq(json_string(item), str_of(mode)))
            return true;
    return false;
}

static void emit(struct native_run *run, const char *name, struct str data)
{
    run->execution->events->on_event(run->execution, str_of(name), data);
}

static void emit_buf(struct native_run *run, const char *name, struct buf *out)
{
    emit(run, name, buf_str(out));
    buf_release(out);
}

void stream_begin(struct native_run *run)
{
    run->streams = (struct run_streams){
        .values = has_mode(run->kwargs, "values"),
        .updates = has_mode(run->kwargs, "updates"),
        .messages = has_mode(run->kwargs, "messages"),
        .tuples = has_mode(run->kwargs, "messages-tuple"),
    };
}

void stream_values(struct native_run *run)
{
    if (run->streams.values)
        emit(run, "values", state_values(run));
}

static void metadata_out(struct json_writer *json, struct native_run *run, const char *node)
{
    const struct run *r = &run->execution->run;

    json_begin_object(json);
    json_put_str(json, "run_id", r->run_id);
    json_put_str(json, "thread_id", r->thread_id);
    json_put_str(json, "graph_id", r->graph_id);
    json_put_str(json, "assistant_id", r->assistant_id);
    json_put_str(json, "langgraph_node", str_of(node));
    json_put_i64(json, "langgraph_step", run->step);
    json_put_str(json, "langgraph_checkpoint_ns", STR(""));
    json_put_str(json, "ls_model_name", run->model.target.model);
    json_end_object(json);
}

static void tuple_emit(struct native_run *run, const char *node, struct str message)
{
    struct json_writer json;
    struct buf out;

    if (!run->streams.tuples)
        return;
    buf_init(&out, EVENT_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_array(&json);
    json_raw_out(&json, message);
    metadata_out(&json, run, node);
    json_end_array(&json);
    emit_buf(run, "messages", &out);
}

/* ---- pieces of an answer ---- */

static struct str chunk(struct buf *out, struct str id, struct str content)
{
    struct json_writer json;

    buf_init(out, EVENT_BYTES_MAX);
    json_writer_init(&json, out);
    json_begin_object(&json);
    json_put_str(&json, "type", STR("AIMessageChunk"));
    json_put_str(&json, "id", id);
    json_put_str(&json, "content", content);
    json_end_object(&json);
    return buf_str(out);
}

static void metadata_emit(struct native_run *run, const char *node, struct str id)
{
    struct json_writer json;
    struct buf out;

    buf_init(&out, EVENT_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_key_str(&json, id);
    json_begin_object(&json);
    json_key(&json, "metadata");
    metadata_out(&json, run, node);
    json_end_object(&json);
    json_end_object(&json);
    emit_buf(run, "messages/metadata", &out);
}

static void list_emit(struct native_run *run, const char *name, struct str message)
{
    struct buf out;

    buf_init(&out, EVENT_BYTES_MAX);
    buf_add_char(&out, '[');
    buf_add(&out, message);
    buf_add_char(&out, ']');
    emit_buf(run, name, &out);
}

void stream_text(struct native_run *run, struct str piece)
{
    const struct model_answer *answer = &run->model.answer;
    struct buf out;

    if (run->frame_count > 1)
        return;
    if (run->streams.tuples) {
        tuple_emit(run, "model", chunk(&out, run->answer_id, piece));
        buf_release(&out);
    }
    if (!run->streams.messages)
        return;
    if (answer->text.len == piece.len) /* the first one */
        metadata_emit(run, "model", run->answer_id);
    list_emit(run, "messages/partial", chunk(&out, run->answer_id, buf_str(&answer->text)));
    buf_release(&out);
}

/* ---- whole messages ---- */

static void call_chunk(struct json_writer *json, const struct tool_call *call, size_t index)
{
    json_begin_object(json);
    json_put_str(json, "name", call->name);
    json_put_str(json, "args", call->args);
    json_put_str(json, "id", call->id);
    json_put_i64(json, "index", (int64_t)index);
    json_put_str(json, "type", STR("tool_call_chunk"));
    json_end_object(json);
}

/* Its text was streamed; its calls come as one piece, as clients put pieces together. */
static void calls_emit(struct native_run *run, struct str message)
{
    struct tool_calls calls;
    struct json_writer json;
    struct buf out;

    if (!run->streams.tuples)
        return;
    conversation_calls(&run->frames[0].messages, false, &calls);
    if (calls.count == 0)
        return;
    buf_init(&out, EVENT_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "type", STR("AIMessageChunk"));
    json_put_str(&json, "id", run->answer_id);
    json_put_str(&json, "content", STR(""));
    json_put_raw(&json, "tool_calls", json_raw(message, STR("tool_calls")));
    json_key(&json, "tool_call_chunks");
    json_begin_array(&json);
    for (size_t i = 0; i < calls.count; i++)
        call_chunk(&json, &calls.list[i], i);
    json_end_array(&json);
    json_end_object(&json);
    tuple_emit(run, "model", buf_str(&out));
    buf_release(&out);
}

static void update_emit(struct native_run *run, const char *node, struct str message)
{
    struct buf out;

    if (!run->streams.updates)
        return;
    buf_init(&out, EVENT_BYTES_MAX);
    buf_addf(&out, "{\"%s\":{\"messages\":[", node);
    buf_add(&out, message);
    buf_add_char(&out, ']');
    if (!str_is_none(run->frames[0].todos)) {
        buf_add_cstr(&out, ",\"todos\":");
        buf_add(&out, run->frames[0].todos);
    }
    buf_add_cstr(&out, "}}");
    emit_buf(run, "updates", &out);
}

void stream_message(struct native_run *run, const char *node, struct str message)
{
    bool is_answer = strcmp(node, "model") == 0;

    if (run->frame_count > 1)
        return;
    if (is_answer)
        calls_emit(run, message);
    else
        tuple_emit(run, node, message);
    if (run->streams.messages)
        list_emit(run, "messages/complete", message);
    update_emit(run, node, message);
    stream_values(run);
}

void stream_interrupt(struct native_run *run)
{
    const struct str parts[] = {STR("{\"__interrupt__\":"), run->interrupts, STR("}")};
    struct str text = arena_concat(run->arena, parts, ARRAY_LEN(parts));

    if (run->streams.values)
        emit(run, "values", text);
    if (run->streams.updates)
        emit(run, "updates", text);
}

struct str stream_result(struct native_run *run)
{
    struct str values = state_values(run);
    struct buf out;

    if (str_is_none(run->interrupts))
        return values;
    const struct str parts[] = {STR("{\"__interrupt__\":"), run->interrupts, STR("}")};

    buf_init(&out, EVENT_BYTES_MAX);
    json_merge(&out, values, arena_concat(run->arena, parts, ARRAY_LEN(parts)));
    values = arena_str(run->arena, buf_str(&out));
    buf_release(&out);
    return values;
}
