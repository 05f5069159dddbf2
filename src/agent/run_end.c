/* The write that ends a run. */
#include "agent/run_end.h"

#include "agent/agent_metrics.h"
#include "base/log.h"
#include "shape/shape.h"
#include "store/outbox.h"

#define PAYLOAD_BYTES_MAX (256 * MIB)

struct ending {
    struct tx *tx;
    const struct agent_config *config;
    const struct run_outcome *outcome;
    struct run run;
    struct thread thread;
    bool has_thread;
    bool is_rollback;
    bool is_waiting; /* it stopped for a person */
};

struct str run_error_json(struct arena *arena, struct str type, struct str message)
{
    struct json_writer json;
    struct buf out;
    struct str text;

    buf_init(&out, 16 * MIB);
    json_writer_init(&json, &out);
    shape_error(&json, type, message);
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static bool is_empty_json(struct str text)
{
    return str_is_none(text) || str_eq(text, STR("[]")) || str_eq(text, STR("{}")) ||
           str_eq(text, STR("null"));
}

static enum err thread_load(struct ending *e, const struct run *run)
{
    struct run found;
    enum err err = run_get(e->tx, run->tenant, STR_NONE, run->run_id, e->tx->arena, &found);

    if (err)
        return err;
    err = thread_get_for_update(e->tx, run->tenant, found.thread_id, e->tx->arena, &e->thread);
    e->has_thread = !err;
    if (err && err != ERR_NOT_FOUND)
        return err;
    /* Again, now that the thread is held: what counts is what is true from here to the commit. */
    return run_get(e->tx, run->tenant, STR_NONE, run->run_id, e->tx->arena, &e->run);
}

/* ---- the thread ---- */

static void head_take(struct ending *e)
{
    const struct run_outcome *o = e->outcome;
    struct str values = json_raw(o->state, STR("values"));

    e->thread.head_state = o->state;
    e->thread.head_values = values;
    e->thread.interrupts = is_empty_json(o->interrupts) ? STR("{}") : o->interrupts;
}

static struct str head_next(const struct ending *e)
{
    if (!e->is_rollback && !str_is_none(e->outcome->next))
        return e->outcome->next;
    return str_is_none(e->thread.head_state) ? STR_NONE
                                             : json_raw(e->thread.head_state, STR("next"));
}

static enum err thread_status_set(struct ending *e)
{
    bool has_failed = str_eq(e->run.status, RUN_ERROR) || str_eq(e->run.status, RUN_TIMEOUT);
    int64_t live = 0;
    enum err err = run_count_live(e->tx, e->run.tenant, e->run.thread_id, &live);

    if (err)
        return err;
    if (has_failed)
        e->thread.status = THREAD_ERROR;
    else if (!is_empty_json(head_next(e)) || !is_empty_json(e->thread.interrupts))
        e->thread.status = THREAD_INTERRUPTED;
    else
        e->thread.status = THREAD_IDLE;
    e->is_waiting = str_eq(e->thread.status, THREAD_INTERRUPTED);
    if (live > 0) {
        e->thread.status = THREAD_BUSY;
        tx_notify(e->tx, TOPIC_RUN_PENDING, e->run.thread_id);
    }
    e->thread.error = has_failed ? e->run.error : STR_NONE;
    e->thread.updated_us = e->tx->now_us;
    return OK;
}

static enum err thread_end(struct ending *e)
{
    enum err err;

    if (!e->has_thread)
        return OK;
    if (e->run.temporary)
        return thread_delete_temporary(e->tx, e->run.tenant, e->run.thread_id);
    if (!e->is_rollback && !str_is_none(e->outcome->state)) {
        head_take(e);
        if ((err = thread_update_head(e->tx, &e->thread)))
            return err;
    }
    if ((err = thread_status_set(e)))
        return err;
    if (e->is_waiting && str_eq(e->run.status, RUN_SUCCESS) &&
        (err = run_stop_put(e->tx, &e->run, e->thread.interrupts)))
        return err;
    return thread_update(e->tx, &e->thread);
}

/* ---- the run ---- */

static void rollback_set(struct ending *e)
{
    e->is_rollback = true;
    e->run.status = RUN_INTERRUPTED;
    e->run.error =
        run_error_json(e->tx->arena, STR("UserRollback"),
                       STR("The run was cancelled and everything it did was rolled back."));
}

static enum err run_row_end(struct ending *e)
{
    enum err err;

