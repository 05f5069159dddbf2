/* Leases, runs whose executor was lost, and cancels whose nudge was lost. */
#include "agent/dispatch_priv.h"

#include "base/mem.h"

#define ORPHAN_US (30 * US_PER_SECOND) /* how long a run's graph may be missing */
#define ORPHAN_TICKS 3                 /* looked for at each third tick */
#define ORPHANS_MAX 1000               /* ended at once */

struct upkeep {
    struct store_work work;
    struct arena arena;
    struct dispatch *dispatch;
    bool is_start;        /* all of this node's running runs are lost */
    struct str graph_ids; /* JSON array: what is configured; STR_NONE: orphans are not looked for */
    struct str up_ids;    /* those of them that could be executed; STR_NONE: all */
    struct str *cancelled;
    size_t cancelled_count;
};

static enum err lost_release(struct tx *tx, struct upkeep *upkeep, struct str node)
{
    const struct agent_config *config = upkeep->dispatch->config;
    struct runs runs;
    bool ended;
    enum err err;

    do {
        err = run_list_lost(tx, node, CLAIM_MAX, tx->arena, &runs);
        for (size_t i = 0; !err && i < runs.count; i++)
            err = run_lost(
                tx, config, &runs.list[i], STR("ServerCrash"),
                STR("The server was stopped while the run was under way, in every attempt."),
                &ended);
    } while (!err && runs.count == CLAIM_MAX);
    return err;
}

/* Ends runs that have been due for `age_us`, of graphs that are not among these. */
static enum err orphans_end(struct tx *tx, const struct upkeep *upkeep, struct str graph_ids,
                            int64_t age_us)
{
    const struct agent_config *config = upkeep->dispatch->config;
    struct runs runs;
    bool ended;
    enum err err =
        run_list_orphans(tx, graph_ids, tx->now_us - age_us, ORPHANS_MAX, tx->arena, &runs);

    for (size_t i = 0; i < runs.count && !err; i++) {
        struct str graph_id = runs.list[i].graph_id;
        bool is_known = graphs_find(&config->graphs, graph_id) != NULL;
        struct str message = arena_printf(
            tx->arena,
            is_known
                ? "No worker process that hosts graph \"%.*s\" came up; the server's log says why."
                : "No graph \"%.*s\" is configured.",
            STR_ARG(graph_id));
        const struct run_outcome outcome = {
            .status = RUN_ERROR,
            .error = run_error_json(
                tx->arena, is_known ? STR("WorkerUnavailable") : STR("GraphNotFound"), message)};

        err = run_finish(tx, config, &runs.list[i], &outcome, &ended);
    }
    return err;
}

/* Runs of a graph that is configured no longer, or whose workers do not come up any more, would
 * wait for ever, and their threads with them. */
static enum err orphans_look(struct tx *tx, const struct upkeep *upkeep)
{
    enum err err = OK;

    if (!str_is_none(upkeep->graph_ids))
        err = orphans_end(tx, upkeep, upkeep->graph_ids, ORPHAN_US);
    if (!err && !str_is_none(upkeep->up_ids))
        err = orphans_end(tx, upkeep, upkeep->up_ids,
                          upkeep->dispatch->config->workers_down_ms * US_PER_MS);
    return err;
}

static enum err upkeep_apply(struct tx *tx, struct store_work *work)
{
    struct upkeep *upkeep = CONTAINER_OF(work, struct upkeep, work);
    const struct agent_config *config = upkeep->dispatch->config;
    struct runs runs;
    enum err err;

    if (upkeep->is_start && (err = lost_release(tx, upkeep, config->node_id)))
        return err;
    if ((err = run_extend_leases(tx, config->node_id, tx->now_us + config->lease_ms * US_PER_MS)) ||
        (err = lost_release(tx, upkeep, STR_NONE)))
        return err;
    if ((err = orphans_look(tx, upkeep)))
        return err;
    err = run_list_cancelled(tx, config->node_id, CLAIM_MAX, &upkeep->arena, &runs);
    upkeep->cancelled = ARENA_ARRAY(&upkeep->arena, struct str, runs.count + 1);
    for (size_t i = 0; !err && i < runs.count; i++)
        upkeep->cancelled[i] = runs.list[i].run_id;
    upkeep->cancelled_count = err ? 0 : runs.count;
    return err;
}

void upkeep_on_cancel(void *context, struct str run_id)
{
    struct dispatch *d = context;
    struct entry *entry = str_is_none(run_id) ? NULL : map_find(&d->running, run_id);

    if (entry)
        entry_cancel(entry, STR("interrupt"));
}

static void upkeep_done(struct store_work *work, enum err err)
{
    struct upkeep *upkeep = CONTAINER_OF(work, struct upkeep, work);
    struct dispatch *d = upkeep->dispatch;

    d->works_open--;
    if (!err && upkeep->is_start)
        d->is_recovered = true;
    failure_log_note(&d->upkeep_failures, loop_mono_ms(dispatch_loop(d)), err, LOG_ERROR, "agent",
                     "the runs could not be looked after");
    for (size_t i = 0; i < upkeep->cancelled_count; i++)
        upkeep_on_cancel(d, upkeep->cancelled[i]);
    arena_release(&upkeep->arena);
    mem_free(upkeep);
    dispatch_poke(d);
    dispatch_maybe_stopped(d);
}

static bool is_down(const struct dispatch *d, const struct graph *graph)
{
    struct executor *executor = dispatch_executor(d, graph->id);
    int64_t since_ms = executor ? executor->ops->down_since_ms(executor) : 0;

    return since_ms > 0 && loop_mono_ms(d->setup.loop) - since_ms > d->config->workers_down_ms;
}

/* STR_NONE if all are up. */
static struct str graphs_up(const struct dispatch *d, struct arena *arena)
{
    const struct graphs *all = &d->config->graphs;
    struct graph *list = ARENA_ARRAY(arena, struct graph, all->count + 1);
    struct graphs up = {list, 0};

    for (size_t i = 0; i < all->count; i++)
        if (!is_down(d, &all->list[i]))
            list[up.count++] = all->list[i];
    return up.count == all->count ? STR_NONE : graphs_ids_json(&up, arena);
}

void upkeep_start(struct dispatch *d, bool is_start)
{
    struct upkeep *upkeep = MEM_NEW(struct upkeep);

    arena_init(&upkeep->arena);
    upkeep->dispatch = d;
    upkeep->is_start = is_start;
    upkeep->graph_ids = STR_NONE;
    upkeep->up_ids = is_start ? STR_NONE : graphs_up(d, &upkeep->arena);
    if (!is_start && ++d->ticks % ORPHAN_TICKS == 0)
        upkeep->graph_ids = graphs_ids_json(&d->config->graphs, &upkeep->arena);
    upkeep->work.apply = upkeep_apply;
    upkeep->work.done = upkeep_done;
    upkeep->work.reply_to = d->setup.loop;
    upkeep->work.class = STORE_OUTCOME;
    d->works_open++;
    store_write(d->setup.store, &upkeep->work);
}
