/* The built-in agents: an executor that answers by itself. */
#include "agent/builtin.h"

#include "agent/builtin_ask.h"
#include "agent/builtin_events.h"
#include "agent/roster.h"
#include "base/mem.h"
#include "base/uuid.h"

#define DELAY_MS_MAX 3600000
#define LARGE_BYTES_MAX (int64_t)(32 * MIB)
#define SCRIPT_STEPS_MAX 10000
#define SCRIPT_BYTES_MAX (64 * MIB) /* of the state's values */
#define STEPS_AT_ONCE 16            /* then the loop does something else */

struct builtin {
    struct executor executor;
    struct loop *loop;
    struct store *store;
    struct roster roster;
};

struct builtin_run {
    struct roster_entry entry;
    struct builtin *builtin;
    struct execution *execution;
    struct store_work load;
    struct timer timer; /* a delay; the start */
    struct checkpoint head;
    bool has_head;
    bool is_over; /* cancelled while its state was being loaded */
    struct builtin_state state;
    struct arena values[2]; /* the state's values live in one, their next in the other */
    unsigned values_in;
    struct builtin_events events;
    const struct json *kwargs;
    const struct json *script; /* array or NULL */
    int64_t step;
};

/* ---- the end ---- */

static void run_over(struct builtin_run *run)
{
    timer_stop(&run->timer);
    for (size_t i = 0; i < ARRAY_LEN(run->values); i++)
        arena_release(&run->values[i]);
    roster_remove(&run->builtin->roster, &run->entry);
    mem_free(run);
}

static struct str metadata_text(struct builtin_run *run)
{
    const struct run *r = &run->execution->run;

    return arena_printf(&run->execution->arena,
                        "{\"source\":\"loop\",\"step\":%lld,\"parents\":{},\"thread_id\":\"%.*s\","
                        "\"run_id\":\"%.*s\","
                        "\"graph_id\":\"%.*s\",\"assistant_id\":\"%.*s\",\"run_attempt\":%lld}",
                        (long long)run->step, STR_ARG(r->thread_id), STR_ARG(r->run_id),
                        STR_ARG(r->graph_id), STR_ARG(r->assistant_id), (long long)r->attempt);
}

/* The state becomes a checkpoint that is stored by the write that ends the run. */
static void run_end_with(struct builtin_run *run, struct str status, struct str error)
{
    struct arena *arena = &run->execution->arena;
    struct builtin_state *state = &run->state;
    struct loop *loop = run->builtin->loop;
    struct uuid_text id;
    struct checkpoint checkpoint;
    struct run_outcome outcome = {.status = status, .error = error};

    state->parent_id = run->has_head ? run->head.checkpoint_id : STR_NONE;
    state->created_us = loop_wall_us(loop);
    state->checkpoint_id =
        arena_str(arena, uuid_write(uuid_v6(loop_rng(loop), state->created_us, 0), &id));
    state->metadata = metadata_text(run);
    checkpoint = (struct checkpoint){
        .ns = STR(""),
        .checkpoint_id = state->checkpoint_id,
        .parent_id = state->parent_id,
        .serde = BUILTIN_SERDE,
        .body = builtin_body(arena, state),
        .metadata = state->metadata,
    };
    outcome.checkpoint = &checkpoint;
    outcome.state = builtin_render(arena, state);
    outcome.values = builtin_events_result(&run->events, state);
    outcome.next = state->next;
    if (!str_is_none(state->interrupts))
        outcome.interrupts = arena_printf(arena, "{\"%.*s\":%.*s}", STR_ARG(state->task_id),
                                          STR_ARG(state->interrupts));
    run->execution->events->on_done(run->execution, &outcome);
    run_over(run);
}

/* ---- steps ---- */

