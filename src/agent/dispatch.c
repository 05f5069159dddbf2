/* The dispatcher: claims pending runs, and its own start and stop. */
#include "agent/dispatch_priv.h"

#include "base/mem.h"

struct executor *dispatch_executor(const struct dispatch *d, struct str graph_id)
{
    const struct graph *graph = graphs_find(&d->config->graphs, graph_id);

    for (size_t i = 0; graph && i < d->setup.executor_count; i++)
        if (d->setup.executors[i]->ops->hosts(d->setup.executors[i], graph))
            return d->setup.executors[i];
    return NULL;
}

static struct executor *executor_asked(const struct dispatch *d, const struct agent_ask *ask)
{
    return str_is_none(ask->graph_id) ? dispatch_speaker(d, ask->language)
                                      : dispatch_executor(d, ask->graph_id);
}

struct loop *dispatch_loop(const struct dispatch *d)
{
    return d->setup.loop;
}

struct executor *dispatch_speaker(const struct dispatch *d, enum graph_kind language)
{
    const struct graph any = {.kind = language};

    for (size_t i = 0; i < d->setup.executor_count; i++)
        if (d->setup.executors[i]->ops->hosts(d->setup.executors[i], &any))
            return d->setup.executors[i];
    return NULL;
}

void dispatch_maybe_stopped(struct dispatch *d)
{
    void (*on_stopped)(void *context) = d->on_stopped;

    if (!d->is_stopping || !on_stopped || d->works_open > 0 || d->running.count > 0)
        return;
    d->on_stopped = NULL;
    on_stopped(d->context);
}

/* ---- claims ---- */

struct claim {
    struct store_work work;
    struct arena arena;
    struct dispatch *dispatch;
    struct run_claim what;
    struct runs runs;
    bool *resumes;
    int64_t next_due_us, now_us;
};

static enum err claim_apply(struct tx *tx, struct store_work *work)
{
    struct claim *claim = CONTAINER_OF(work, struct claim, work);
    enum err err = OK;

    claim->runs.count = 0;
    claim->now_us = tx->now_us;
    if (claim->what.limit > 0)
        err = run_claim(tx, &claim->what, &claim->arena, &claim->runs);
    claim->resumes = ARENA_ARRAY(&claim->arena, bool, claim->runs.count + 1);
    for (size_t i = 0; !err && i < claim->runs.count; i++) {
        const struct run *run = &claim->runs.list[i];

        if (run->events_reserved > 0) /* an earlier attempt began */
            err = checkpoint_exists_of_run(tx, run->tenant, run->thread_id, run->run_id,
                                           &claim->resumes[i]);
    }
    return err ? err : run_next_due(tx, &claim->next_due_us);
}

static void sleep_until_due(struct dispatch *d, const struct claim *claim)
{
    int64_t delay_ms = TICK_MS;

    if (d->is_stopping)
        return;
    if (claim->next_due_us > claim->now_us)
        delay_ms = (claim->next_due_us - claim->now_us) / US_PER_MS + 1;
    timer_start(&d->due, delay_ms < TICK_MS ? delay_ms : TICK_MS);
}

static void claim_done(struct store_work *work, enum err err)
{
    struct claim *claim = CONTAINER_OF(work, struct claim, work);
    struct dispatch *d = claim->dispatch;
    bool again = d->poked ||
                 (!err && claim->runs.count > 0 && claim->runs.count == (size_t)claim->what.limit);

    d->works_open--;
    d->is_claiming = false;
    d->poked = false;
    /* Claimed while the server stops: the rows say running, and the next start recovers them. */
    for (size_t i = 0; !err && !d->is_stopping && i < claim->runs.count; i++)
        entry_start(d, &claim->runs.list[i], claim->resumes[i]);
    failure_log_note(&d->claim_failures, loop_mono_ms(dispatch_loop(d)), err, LOG_ERROR, "agent",
                     "pending runs could not be claimed");
    if (err) {
        if (!d->is_stopping)
            timer_start(&d->due, RETRY_MS);
    } else {
        sleep_until_due(d, claim);
    }
    arena_release(&claim->arena);
    mem_free(claim);
    if (again)
        dispatch_poke(d);
    dispatch_maybe_stopped(d);
}

/* The graphs for which some executor has room, and how many runs fit. */
static struct str graphs_with_room(struct dispatch *d, struct arena *arena, int64_t *limit)
{
    const struct graphs *graphs = &d->config->graphs;
    struct graph *free_ones = ARENA_ARRAY(arena, struct graph, graphs->count + 1);
    struct graphs chosen = {free_ones, 0};
    int64_t room = 0;

