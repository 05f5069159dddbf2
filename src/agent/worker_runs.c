/* Runs in worker processes, from their start to what they report, and questions about graphs and
 * states. */
#include "agent/worker_executor_priv.h"

#include "agent/auth_user.h"
#include "base/json.h"
#include "base/mem.h"

#define CREDIT_BYTES (512 * KIB) /* events taken before the worker is told */
#define ASK_MS 60000

static struct worker_executor *owner_of(struct executor *executor)
{
    return CONTAINER_OF(executor, struct worker_executor, executor);
}

static void run_remove(struct worker_run *run)
{
    struct worker_executor *owner = run->slot->owner;

    map_remove(&owner->runs, run->execution->run.run_id);
    tenant_close(owner, run->execution->run.thread_id);
    list_remove(&run->node);
    run->slot->run_count--;
    mem_free(run);
}

static void put_raw_unless_none(struct json_writer *json, const char *key, struct str raw)
{
    if (!str_is_none(raw) && !str_eq(raw, STR("null")))
        json_put_raw(json, key, raw);
}

/* Who made the run, as the auth handlers said it. */
static struct str run_user(const struct worker_executor *owner, const struct run *run)
{
    struct str config = json_raw(run->kwargs, STR("config")), user = STR_NONE;

    if (owner->setup.has_auth && !str_is_none(config))
        user = auth_user_of(json_raw(config, STR("configurable")));
    return user.len > LOOPBACK_USER_BYTES_MAX ? STR_NONE : user;
}

static void run_start_fill(const struct worker_executor *owner, struct frame_writer *frame,
                           struct execution *execution)
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
    put_raw_unless_none(json, "strict_resume", json_raw(run->kwargs, STR("strict_resume")));
    put_raw_unless_none(json, "protocol", json_raw(run->kwargs, STR("protocol")));
    json_put_str(json, "loopback",
                 loopback_token(owner->setup.loopback,
                                &(struct loopback_caller){run->tenant, run_user(owner, run)},
                                &execution->arena));
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

void worker_run_start(struct executor *executor, struct execution *execution)
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
    run_start_fill(owner, &frame, execution);
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

void worker_run_cancel(struct executor *executor, struct execution *execution, struct str reason)
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

void worker_run_kill(struct executor *executor, struct execution *execution)
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

const struct execution *worker_run_execution(struct slot *slot, const struct frame *frame)
{
    struct worker_run *run = run_of(slot, frame);

    return run ? run->execution : NULL;
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

void worker_run_on_event(struct slot *slot, const struct frame *frame)
{
    struct worker_run *run = run_of(slot, frame);
    struct str data = frame_blob(frame, 0);

    if (!run)
        return;
    run->execution->events->on_event(run->execution, json_string(json_get(frame->header, "event")),
                                     data);
    credit(run, data.len);
}

void worker_run_on_done(struct slot *slot, const struct frame *frame)
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
    worker_room_grew(slot->owner);
}

void worker_runs_lose(struct slot *slot, const char *why)
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
                       str_is_none(message) ? STR("The worker process did not answer.") : message,
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
    case ASK_AUTH_CHECK:
        return "auth.check";
    case ASK_STORE_EMBED:
        return "store.embed";
    case ASK_MCP_TOOLS: /* not asked of workers */
        break;
    }
    return "";
}

/* Any ready process will do; room does not matter for a question. */
struct slot *worker_slot_ready(struct worker_executor *owner)
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

void worker_question_ask(struct executor *executor, struct agent_ask *ask)
{
    struct worker_executor *owner = owner_of(executor);
    struct slot *slot = worker_slot_ready(owner);
    struct frame_writer frame;
    struct open_ask *open;

    if (!slot) {
        ask->on_answer(ask, ERR_AGAIN,
                       STR("No worker process for this is ready; try again in a moment."),
                       STR_NONE);
        return;
    }
    frame_writer_begin(&frame, ask_type(ask->kind));
    if (!str_is_none(ask->graph_id))
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
    worker_ask(slot->worker, &frame, ask->timeout_ms > 0 ? ask->timeout_ms : ASK_MS, on_ask_answer,
               open);
}
