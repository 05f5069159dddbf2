/* State, history, drawing and schemas of the built-in agents. */
#include "agent/builtin_ask.h"

#include "agent/builtin_state.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "shape/shape.h"

#define ANSWER_BYTES_MAX (256 * MIB)
#define HISTORY_MAX 1000

struct query {
    struct store_work work;
    struct arena arena;
    struct agent_ask *ask;
    const struct json *config, *fields;
    struct str fields_text;
    int64_t asked_us;     /* ids of new states rise from here, */
    uint16_t states_made; /* with this */
    struct str answer, state;
};

static struct str configurable(const struct query *q, const char *key)
{
    return json_string(json_get(json_get(q->config, "configurable"), key));
}

static struct str empty_state(struct arena *arena)
{
    struct json_writer json;
    struct buf out;
    struct str text;

    buf_init(&out, KIB);
    json_writer_init(&json, &out);
    shape_empty_state(&json);
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

/* The one that the question names, or the head. */
static enum err checkpoint_load(struct tx *tx, struct query *q, struct checkpoint *checkpoint)
{
    const struct checkpoint key = {
        .tenant = q->ask->tenant,
        .thread_id = q->ask->thread_id,
        .ns = STR(""),
        .checkpoint_id = configurable(q, "checkpoint_id"),
    };

    return checkpoint_get(tx, &key, &q->arena, checkpoint);
}

static enum err state_get(struct tx *tx, struct query *q)
{
    struct checkpoint checkpoint;
    struct builtin_state state;
    enum err err = checkpoint_load(tx, q, &checkpoint);

    q->answer = empty_state(&q->arena);
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    err = builtin_load(&q->arena, &checkpoint, &state);
    if (!err)
        q->answer = builtin_render(&q->arena, &state);
    return err;
}

static enum err state_history(struct tx *tx, struct query *q)
{
    int64_t limit = json_i64(json_get(q->fields, "limit"), 10);
    struct checkpoint_filter filter = {
        .tenant = q->ask->tenant,
        .thread_id = q->ask->thread_id,
        .ns = STR(""),
        .before = json_string(json_get(q->fields, "before")),
        .metadata = json_raw(q->fields_text, STR("filter")),
        .limit = limit > HISTORY_MAX ? HISTORY_MAX : limit,
    };
    struct checkpoint *found;
    struct json_writer json;
    struct buf out;
    size_t count;
    enum err err = checkpoint_list(tx, &filter, &q->arena, &found, &count);

    if (err)
        return err;
    buf_init(&out, ANSWER_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_array(&json);
    for (size_t i = 0; i < count; i++) {
        struct builtin_state state;

        if (!builtin_load(&q->arena, &found[i], &state))
            json_raw_out(&json, builtin_render(&q->arena, &state));
    }
    json_end_array(&json);
    q->answer = arena_str(&q->arena, buf_str(&out));
    buf_release(&out);
    return OK;
}

static struct str update_metadata(struct query *q)
{
    return arena_printf(&q->arena,
                        "{\"source\":\"update\",\"step\":0,\"parents\":{},\"thread_id\":\"%.*s\","
                        "\"graph_id\":\"%.*s\"}",
                        STR_ARG(q->ask->thread_id), STR_ARG(q->ask->graph_id));
}

/* One more state: `values` (JSON) over those of `state`, which becomes the new one. */
static enum err state_put(struct tx *tx, struct query *q, struct builtin_state *state,
                          struct str values)
{
    struct uuid_text id;
    struct checkpoint next;

    uuid_write(uuid_v6(tx->rng, q->asked_us, q->states_made++), &id);
    state->parent_id = state->checkpoint_id;
    state->thread_id = q->ask->thread_id;
    state->checkpoint_id = arena_str(&q->arena, str_range(id.text, UUID_TEXT_BYTES));
    state->values = builtin_values_merge(&q->arena, state->values, values);
    state->metadata = update_metadata(q);
    state->created_us = tx->now_us;
    next = (struct checkpoint){
        .tenant = q->ask->tenant,
        .thread_id = q->ask->thread_id,
        .ns = STR(""),
        .checkpoint_id = state->checkpoint_id,
        .parent_id = state->parent_id,
        .serde = BUILTIN_SERDE,
        .body = builtin_body(&q->arena, state),
        .metadata = state->metadata,
    };
    return checkpoint_put(tx, &next);
}

/* One state per superstep, with the values of all its updates. */
static enum err supersteps_put(struct tx *tx, struct query *q, struct builtin_state *state)
{
    struct str step, update, key;
    size_t at = 0;
    enum err err = OK;

    while (!err && json_raw_next(q->ask->body, &at, &key, &step)) {
        struct str updates = json_raw(step, STR("updates"));
        struct str values = state->values;
        size_t inner = 0;

        while (json_raw_next(updates, &inner, &key, &update))
            values = builtin_values_merge(&q->arena, values, json_raw(update, STR("values")));
        state->values = values;
        err = state_put(tx, q, state, STR_NONE);
    }
    return err;
}

/* As if the graph had come to its end: nothing waits any more. */
static void end_here(struct builtin_state *state)
{
    state->next = STR("[]");
    state->task_id = state->interrupts = state->script = STR_NONE;
}

static enum err state_update(struct tx *tx, struct query *q)
{
    struct builtin_state state = {.next = STR("[]"), .checkpoint_id = STR_NONE};
    struct checkpoint head;
    enum err err = checkpoint_load(tx, q, &head);

