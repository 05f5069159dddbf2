/* A model's streamed answer, put together from its events. Everything in it is the model's choice,
 * so everything has a limit. */
#include "native/model.h"

#define EVENT_BYTES_MAX (4 * MIB)
#define ERROR_BYTES_MAX 1000

void model_answer_init(struct model_answer *answer, enum model_protocol protocol,
                       struct arena *arena)
{
    *answer = (struct model_answer){.protocol = protocol, .arena = arena};
    arena_init(&answer->scratch);
    sse_reader_init(&answer->sse, EVENT_BYTES_MAX);
    buf_init(&answer->text, MODEL_TEXT_BYTES_MAX);
}

void model_answer_release(struct model_answer *answer)
{
    arena_release(&answer->scratch);
    sse_reader_release(&answer->sse);
    buf_release(&answer->text);
    for (size_t i = 0; i < answer->call_count; i++)
        buf_release(&answer->calls[i].arguments);
}

/* ---- both ---- */

static void fail(struct model_answer *a, const char *what, struct str more)
{
    if (str_is_none(a->error))
        a->error =
            arena_printf(a->arena, "%s%.*s", what, STR_ARG(str_first(more, ERROR_BYTES_MAX)));
}

static void fail_by(struct model_answer *a, const struct json *error)
{
    struct str message = json_string(json_get(error, "message"));

    if (str_is_none(message))
        message = json_string(error);
    fail(a, "the model broke off: ", str_is_none(message) ? STR("without saying why") : message);
}

static void text_add(struct model_answer *a, struct str piece)
{
    if (str_is_none(piece) || piece.len == 0)
        return;
    buf_add(&a->text, piece);
    if (a->text.failed)
        fail(a, "the model's answer is larger than 4 MiB", STR(""));
    else if (a->on_text)
        a->on_text(a->context, piece);
}

static struct model_call_part *call_at(struct model_answer *a, int64_t index)
{
    struct model_call_part *call;

    for (size_t i = 0; i < a->call_count; i++)
        if (a->calls[i].index == index)
            return &a->calls[i];
    if (a->call_count == MODEL_CALLS_MAX) {
        fail(a, "the model calls more than 64 tools at once", STR(""));
        return NULL;
    }
    call = &a->calls[a->call_count++];
    *call = (struct model_call_part){.index = index};
    buf_init(&call->arguments, MODEL_ARGUMENTS_BYTES_MAX);
    return call;
}

static void call_add(struct model_answer *a, int64_t index, const struct json *named,
                     struct str arguments)
{
    struct model_call_part *call = call_at(a, index);
    struct str id = json_string(json_get(named, "id"));
    const struct json *function = json_get(named, "function");
    struct str name = json_string(json_get(function ? function : named, "name"));

    if (!call)
        return;
    if (!str_is_none(id) && id.len)
        call->id = arena_str(a->arena, id);
    if (!str_is_none(name) && name.len)
        call->name = arena_str(a->arena, name);
    if (!str_is_none(arguments))
        buf_add(&call->arguments, arguments);
    if (call->arguments.failed)
        fail(a, "the arguments of a tool call are larger than 4 MiB", STR(""));
}

/* ---- OpenAI ---- */

static void openai_choice(struct model_answer *a, const struct json *choice)
{
    const struct json *delta = json_get(choice, "delta");
    const struct json *calls = json_get(delta, "tool_calls");
    struct str reason = json_string(json_get(choice, "finish_reason"));

    text_add(a, json_string(json_get(delta, "content")));
    for (size_t i = 0; i < json_count(calls); i++) {
        const struct json *call = json_item(calls, i);

        call_add(a, json_i64(json_get(call, "index"), (int64_t)i), call,
                 json_string(json_get(json_get(call, "function"), "arguments")));
    }
    if (!str_is_none(reason))
        a->stop_reason = arena_str(a->arena, reason);
}

static void openai_event(struct model_answer *a, struct str data)
{
    const struct json *root, *usage;

    if (str_eq(str_trim(data), STR("[DONE]"))) {
        a->is_complete = true;
        return;
    }
    if (json_parse(&a->scratch, data, &root, NULL)) {
        fail(a, "the model sent an event that is no JSON", STR(""));
        return;
    }
    if (json_get(root, "error") && !json_is_null(json_get(root, "error"))) {
        fail_by(a, json_get(root, "error"));
        return;
    }
    if (json_count(json_get(root, "choices")) > 0)
        openai_choice(a, json_item(json_get(root, "choices"), 0));
    usage = json_get(root, "usage");
    a->input_tokens = json_i64(json_get(usage, "prompt_tokens"), a->input_tokens);
    a->output_tokens = json_i64(json_get(usage, "completion_tokens"), a->output_tokens);
}

/* ---- Anthropic ---- */

static void anthropic_block(struct model_answer *a, int64_t index, const struct json *block)
{
    struct str type = json_string(json_get(block, "type"));

    if (str_eq(type, STR("text")))
        text_add(a, json_string(json_get(block, "text")));
    else if (str_eq(type, STR("tool_use")))
        call_add(a, index, block, STR_NONE);
}

