/* Runs in worker processes: places for processes, runs on their way, questions. */
#include "agent/worker_executor_priv.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#define RESTART_MS_MIN 100
#define RESTART_MS_MAX 30000
#define STABLE_MS 60000          /* a process that lived so long is started again at once */
#define CREDIT_BYTES (512 * KIB) /* events taken before the worker is told */
#define ASK_MS 60000

static const char *kind_name(enum graph_kind kind)
{
    return kind == GRAPH_PYTHON ? "python" : "js";
}

static struct worker_executor *owner_of(struct executor *executor)
{
    return CONTAINER_OF(executor, struct worker_executor, executor);
}

/* ---- whose threads ---- */

void tenant_open(struct worker_executor *owner, struct str thread_id, struct str tenant)
{
    struct thread_tenant *entry = map_find(&owner->tenants, thread_id);

    if (!entry) {
        entry = mem_alloc_zero(sizeof(*entry) + tenant.len);
        memcpy(entry->bytes, tenant.data, tenant.len);
        entry->tenant = str_range(entry->bytes, tenant.len);
        map_put(&owner->tenants, thread_id, entry);
    }
    entry->uses++;
}

void tenant_close(struct worker_executor *owner, struct str thread_id)
{
    struct thread_tenant *entry = map_find(&owner->tenants, thread_id);

    if (entry && --entry->uses == 0) {
        map_remove(&owner->tenants, thread_id);
        mem_free(entry);
    }
}

/* ---- runs ---- */

static void run_remove(struct worker_run *run)
{
    struct worker_executor *owner = run->slot->owner;

    map_remove(&owner->runs, run->execution->run.run_id);
    tenant_close(owner, run->execution->run.thread_id);
    list_remove(&run->node);
    run->slot->run_count--;
    mem_free(run);
}

static void room_grew(struct worker_executor *owner)
{
    if (owner->executor.on_room && !owner->is_stopping)
        owner->executor.on_room(owner->executor.context);
}

static void put_raw_unless_none(struct json_writer *json, const char *key, struct str raw)
{
    if (!str_is_none(raw) && !str_eq(raw, STR("null")))
        json_put_raw(json, key, raw);
}

static void run_start_fill(struct frame_writer *frame, const struct execution *execution)
{
    const struct run *run = &execution->run;
    struct json_writer *json = &frame->json;
    struct str durability = json_raw(run->kwargs, STR("durability"));

    json_put_str(json, "run_id", run->run_id);
    json_put_i64(json, "attempt", run->attempt);
    json_put_str(json, "thread_id", run->thread_id);
    json_put_str(json, "graph_id", run->graph_id);
    json_put_str(json, "assistant_id", run->assistant_id);
    json_put_bool(json, "resume", execution->resume);
    json_put_bool(json, "checkpointing", !run->temporary);
    json_put_bool(json, "want_values", true);
    put_raw_unless_none(json, "config", json_raw(run->kwargs, STR("config")));
    put_raw_unless_none(json, "context", json_raw(run->kwargs, STR("context")));
    put_raw_unless_none(json, "stream_modes", json_raw(run->kwargs, STR("stream_mode")));
    put_raw_unless_none(json, "subgraphs", json_raw(run->kwargs, STR("subgraphs")));
    put_raw_unless_none(json, "interrupt_before", json_raw(run->kwargs, STR("interrupt_before")));
    put_raw_unless_none(json, "interrupt_after", json_raw(run->kwargs, STR("interrupt_after")));
    put_raw_unless_none(json, "durability", durability);
    if (!execution->resume) {
        frame_writer_put_blob(frame, "input", json_raw(run->kwargs, STR("input")));
        frame_writer_put_blob(frame, "command", json_raw(run->kwargs, STR("command")));
    }
}

/* The ready process with the fewest runs; NULL if none has room. */
static struct slot *slot_choose(struct worker_executor *owner)
{
    struct slot *best = NULL;

