/* Checks the body of "create a run". */
#include "agent/run_request.h"

#include "agent/checkpoint_address.h"

#include <stdarg.h>

#define TRACER_BYTES_MAX (16 * KIB) /* two texts of 1000 bytes, each byte escaped */

struct parser {
    struct arena *arena;
    struct str body;
    const struct json *root;
    struct run_request *request;
    struct request_error *error;
};

PRINTF_LIKE(2, 3) static enum err refuse(struct parser *p, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(p->error->text, sizeof(p->error->text), format, args);
    va_end(args);
    return ERR_INVALID;
}

static enum err refuse_config(struct request_error *error, const char *words)
{
    snprintf(error->text, sizeof(error->text), "config.%s", words);
    return ERR_INVALID;
}

static enum err wrong_type(struct parser *p, const char *key, const char *wanted)
{
    return refuse(p, "%s: must be %s, not %s", key, wanted,
                  json_type_name(json_type(json_get(p->root, key))));
}

/* Present and not null. */
static bool has(const struct parser *p, const char *key)
{
    return !json_is_absent(json_get(p->root, key));
}

static enum err read_text(struct parser *p, const char *key, struct str *value)
{
    if (!has(p, key))
        return OK;
    if (json_type(json_get(p->root, key)) != JSON_STRING)
        return wrong_type(p, key, "a string");
    *value = json_string(json_get(p->root, key));
    return OK;
}

static enum err read_object(struct parser *p, const char *key, struct str *raw)
{
    if (!has(p, key))
        return OK;
    if (json_type(json_get(p->root, key)) != JSON_OBJECT)
        return wrong_type(p, key, "an object");
    *raw = json_raw(p->body, str_of(key));
    return OK;
}

static enum err read_bool(struct parser *p, const char *key, bool *value)
{
    if (!has(p, key))
        return OK;
    if (json_type(json_get(p->root, key)) != JSON_BOOL)
        return wrong_type(p, key, "true or false");
    *value = json_bool(json_get(p->root, key), false);
    return OK;
}

/* One of `words` (ends with NULL). */
static enum err read_word(struct parser *p, const char *key, const char *const *words,
                          struct str *value)
{
    struct str text = STR_NONE;
    enum err err = read_text(p, key, &text);

    if (err || str_is_none(text))
        return err;
    if (str_is_one_of(text, words)) {
        *value = text;
        return OK;
    }
    return refuse(p, "%s: must be %.*s, not \"%.*s\"", key, STR_ARG(arena_words(p->arena, words)),
                  STR_ARG(str_first(text, 40)));
}

/* "*" or an array of strings, kept raw. */
static enum err read_names(struct parser *p, const char *key, struct str *raw)
{
    const struct json *value = json_get(p->root, key);
    const struct json *item;
    struct json_iter iter;

    if (!has(p, key))
        return OK;
    if (json_type(value) == JSON_STRING) {
        if (!str_eq(json_string(value), STR("*")))
            return refuse(p, "%s: must be \"*\" or an array of node names", key);
    } else if (json_type(value) != JSON_ARRAY) {
        return wrong_type(p, key, "\"*\" or an array of node names");
    }
    iter = json_iter(value);
    while (json_type(value) == JSON_ARRAY && json_next(&iter, NULL, &item))
        if (json_type(item) != JSON_STRING)
            return refuse(p, "%s: every item must be a node's name", key);
    *raw = json_raw(p->body, str_of(key));
    return OK;
}

bool run_stream_mode_is_known(struct str mode)
{
    static const char *const modes[] = {"values", "messages", "messages-tuple", "updates",
                                        "events", "tasks",    "checkpoints",    "debug",
                                        "custom", "tools",    "lifecycle",      NULL};

    return str_is_one_of(mode, modes);
}

static bool has_mode(const struct buf *modes, struct str mode)
{
    char quoted[32];
    int length = snprintf(quoted, sizeof(quoted), "\"%.*s\"", STR_ARG(mode));

    return str_contains(buf_str(modes), str_range(quoted, (size_t)length));
}

/* Each once, however often it is named. */
static enum err add_mode(struct parser *p, struct json_writer *out, const struct json *mode)
{
    if (json_type(mode) != JSON_STRING)
        return wrong_type(p, "stream_mode", "a mode or an array of modes");
    if (!run_stream_mode_is_known(json_string(mode)))
        return refuse(p, "stream_mode: \"%.*s\" is not a mode; known are " RUN_STREAM_MODES,
                      STR_ARG(str_first(json_string(mode), 40)));
    if (!has_mode(out->out, json_string(mode)))
        json_str_out(out, json_string(mode));
    return OK;
}

static enum err read_stream_modes(struct parser *p)
{
    const struct json *value = json_get(p->root, "stream_mode");
    const struct json *item;
    struct json_writer json;
    struct buf out;
    enum err err = OK;

