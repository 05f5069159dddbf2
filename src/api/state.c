/* /threads/…/state and /history: what a graph remembers of a thread.
 *
 * The head of an idle thread is answered from the row; everything else is asked of the worker that
 * hosts the graph. */
#include "api/spending.h"
#include "api/threads_priv.h"

#include "agent/checkpoint_address.h"
#include "agent/run_create.h"
#include "agent/thread_remove.h"
#include "store/checkpoints.h"

struct state_call {
    struct str checkpoint; /* JSON object with checkpoint_id, checkpoint_ns …; STR_NONE: the head */
    struct str checkpoint_id;
    bool subgraphs;
    const struct json *select;  /* NULL: all members */
    struct str values, as_node; /* update: raw JSON; patch: the metadata */
    struct thread thread;
};

static enum err empty_state(struct call *call)
{
    shape_empty_state(call_json(call, 200));
    return OK;
}

/* The address of a checkpoint that came in the body. */
static enum err address_check(struct call *call, struct str checkpoint_id)
{
    char text[128];

    if (!checkpoint_address_check(json_get(call->body, "checkpoint"), checkpoint_id, text,
                                  sizeof(text)))
        return OK;
    return call_refuse(call, text);
}

static enum err select_query(struct call *call, const struct json **select)
{
    enum err err = search_query_names(call, "select", select);

    return err ? err : state_select_check(call, *select);
}

static enum err select_body(struct call *call, const struct json **select)
{
    enum err err = search_body_names(call, "select", select);

    return err ? err : state_select_check(call, *select);
}

/* {"configurable": …}: the thread's own, then what the caller says of the checkpoint, then what
 * nobody but the server says: which thread it is. */
static struct str state_config(struct call *call, const struct state_call *state)
{
    const struct thread *thread = &state->thread;
    struct str configurable = json_raw(thread->config, STR("configurable"));
    struct json_writer json;
    struct buf out;

    if (str_is_none(configurable))
        configurable = STR("{}");
    if (!str_is_none(state->checkpoint))
        configurable = call_merge(call, configurable, state->checkpoint);
    configurable = access_configurable(call, configurable);
    buf_init(&out, 64 * KIB); /* for ids of at most CHECKPOINT_ID_BYTES_MAX */
    json_writer_init(&json, &out);
    json_begin_object(&json);
    if (!str_is_none(state->checkpoint_id))
        json_put_str(&json, "checkpoint_id", state->checkpoint_id);
    json_put_str(&json, "thread_id", thread->thread_id);
    json_put_str(&json, "graph_id", thread->graph_id);
    json_end_object(&json);
    configurable = call_merge(call, configurable, arena_str(call->arena, buf_str(&out)));
    buf_release(&out);
    return arena_printf(call->arena, "{\"configurable\":%.*s}", STR_ARG(configurable));
}

/* ERR_NOT_FOUND: the thread's graph is not there; the reply is filled. */
static enum err ask_fill(struct call *call, struct state_call *state, enum agent_ask_kind kind)
{
    struct agent_ask *ask = &call->ask.ask;
    enum err err = call_need_graph(call, "metadata.graph_id", state->thread.graph_id);

    if (err)
        return err;
    ask->kind = kind;
    ask->tenant = call->principal.tenant;
    ask->graph_id = state->thread.graph_id;
    ask->thread_id = state->thread.thread_id;
    ask->config = state_config(call, state);
    return OK;
}

static enum err thread_load(struct tx *tx, struct call *call, struct state_call *state)
{
    enum err err =
        thread_get(tx, call->principal.tenant, call->params[0], call->arena, &state->thread);

    if (err == ERR_NOT_FOUND) {
        thread_reply_not_found(call);
        return ERR_NOT_FOUND;
    }
    return err;
}

/* ---- get ---- */

static enum err get_answered(struct call *call)
{
    const struct state_call *state = call->data;

    if (call->ask_err)
        return call_reply_answer(call);
    state_select_out(call_json(call, 200), call->ask_answer, state->select);
    return OK;
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct state_call *state = call->data;
    const struct thread *thread = &state->thread;
    enum err err = thread_load(tx, call, state);

    if (err)
        return err;
    if (str_is_none(thread->graph_id))
        return empty_state(call);
    if (str_is_none(state->checkpoint) && str_is_none(state->checkpoint_id) && !state->subgraphs &&
        !str_eq(thread->status, THREAD_BUSY) && !str_is_none(thread->head_state)) {
        state_select_out(call_json(call, 200), thread->head_state, state->select);
        return OK;
    }
    if ((err = ask_fill(call, state, ASK_STATE_GET)))
        return err;
    call->ask.ask.fields =
        arena_printf(call->arena, "\"subgraphs\":%s", state->subgraphs ? "true" : "false");
    return call_then_ask(call, get_answered);
}