    for (unsigned i = 0; i < owner->setup.worker_count; i++) {
        struct slot *slot = &owner->slots[i];

        if (!slot->worker || worker_state(slot->worker) != WORKER_READY ||
            slot->run_count >= owner->setup.runs_per_worker)
            continue;
        if (!best || slot->run_count < best->run_count)
            best = slot;
    }
    return best;
}

struct late_loss {
    struct timer timer;
    struct execution *execution;
};

static void on_late_loss(struct timer *timer)
{
    struct late_loss *late = CONTAINER_OF(timer, struct late_loss, timer);

    late->execution->events->on_lost(late->execution, STR("WorkerUnavailable"),
                                     STR("No worker process was ready to take the run."));
    mem_free(late);
}

/* A loss is never reported from inside start. */
static void lose_later(struct worker_executor *owner, struct execution *execution)
{
    struct late_loss *late = MEM_NEW(struct late_loss);

    late->execution = execution;
    timer_init(&late->timer, owner->setup.loop, on_late_loss);
    timer_start(&late->timer, 0);
}

static void executor_start(struct executor *executor, struct execution *execution)
{
    struct worker_executor *owner = owner_of(executor);
    struct slot *slot = slot_choose(owner);
    struct worker_run *run;
    struct frame_writer frame;

    execution->data = NULL;
    if (!slot) {
        lose_later(owner, execution);
        return;
    }
    frame_writer_begin(&frame, "run.start");
    run_start_fill(&frame, execution);
    if (worker_send(slot->worker, &frame)) {
        lose_later(owner, execution);
        return;
    }
    run = MEM_NEW(struct worker_run);
    run->slot = slot;
    run->execution = execution;
    execution->data = run;
    list_push(&slot->runs, &run->node);
    slot->run_count++;
    map_put(&owner->runs, execution->run.run_id, run);
    tenant_open(owner, execution->run.thread_id, execution->run.tenant);
}

static void executor_cancel(struct executor *executor, struct execution *execution,
                            struct str reason)
{
    struct worker_run *run = execution->data;
    struct frame_writer frame;

    (void)executor;
    if (!run || !run->slot->worker)
        return;
    frame_writer_begin(&frame, "run.cancel");
    json_put_str(&frame.json, "run_id", execution->run.run_id);
    json_put_i64(&frame.json, "attempt", execution->run.attempt);
    json_put_str(&frame.json, "reason", reason);
    if (worker_send(run->slot->worker, &frame))
        worker_kill(run->slot->worker, "a cancel could not be sent");
}

static void executor_kill(struct executor *executor, struct execution *execution)
{
    struct worker_run *run = execution->data;

    (void)executor;
    if (run && run->slot->worker)
        worker_kill(run->slot->worker, "a run did not end after it was cancelled");
}

/* ---- what runs say ---- */

static struct worker_run *run_of(struct slot *slot, const struct frame *frame)
{
    struct str run_id = json_string(json_get(frame->header, "run_id"));
    struct worker_run *run = str_is_none(run_id) ? NULL : map_find(&slot->owner->runs, run_id);

    /* What an earlier attempt still says no longer counts. */
    if (!run || run->slot != slot ||
        run->execution->run.attempt != json_i64(json_get(frame->header, "attempt"), 0))
        return NULL;
    return run;
}

static void credit(struct worker_run *run, size_t bytes)
{
    struct frame_writer frame;

    run->uncredited_bytes += bytes;
    if (run->uncredited_bytes < CREDIT_BYTES)
        return;
    frame_writer_begin(&frame, "run.credit");
    json_put_str(&frame.json, "run_id", run->execution->run.run_id);
    json_put_i64(&frame.json, "attempt", run->execution->run.attempt);
    json_put_i64(&frame.json, "bytes", (int64_t)run->uncredited_bytes);
    run->uncredited_bytes = 0;
    if (worker_send(run->slot->worker, &frame))
        worker_kill(run->slot->worker, "a credit could not be sent");
}