    if (!has(p, "stream_mode") || (json_type(value) == JSON_ARRAY && json_count(value) == 0)) {
        p->request->stream_modes = STR("[\"values\"]");
        return OK;
    }
    buf_init(&out, KIB);
    json_writer_init(&json, &out);
    json_begin_array(&json);
    if (json_type(value) == JSON_ARRAY) {
        struct json_iter iter = json_iter(value);

        while (!err && json_next(&iter, NULL, &item))
            err = add_mode(p, &json, item);
    } else {
        err = add_mode(p, &json, value);
    }
    json_end_array(&json);
    if (!err)
        p->request->stream_modes = arena_str(p->arena, buf_str(&out));
    buf_release(&out);
    return err;
}

static enum err read_after(struct parser *p)
{
    const struct json *value = json_get(p->root, "after_seconds");

    if (!has(p, "after_seconds"))
        return OK;
    if (json_type(value) != JSON_NUMBER)
        return wrong_type(p, "after_seconds", "a number of seconds");
    p->request->after_seconds = json_double(value, 0);
    if (!(p->request->after_seconds >= 0 && p->request->after_seconds <= 366.0 * 86400))
        return refuse(p, "after_seconds: must be between 0 and 31622400 (366 days)");
    return OK;
}

/* checkpoint_during is the older word for durability. */
static enum err read_durability(struct parser *p)
{
    static const char *const words[] = {"sync", "async", "exit", NULL};
    bool during = true;
    enum err err;

    p->request->durability = STR("async");
    if (!has(p, "durability") && has(p, "checkpoint_during")) {
        err = read_bool(p, "checkpoint_during", &during);
        if (!during)
            p->request->durability = STR("exit");
        return err;
    }
    return read_word(p, "durability", words, &p->request->durability);
}

/* An array with nothing but strings in it. */
static bool is_texts(const struct json *value)
{
    struct json_iter iter = json_iter(value);
    const struct json *item;

    if (json_type(value) != JSON_ARRAY)
        return false;
    while (json_next(&iter, NULL, &item))
        if (json_type(item) != JSON_STRING)
            return false;
    return true;
}

enum err run_config_check(const struct json *config, struct request_error *error)
{
    const struct json *configurable = json_get(config, "configurable");
    const struct json *limit = json_get(config, "recursion_limit");
    const struct json *tags = json_get(config, "tags");

    if (!json_is_absent(tags) && !is_texts(tags))
        return refuse_config(error, "tags: must be an array of strings");
    if (!json_is_absent(configurable) && json_type(configurable) != JSON_OBJECT)
        return refuse_config(error, "configurable: must be an object");
    if (!json_is_absent(limit) && (!json_is_integer(limit) || json_i64(limit, 0) < 1))
        return refuse_config(error, "recursion_limit: must be a whole number of at least 1");
    return OK;
}

static enum err read_config(struct parser *p)
{
    enum err err = read_object(p, "config", &p->request->config);

    return err ? err : run_config_check(json_get(p->root, "config"), p->error);
}

/* ---- command ---- */

/* A Send: {"node": …, "input": …}. */
static bool is_send(const struct json *value)
{
    return json_type(value) == JSON_OBJECT && json_type(json_get(value, "node")) == JSON_STRING;
}

static bool is_goal(const struct json *value)
{
    return json_type(value) == JSON_STRING || is_send(value);
}

static bool is_goto(const struct json *value)
{
    struct json_iter iter = json_iter(value);
    const struct json *item;

    if (json_type(value) != JSON_ARRAY)
        return is_goal(value);
    while (json_next(&iter, NULL, &item))
        if (!is_goal(item))
            return false;
    return true;
}

static bool is_pair(const struct json *value)
{
    struct json_iter iter = json_iter(value);
    const struct json *name;

    return json_type(value) == JSON_ARRAY && json_count(value) == 2 &&
           json_next(&iter, NULL, &name) && json_type(name) == JSON_STRING;
}

/* {channel: value}, or [[channel, value], …]. */
static bool is_update(const struct json *value)
{
    struct json_iter iter = json_iter(value);
    const struct json *pair;

    if (json_type(value) != JSON_ARRAY)
        return json_type(value) == JSON_OBJECT;
    while (json_next(&iter, NULL, &pair))
        if (!is_pair(pair))
            return false;
    return true;
}

/* "resume": null is an answer, so it counts; a command that says nothing at all is none. */
static enum err read_command(struct parser *p)
{
    const struct json *command = json_get(p->root, "command");
    const struct json *update = json_get(command, "update");
    const struct json *goal = json_get(command, "goto");
    enum err err = read_object(p, "command", &p->request->command);

    if (err || str_is_none(p->request->command))
        return err;
    if (!json_is_absent(update) && !is_update(update))
        return refuse(p, "command.update: must be an object, or an array of [name, value]");
    if (!json_is_absent(goal) && !is_goto(goal))
        return refuse(p, "command.goto: must be a node's name, {\"node\": …, \"input\": …}, or an "
                         "array of these");
    if (json_is_absent(update) && json_is_absent(goal) && !json_get(command, "resume"))
        p->request->command = STR_NONE;
    return OK;
}

/* ---- checkpoint ---- */

static enum err read_checkpoint(struct parser *p)
{
    const struct json *checkpoint = json_get(p->root, "checkpoint");
    enum err err;