static void say(struct builtin_run *run, struct str content)
{
    struct str message = builtin_message(&run->execution->arena, content);
    struct arena *next = &run->values[run->values_in ^= 1];

    arena_reset(next);
    run->state.values = builtin_values_add(next, run->state.values, message);
    builtin_events_message(&run->events, &run->state, message);
}

static void interrupt(struct builtin_run *run, struct str value)
{
    struct arena *arena = &run->execution->arena;
    struct loop *loop = run->builtin->loop;
    struct uuid_text task, id;

    run->state.task_id = arena_str(arena, uuid_write(uuid_v4(loop_rng(loop)), &task));
    uuid_write(uuid_v4(loop_rng(loop)), &id);
    run->state.interrupts =
        arena_printf(arena, "[{\"id\":\"%s\",\"value\":%.*s}]", id.text, STR_ARG(value));
    run->state.next = arena_printf(arena, "[\"%.*s\"]", STR_ARG(run->execution->run.graph_id));
    run->state.at = run->step;
    builtin_events_interrupt(&run->events, &run->state);
    run_end_with(run, RUN_SUCCESS, STR_NONE);
}

static void fail(struct builtin_run *run, const struct json *fail_json)
{
    struct arena *arena = &run->execution->arena;
    struct str type = json_string(json_get(fail_json, "error"));
    struct str message = json_string(json_get(fail_json, "message"));

    run_end_with(run, RUN_ERROR,
                 run_error_json(arena, str_is_none(type) ? STR("ScriptError") : type,
                                str_is_none(message) ? STR("The script said so.") : message));
}

static void say_large(struct builtin_run *run, int64_t len)
{
    char *text = arena_alloc(&run->execution->arena, (size_t)len + 1);

    memset(text, 'x', (size_t)len);
    say(run, str_range(text, (size_t)len));
}

/* How many bytes the `large_bytes` of a step stand for. */
static int64_t large_bytes(const struct json *step)
{
    int64_t bytes = json_i64(json_get(step, "large_bytes"), 0);

    return bytes < 0 ? 0 : bytes > LARGE_BYTES_MAX ? LARGE_BYTES_MAX : bytes;
}

/* Would the step be one too many, or say too much? Then it is the run's end. */
static bool is_too_much(struct builtin_run *run, const struct json *step)
{
    struct str text = json_string(json_get(step, "say"));
    uint64_t more = (uint64_t)text.len + (uint64_t)large_bytes(step);
    struct str why = STR_NONE;

    if (json_count(run->script) > SCRIPT_STEPS_MAX)
        why = STR("A script may have 10,000 steps at most.");
    else if (more > 0 && run->state.values.len + more > SCRIPT_BYTES_MAX)
        why = STR("What a script says may have 64 MiB in all.");
    if (str_is_none(why))
        return false;
    run_end_with(run, RUN_ERROR, run_error_json(&run->execution->arena, STR("ScriptError"), why));
    return true;
}

/* The value of the `interrupt` of the script's step `at`, as it was written. */
static struct str interrupt_value(const struct builtin_run *run, int64_t at)
{
    struct str step = STR_NONE;
    size_t position = 0;

    for (int64_t i = 0; i <= at; i++)
        json_raw_next(run->state.script, &position, &(struct str){0}, &step);
    return json_raw(step, STR("interrupt"));
}

/* Runs steps until one waits or the run is over. */
static void steps_go(struct builtin_run *run)
{
    int64_t pause_at = run->step + STEPS_AT_ONCE;

    while (run->script && run->step < (int64_t)json_count(run->script)) {
        const struct json *step = json_item(run->script, (size_t)run->step);

        if (is_too_much(run, step))
            return;
        if (run->step == pause_at) {
            timer_start(&run->timer, 0);
            return;
        }
        run->step++;
        if (json_get(step, "delay_ms")) {
            int64_t delay = json_i64(json_get(step, "delay_ms"), 0);

            timer_start(&run->timer, delay < 0 ? 0 : delay > DELAY_MS_MAX ? DELAY_MS_MAX : delay);
            return;
        }
        if (json_get(step, "interrupt")) {
            interrupt(run, interrupt_value(run, run->step - 1));
            return;
        }
        if (json_get(step, "fail")) {
            fail(run, json_get(step, "fail"));
            return;
        }
        if (json_get(step, "say"))
            say(run, json_string(json_get(step, "say")));
        else if (json_get(step, "large_bytes"))
            say_large(run, large_bytes(step));
    }
    run_end_with(run, RUN_SUCCESS, STR_NONE);
}

