/* One execution: started, listened to, cancelled, and the write at its end. */
#include "agent/dispatch_priv.h"

#include "agent/run_result.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

/* ---- the end ---- */

static void entry_free(struct entry *entry)
{
    struct dispatch *d = entry->dispatch;

    timer_stop(&entry->deadline);
    map_remove(&d->running, entry->execution.run.run_id);
    arena_release(&entry->execution.arena);
    mem_free(entry);
    dispatch_poke(d);
    dispatch_maybe_stopped(d);
}

/* What the rows say now is what readers are told; a run that was rolled back has no row any more.
 */
static enum err final_load(struct tx *tx, struct entry *entry)
{
    const struct run *run = &entry->execution.run;
    struct run final;
    enum err err = run_get(tx, run->tenant, STR_NONE, run->run_id, &entry->execution.arena, &final);

    entry->final_status = err ? RUN_INTERRUPTED : final.status;
    entry->final_error = err ? run_error_json(&entry->execution.arena, STR("UserRollback"),
                                              STR("The run was rolled back."))
                             : final.error;
    return err;
}

/* Who sees the end in the rows finds all events there, too. */
static enum err tail_store(struct tx *tx, const struct entry *entry)
{
    const struct run *run = &entry->execution.run;
    const struct run_tail *tail = &entry->tail;
    const struct run_event_row last = {tail->next_id, STR("error"), entry->final_error};
    enum err err;

    if (!tail->is_stored)
        return OK;
    err = run_events_insert(tx, run->tenant, run->run_id, tail->rows, tail->count);
    if (err || str_is_none(entry->final_error))
        return err;
    return run_events_insert(tx, run->tenant, run->run_id, &last, 1);
}

static enum err end_apply(struct tx *tx, struct store_work *work)
{
    struct entry *entry = CONTAINER_OF(work, struct entry, work);
    const struct agent_config *config = entry->dispatch->config;

    enum err err;

    if (!str_is_none(entry->lost_type))
        err = run_lost(tx, config, &entry->execution.run, entry->lost_type, entry->lost_message,
                       &entry->ended);
    else
        err = run_finish(tx, config, &entry->execution.run, &entry->outcome, &entry->ended);
    if (err || !entry->ended)
        return err;
    err = final_load(tx, entry);
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    return tail_store(tx, entry);
}

static void end_report(struct entry *entry)
{
    struct dispatch *d = entry->dispatch;
    struct run *run = &entry->execution.run;
    struct str error = entry->final_error;
    struct str result = entry->outcome.values;

    run->status = entry->final_status;
    if (!str_is_none(error)) {
        hub_event(d->setup.hub, run->run_id, STR("error"), error);
        result = run_result_error(&entry->execution.arena, error);
    } else if (str_is_none(result) && !str_is_none(entry->outcome.state)) {
        result = json_raw(entry->outcome.state, STR("values"));
    }
    hub_end(d->setup.hub, run, result);
}

static void end_note(struct dispatch *d, enum err err)
{
    failure_log_note(&d->end_failures, loop_mono_ms(dispatch_loop(d)), err, LOG_ERROR, "agent",
                     "ends of runs could not be written");
}

/* The store could not. The row says running, so it is tried until it can, without the state if that
 * is at fault. While the server stops, only a few times: the next start recovers the run. */
static bool end_again(struct entry *entry, enum err err)
{
    bool is_about_content = err == ERR_INVALID || err == ERR_LIMIT || err == ERR_CONFLICT;

    if (is_about_content)
        log_error("agent", "the end of run %.*s could not be written (%s)",
                  STR_ARG(entry->execution.run.run_id), err_name(err));
    else
        end_note(entry->dispatch, err);
    if (entry->dispatch->is_stopping && ++entry->tries > STOP_TRIES_MAX)
        return false;
    if (is_about_content)
        entry->outcome = (struct run_outcome){
            .status = RUN_ERROR,
            .error = run_error_json(&entry->execution.arena, STR("StateError"),
                                    STR("The state that the run left cannot be stored."))};
    timer_start(&entry->deadline, RETRY_MS);
    return true;
}

static void end_done(struct store_work *work, enum err err)
{
    struct entry *entry = CONTAINER_OF(work, struct entry, work);
    struct dispatch *d = entry->dispatch;

    d->works_open--;
    if (err && end_again(entry, err))
        return;
    if (!err)
        end_note(d, OK);
    d->stats.ended += entry->ended;
    if (entry->ended)
        end_report(entry);
    else
        hub_pause(d->setup.hub, entry->execution.run.run_id);
    entry_free(entry);
}

static void end_write(struct entry *entry)
{
    hub_tail(entry->dispatch->setup.hub, entry->execution.run.run_id, &entry->execution.arena,
             &entry->tail);
    entry->work.apply = end_apply;
    entry->work.done = end_done;
    entry->work.reply_to = entry->dispatch->setup.loop;
    entry->work.class = STORE_OUTCOME;
    entry->dispatch->works_open++;
    store_write(entry->dispatch->setup.store, &entry->work);
}

/* A copy that PostgreSQL can hold. */
static struct str json_keep(struct arena *arena, struct str text)
{
    char *copy;

    if (str_is_none(text))
        return text;
    copy = arena_cstr(arena, text);
    json_scrub_nul(copy, text.len);
    return str_range(copy, text.len);
}

