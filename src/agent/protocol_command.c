/* The commands of the event streaming protocol. */
#include "agent/protocol_command.h"

#include "agent/protocol.h"
#include "auth/filter.h"
#include "base/log.h"

#define RESULT_MAX (256 * MIB)

struct doing {
    struct tx *tx;
    const struct protocol_caller *caller;
    const struct protocol_command *command;
    struct arena *arena;
    struct buf *reply;
    struct thread thread;
    bool has_thread;
};

/* ---- answers ---- */

void protocol_error_write(struct buf *reply, int64_t id, const char *code, struct str message)
{
    struct json_writer json;

    buf_clear(reply);
    json_writer_init(&json, reply);
    json_begin_object(&json);
    json_put_str(&json, "type", STR("error"));
    if (id < 0)
        json_put_null(&json, "id");
    else
        json_put_i64(&json, "id", id);
    json_put_str(&json, "error", str_of(code));
    json_put_str(&json, "message", message);
    json_end_object(&json);
}

void protocol_success_write(struct buf *reply, const struct protocol_command *command,
                            struct str thread_id, struct str result, int64_t applied_seq)
{
    struct json_writer json;

    buf_clear(reply);
    json_writer_init(&json, reply);
    json_begin_object(&json);
    json_put_str(&json, "type", STR("success"));
    json_put_i64(&json, "id", command->id);
    json_put_raw(&json, "result", result);
    json_key(&json, "meta");
    json_begin_object(&json);
    json_put_str(&json, "thread_id", thread_id);
    if (applied_seq >= 0)
        json_put_i64(&json, "applied_through_seq", applied_seq);
    json_end_object(&json);
    json_end_object(&json);
}

static enum err refuse(struct doing *d, const char *code, const char *message)
{
    protocol_error_write(d->reply, d->command->id, code, str_of(message));
    return OK;
}

bool protocol_command_read(struct str text, const struct json *root,
                           struct protocol_command *command, struct buf *reply)
{
    const struct json *id = json_get(root, "id");

    *command = (struct protocol_command){.id = -1};
    if (json_is_integer(id) && json_i64(id, -1) >= 0)
        command->id = json_i64(id, -1);
    command->method = json_string(json_get(root, "method"));
    command->parsed = json_get(root, "params");
    command->params = json_type(root) == JSON_OBJECT ? json_raw(text, STR("params")) : STR_NONE;
    if (str_is_none(command->params) || json_is_null(command->parsed))
        command->params = STR("{}");
    if (command->id < 0)
        protocol_error_write(reply, -1, "invalid_argument",
                             STR("id: must be a whole number from 0 on"));
    else if (str_is_none(command->method))
        protocol_error_write(reply, command->id, "invalid_argument",
                             STR("method: must be the name of a command"));
    else if (command->params.data[0] != '{')
        protocol_error_write(reply, command->id, "invalid_argument",
                             STR("params: must be an object"));
    return reply->len == 0;
}

/* ---- making a run ---- */

struct run_body {
    struct str assistant_id;
    struct str input;   /* STR_NONE: none */
    struct str command; /* STR_NONE: none */
};

static void put_if(struct json_writer *json, const char *key, struct str raw)
{
    if (!str_is_none(raw) && !str_eq(raw, STR("null")))
        json_put_raw(json, key, raw);
}

/* The body of "create a run" that says the same. */
static struct str body_text(struct doing *d, const struct run_body *body)
{
    struct str params = d->command->params, strategy = json_raw(params, STR("multitask_strategy"));
    struct json_writer json;
    struct buf out;
    struct str text;