static void on_run_event(struct slot *slot, const struct frame *frame)
{
    struct worker_run *run = run_of(slot, frame);
    struct str data = frame_blob(frame, 0);

    if (!run)
        return;
    run->execution->events->on_event(run->execution, json_string(json_get(frame->header, "event")),
                                     data);
    credit(run, data.len);
}

static void on_run_done(struct slot *slot, const struct frame *frame)
{
    struct worker_run *run = run_of(slot, frame);
    const struct json *header = frame->header;
    const struct json *error = json_get(header, "error");
    struct str outcome_word = json_string(json_get(header, "outcome"));
    struct run_outcome outcome = {
        .status = RUN_SUCCESS,
        .state = frame_blob_at(frame, "state"),
        .values = frame_blob_at(frame, "values"),
        .next = json_raw(frame->header_text, STR("next")),
        .interrupts = frame_blob_at(frame, "interrupts"),
    };
    struct execution *execution;

    if (!run)
        return;
    execution = run->execution;
    if (str_eq(outcome_word, STR("error"))) {
        outcome.status = RUN_ERROR;
        outcome.error = run_error_json(&execution->arena, json_string(json_get(error, "type")),
                                       json_string(json_get(error, "message")));
    } else if (str_eq(outcome_word, STR("cancelled"))) {
        outcome.status = RUN_INTERRUPTED;
    }
    run_remove(run);
    execution->data = NULL;
    execution->events->on_done(execution, &outcome);
    room_grew(slot->owner);
}

/* ---- processes ---- */

static void slot_start(struct slot *slot);

static void loaded(struct worker_executor *owner, const char *why)
{
    if (owner->is_loaded)
        return;
    owner->is_loaded = true;
    owner->setup.on_loaded(owner->setup.context, owner->graphs_failed, why);
}

static void on_frame(void *context, struct worker *worker, const struct frame *frame)
{
    struct slot *slot = context;

    (void)worker;
    if (str_eq(frame->type, STR("run.event")))
        on_run_event(slot, frame);
    else if (str_eq(frame->type, STR("run.done")))
        on_run_done(slot, frame);
    else if (frame->id > 0)
        worker_store_ask(slot, frame);
}

static void on_load_error(void *context, struct worker *worker, struct str graph_id,
                          struct str message)
{
    struct slot *slot = context;

    (void)worker;
    if (!slot->owner->is_loaded)
        slot->owner->graphs_failed++;
    log_error("agent", "graph \"%.*s\" did not load: %.*s", STR_ARG(graph_id), STR_ARG(message));
}

static void on_ready(void *context, struct worker *worker, const struct frame *ready)
{
    struct slot *slot = context;

    log_info("agent", "%s worker %d is ready with %zu graphs", kind_name(slot->owner->setup.kind),
             worker_process_id(worker), json_count(json_get(ready->header, "graphs")));
    loaded(slot->owner, NULL);
    room_grew(slot->owner);
}

static void maybe_stopped(struct worker_executor *owner)
{
    void (*on_stopped)(void *context) = owner->on_stopped;

    for (unsigned i = 0; i < owner->setup.worker_count; i++)
        if (owner->slots[i].worker)
            return;
    owner->on_stopped = NULL;
    if (on_stopped)
        on_stopped(owner->stopped_context);
}

static void runs_lose(struct slot *slot, const char *why)
{
    struct list *node;

    while ((node = slot->runs.next) != &slot->runs) {
        struct worker_run *run = LIST_ITEM(node, struct worker_run, node);
        struct execution *execution = run->execution;
        char message[256];

        snprintf(message, sizeof(message), "The worker process of the run ended: %s.", why);
        run_remove(run);
        execution->data = NULL;
        execution->events->on_lost(execution, STR("WorkerCrash"), str_of(message));
    }
}