/* The outcome's strings end with the executor's call: copy them. */
static void outcome_keep(struct entry *entry, const struct run_outcome *o)
{
    struct arena *arena = &entry->execution.arena;

    entry->outcome = (struct run_outcome){
        .status = arena_str(arena, o->status),
        .error = json_keep(arena, o->error),
        .state = json_keep(arena, o->state),
        .values = json_keep(arena, o->values),
        .next = arena_str(arena, o->next),
        .interrupts = json_keep(arena, o->interrupts),
    };
    if (o->checkpoint) {
        entry->checkpoint = (struct checkpoint){
            .tenant = entry->execution.run.tenant,
            .thread_id = entry->execution.run.thread_id,
            .ns = arena_str(arena, o->checkpoint->ns),
            .checkpoint_id = arena_str(arena, o->checkpoint->checkpoint_id),
            .parent_id = arena_str(arena, o->checkpoint->parent_id),
            .run_id = entry->execution.run.run_id,
            .serde = arena_str(arena, o->checkpoint->serde),
            .body = arena_str(arena, o->checkpoint->body),
            .metadata = arena_str(arena, o->checkpoint->metadata),
        };
        entry->outcome.checkpoint = &entry->checkpoint;
    }
}

static void timed_out_set(struct entry *entry)
{
    entry->outcome.status = RUN_TIMEOUT;
    entry->outcome.error = run_error_json(&entry->execution.arena, STR("TimeoutError"),
                                          STR("Run exceeded maximum execution time"));
}

static void on_done(struct execution *execution, const struct run_outcome *outcome)
{
    struct entry *entry = CONTAINER_OF(execution, struct entry, execution);

    if (entry->is_reported)
        return;
    entry->is_reported = true;
    timer_stop(&entry->deadline);
    outcome_keep(entry, outcome);
    if (entry->is_timed_out && str_eq(outcome->status, RUN_INTERRUPTED))
        timed_out_set(entry);
    /* Cancelled, but nobody asked this run to: the executor is shutting down. */
    if (str_eq(entry->outcome.status, RUN_INTERRUPTED) && !entry->is_cancelled) {
        entry->lost_type = RUN_LOST_SHUTDOWN;
        entry->lost_message = STR("The worker was shut down while the run was under way.");
    }
    end_write(entry);
}

static void on_lost(struct execution *execution, struct str type, struct str message)
{
    struct entry *entry = CONTAINER_OF(execution, struct entry, execution);

    if (entry->is_reported)
        return;
    entry->is_reported = true;
    entry->dispatch->stats.lost++;
    timer_stop(&entry->deadline);
    if (entry->is_timed_out) {
        timed_out_set(entry);
    } else {
        entry->lost_type = arena_str(&execution->arena, type);
        entry->lost_message = arena_str(&execution->arena, message);
    }
    end_write(entry);
}

static void on_event(struct execution *execution, struct str name, struct str data)
{
    struct entry *entry = CONTAINER_OF(execution, struct entry, execution);

    if (!entry->is_reported)
        hub_event(entry->dispatch->setup.hub, execution->run.run_id, name, data);
}

static const struct execution_events execution_events = {on_event, on_done, on_lost};

void entry_cancel(struct entry *entry, struct str reason)
{
    if (entry->is_cancelled || entry->is_reported)
        return;
    entry->is_cancelled = true;
    timer_start(&entry->deadline, entry->dispatch->config->cancel_grace_ms);
    entry->executor->ops->cancel(entry->executor, &entry->execution, reason);
}

/* The deadline of the run, the end of the grace after a cancel, or the retry of the final write. */
static void on_deadline(struct timer *timer)
{
    struct entry *entry = CONTAINER_OF(timer, struct entry, deadline);

    if (entry->is_reported) {
        end_write(entry);
    } else if (!entry->is_cancelled) {
        entry->is_timed_out = true;
        entry_cancel(entry, STR("timeout"));
    } else {
        log_warn("agent",
                 "run %.*s did not end after it was cancelled; its executor is ended by force",
                 STR_ARG(entry->execution.run.run_id));
        entry->executor->ops->kill(entry->executor, &entry->execution);
    }
}

/* ---- the start ---- */

/* A copy of the run that lives as long as its execution. */
static void run_keep(struct entry *entry, const struct run *run)
{
    struct arena *arena = &entry->execution.arena;
    struct run *copy = &entry->execution.run;

    *copy = *run;
    copy->tenant = arena_str(arena, run->tenant);
    copy->run_id = arena_str(arena, run->run_id);
    copy->thread_id = arena_str(arena, run->thread_id);
    copy->assistant_id = arena_str(arena, run->assistant_id);
    copy->graph_id = arena_str(arena, run->graph_id);
    copy->kwargs = arena_str(arena, run->kwargs);
    copy->metadata = arena_str(arena, run->metadata);
    copy->multitask_strategy = arena_str(arena, run->multitask_strategy);
    copy->webhook = copy->traceparent = STR_NONE; /* whoever ends it reads them anew */
    copy->cancel_action = arena_str(arena, run->cancel_action);
}

void entry_start(struct dispatch *d, const struct run *run, bool resume)
{
    struct entry *entry = MEM_NEW(struct entry);

    entry->dispatch = d;
    arena_init(&entry->execution.arena);
    entry->execution.events = &execution_events;
    entry->execution.resume = resume;
    run_keep(entry, run);
    timer_init(&entry->deadline, d->setup.loop, on_deadline);
    timer_start(&entry->deadline, d->config->run_timeout_ms);
    map_put(&d->running, entry->execution.run.run_id, entry);
    d->stats.started++;
    hub_begin(d->setup.hub, &entry->execution.run, run->events_reserved);
    entry->executor = dispatch_executor(d, run->graph_id);
    REQUIRE(entry->executor);
    entry->executor->ops->start(entry->executor, &entry->execution);
    if (!str_is_none(run->cancel_action))
        entry_cancel(entry, run->cancel_action);
}