static enum err get_prepare(struct call *call)
{
    struct state_call *state = ARENA_NEW(call->arena, struct state_call);
    enum err err;

    if ((err = call_param_uuid(call, 0, "thread_id")) ||
        (err = call_query_bool(call, "subgraphs", &state->subgraphs)) ||
        (err = select_query(call, &state->select)))
        return err;
    state->checkpoint_id = call->params[1];
    call->data = state;
    if ((err = address_check(call, state->checkpoint_id)))
        return err;
    return call_then_read(call, get_apply);
}

/* "checkpoint": {…}; the Python client sends subgraphs as a boolean, others as text: both are
 * taken. */
static enum err get_by_body_prepare(struct call *call)
{
    struct state_call *state = ARENA_NEW(call->arena, struct state_call);
    const struct json *subgraphs;
    enum err err;

    if ((err = call_param_uuid(call, 0, "thread_id")) || (err = call_body_object(call)) ||
        (err = call_get_object(call, "checkpoint", &state->checkpoint)) ||
        (err = address_check(call, STR_NONE)) || (err = select_body(call, &state->select)))
        return err;
    subgraphs = json_get(call->body, "subgraphs");
    call->data = state;
    if (json_type(subgraphs) != JSON_STRING) {
        err = call_get_bool(call, "subgraphs", &state->subgraphs);
    } else if (str_to_bool(json_string(subgraphs), &state->subgraphs)) {
        call_fail(call, 422, "subgraphs: must be true or false");
        err = ERR_INVALID;
    }
    if (err)
        return err;
    return call_then_read(call, get_apply);
}

/* ---- update ---- */

/* {task id: its interrupts} of a rendered state. */
static struct str interrupts_of(struct call *call, struct str state)
{
    struct str tasks = json_raw(state, STR("tasks")), task, key, text;
    struct json_writer json;
    size_t position = 0;
    struct buf out;