    if (str_is_none(strategy))
        strategy = json_raw(params, STR("multitaskStrategy"));
    buf_init(&out, RESULT_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "assistant_id", body->assistant_id);
    put_if(&json, "input", body->input);
    put_if(&json, "command", body->command);
    put_if(&json, "config", json_raw(params, STR("config")));
    put_if(&json, "metadata", json_raw(params, STR("metadata")));
    put_if(&json, "context", json_raw(params, STR("context")));
    put_if(&json, "multitask_strategy", strategy);
    json_put_str(&json, "if_not_exists", STR("create"));
    json_end_object(&json);
    text = arena_str(d->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static const char *code_of(enum err err)
{
    return err == ERR_DENIED ? "permission_denied" : "invalid_argument";
}

/* Events up to here belong to runs that are over: behind it stands what a client has to see of the
 * runs under way. */
static enum err applied_seq(struct doing *d, int64_t *seq)
{
    struct runs live;
    enum err err =
        run_list_live(d->tx, d->caller->tenant, d->caller->thread_id, 1, d->tx->arena, &live);

    if (!err)
        *seq = live.count > 0 ? protocol_seq(live.list[0].position, 0) - 1 : -1;
    return err;
}

static enum err run_make(struct doing *d, const struct run_body *body, bool tells_run)
{
    struct run_request *request = ARENA_NEW(d->arena, struct run_request);
    struct str text = body_text(d, body), result = STR("{}");
    const struct json *root;
    struct request_error error = {.text = ""};
    struct run run;
    int64_t seq = -1;
    enum err err = json_parse(d->arena, text, &root, NULL);

    if (!err)
        err = run_request_parse(d->arena, text, root, request, &error);
    if (!err) {
        const struct run_new new_run = {
            .tenant = d->caller->tenant,
            .thread_id = d->caller->thread_id,
            .run_id = d->caller->run_id,
            .fresh_thread_id = d->caller->thread_id,
            .headers = d->caller->headers,
            .traceparent = d->caller->traceparent,
            .user = d->caller->user,
            .thread_filter = d->caller->thread_filter,
            .assistant_filter = d->caller->assistant_filter,
            .request = request,
            .payers = d->caller->payers,
        };

        request->is_protocol = request->stream_resumable = true;
        err = run_create(d->tx, d->caller->config, &new_run, d->arena, &run, &error);
    }
    if (err && error.text[0])
        return refuse(d, code_of(err), error.text);
    if (err || (err = applied_seq(d, &seq)))
        return err;
    if (tells_run)
        result = arena_printf(d->arena, "{\"run_id\":\"%.*s\"}", STR_ARG(run.run_id));
    protocol_success_write(d->reply, d->command, d->caller->thread_id, result, seq);
    return OK;
}

/* ---- run.start ---- */

static bool is_empty(struct str json)
{
    return str_is_none(json) || str_eq(json, STR("{}")) || str_eq(json, STR("null"));
}

static bool names_checkpoint(const struct json *params)
{
    const struct json *id =
        json_get(json_get(json_get(params, "config"), "configurable"), "checkpoint_id");

    return !str_is_none(json_string(id));
}

static enum err run_start(struct doing *d)
{
    struct run_body body = {
        .assistant_id = json_string(json_get(d->command->parsed, "assistant_id")),
        .input = json_raw(d->command->params, STR("input")),
    };

    if (str_is_none(body.assistant_id))
        return refuse(d, "invalid_argument",
                      "assistant_id: is required: an assistant's id or a graph's name");
    /* Somebody waits for an answer on this thread: the input is it. */
    if (d->has_thread && str_eq(d->thread.status, THREAD_INTERRUPTED) &&
        !is_empty(d->thread.interrupts) && !is_empty(body.input) &&
        !names_checkpoint(d->command->parsed)) {
        body.command = arena_printf(d->arena, "{\"resume\":%.*s}", STR_ARG(body.input));
        body.input = STR_NONE;
    }
    return run_make(d, &body, true);
}

/* ---- input.respond ---- */

/* Is an interrupt with this id waiting on the thread? */
static enum err is_waiting(struct doing *d, struct str id, bool *found)
{
    struct json_iter tasks, interrupts;
    const struct json *all, *list, *interrupt;
    enum err err = json_parse(d->arena, d->thread.interrupts, &all, NULL);

    *found = false;
    if (err)
        return err;
    tasks = json_iter(all);
    while (json_next(&tasks, NULL, &list)) {
        interrupts = json_iter(list);
        while (json_next(&interrupts, NULL, &interrupt))
            *found |= str_eq(json_string(json_get(interrupt, "id")), id);
    }
    return OK;
}

/* Adds one answer to the map of answers; *is_fine false: the reply says what is wrong. */
static enum err answer_add(struct doing *d, struct json_writer *json, struct str text,
                           bool *is_fine)
{
    const struct json *entry;
    struct str id, response = json_raw(text, STR("response"));
    bool found;
    enum err err = json_parse(d->arena, text, &entry, NULL);

    *is_fine = false;
    if (err)
        return err;
    id = json_string(json_get(entry, "interrupt_id"));
    if (str_is_none(id))
        return refuse(d, "invalid_argument", "interrupt_id: is required");
    if ((err = is_waiting(d, id, &found)))
        return err;
    if (!found)
        return refuse(d, "no_such_interrupt",
                      "no interrupt with this id waits for an answer on this thread");
    json_key_str(json, id);
    json_raw_out(json, response);
    *is_fine = true;
    return OK;
}

static enum err answers_write(struct doing *d, struct json_writer *json, bool *is_fine)
{
    struct str params = d->command->params, many = json_raw(params, STR("responses"));
    size_t position = 0;
    struct str key, text;
    enum err err = OK;

    *is_fine = true;
    if (str_is_none(many))
        return answer_add(d, json, params, is_fine);
    if (json_type(json_get(d->command->parsed, "responses")) != JSON_ARRAY ||
        json_count(json_get(d->command->parsed, "responses")) == 0) {
        *is_fine = false;
        return refuse(d, "invalid_argument",
                      "responses: must be an array of {interrupt_id, response}");
    }
    while (!err && *is_fine && json_raw_next(many, &position, &key, &text)) {
        if (text.data[0] == '{')
            err = answer_add(d, json, text, is_fine);
        else if (!(*is_fine = false))
            err = refuse(d, "invalid_argument", "responses: each must be an object");
    }
    return err;
}

static enum err input_respond(struct doing *d)
{
    struct run_body body = {.assistant_id = d->has_thread
                                                ? json_raw(d->thread.metadata, STR("assistant_id"))
                                                : STR_NONE};
    struct json_writer json;
    struct buf out;
    bool is_fine;
    enum err err;

    if (!d->has_thread || is_empty(d->thread.interrupts) || str_is_none(d->thread.graph_id))
        return refuse(d, "no_such_interrupt", "nothing waits for an answer on this thread");
    if (body.assistant_id.len > 2 && body.assistant_id.data[0] == '"')
        body.assistant_id = str_range(body.assistant_id.data + 1, body.assistant_id.len - 2);
    else
        body.assistant_id = d->thread.graph_id;
    buf_init(&out, RESULT_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_key(&json, "resume");
    json_begin_object(&json);
    err = answers_write(d, &json, &is_fine);
    json_end_object(&json);
    put_if(&json, "update", json_raw(d->command->params, STR("update")));
    put_if(&json, "goto", json_raw(d->command->params, STR("goto")));
    json_end_object(&json);
    body.command = arena_str(d->arena, buf_str(&out));
    buf_release(&out);
    if (err || !is_fine)
        return err;
    return run_make(d, &body, false);
}

/* ---- state.get, agent.getTree ---- */

static void values_write(struct doing *d, struct json_writer *json)
{
    struct str values = d->has_thread ? d->thread.head_values : STR_NONE;
    struct json_iter iter = json_iter(json_get(d->command->parsed, "keys"));
    const struct json *key;

    if (json_type(iter.container) != JSON_ARRAY || str_is_none(values) || values.data[0] != '{') {
        json_put_raw(json, "values", str_is_none(values) ? STR("{}") : values);
        return;
    }
    json_key(json, "values");
    json_begin_object(json);
    while (json_next(&iter, NULL, &key)) {
        struct str value =
            json_type(key) == JSON_STRING ? json_raw(values, json_string(key)) : STR_NONE;

        if (!str_is_none(value)) {
            json_key_str(json, json_string(key));
            json_raw_out(json, value);
        }
    }
    json_end_object(json);
}

static enum err state_get(struct doing *d)
{
    struct str checkpoint = STR_NONE;
    struct json_writer json;
    struct buf out;

    if (json_count(json_get(d->command->parsed, "namespace")) > 0)
        return refuse(d, "no_such_namespace",
                      "namespace: only the root's state can be had; ask for a subgraph's by "
                      "GET /threads/{thread_id}/state?subgraphs=true");
    if (d->has_thread && !str_is_none(d->thread.head_state))
        checkpoint = json_raw(d->thread.head_state, STR("checkpoint"));
    buf_init(&out, RESULT_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    values_write(d, &json);
    if (!is_empty(checkpoint)) {
        json_key(&json, "checkpoint");
        json_begin_object(&json);
        json_put_raw(&json, "id", json_raw(checkpoint, STR("checkpoint_id")));
        json_put_raw(&json, "ns", json_raw(checkpoint, STR("checkpoint_ns")));
        json_end_object(&json);
    }
    json_end_object(&json);
    protocol_success_write(d->reply, d->command, d->caller->thread_id, buf_str(&out), -1);
    buf_release(&out);
    return OK;
}

static struct str tree_status(const struct doing *d)
{
    if (!d->has_thread || str_is_none(d->thread.graph_id))
        return STR("started");
    if (str_eq(d->thread.status, THREAD_BUSY))
        return STR("running");
    if (str_eq(d->thread.status, THREAD_INTERRUPTED))
        return STR("interrupted");
    return str_eq(d->thread.status, THREAD_ERROR) ? STR("failed") : STR("completed");
}

static enum err agent_get_tree(struct doing *d)
{
    struct str graph =
        d->has_thread && !str_is_none(d->thread.graph_id) ? d->thread.graph_id : STR("");
    struct json_writer json;
    struct buf out;

    buf_init(&out, 64 * KIB);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_key(&json, "tree");
    json_begin_object(&json);
    json_put_raw(&json, "namespace", STR("[]"));
    json_put_str(&json, "status", tree_status(d));
    json_put_str(&json, "graph_name", graph);
    json_end_object(&json);
    json_end_object(&json);
    protocol_success_write(d->reply, d->command, d->caller->thread_id, buf_str(&out), -1);
    buf_release(&out);
    return OK;
}

/* ---- the table ---- */

static enum err not_here(struct doing *d)
{
    return refuse(d, "not_supported",
                  "subscriptions are made on a WebSocket, or by POST /threads/{thread_id}/stream/"
                  "events");
}

static enum err not_offered(struct doing *d)
{
    return refuse(d, "not_supported", "this server does not offer this command");
}

static const struct {
    const char *method;
    enum err (*apply)(struct doing *d);
} commands[] = {
    {"run.start", run_start},
    {"input.respond", input_respond},
    {"state.get", state_get},
    {"agent.getTree", agent_get_tree},
    {"subscription.subscribe", not_here},
    {"subscription.unsubscribe", not_here},
    {"subscription.reconnect", not_here},
    {"input.inject", not_offered},
    {"state.fork", not_offered},
    {"state.listCheckpoints", not_offered},
};

enum err protocol_command_apply(struct tx *tx, const struct protocol_caller *caller,
                                const struct protocol_command *command, struct arena *arena,
                                struct buf *reply)
{
    struct doing doing = {tx, caller, command, arena, reply, .has_thread = false};
    enum err err =
        tx->is_write
            ? thread_get_for_update(tx, caller->tenant, caller->thread_id, arena, &doing.thread)
            : thread_get(tx, caller->tenant, caller->thread_id, arena, &doing.thread);

    if (err && err != ERR_NOT_FOUND)
        return err;
    doing.has_thread = !err;
    if (!err && !auth_filter_admits(caller->thread_filter, doing.thread.metadata))
        return refuse(&doing, "permission_denied", "there is no such thread for this caller");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (str_eq(command->method, str_of(commands[i].method)))
            return commands[i].apply(&doing);
    protocol_error_write(reply, command->id, "unknown_command",
                         STR("known commands are run.start, input.respond, state.get, "
                             "agent.getTree, subscription.subscribe, subscription.unsubscribe"));
    return OK;
}
