/* A question as a request's body. */
#include "native/model.h"

/* ---- both ---- */

static void text_or_blocks(struct json_writer *json, const struct said *said)
{
    struct str content = json_raw(said->text, STR("content"));

    json_key(json, "content");
    json_raw_out(json,
                 str_is_none(content) || str_eq(content, STR("null")) ? STR("\"\"") : content);
}

/* All calls of a message that the model made; those whose arguments are none, with none. */
static void calls_of(const struct conversation *c, const struct said *said,
                     struct tool_calls *calls)
{
    const struct conversation alone = {
        .arena = c->arena, .list = c->list, .count = (size_t)(said - c->list) + 1};

    conversation_calls(&alone, false, calls);
}

/* Messages "system" inside the conversation join the prompt. */
static void system_text(struct buf *out, const struct model_question *q)
{
    buf_add(out, q->prompt);
    for (size_t i = 0; i < q->messages->count; i++)
        if (str_eq(q->messages->list[i].type, STR("system"))) {
            buf_add_cstr(out, "\n\n");
            buf_add(out, said_text(&q->messages->list[i], q->messages->arena));
        }
}

/* ---- OpenAI ---- */

static void openai_calls(struct json_writer *json, const struct tool_calls *calls)
{
    json_key(json, "tool_calls");
    json_begin_array(json);
    for (size_t i = 0; i < calls->count; i++) {
        json_begin_object(json);
        json_put_str(json, "id", calls->list[i].id);
        json_put_str(json, "type", STR("function"));
        json_key(json, "function");
        json_begin_object(json);
        json_put_str(json, "name", calls->list[i].name);
        json_put_str(json, "arguments", calls->list[i].args);
        json_end_object(json);
        json_end_object(json);
    }
    json_end_array(json);
}

static void openai_message(struct json_writer *json, const struct conversation *c,
                           const struct said *said)
{
    bool is_ai = str_eq(said->type, STR("ai")), is_tool = str_eq(said->type, STR("tool"));
    struct tool_calls calls = {.count = 0};

    json_begin_object(json);
    json_put_str(json, "role", is_ai ? STR("assistant") : is_tool ? STR("tool") : STR("user"));
    if (is_tool)
        json_put_str(json, "tool_call_id", json_string(json_get(said->json, "tool_call_id")));
    if (is_ai || is_tool)
        json_put_str(json, "content", said_text(said, c->arena));
    else
        text_or_blocks(json, said);
    if (is_ai)
        calls_of(c, said, &calls);
    if (calls.count)
        openai_calls(json, &calls);
    json_end_object(json);
}

static void openai_write(struct json_writer *json, const struct model_question *q,
                         struct str prompt)
{
    json_put_raw(json, "stream_options", STR("{\"include_usage\":true}"));
    json_key(json, "messages");
    json_begin_array(json);
    json_begin_object(json);
    json_put_str(json, "role", STR("system"));
    json_put_str(json, "content", prompt);
    json_end_object(json);
    for (size_t i = 0; i < q->messages->count; i++)
        if (!str_eq(q->messages->list[i].type, STR("system")))
            openai_message(json, q->messages, &q->messages->list[i]);
    json_end_array(json);
    if (q->tool_count == 0)
        return;
    json_key(json, "tools");
    json_begin_array(json);
    for (size_t i = 0; i < q->tool_count; i++) {
        json_begin_object(json);
        json_put_str(json, "type", STR("function"));
        json_key(json, "function");
        json_begin_object(json);
        json_put_str(json, "name", q->tools[i].name);
        json_put_str(json, "description", q->tools[i].description);
        json_put_raw(json, "parameters", q->tools[i].schema);
        json_end_object(json);
        json_end_object(json);
    }
    json_end_array(json);
}

/* ---- Anthropic ---- */

static void anthropic_answer(struct json_writer *json, const struct conversation *c,
                             const struct said *said)
{
    struct str text = said_text(said, c->arena);
    struct tool_calls calls;

    calls_of(c, said, &calls);
    json_begin_object(json);
    json_put_str(json, "role", STR("assistant"));
    json_key(json, "content");
    json_begin_array(json);
    if (text.len) {
        json_begin_object(json);
        json_put_str(json, "type", STR("text"));
        json_put_str(json, "text", text);
        json_end_object(json);
    }
    for (size_t i = 0; i < calls.count; i++) {
        json_begin_object(json);
        json_put_str(json, "type", STR("tool_use"));
        json_put_str(json, "id", calls.list[i].id);
        json_put_str(json, "name", calls.list[i].name);
        json_put_raw(json, "input", calls.list[i].args);
        json_end_object(json);
    }
    json_end_array(json);
    json_end_object(json);
}

static void anthropic_result(struct json_writer *json, const struct conversation *c,
                             const struct said *said)
{
    json_begin_object(json);
    json_put_str(json, "type", STR("tool_result"));
    json_put_str(json, "tool_use_id", json_string(json_get(said->json, "tool_call_id")));
    json_put_str(json, "content", said_text(said, c->arena));
    if (str_eq(json_string(json_get(said->json, "status")), STR("error")))
        json_put_bool(json, "is_error", true);
    json_end_object(json);
}

/* The results of one answer's calls stand together in one message. */
static size_t anthropic_results(struct json_writer *json, const struct conversation *c, size_t i)
{
    json_begin_object(json);
    json_put_str(json, "role", STR("user"));
    json_key(json, "content");
    json_begin_array(json);
    for (; i < c->count && str_eq(c->list[i].type, STR("tool")); i++)
        anthropic_result(json, c, &c->list[i]);
    json_end_array(json);
    json_end_object(json);
    return i - 1;
}

static void anthropic_messages(struct json_writer *json, const struct conversation *c)
{
    json_key(json, "messages");
    json_begin_array(json);
    for (size_t i = 0; i < c->count; i++) {
        const struct said *said = &c->list[i];

        if (str_eq(said->type, STR("ai"))) {
            anthropic_answer(json, c, said);
        } else if (str_eq(said->type, STR("tool"))) {
            i = anthropic_results(json, c, i);
        } else if (!str_eq(said->type, STR("system"))) {
            json_begin_object(json);
            json_put_str(json, "role", STR("user"));
            text_or_blocks(json, said);
            json_end_object(json);
        }
    }
    json_end_array(json);
}

static void anthropic_write(struct json_writer *json, const struct model_question *q,
                            struct str prompt)
{
    json_put_i64(json, "max_tokens", q->answer_tokens_max);
    if (prompt.len)
        json_put_str(json, "system", prompt);
    anthropic_messages(json, q->messages);
    if (q->tool_count == 0)
        return;
    json_key(json, "tools");
    json_begin_array(json);
    for (size_t i = 0; i < q->tool_count; i++) {
        json_begin_object(json);
        json_put_str(json, "name", q->tools[i].name);
        json_put_str(json, "description", q->tools[i].description);
        json_put_raw(json, "input_schema", q->tools[i].schema);
        json_end_object(json);
    }
    json_end_array(json);
}

void model_question_write(struct buf *out, const struct model_question *q)
{
    struct json_writer json;
    struct buf prompt;

    buf_init(&prompt, 16 * MIB);
    system_text(&prompt, q);
    json_writer_init(&json, out);
    json_begin_object(&json);
    json_put_str(&json, "model", q->model);
    json_put_bool(&json, "stream", true);
    if (q->protocol == MODEL_OPENAI)
        openai_write(&json, q, buf_str(&prompt));
    else
        anthropic_write(&json, q, buf_str(&prompt));
    json_end_object(&json);
    buf_release(&prompt);
}