static void on_gone(void *context, struct worker *worker, const char *why)
{
    struct slot *slot = context;
    struct worker_executor *owner = slot->owner;

    (void)worker;
    slot->worker = NULL;
    if (!owner->is_stopping)
        log_warn("agent", "a %s worker is gone: %s; %u runs are affected",
                 kind_name(owner->setup.kind), why, slot->run_count);
    runs_lose(slot, why);
    if (owner->is_stopping) {
        maybe_stopped(owner);
        return;
    }
    loaded(owner, why);
    if (loop_mono_ms(owner->setup.loop) - slot->started_ms > STABLE_MS)
        slot->restart_delay_ms = RESTART_MS_MIN;
    timer_start(&slot->restart, slot->restart_delay_ms);
    slot->restart_delay_ms *= 2;
    if (slot->restart_delay_ms > RESTART_MS_MAX)
        slot->restart_delay_ms = RESTART_MS_MAX;
}

static const struct worker_events worker_events = {on_frame, on_load_error, on_ready, on_gone};

static void on_restart(struct timer *timer)
{
    struct slot *slot = CONTAINER_OF(timer, struct slot, restart);

    if (slot->why_not) /* told now, not from inside the executor's making */
        loaded(slot->owner, slot->why_not);
    slot->why_not = NULL;
    if (!slot->owner->is_stopping)
        slot_start(slot);
}

static void slot_start(struct slot *slot)
{
    const struct worker_executor_setup *setup = &slot->owner->setup;
    const struct worker_config config = {
        .loop = setup->loop,
        .name = kind_name(setup->kind),
        .argv = setup->argv,
        .env = setup->env,
        .cwd = setup->cwd,
        .init = setup->init,
        .load_timeout_ms = setup->load_timeout_ms,
        /* A JavaScript graph shares its one thread with the answers to pings. */
        .ping_interval_ms = setup->kind == GRAPH_PYTHON ? 5000 : 20000,
        .events = &worker_events,
        .context = slot,
    };
    const char *why;

    slot->generation++;
    slot->started_ms = loop_mono_ms(setup->loop);
    if (worker_start(&config, &slot->worker, &why)) {
        log_error("agent", "%s could not be started: %s", setup->argv[0], why);
        slot->worker = NULL;
        slot->why_not = why;
        timer_start(&slot->restart, slot->restart_delay_ms);
    }
}

/* ---- questions ---- */

struct open_ask {
    struct worker_executor *owner;
    struct agent_ask *ask;
};

static void on_ask_answer(void *context, enum err err, const struct frame *answer)
{
    struct open_ask *open = context;
    struct agent_ask *ask = open->ask;
    const struct json *error = answer ? json_get(answer->header, "error") : NULL;
    struct str message = json_string(json_get(error, "message"));

    if (!str_is_none(ask->thread_id))
        tenant_close(open->owner, ask->thread_id);
    mem_free(open);
    if (!err)
        ask->on_answer(ask, OK, frame_blob(answer, 0), frame_blob(answer, 1));
    else
        ask->on_answer(ask, err,
                       str_is_none(message)
                           ? STR("The worker that hosts this graph did not answer.")
                           : message,
                       STR_NONE);
}

static const char *ask_type(enum agent_ask_kind kind)
{
    switch (kind) {
    case ASK_STATE_GET:
        return "state.get";
    case ASK_STATE_HISTORY:
        return "state.history";
    case ASK_STATE_UPDATE:
        return "state.update";
    case ASK_STATE_BULK_UPDATE:
        return "state.bulk_update";
    case ASK_GRAPH_DRAW:
        return "graph.draw";
    case ASK_GRAPH_SCHEMAS:
        return "graph.schemas";
    case ASK_GRAPH_SUBGRAPHS:
        return "graph.subgraphs";
    }
    return "";
}

/* Any ready process will do; room does not matter for a question. */
static struct slot *slot_ready(struct worker_executor *owner)
{
    struct slot *best = NULL;

    for (unsigned i = 0; i < owner->setup.worker_count; i++) {
        struct slot *slot = &owner->slots[i];

        if (slot->worker && worker_state(slot->worker) == WORKER_READY &&
            (!best || slot->run_count < best->run_count))
            best = slot;
    }
    return best;
}

