/* Worker processes of one language: their places, their ends and restarts. */
#include "agent/worker_executor_priv.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#define RESTART_MS_MIN 100
#define RESTART_MS_MAX 30000
#define STABLE_MS 60000 /* a process that lived so long is started again at once */

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

void worker_room_grew(struct worker_executor *owner)
{
    if (owner->executor.on_room && !owner->is_stopping)
        owner->executor.on_room(owner->executor.context);
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

/* What a run says of itself. */
static void on_spans(struct slot *slot, const struct frame *frame)
{
    const struct execution *execution = worker_run_execution(slot, frame);

    if (execution)
        span_parcels_send(&slot->owner->spans, execution->run.tenant, frame_blob(frame, 0));
}

static void on_frame(void *context, struct worker *worker, const struct frame *frame)
{
    struct slot *slot = context;

    (void)worker;
    if (str_eq(frame->type, STR("run.event")))
        worker_run_on_event(slot, frame);
    else if (str_eq(frame->type, STR("run.spans")))
        on_spans(slot, frame);
    else if (str_eq(frame->type, STR("run.done")))
        worker_run_on_done(slot, frame);
    else if (str_starts(frame->type, STR("http.")))
        worker_app_on_frame(slot, frame);
    else if (frame->id > 0)
        worker_store_ask(slot, frame);
}

static void on_load_error(void *context, struct worker *worker, struct str what, struct str message)
{
    struct slot *slot = context;

    (void)worker;
    if (!slot->owner->is_loaded)
        slot->owner->graphs_failed++;
    log_error("agent", "%.*s did not load: %.*s", STR_ARG(what), STR_ARG(message));
}

static void on_ready(void *context, struct worker *worker, const struct frame *ready)
{
    struct slot *slot = context;

    log_info("agent", "%s worker %d is ready with %zu graphs", kind_name(slot->owner->setup.kind),
             worker_process_id(worker), json_count(json_get(ready->header, "graphs")));
    slot->owner->down_since_ms = 0;
    loaded(slot->owner, NULL);
    worker_room_grew(slot->owner);
}

static bool has_ready_worker(const struct worker_executor *owner)
{
    for (unsigned i = 0; i < owner->setup.worker_count; i++)
        if (owner->slots[i].worker && worker_state(owner->slots[i].worker) == WORKER_READY)
            return true;
    return false;
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

/* A process that dies at once is started again less and less often. */
static void restart_later(struct slot *slot)
{
    timer_start(&slot->restart, slot->restart_delay_ms);
    slot->restart_delay_ms *= 2;
    if (slot->restart_delay_ms > RESTART_MS_MAX)
        slot->restart_delay_ms = RESTART_MS_MAX;
}

static void on_gone(void *context, struct worker *worker, const char *why)
{
    struct slot *slot = context;
    struct worker_executor *owner = slot->owner;

    (void)worker;
    slot->worker = NULL;
    if (loop_mono_ms(owner->setup.loop) - slot->started_ms > STABLE_MS)
        slot->restart_delay_ms = RESTART_MS_MIN;
    if (!owner->is_stopping)
        log_warn("agent", "a %s worker is gone: %s; %u runs are affected; started again in %lld ms",
                 kind_name(owner->setup.kind), why, slot->run_count,
                 (long long)slot->restart_delay_ms);
    worker_runs_lose(slot, why);
    worker_apps_lose(slot);
    if (owner->is_stopping) {
        maybe_stopped(owner);
        return;
    }
    loaded(owner, why);
    if (owner->down_since_ms == 0 && !has_ready_worker(owner))
        owner->down_since_ms = loop_mono_ms(owner->setup.loop);
    restart_later(slot);
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
        restart_later(slot);
    }
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

static int64_t executor_down_since_ms(struct executor *executor)
{
    return owner_of(executor)->down_since_ms;
}

/* A worker ends by itself once its runs have: so they are cancelled. */
static void slot_stop(struct slot *slot)
{
    struct list *node;

    timer_stop(&slot->restart);
    for (node = slot->runs.next; node != &slot->runs; node = node->next)
        worker_run_cancel(&slot->owner->executor,
                          LIST_ITEM(node, struct worker_run, node)->execution, STR("shutdown"));
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
    executor_hosts,    executor_room,   executor_down_since_ms, worker_run_start,
    worker_run_cancel, worker_run_kill, worker_question_ask,    worker_app_start,
    worker_app_notice, executor_stop,   executor_free,
};

struct executor *worker_executor_new(const struct worker_executor_setup *setup)
{
    struct worker_executor *owner = MEM_NEW(struct worker_executor);

    owner->executor.ops = &executor_ops;
    owner->setup = *setup;
    span_parcels_init(&owner->spans, setup->store);
    owner->down_since_ms = loop_mono_ms(setup->loop);
    owner->slots = mem_alloc_zero(setup->worker_count * sizeof(struct slot));
    map_init(&owner->runs);
    map_init(&owner->tenants);
    for (unsigned i = 0; i < setup->worker_count; i++) {
        struct slot *slot = &owner->slots[i];

        slot->owner = owner;
        slot->restart_delay_ms = RESTART_MS_MIN;
        list_init(&slot->runs);
        list_init(&slot->apps);
        timer_init(&slot->restart, setup->loop, on_restart);
        slot_start(slot);
    }
    return &owner->executor;
}
