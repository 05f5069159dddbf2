/* What the built-in models answer. */
#include "native/model_demo.h"

#include "native/model.h"

#define STREAM_BYTES_MAX (32 * MIB)
#define PIECE_BYTES_MAX 1024
#define DELAY_MS_MAX (10 * 60 * 1000)
#define STEPS_MAX 10000

bool demo_has(struct str model)
{
    return str_eq(model, STR("echo")) || str_eq(model, STR("script"));
}

/* ---- an answer as a stream ---- */

static void chunk_begin(struct json_writer *w, struct buf *out)
{
    buf_add_cstr(out, "data: ");
    json_writer_init(w, out);
    json_begin_object(w);
    json_key(w, "choices");
    json_begin_array(w);
    json_begin_object(w);
    json_put_i64(w, "index", 0);
    json_key(w, "delta");
    json_begin_object(w);
}

static void chunk_end(struct json_writer *w, struct str reason)
{
    json_end_object(w);
    json_put_str(w, "finish_reason", reason);
    json_end_object(w);
    json_end_array(w);
    json_end_object(w);
    buf_add_cstr(w->out, "\n\n");
}

/* A word with its blank, or as much as fits. */
static struct str piece_take(struct str *text)
{
    size_t len = 0;

    while (len < text->len && len < PIECE_BYTES_MAX) {
        len += str_utf8_len(str_from(*text, len));
        if (text->data[len - 1] == ' ')
            break;
    }
    const struct str piece = str_first(*text, len);
    *text = str_from(*text, len);
    return piece;
}

static void text_write(struct buf *out, struct str text)
{
    struct json_writer w;

    while (text.len > 0) {
        chunk_begin(&w, out);
        json_put_str(&w, "content", piece_take(&text));
        chunk_end(&w, STR_NONE);
    }
}

static void call_write(struct json_writer *w, int64_t index, const struct json *call,
                       struct str args, struct str id)
{
    json_begin_object(w);
    json_put_i64(w, "index", index);
    json_put_str(w, "id", id);
    json_key(w, "function");
    json_begin_object(w);
    json_put_str(w, "name", json_string(json_get(call, "name")));
    json_put_str(w, "arguments", str_is_none(args) ? STR("{}") : args);
    json_end_object(w);
    json_end_object(w);
}

static struct str stream_end(struct buf *out, bool has_calls, struct arena *arena)
{
    struct json_writer w;
    struct str text;

    chunk_begin(&w, out);
    chunk_end(&w, has_calls ? STR("tool_calls") : STR("stop"));
    buf_add_cstr(out, "data: [DONE]\n\n");
    text = out->failed ? STR_NONE : arena_str(arena, buf_str(out));
    buf_release(out);
    return text;
}

/* ---- demo:echo ---- */

static struct str echo_text(const struct conversation *messages, struct arena *arena)
{
    struct str text = STR_NONE;

    for (size_t i = messages->count; i-- > 0 && str_is_none(text);)
        if (str_eq(messages->list[i].type, STR("human")))
            text = str_trim(said_text(&messages->list[i], arena));
    if (str_is_empty(text) || str_starts_nocase(text, STR("hello")) ||
        str_starts_nocase(text, STR("hi")))
        return STR("Hi there! How can I help you today?");
    return text;
}

/* ---- demo:script ---- */

struct scripting {
    struct rng *rng;
    struct arena *arena;
    struct demo_answer *answer;
    struct buf out;
    bool has_calls;
};

static bool is_answer(const struct json *step)
{
    return json_type(step) == JSON_STRING || json_get(step, "say") ||
           json_get(step, "large_bytes") || json_get(step, "call") || json_get(step, "calls") ||
           json_get(step, "fail");
}

static enum err refuse(struct scripting *s, size_t index, const char *words)
{
    s->answer->why = arena_printf(s->arena, "script.json: step %zu %s", index, words);
    return ERR_INVALID;
}

/* `raw`: of one call, or of an array of them. */
static enum err calls_write(struct scripting *s, size_t index, const struct json *list,
                            struct str raw)
{
    bool is_one = json_type(list) == JSON_OBJECT;
    struct json_writer w;
    struct str key, text = raw;
    size_t position = 0, count = is_one ? 1 : json_count(list);