static void executor_ask(struct executor *executor, struct agent_ask *ask)
{
    struct worker_executor *owner = owner_of(executor);
    struct slot *slot = slot_ready(owner);
    struct frame_writer frame;
    struct open_ask *open;

    if (!slot) {
        ask->on_answer(ask, ERR_AGAIN,
                       STR("No worker that hosts this graph is ready; try again in a moment."),
                       STR_NONE);
        return;
    }
    frame_writer_begin(&frame, ask_type(ask->kind));
    json_put_str(&frame.json, "graph_id", ask->graph_id);
    put_raw_unless_none(&frame.json, "config", ask->config);
    if (!str_is_empty(ask->fields)) {
        buf_add_char(&frame.header, ',');
        buf_add(&frame.header, ask->fields);
    }
    if (!str_is_none(ask->body))
        frame_writer_blob(&frame, ask->body);
    open = MEM_NEW(struct open_ask);
    open->owner = owner;
    open->ask = ask;
    if (!str_is_none(ask->thread_id))
        tenant_open(owner, ask->thread_id, ask->tenant);
    worker_ask(slot->worker, &frame, ASK_MS, on_ask_answer, open);
}

/* ---- life ---- */

static bool executor_hosts(struct executor *executor, const struct graph *graph)
{
    return graph->kind == owner_of(executor)->setup.kind;
}

static unsigned executor_room(struct executor *executor)
{
    struct worker_executor *owner = owner_of(executor);
    unsigned room = 0;

    for (unsigned i = 0; !owner->is_stopping && i < owner->setup.worker_count; i++) {
        const struct slot *slot = &owner->slots[i];

        if (slot->worker && worker_state(slot->worker) == WORKER_READY &&
            slot->run_count < owner->setup.runs_per_worker)
            room += owner->setup.runs_per_worker - slot->run_count;
    }
    return room;
}

/* A worker ends by itself once its runs have: so they are cancelled. */
static void slot_stop(struct slot *slot)
{
    struct list *node;

    timer_stop(&slot->restart);
    for (node = slot->runs.next; node != &slot->runs; node = node->next)
        executor_cancel(&slot->owner->executor, LIST_ITEM(node, struct worker_run, node)->execution,
                        STR("shutdown"));
    if (slot->worker)
        worker_stop(slot->worker, slot->owner->setup.stop_grace_ms);
}

static void executor_stop(struct executor *executor, void (*on_stopped)(void *context),
                          void *context)
{
    struct worker_executor *owner = owner_of(executor);

    owner->is_stopping = true;
    owner->on_stopped = on_stopped;
    owner->stopped_context = context;
    for (unsigned i = 0; i < owner->setup.worker_count; i++)
        slot_stop(&owner->slots[i]);
    maybe_stopped(owner);
}

static void executor_free(struct executor *executor)
{
    struct worker_executor *owner = owner_of(executor);

    for (unsigned i = 0; i < owner->setup.worker_count; i++)
        if (owner->slots[i].worker)
            worker_free(owner->slots[i].worker);
    map_release(&owner->runs);
    map_release(&owner->tenants);
    mem_free(owner->slots);
    mem_free(owner);
}

static const struct executor_ops executor_ops = {
    executor_hosts, executor_room, executor_start, executor_cancel,
    executor_kill,  executor_ask,  executor_stop,  executor_free,
};

struct executor *worker_executor_new(const struct worker_executor_setup *setup)
{
    struct worker_executor *owner = MEM_NEW(struct worker_executor);

    owner->executor.ops = &executor_ops;
    owner->setup = *setup;
    owner->slots = mem_alloc_zero(setup->worker_count * sizeof(struct slot));
    map_init(&owner->runs);
    map_init(&owner->tenants);
    for (unsigned i = 0; i < setup->worker_count; i++) {
        struct slot *slot = &owner->slots[i];

        slot->owner = owner;
        slot->restart_delay_ms = RESTART_MS_MIN;
        list_init(&slot->runs);
        timer_init(&slot->restart, setup->loop, on_restart);
        slot_start(slot);
    }
    return &owner->executor;
}