/* The last message's text in any letter case starts with a greeting? */
static bool is_greeting(struct str text)
{
    return str_starts_nocase(text, STR("hello")) || str_starts_nocase(text, STR("hi"));
}

static void answer(struct builtin_run *run, const struct json *input)
{
    const struct json *messages = json_get(input, "messages");
    size_t count = json_count(messages);
    struct str text =
        count > 0 ? json_string(json_get(json_item(messages, count - 1), "content")) : STR_NONE;

    if (str_is_none(text) || is_greeting(text))
        say(run, STR("Hi there! How can I help you today?"));
    else
        say(run, arena_printf(&run->execution->arena, "You said: %.*s", STR_ARG(text)));
    run_end_with(run, RUN_SUCCESS, STR_NONE);
}

/* ---- the start ---- */

static void state_begin(struct builtin_run *run)
{
    struct arena *arena = &run->execution->arena;
    struct builtin_state head;

    run->state =
        (struct builtin_state){.thread_id = run->execution->run.thread_id, .next = STR("[]")};
    if (run->has_head && !builtin_load(arena, &run->head, &head)) {
        run->state.values = head.values;
        run->state.script = head.script;
        run->state.at = head.at;
    } else {
        run->state.values = STR("{\"messages\":[]}");
    }
}

static void resume(struct builtin_run *run, struct str value)
{
    struct arena *arena = &run->execution->arena;
    const struct str parts[] = {STR("resumed with "), value};

    if (!str_is_none(run->state.script) &&
        !json_parse(arena, run->state.script, &run->script, NULL))
        run->step = run->state.at;
    say(run, arena_concat(arena, parts, ARRAY_LEN(parts)));
    steps_go(run);
}

static void begin(struct timer *timer)
{
    struct builtin_run *run = CONTAINER_OF(timer, struct builtin_run, timer);
    const struct run *r = &run->execution->run;
    const struct json *input = json_get(run->kwargs, "input");
    struct str input_text = json_raw(r->kwargs, STR("input"));
    struct str command = json_raw(r->kwargs, STR("command"));
    struct str resume_value = str_is_none(command) ? STR_NONE : json_raw(command, STR("resume"));

    if (run->script || run->step > 0) { /* a delay is over */
        steps_go(run);
        return;
    }
    state_begin(run);
    builtin_events_begin(&run->events, run->execution, run->kwargs);
    if (!str_is_none(resume_value)) {
        resume(run, resume_value);
        return;
    }
    run->state.values = builtin_values_merge(&run->execution->arena, run->state.values, input_text);
    builtin_events_values(&run->events, &run->state);
    run->script = str_eq(r->graph_id, BUILTIN_SCRIPT) ? json_get(input, "script") : NULL;
    if (json_type(run->script) != JSON_ARRAY)
        run->script = NULL;
    run->state.script = run->script ? json_raw(input_text, STR("script")) : STR_NONE;
    if (str_eq(r->graph_id, BUILTIN_SCRIPT))
        steps_go(run);
    else
        answer(run, input);
}

static enum err load_apply(struct tx *tx, struct store_work *work)
{
    struct builtin_run *run = CONTAINER_OF(work, struct builtin_run, load);
    const struct run *r = &run->execution->run;
    const struct json *configurable = json_get(json_get(run->kwargs, "config"), "configurable");
    const struct checkpoint key = {
        .tenant = r->tenant,
        .thread_id = r->thread_id,
        .ns = STR(""),
        .checkpoint_id = json_string(json_get(configurable, "checkpoint_id")),
    };
    enum err err = checkpoint_get(tx, &key, &run->execution->arena, &run->head);