    if (count == 0 || count > MODEL_CALLS_MAX)
        return refuse(s, index, "must call 1 to 64 tools");
    chunk_begin(&w, &s->out);
    json_key(&w, "tool_calls");
    json_begin_array(&w);
    for (size_t i = 0; i < count; i++) {
        const struct json *call = is_one ? list : json_item(list, i);

        if (!is_one)
            (void)json_raw_next(raw, &position, &key, &text);
        if (str_is_empty(json_string(json_get(call, "name"))))
            return refuse(s, index, "has a call without a name");
        call_write(&w, (int64_t)i, call, json_raw(text, STR("args")),
                   arena_printf(s->arena, "call_%.*s", STR_ARG(new_message_id(s->arena, s->rng))));
    }
    json_end_array(&w);
    chunk_end(&w, STR_NONE);
    s->has_calls = true;
    return OK;
}

/* In pieces as large as they may be: there may be millions of bytes. */
static void large_write(struct scripting *s, int64_t bytes)
{
    char piece[PIECE_BYTES_MAX];

    memset(piece, 'x', sizeof(piece));
    while (bytes > 0 && !s->out.failed) {
        size_t len = bytes < PIECE_BYTES_MAX ? (size_t)bytes : PIECE_BYTES_MAX;

        text_write(&s->out, str_range(piece, len));
        bytes -= (int64_t)len;
    }
}

static enum err answer_write(struct scripting *s, size_t index, const struct json *step,
                             struct str raw)
{
    const struct json *fail = json_get(step, "fail"), *calls = json_get(step, "calls");
    struct str said = json_string(json_type(step) == JSON_STRING ? step : json_get(step, "say"));

    if (fail) {
        s->answer->error = json_string(json_get(fail, "message"));
        s->answer->error_type = json_string(json_get(fail, "error"));
        if (str_is_none(s->answer->error))
            s->answer->error = STR("the script says so");
        return OK;
    }
    if (!str_is_none(said))
        text_write(&s->out, said);
    large_write(s, json_i64(json_get(step, "large_bytes"), 0));
    if (!calls)
        calls = json_get(step, "call");
    if (!calls)
        return OK;
    return calls_write(s, index, calls,
                       json_raw(raw, json_get(step, "calls") ? STR("calls") : STR("call")));
}

/* The steps of the due answer. */
static enum err steps_take(struct scripting *s, const struct json *list, struct str raw, size_t due)
{
    struct str key, text;
    size_t position = 0, answers = 0;

    for (size_t i = 0; json_raw_next(raw, &position, &key, &text); i++) {
        const struct json *step = json_item(list, i);
        int64_t delay_ms = json_i64(json_get(step, "delay_ms"), 0);

        if (answers == due && delay_ms > 0)
            s->answer->delay_ms += delay_ms < DELAY_MS_MAX ? delay_ms : DELAY_MS_MAX;
        if (is_answer(step) && answers++ == due)
            return answer_write(s, i, step, text);
    }
    return refuse(s, json_count(list), "is missing: the list has no answer");
}

static enum err script_write(struct scripting *s, struct str script,
                             const struct conversation *messages)
{
    const struct json *list = NULL;
    size_t given = 0, answers = 0;

    if (str_is_none(script) || json_parse(s->arena, str_trim(script), &list, NULL) ||
        json_type(list) != JSON_ARRAY || json_count(list) > STEPS_MAX) {
        s->answer->why = STR("demo:script needs a file script.json: a list of at most 10000 steps");
        return ERR_INVALID;
    }
    for (size_t i = 0; i < json_count(list); i++)
        answers += is_answer(json_item(list, i));
    for (size_t i = 0; i < messages->count; i++)
        given += str_eq(messages->list[i].type, STR("ai"));
    return steps_take(s, list, str_trim(script), answers ? given % answers : 0);
}

enum err demo_answer(struct str model, struct str script, const struct conversation *messages,
                     struct rng *rng, struct arena *arena, struct demo_answer *answer)
{
    struct scripting s = {.rng = rng, .arena = arena, .answer = answer};
    enum err err = OK;

    *answer = (struct demo_answer){.error = STR_NONE, .error_type = STR_NONE, .why = STR_NONE};
    buf_init(&s.out, STREAM_BYTES_MAX);
    if (str_eq(model, STR("echo")))
        text_write(&s.out, echo_text(messages, arena));
    else
        err = script_write(&s, script, messages);
    answer->stream = stream_end(&s.out, s.has_calls, arena);
    if (!err && str_is_none(answer->stream)) {
        answer->why = STR("script.json: the answer is larger than 32 MiB");
        err = ERR_LIMIT;
    }
    return err;
}