    buf_init(&out, REPLY_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    while (!str_is_none(tasks) && json_raw_next(tasks, &position, &key, &task)) {
        struct str id = json_raw(task, STR("id"));
        struct str interrupts = json_raw(task, STR("interrupts"));

        if (id.len < 2 || str_is_none(interrupts) || str_eq(interrupts, STR("[]")))
            continue;
        json_key_str(&json, str_range(id.data + 1, id.len - 2));
        json_raw_out(&json, interrupts);
    }
    json_end_object(&json);
    text = arena_str(call->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

/* The new head of the thread, unless a run has begun since: then its end will say what the head is.
 */
static enum err head_save(struct tx *tx, struct call *call)
{
    struct state_call *state = call->data;
    struct thread *thread = &state->thread;
    int64_t seen_us = thread->state_updated_us, live = 0;
    struct str next = json_raw(call->ask_state, STR("next")), thread_id = thread->thread_id;
    enum err err =
        thread_get_for_update(tx, call->principal.tenant, thread_id, call->arena, thread);

    if (err || (err = run_count_live(tx, call->principal.tenant, thread_id, &live)))
        return err;
    if (live > 0 || thread->state_updated_us != seen_us)
        return OK;
    thread->head_state = call->ask_state;
    thread->head_values = json_raw(call->ask_state, STR("values"));
    thread->interrupts = interrupts_of(call, call->ask_state);
    thread->updated_us = tx->now_us;
    thread->state_updated_us = tx->now_us;
    thread->status =
        str_is_none(next) || str_eq(next, STR("[]")) ? THREAD_IDLE : THREAD_INTERRUPTED;
    if ((err = thread_update_head(tx, thread)))
        return err;
    return thread_update(tx, thread);
}

static enum err update_save(struct tx *tx, struct call *call)
{
    json_raw_out(call_json(call, 200), call->ask_answer);
    return head_save(tx, call);
}

static enum err update_answered(struct call *call)
{
    if (call->ask_err)
        return call_reply_answer(call);
    return call_then_write(call, update_save);
}

static enum err update_apply(struct tx *tx, struct call *call)
{
    struct state_call *state = call->data;
    int64_t live = 0;
    enum err err = thread_load(tx, call, state);

    if (err || (err = run_count_live(tx, call->principal.tenant, call->params[0], &live)))
        return err;
    if (live > 0)
        return call_fail(call, 409, "Thread is busy");
    if ((err = spending_bytes(tx, call)))
        return err;
    if (str_is_none(state->thread.graph_id))
        return call_fail(call, 400, "Thread %.*s has no graph ID", STR_ARG(call->params[0]));
    if ((err = ask_fill(call, state, ASK_STATE_UPDATE)))
        return err;
    call->ask.ask.body = str_is_none(state->values) ? STR("null") : state->values;
    if (!str_is_none(state->as_node))
        call->ask.ask.fields =
            arena_printf(call->arena, "\"as_node\":%.*s", STR_ARG(state->as_node));
    return call_then_ask(call, update_answered);
}

static enum err values_read(struct call *call, struct str *values)
{
    const struct json *given = json_get(call->body, "values");

    if (!json_is_absent(given) && json_type(given) != JSON_OBJECT && json_type(given) != JSON_ARRAY)
        return call_refuse(call, "values: must be an object, an array or null");
    *values = json_raw(call->body_text, STR("values"));
    return OK;
}

static enum err update_prepare(struct call *call)
{
    struct state_call *state = ARENA_NEW(call->arena, struct state_call);
    struct str as_node = STR_NONE;
    enum err err;

    if ((err = call_param_uuid(call, 0, "thread_id")) || (err = call_body_object(call)) ||
        (err = call_get_object(call, "checkpoint", &state->checkpoint)) ||
        (err = call_get_text(call, "checkpoint_id", &state->checkpoint_id)) ||
        (err = address_check(call, state->checkpoint_id)) ||
        (err = call_get_text(call, "as_node", &as_node)) ||
        (err = values_read(call, &state->values)))
        return err;
    if (!str_is_none(as_node))
        state->as_node = json_raw(call->body_text, STR("as_node"));
    call->data = state;
    return call_then_read(call, update_apply);
}

/* ---- supersteps of a new thread ---- */

static enum err supersteps_save(struct tx *tx, struct call *call)
{
    struct state_call *state = call->data;
    enum err err = head_save(tx, call);

    return err ? err : thread_reply(call, &state->thread);
}

static enum err supersteps_undo(struct tx *tx, struct call *call)
{
    const struct state_call *state = call->data;
    enum err err =
        thread_remove(tx, call->setup->agent, state->thread.tenant, state->thread.thread_id);

    call_reply_answer(call);
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err supersteps_answered(struct call *call)
{
    return call_then_write(call, call->ask_err ? supersteps_undo : supersteps_save);
}

enum err state_supersteps(struct call *call, const struct thread *thread, struct str supersteps)
{
    struct state_call *state = ARENA_NEW(call->arena, struct state_call);
    enum err err;

    state->thread = *thread;
    call->data = state;
    if ((err = ask_fill(call, state, ASK_STATE_BULK_UPDATE)))
        return err;
    call->ask.ask.body = supersteps;
    return call_then_ask(call, supersteps_answered);
}

/* ---- patch ---- */

/* Metadata over that of the thread's last checkpoint. */
static enum err patch_apply(struct tx *tx, struct call *call)
{
    struct state_call *state = call->data;
    struct thread *thread = &state->thread;
    struct checkpoint head;
    struct checkpoint key = {.tenant = call->principal.tenant, .ns = STR("")};
    int64_t live = 0;
    enum err err = thread_load(tx, call, state);

    if (err || (err = run_count_live(tx, key.tenant, thread->thread_id, &live)))
        return err;
    if (live > 0)
        return call_fail(call, 409, "Thread is busy");
    key.thread_id = thread->thread_id;
    err = checkpoint_get(tx, &key, call->arena, &head);
    if (err == ERR_NOT_FOUND)
        return call_fail(call, 404, "Thread %.*s has no state yet", STR_ARG(thread->thread_id));
    if (err)
        return err;
    head.metadata = call_merge(call, head.metadata, state->values);
    thread->head_state = STR_NONE; /* shows the metadata: asked for anew */
    if ((err = checkpoint_put(tx, &head)) || (err = thread_update_head(tx, thread)))
        return err;
    return call_empty(call, 204);
}

static enum err patch_prepare(struct call *call)
{
    struct state_call *state = ARENA_NEW(call->arena, struct state_call);
    enum err err;

    state->values = STR("{}");
    call->data = state;
    if ((err = call_param_uuid(call, 0, "thread_id")) || (err = call_body_object(call)) ||
        (err = call_get_object(call, "metadata", &state->values)))
        return err;
    return call_then_write(call, patch_apply);
}

/* ---- history ---- */

struct history_call {
    struct state_call state; /* first: the two are read as one */
    int64_t limit;
    struct str before; /* a checkpoint's id */
    struct str metadata;
};

static enum err history_apply(struct tx *tx, struct call *call)
{
    struct history_call *history = call->data;
    struct json_writer json;
    struct buf out;
    enum err err = thread_load(tx, call, &history->state);

    if (err)
        return err;
    if (str_is_none(history->state.thread.graph_id)) {
        json_raw_out(call_json(call, 200), STR("[]"));
        return OK;
    }
    if ((err = ask_fill(call, &history->state, ASK_STATE_HISTORY)))
        return err;
    buf_init(&out, REPLY_BYTES_MAX);
    json_writer_init(&json, &out);
    json_put_i64(&json, "limit", history->limit);
    if (!str_is_none(history->before))
        json_put_str(&json, "before", history->before);
    if (!str_is_none(history->metadata))
        json_put_raw(&json, "filter", history->metadata);
    call->ask.ask.fields = arena_str(call->arena, buf_str(&out));
    buf_release(&out);
    return call_then_ask(call, get_answered);
}

static enum err before_check(struct call *call, struct str before)
{
    const struct json *given = json_get(call->body, "before");
    enum json_type type = json_is_absent(given) ? JSON_STRING : json_type(given);

    if (type != JSON_STRING && type != JSON_OBJECT)
        return call_refuse(call, "before: must be the id of a checkpoint, or an object with one");
    if (str_is_none(before) || before.len <= CHECKPOINT_ID_BYTES_MAX)
        return OK;
    call_fail(call, 422, "before: must be the id of a checkpoint, of at most %d bytes",
              CHECKPOINT_ID_BYTES_MAX);
    return ERR_INVALID;
}

static enum err history_get_prepare(struct call *call)
{
    struct history_call *history = ARENA_NEW(call->arena, struct history_call);
    enum err err;

    history->limit = 10;
    history->before = query_get(&call->query, "before");
    if ((err = call_param_uuid(call, 0, "thread_id")) ||
        (err = call_query_int(call, "limit", 1, 1000, &history->limit)) ||
        (err = select_query(call, &history->state.select)))
        return err;
    call->data = history;
    return before_check(call, history->before) ? ERR_INVALID : call_then_read(call, history_apply);
}

/* `before` is a checkpoint's id, or an object that holds one. */
static struct str before_read(const struct json *before)
{
    const struct json *configurable = json_get(before, "configurable");

    if (json_type(before) == JSON_STRING)
        return json_string(before);
    return json_string(json_get(configurable ? configurable : before, "checkpoint_id"));
}

static enum err history_post_prepare(struct call *call)
{
    struct history_call *history = ARENA_NEW(call->arena, struct history_call);
    enum err err;

    history->limit = call->setup->compat_js ? 10 : 1;
    if ((err = call_param_uuid(call, 0, "thread_id")) || (err = call_body_object(call)) ||
        (err = call_get_int(call, "limit", 1, 1000, &history->limit)) ||
        (err = call_get_object(call, "metadata", &history->metadata)) ||
        (err = call_get_object(call, "checkpoint", &history->state.checkpoint)) ||
        (err = address_check(call, STR_NONE)) || (err = select_body(call, &history->state.select)))
        return err;
    history->before = before_read(json_get(call->body, "before"));
    call->data = history;
    return before_check(call, history->before) ? ERR_INVALID : call_then_read(call, history_apply);
}

static const struct route routes[] = {
    {HTTP_GET, "/threads/{thread_id}/state", get_prepare, PERMIT_READ,
     ROUTE_ASKS(ACCESS_THREADS_READ), "The thread's state"},
    {HTTP_POST, "/threads/{thread_id}/state", update_prepare, PERMIT_RUN,
     ROUTE_ASKS(ACCESS_THREADS_UPDATE), "Change the thread's state"},
    {HTTP_PATCH, "/threads/{thread_id}/state", patch_prepare, PERMIT_RUN,
     ROUTE_ASKS(ACCESS_THREADS_UPDATE), "Change the metadata of the thread's state"},
    {HTTP_POST, "/threads/{thread_id}/state/checkpoint", get_by_body_prepare, PERMIT_READ,
     ROUTE_ASKS(ACCESS_THREADS_READ), "The state at a checkpoint"},
    {HTTP_GET, "/threads/{thread_id}/state/{checkpoint_id}", get_prepare, PERMIT_READ,
     ROUTE_ASKS(ACCESS_THREADS_READ), "The state at a checkpoint"},
    {HTTP_GET, "/threads/{thread_id}/history", history_get_prepare, PERMIT_READ,
     ROUTE_ASKS(ACCESS_THREADS_READ), "Past states, newest first"},
    {HTTP_POST, "/threads/{thread_id}/history", history_post_prepare, PERMIT_READ,
     ROUTE_ASKS(ACCESS_THREADS_READ), "Past states, newest first"},
};

const struct route_list routes_state = {routes, ARRAY_LEN(routes)};