    for (size_t e = 0; e < d->setup.executor_count; e++) {
        struct executor *executor = d->setup.executors[e];
        unsigned more = executor->ops->room(executor);

        for (size_t g = 0; more > 0 && g < graphs->count; g++)
            if (executor->ops->hosts(executor, &graphs->list[g]))
                free_ones[chosen.count++] = graphs->list[g];
        /* The smallest room bounds the claim: what is claimed must be startable at once. */
        if (more > 0)
            room = room == 0 || (int64_t)more < room ? (int64_t)more : room;
    }
    if (room > (int64_t)d->config->runs_max - (int64_t)d->running.count)
        room = (int64_t)d->config->runs_max - (int64_t)d->running.count;
    *limit = room > CLAIM_MAX ? CLAIM_MAX : room;
    return graphs_ids_json(&chosen, arena);
}

/* Asks the store for work, unless that is under way already or nothing could start. */
void dispatch_poke(struct dispatch *d)
{
    struct claim *claim;

    if (d->is_stopping || !d->is_recovered)
        return;
    if (d->is_claiming) {
        d->poked = true;
        return;
    }
    claim = MEM_NEW(struct claim);
    arena_init(&claim->arena);
    claim->what.node = d->config->node_id;
    claim->what.lease_us = d->config->lease_ms * US_PER_MS;
    claim->what.graph_ids = graphs_with_room(d, &claim->arena, &claim->what.limit);
    if (claim->what.limit <= 0) {
        arena_release(&claim->arena);
        mem_free(claim);
        timer_start(&d->due, TICK_MS);
        return;
    }
    d->is_claiming = true;
    d->works_open++;
    claim->dispatch = d;
    claim->work.apply = claim_apply;
    claim->work.done = claim_done;
    claim->work.reply_to = d->setup.loop;
    claim->work.class = STORE_OUTCOME;
    store_write(d->setup.store, &claim->work);
}

static void on_due(struct timer *timer)
{
    struct dispatch *d = CONTAINER_OF(timer, struct dispatch, due);

    dispatch_poke(d);
}

static void on_tick(struct timer *timer)
{
    struct dispatch *d = CONTAINER_OF(timer, struct dispatch, tick);

    timer_start(&d->tick, TICK_MS);
    if (!d->is_stopping)
        upkeep_start(d, !d->is_recovered);
}

static void on_pending_nudge(void *context, struct str thread_id)
{
    (void)thread_id;
    dispatch_poke(context);
}

static void on_room(void *context)
{
    dispatch_poke(context);
}

/* ---- asks ---- */

static void on_ask(void *context, struct agent_ask *ask)
{
    struct dispatch *d = context;
    struct executor *executor = executor_asked(d, ask);

    if (!executor || d->is_stopping)
        ask->on_answer(ask, ERR_AGAIN, STR("No worker process for this runs at the moment."),
                       STR_NONE);
    else
        executor->ops->ask(executor, ask);
}

static void on_ask_message(struct message *message)
{
    struct dispatch_ask *ask = CONTAINER_OF(message, struct dispatch_ask, message);

    on_ask(ask->dispatch, &ask->ask);
}

void dispatch_ask(struct dispatch *dispatch, struct dispatch_ask *ask)
{
    ask->dispatch = dispatch;
    ask->message.deliver = on_ask_message;
    loop_post(dispatch->setup.loop, &ask->message);
}

/* ---- life ---- */

struct dispatch *dispatch_new(const struct dispatch_setup *setup)
{
    struct dispatch *d = MEM_NEW(struct dispatch);

    d->setup = *setup;
    d->config = setup->config;
    map_init(&d->running);
    timer_init(&d->due, setup->loop, on_due);
    timer_init(&d->tick, setup->loop, on_tick);
    timer_start(&d->tick, TICK_MS);
    timer_init(&d->sweep, setup->loop, thread_sweep_start);
    timer_start(&d->sweep, d->config->thread_life.sweep_interval_ms);
    store_subscribe(setup->store, TOPIC_RUN_PENDING, setup->loop, on_pending_nudge, d);
    store_subscribe(setup->store, TOPIC_RUN_CANCEL, setup->loop, upkeep_on_cancel, d);
    for (size_t i = 0; i < setup->executor_count; i++) {
        setup->executors[i]->on_room = on_room;
        setup->executors[i]->on_ask = on_ask;
        setup->executors[i]->context = d;
    }
    upkeep_start(d, true);
    return d;
}

void dispatch_close(struct dispatch *d)
{
    d->is_stopping = true;
    timer_stop(&d->due);
    timer_stop(&d->tick);
    timer_stop(&d->sweep);
}

void dispatch_stop(struct dispatch *d, void (*on_stopped)(void *context), void *context)
{
    dispatch_close(d);
    d->on_stopped = on_stopped;
    d->context = context;
    dispatch_maybe_stopped(d);
}

void dispatch_free(struct dispatch *d)
{
    dispatch_close(d);
    map_release(&d->running);
    mem_free(d);
}

struct dispatch_stats dispatch_stats(const struct dispatch *d)
{
    struct dispatch_stats stats = d->stats;

    stats.running = (unsigned)d->running.count;
    return stats;
}