    q->states_made = 0;
    if (err && err != ERR_NOT_FOUND)
        return err;
    if (!err && builtin_load(&q->arena, &head, &state))
        return ERR_INVALID;
    if (str_eq(json_string(json_get(q->fields, "as_node")), STR("__end__")))
        end_here(&state);
    if (q->ask->kind == ASK_STATE_UPDATE)
        err = state_put(tx, q, &state, q->ask->body);
    else
        err = supersteps_put(tx, q, &state);
    if (err)
        return err;
    q->state = builtin_render(&q->arena, &state);
    q->answer = arena_printf(&q->arena,
                             "{\"checkpoint\":{\"thread_id\":\"%.*s\",\"checkpoint_ns\":\"\","
                             "\"checkpoint_id\":\"%.*s\"}}",
                             STR_ARG(q->ask->thread_id), STR_ARG(state.checkpoint_id));
    return OK;
}

static struct str graph_text(struct query *q)
{
    struct str id = q->ask->graph_id;

    if (q->ask->kind == ASK_GRAPH_SUBGRAPHS)
        return STR("{}");
    if (q->ask->kind == ASK_GRAPH_DRAW)
        return arena_printf(
            &q->arena,
            "{\"nodes\":[{\"id\":\"__start__\",\"type\":\"schema\",\"data\":\"__start__\"},"
            "{\"id\":\"%.*s\",\"type\":\"runnable\",\"data\":{\"id\":[\"builtin\",\"%.*s\"],"
            "\"name\":\"%.*s\"}},"
            "{\"id\":\"__end__\",\"type\":\"schema\",\"data\":\"__end__\"}],"
            "\"edges\":[{\"source\":\"__start__\",\"target\":\"%.*s\"},{\"source\":\"%.*s\","
            "\"target\":\"__end__\"}]}",
            STR_ARG(id), STR_ARG(id), STR_ARG(id), STR_ARG(id), STR_ARG(id));
    return arena_printf(
        &q->arena,
        "{\"graph_id\":\"%.*s\",\"input_schema\":%s,\"output_schema\":%s,\"state_schema\":%s,"
        "\"config_schema\":{\"type\":\"object\",\"properties\":{}},\"context_schema\":{\"type\":"
        "\"object\",\"properties\":{}}}",
        STR_ARG(id), "{\"type\":\"object\",\"properties\":{\"messages\":{\"type\":\"array\"}}}",
        "{\"type\":\"object\",\"properties\":{\"messages\":{\"type\":\"array\"}}}",
        "{\"type\":\"object\",\"properties\":{\"messages\":{\"type\":\"array\"}}}");
}

static enum err query_apply(struct tx *tx, struct store_work *work)
{
    struct query *q = CONTAINER_OF(work, struct query, work);

    switch (q->ask->kind) {
    case ASK_STATE_GET:
        return state_get(tx, q);
    case ASK_STATE_HISTORY:
        return state_history(tx, q);
    case ASK_STATE_UPDATE:
    case ASK_STATE_BULK_UPDATE:
        return state_update(tx, q);
    case ASK_GRAPH_DRAW:
    case ASK_GRAPH_SCHEMAS:
    case ASK_GRAPH_SUBGRAPHS:
        q->answer = graph_text(q);
        return OK;
    case ASK_AUTH_CHECK: /* it has none of these */
    case ASK_MCP_TOOLS:
    case ASK_STORE_EMBED:
        break;
    }
    return ERR_INVALID;
}

static void query_done(struct store_work *work, enum err err)
{
    struct query *q = CONTAINER_OF(work, struct query, work);

    if (err)
        q->answer = STR("The built-in agent cannot do this with the state of the thread.");
    q->ask->on_answer(q->ask, err, q->answer, q->state);
    arena_release(&q->arena);
    mem_free(q);
}

void builtin_ask_answer(struct loop *loop, struct store *store, struct agent_ask *ask)
{
    struct query *q = MEM_NEW(struct query);

    arena_init(&q->arena);
    q->ask = ask;
    q->asked_us = loop_wall_us(loop);
    q->fields_text = arena_printf(&q->arena, "{%.*s}", STR_ARG(ask->fields));
    if (json_parse(&q->arena, str_is_none(ask->config) ? STR("{}") : ask->config, &q->config, NULL))
        q->config = NULL;
    if (json_parse(&q->arena, q->fields_text, &q->fields, NULL))
        q->fields = NULL;
    q->work.apply = query_apply;
    q->work.done = query_done;
    q->work.reply_to = loop;
    q->work.class = STORE_REPLY;
    if (ask->kind == ASK_STATE_UPDATE || ask->kind == ASK_STATE_BULK_UPDATE)
        store_write(store, &q->work);
    else
        store_read(store, &q->work);
}
