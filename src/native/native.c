/* The executor, and a run's beginning and end. */
#include "base/mem.h"
#include "native/run_priv.h"

#include "agent/builtin_ask.h"

/* ---- the end ---- */

static void run_over(struct native_run *run)
{
    timer_stop(&run->go);
    model_call_release(&run->model);
    buf_release(&run->model_inputs);
    for (size_t i = 0; i < run->server_count; i++)
        mcp_release(&run->servers[i]);
    spec_release(&run->spec);
    roster_remove(&run->native->roster, &run->entry);
    mem_free(run);
}

/* Of the run's end, for its trace: a run that stops for a person has none. */
static struct str words_of(struct native_run *run, struct str status, struct str error)
{
    const struct json *json;

    if (str_eq(status, RUN_INTERRUPTED))
        return STR("Cancelled");
    if (str_is_none(error) || json_parse(run->arena, error, &json, NULL))
        return error;
    return arena_printf(run->arena, "%.*s: %.*s", STR_ARG(json_string(json_get(json, "error"))),
                        STR_ARG(json_string(json_get(json, "message"))));
}

void native_end(struct native_run *run, struct str status, struct str error)
{
    bool waits = !str_is_none(run->interrupts);
    struct run_outcome outcome = {.status = status, .error = error};
    struct str next = waits ? STR("[\"tools\"]") : STR("[]");
    struct checkpoint made;

    if (run->frame_count > 0) { /* there is a state */
        state_checkpoint(run, next, &made, &outcome.state);
        outcome.checkpoint = &made;
        outcome.values = stream_result(run);
        outcome.next = next;
        if (waits)
            outcome.interrupts = arena_printf(run->arena, "{\"%.*s\":%.*s}", STR_ARG(run->task_id),
                                              STR_ARG(run->interrupts));
    }
    trace_end(run, outcome.values, words_of(run, status, error));
    run->execution->events->on_done(run->execution, &outcome);
    run_over(run);
}

void native_leave(struct native_run *run)
{
    if (!run->native->roster.is_stopping) {
        native_end(run, RUN_INTERRUPTED, STR_NONE);
        return;
    }
    run->execution->events->on_lost(run->execution, RUN_LOST_SHUTDOWN,
                                    STR("The server was shut down."));
    run_over(run);
}

void native_fail(struct native_run *run, const char *type, struct str message)
{
    native_end(run, RUN_ERROR, run_error_json(run->arena, str_of(type), message));
}

struct frame *native_top(struct native_run *run)
{
    return &run->frames[run->frame_count - 1];
}

/* ---- the beginning ---- */

static enum err load_apply(struct tx *tx, struct store_work *work)
{
    struct native_run *run = CONTAINER_OF(work, struct native_run, work);
    const struct run *r = &run->execution->run;
    const struct json *configurable = json_get(json_get(run->kwargs, "config"), "configurable");
    const struct checkpoint key = {
        .tenant = r->tenant,
        .thread_id = r->thread_id,
        .ns = STR(""),
        .checkpoint_id = run->execution->resume
                             ? STR_NONE
                             : json_string(json_get(configurable, "checkpoint_id")),
    };
    enum err err = checkpoint_get(tx, &key, run->arena, &run->head);

    run->has_head = !err;
    if (err && err != ERR_NOT_FOUND)
        return err;
    err = spec_load(tx, r->tenant, json_string(json_get(configurable, "agent_id")), run->arena,
                    &run->spec, &run->why);
    return err == ERR_INVALID ? OK : err;
}

static void begin(struct native_run *run)
{
    const struct json *config = json_get(run->kwargs, "config");
    int64_t steps = json_i64(json_get(config, "recursion_limit"), STEPS_MAX_DEFAULT);
    const struct json *configurable = json_get(config, "configurable");

    run->steps_max = steps > 0 ? steps : STEPS_MAX_DEFAULT;
    run->tokens_max = json_i64(json_get(configurable, "max_total_tokens"), TOKENS_MAX_DEFAULT);
    if (!str_is_none(run->why)) {
        native_fail(run, "AgentError", run->why);
        return;
    }
    state_load(run);
    trace_begin(run);
    stream_begin(run);
    if (!state_input(run))
        return;
    stream_values(run);
    turn_begin(run);
}