    run->has_head = !err;
    return err == ERR_NOT_FOUND ? OK : err;
}

static void load_done(struct store_work *work, enum err err)
{
    struct builtin_run *run = CONTAINER_OF(work, struct builtin_run, load);

    if (run->is_over) {
        const struct run_outcome outcome = {.status = RUN_INTERRUPTED};

        run->execution->events->on_done(run->execution, &outcome);
        run_over(run);
    } else if (err) {
        run->execution->events->on_lost(run->execution, STR("StoreError"),
                                        STR("The thread's state could not be read."));
        run_over(run);
    } else {
        begin(&run->timer);
    }
}

static void builtin_start(struct executor *executor, struct execution *execution)
{
    struct builtin *builtin = CONTAINER_OF(executor, struct builtin, executor);
    struct builtin_run *run = MEM_NEW(struct builtin_run);

    run->builtin = builtin;
    run->execution = execution;
    execution->data = run;
    for (size_t i = 0; i < ARRAY_LEN(run->values); i++)
        arena_init(&run->values[i]);
    timer_init(&run->timer, builtin->loop, begin);
    roster_add(&builtin->roster, &run->entry, execution);
    if (json_parse(&execution->arena, execution->run.kwargs, &run->kwargs, NULL))
        run->kwargs = NULL; /* run_create lets no such run in */
    run->load.apply = load_apply;
    run->load.done = load_done;
    run->load.reply_to = builtin->loop;
    store_read(builtin->store, &run->load);
}

static void builtin_cancel(struct executor *executor, struct execution *execution,
                           struct str reason)
{
    struct builtin_run *run = execution->data;

    (void)executor;
    (void)reason;
    if (timer_is_running(&run->timer))
        run_end_with(run, RUN_INTERRUPTED, STR_NONE);
    else
        run->is_over = true; /* its state is being loaded */
}

static void builtin_kill(struct executor *executor, struct execution *execution)
{
    builtin_cancel(executor, execution, STR("timeout"));
}

static bool builtin_hosts(struct executor *executor, const struct graph *graph)
{
    (void)executor;
    return graph->kind == GRAPH_BUILTIN;
}

static unsigned builtin_room(struct executor *executor)
{
    const struct builtin *builtin = CONTAINER_OF(executor, struct builtin, executor);

    return roster_room(&builtin->roster);
}

static void builtin_ask(struct executor *executor, struct agent_ask *ask)
{
    struct builtin *builtin = CONTAINER_OF(executor, struct builtin, executor);

    builtin_ask_answer(builtin->loop, builtin->store, ask);
}

static void builtin_stop(struct executor *executor, void (*on_stopped)(void *context),
                         void *context)
{
    roster_stop(&CONTAINER_OF(executor, struct builtin, executor)->roster, on_stopped, context);
}

static void builtin_free(struct executor *executor)
{
    mem_free(CONTAINER_OF(executor, struct builtin, executor));
}

static int64_t builtin_down_since_ms(struct executor *executor UNUSED)
{
    return 0;
}

static const struct executor_ops builtin_ops = {
    builtin_hosts,  builtin_room, builtin_down_since_ms, builtin_start,
    builtin_cancel, builtin_kill, builtin_ask,           NULL,
    NULL,           builtin_stop, builtin_free,
};

struct executor *builtin_new(struct loop *loop, struct store *store, unsigned runs_max)
{
    struct builtin *builtin = MEM_NEW(struct builtin);

    builtin->executor.ops = &builtin_ops;
    builtin->loop = loop;
    builtin->store = store;
    roster_init(&builtin->roster, &builtin->executor, runs_max);
    return &builtin->executor;
}