    if (e->is_rollback) {
        err = checkpoints_delete_run(e->tx, e->run.tenant, e->run.run_id);
        return err ? err : run_delete(e->tx, e->run.tenant, e->run.run_id);
    }
    if (e->outcome->checkpoint && !e->run.temporary &&
        (err = checkpoint_put(e->tx, e->outcome->checkpoint)))
        return err;
    e->run.result = e->run.temporary ? e->outcome->values : STR_NONE;
    return run_end(e->tx, &e->run);
}

/* ---- the webhook ---- */

static enum err webhook_add(struct ending *e)
{
    bool stateful = e->has_thread && !e->run.temporary;
    struct webhook_payload payload = {
        .run = &e->run,
        .sent_us = e->tx->now_us,
        .error_is_text = e->config->compat_js,
        .values = stateful ? e->thread.head_values : STR_NONE,
        .thread_status = stateful ? e->thread.status : STR_NONE,
        .next = stateful && e->is_waiting ? head_next(e) : STR_NONE,
        .interrupts = stateful && e->is_waiting ? e->thread.interrupts : STR_NONE,
    };
    struct json_writer json;
    struct buf out;
    enum err err = ERR_LIMIT;

    buf_init(&out, PAYLOAD_BYTES_MAX);
    json_writer_init(&json, &out);
    shape_webhook(&json, &payload);
    if (!out.failed) {
        struct outbox_event event = {
            .tenant = e->run.tenant,
            .kind = STR("run"),
            .object_id = e->run.run_id,
            .url = e->run.webhook,
            .content_type = STR("application/json"),
            .body = buf_str(&out),
            .policy =
                str_is_none(e->config->webhook_policy) ? STR("durable") : e->config->webhook_policy,
            .ordering_key = e->run.thread_id,
            .traceparent = e->run.traceparent,
        };

        err = outbox_add(e->tx, &event, NULL);
    }
    buf_release(&out);
    return err;
}

enum err run_finish(struct tx *tx, const struct agent_config *config, const struct run *run,
                    const struct run_outcome *outcome, bool *ended)
{
    struct ending ending = {.tx = tx, .config = config, .outcome = outcome};
    struct ending *e = &ending;
    enum err err = thread_load(e, run);

    *ended = false;
    if (err == ERR_NOT_FOUND)
        return OK;
    if (err)
        return err;
    if (!run_status_is_live(e->run.status) || e->run.attempt != run->attempt)
        return OK;
    e->run.status = outcome->status;
    e->run.error = outcome->error;
    e->run.ended_us = tx->now_us;
    e->run.updated_us = tx->now_us;
    if (str_eq(e->run.cancel_action, STR("rollback")))
        rollback_set(e);
    if ((err = run_row_end(e)) || (err = thread_end(e)))
        return err;
    if (!str_is_none(e->run.webhook) && (err = webhook_add(e)))
        return err;
    agent_count_run(tx, e->run.status);
    tx_notify(tx, TOPIC_RUN_DONE, e->run.run_id);
    *ended = true;
    return OK;
}

enum err run_lost(struct tx *tx, const struct agent_config *config, const struct run *run,
                  struct str type, struct str message, bool *ended)
{
    struct run_outcome outcome = {.status = RUN_ERROR};
    struct run found;
    enum err err = run_get(tx, run->tenant, STR_NONE, run->run_id, tx->arena, &found);

    *ended = false;
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    if (!str_eq(found.status, RUN_RUNNING) || found.attempt != run->attempt)
        return OK;
    if (!str_is_none(found.cancel_action)) {
        outcome.status = RUN_INTERRUPTED;
        return run_finish(tx, config, run, &outcome, ended);
    }
    if (str_eq(type, RUN_LOST_SHUTDOWN))
        return run_release_unspent(tx, &found);
    if (found.attempt < config->attempts_max) {
        log_warn("agent", "run %.*s lost its executor in attempt %lld (%.*s); it is taken up again",
                 STR_ARG(run->run_id), (long long)found.attempt, STR_ARG(type));
        tx_notify(tx, TOPIC_RUN_PENDING, found.thread_id);
        return run_release(tx, &found);
    }
    outcome.error = run_error_json(tx->arena, type, message);
    return run_finish(tx, config, run, &outcome, ended);
}