    if ((err = read_object(p, "checkpoint", &p->request->checkpoint)) ||
        (err = read_text(p, "checkpoint_id", &p->request->checkpoint_id)))
        return err;
    return checkpoint_address_check(checkpoint, p->request->checkpoint_id, p->error->text,
                                    sizeof(p->error->text));
}

/* {"project_name": …, "example_id": …} in the words of a run's configuration. */
static enum err read_tracer(struct parser *p)
{
    static const char *const keys[][2] = {{"project_name", "langsmith_project"},
                                          {"example_id", "langsmith_example_id"}};
    const struct json *tracer = json_get(p->root, "langsmith_tracer");
    struct str object = STR_NONE;
    struct json_writer json;
    struct buf out;
    enum err err = read_object(p, "langsmith_tracer", &object);

    if (err || str_is_none(object))
        return err;
    buf_init(&out, TRACER_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    for (size_t i = 0; !err && i < ARRAY_LEN(keys); i++) {
        const struct json *value = json_get(tracer, keys[i][0]);

        if (!json_is_absent(value) &&
            (json_type(value) != JSON_STRING || json_string(value).len > 1000))
            err = refuse(p, "langsmith_tracer.%s: must be a string of at most 1000 bytes",
                         keys[i][0]);
        else if (!json_is_absent(value))
            json_put_str(&json, keys[i][1], json_string(value));
    }
    json_end_object(&json);
    if (!err)
        p->request->tracer = arena_str(p->arena, buf_str(&out));
    buf_release(&out);
    return err;
}

static enum err read_feedback_keys(struct parser *p)
{
    if (!has(p, "feedback_keys"))
        return OK;
    if (!is_texts(json_get(p->root, "feedback_keys")))
        return refuse(p, "feedback_keys: must be an array of strings");
    p->request->feedback_keys = json_raw(p->body, STR("feedback_keys"));
    return OK;
}

static enum err read_flags(struct parser *p)
{
    struct run_request *r = p->request;
    static const char *const existence[] = {"reject", "create", NULL};
    static const char *const disconnects[] = {"continue", "cancel", NULL};
    static const char *const strategies[] = {"reject", "interrupt", "rollback", "enqueue", NULL};
    struct str word = STR_NONE;
    enum err err;

    r->multitask_strategy = STR("enqueue");
    if ((err = read_word(p, "multitask_strategy", strategies, &r->multitask_strategy)) ||
        (err = read_word(p, "if_not_exists", existence, &word)) ||
        (err = read_bool(p, "stream_subgraphs", &r->stream_subgraphs)) ||
        (err = read_bool(p, "stream_resumable", &r->stream_resumable)) ||
        (err = read_bool(p, "strict_resume", &r->strict_resume)))
        return err;
    r->create_thread = str_eq(word, STR("create"));
    word = STR_NONE;
    if ((err = read_word(p, "on_disconnect", disconnects, &word)))
        return err;
    r->cancel_on_disconnect = str_eq(word, STR("cancel"));
    word = STR_NONE;
    if ((err = read_text(p, "on_completion", &word)))
        return err;
    r->keep = str_eq(word, STR("keep"));
    return OK;
}

static enum err read_webhook(struct parser *p)
{
    enum err err = read_text(p, "webhook", &p->request->webhook);

    if (err || str_is_none(p->request->webhook))
        return err;
    if (str_is_empty(p->request->webhook))
        return refuse(p, "webhook: must not be empty");
    if (p->request->webhook.len > WEBHOOK_URL_MAX)
        return refuse(p, "webhook: is longer than %d characters", WEBHOOK_URL_MAX);
    return OK;
}

enum err run_request_parse(struct arena *arena, struct str body, const struct json *root,
                           struct run_request *request, struct request_error *error)
{
    struct parser parser = {arena, body, root, request, error};
    struct parser *p = &parser;
    enum err err;

    *request = (struct run_request){0};
    if (json_type(root) != JSON_OBJECT)
        return refuse(p, "the body must be a JSON object, not %s", json_type_name(json_type(root)));
    if (!has(p, "assistant_id"))
        return refuse(p, "assistant_id: is required: an assistant's id or a graph's name");
    if ((err = read_text(p, "assistant_id", &request->assistant_id)) || (err = read_command(p)) ||
        (err = read_object(p, "metadata", &request->metadata)) || (err = read_config(p)) ||
        (err = read_checkpoint(p)) || (err = read_webhook(p)) || (err = read_tracer(p)) ||
        (err = read_feedback_keys(p)) ||
        (err = read_names(p, "interrupt_before", &request->interrupt_before)) ||
        (err = read_names(p, "interrupt_after", &request->interrupt_after)) ||
        (err = read_stream_modes(p)) || (err = read_after(p)) || (err = read_durability(p)) ||
        (err = read_flags(p)))
        return err;
    if (has(p, "input"))
        request->input = json_raw(body, STR("input"));
    if (has(p, "context"))
        request->context = json_raw(body, STR("context"));
    return OK;
}