static void load_done(struct store_work *work, enum err err)
{
    struct native_run *run = CONTAINER_OF(work, struct native_run, work);

    run->is_working = false;
    if (run->is_over) {
        native_leave(run);
    } else if (err) {
        run->execution->events->on_lost(run->execution, STR("StoreError"),
                                        STR("The agent or the thread's state could not be read."));
        run_over(run);
    } else {
        begin(run);
    }
}

static void on_go(struct timer *timer)
{
    turn_go(CONTAINER_OF(timer, struct native_run, go));
}

static void native_start(struct executor *executor, struct execution *execution)
{
    struct native *native = CONTAINER_OF(executor, struct native, executor);
    struct native_run *run = MEM_NEW(struct native_run);

    run->native = native;
    run->execution = execution;
    run->arena = &execution->arena;
    execution->data = run;
    timer_init(&run->go, native->loop, on_go);
    model_call_init(&run->model, native->loop, native->client, run->arena);
    buf_init(&run->model_inputs, TRACE_SPAN_BYTES_MAX);
    roster_add(&native->roster, &run->entry, execution);
    if (json_parse(run->arena, execution->run.kwargs, &run->kwargs, NULL))
        run->kwargs = NULL; /* run_create lets no such run in */
    run->work.apply = load_apply;
    run->work.done = load_done;
    run->work.reply_to = native->loop;
    run->is_working = true;
    store_read(native->store, &run->work);
}

/* ---- the executor ---- */

static void native_cancel(struct executor *executor UNUSED, struct execution *execution,
                          struct str reason UNUSED)
{
    struct native_run *run = execution->data;

    run->is_over = true;
    if (run->is_working)
        return; /* its end follows */
    timer_stop(&run->go);
    model_call_stop(&run->model);
    for (size_t i = 0; i < run->server_count; i++)
        mcp_stop(&run->servers[i]);
    native_leave(run);
}

static void native_kill(struct executor *executor, struct execution *execution)
{
    native_cancel(executor, execution, STR("timeout"));
}

static bool native_hosts(struct executor *executor UNUSED, const struct graph *graph)
{
    return graph->kind == GRAPH_NATIVE;
}

static unsigned native_room(struct executor *executor)
{
    const struct native *native = CONTAINER_OF(executor, struct native, executor);

    return roster_room(&native->roster);
}

static void native_ask(struct executor *executor, struct agent_ask *ask)
{
    struct native *native = CONTAINER_OF(executor, struct native, executor);

    if (ask->kind == ASK_MCP_TOOLS)
        tools_ask_start(native, ask);
    else
        builtin_ask_answer(native->loop, native->store, ask);
}

static void native_stop(struct executor *executor, void (*on_stopped)(void *context), void *context)
{
    struct native *native = CONTAINER_OF(executor, struct native, executor);

    tools_asks_stop(native);
    roster_stop(&native->roster, on_stopped, context);
}

static void native_free(struct executor *executor)
{
    struct native *native = CONTAINER_OF(executor, struct native, executor);

    tools_answers_release(native);
    http_client_free(native->client);
    mem_free(native);
}

static int64_t native_down_since_ms(struct executor *executor UNUSED)
{
    return 0;
}

static const struct executor_ops native_ops = {
    native_hosts,  native_room, native_down_since_ms, native_start,
    native_cancel, native_kill, native_ask,           NULL,
    NULL,          native_stop, native_free,
};

struct executor *native_new(const struct native_setup *setup)
{
    struct native *native = MEM_NEW(struct native);
    const struct http_client_config config = {.loop = setup->loop,
                                              .policy = setup->egress,
                                              .tls = setup->tls,
                                              .proxy = setup->proxy,
                                              .response_header_bytes_max = 32 * KIB,
                                              .response_body_bytes_max = 64 * KIB,
                                              .idle_connections_max = 64,
                                              .idle_ms = 30 * MS_PER_SECOND};

    native->executor.ops = &native_ops;
    native->loop = setup->loop;
    native->store = setup->store;
    native->client = http_client_new(&config);
    native->traces = setup->traces;
    span_parcels_init(&native->spans, setup->store);
    roster_init(&native->roster, &native->executor, setup->runs_max);
    list_init(&native->tools_asks);
    return &native->executor;
}

void native_set_egress(struct executor *executor, const struct egress_policy *egress)
{
    http_client_set_policy(CONTAINER_OF(executor, struct native, executor)->client, egress);
}