static void anthropic_delta(struct model_answer *a, int64_t index, const struct json *delta)
{
    struct str type = json_string(json_get(delta, "type"));

    if (str_eq(type, STR("text_delta")))
        text_add(a, json_string(json_get(delta, "text")));
    else if (str_eq(type, STR("input_json_delta")))
        call_add(a, index, NULL, json_string(json_get(delta, "partial_json")));
}

static void anthropic_usage(struct model_answer *a, const struct json *usage)
{
    a->input_tokens = json_i64(json_get(usage, "input_tokens"), a->input_tokens);
    a->output_tokens = json_i64(json_get(usage, "output_tokens"), a->output_tokens);
}

static void anthropic_event(struct model_answer *a, struct str data)
{
    const struct json *root;
    struct str type, reason;
    int64_t index;

    if (json_parse(&a->scratch, data, &root, NULL)) {
        fail(a, "the model sent an event that is no JSON", STR(""));
        return;
    }
    type = json_string(json_get(root, "type"));
    index = json_i64(json_get(root, "index"), 0);
    if (str_eq(type, STR("error"))) {
        fail_by(a, json_get(root, "error"));
    } else if (str_eq(type, STR("message_start"))) {
        anthropic_usage(a, json_get(json_get(root, "message"), "usage"));
    } else if (str_eq(type, STR("content_block_start"))) {
        anthropic_block(a, index, json_get(root, "content_block"));
    } else if (str_eq(type, STR("content_block_delta"))) {
        anthropic_delta(a, index, json_get(root, "delta"));
    } else if (str_eq(type, STR("message_delta"))) {
        reason = json_string(json_get(json_get(root, "delta"), "stop_reason"));
        if (!str_is_none(reason))
            a->stop_reason = arena_str(a->arena, reason);
        anthropic_usage(a, json_get(root, "usage"));
    } else if (str_eq(type, STR("message_stop"))) {
        a->is_complete = true;
    }
}

bool model_answer_feed(struct model_answer *a, struct str piece)
{
    struct sse_event event;
    enum err err = OK;

    while (!a->is_complete && str_is_none(a->error) &&
           !(err = sse_reader_next(&a->sse, &piece, &event))) {
        arena_reset(&a->scratch);
        if (a->protocol == MODEL_OPENAI)
            openai_event(a, event.data);
        else
            anthropic_event(a, event.data);
    }
    if (err == ERR_LIMIT)
        fail(a, "the model sent an event larger than 4 MiB", STR(""));
    return !a->is_complete && str_is_none(a->error);
}

/* ---- as a message ---- */

static bool has_object(struct arena *arena, struct str arguments)
{
    const struct json *json;

    return json_parse(arena, arguments, &json, NULL) == OK && json_type(json) == JSON_OBJECT;
}

static struct str arguments_of(const struct model_call_part *call)
{
    struct str text = str_trim(buf_str(&call->arguments));

    return text.len ? text : STR("{}"); /* a tool without parameters */
}

static void calls_out(struct json_writer *json, struct model_answer *a, bool invalid)
{
    json_key(json, invalid ? "invalid_tool_calls" : "tool_calls");
    json_begin_array(json);
    for (size_t i = 0; i < a->call_count; i++) {
        const struct model_call_part *call = &a->calls[i];
        struct str arguments = arguments_of(call);

        if (has_object(a->arena, arguments) == invalid)
            continue;
        json_begin_object(json);
        json_put_str(json, "id", call->id);
        json_put_str(json, "name", str_is_none(call->name) ? STR("") : call->name);
        if (invalid) {
            json_put_str(json, "args", arguments);
            json_put_str(json, "error", STR("the arguments are not a JSON object"));
        } else {
            json_put_raw(json, "args", arguments);
        }
        json_put_str(json, "type", invalid ? STR("invalid_tool_call") : STR("tool_call"));
        json_end_object(json);
    }
    json_end_array(json);
}

struct str model_answer_message(struct model_answer *a, struct arena *arena, struct str id)
{
    struct json_writer json;
    struct buf out;
    struct str text;

    for (size_t i = 0; i < a->call_count; i++)
        if (str_is_none(a->calls[i].id))
            a->calls[i].id = arena_printf(a->arena, "call_%.*s_%zu", STR_ARG(id), i);
    buf_init(&out, 64 * MIB);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "type", STR("ai"));
    json_put_str(&json, "id", id);
    json_put_str(&json, "content", buf_str(&a->text));
    calls_out(&json, a, false);
    calls_out(&json, a, true);
    json_key(&json, "usage_metadata");
    json_begin_object(&json);
    json_put_i64(&json, "input_tokens", a->input_tokens);
    json_put_i64(&json, "output_tokens", a->output_tokens);
    json_put_i64(&json, "total_tokens", a->input_tokens + a->output_tokens);
    json_end_object(&json);
    json_key(&json, "response_metadata");
    json_begin_object(&json);
    json_put_str(&json, "stop_reason", a->stop_reason);
    json_end_object(&json);
    json_end_object(&json);
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}
