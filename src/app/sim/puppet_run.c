/* puppet_run.c -- runs in a scripted worker.
 *
 *   run.start ─▶ (ckpt.get, when it resumes) ─▶ step ─▶ event, ckpt.put ─answer▶ step … ─▶ run.done
 */
#include "app/sim/puppet_priv.h"

#include "base/json.h"
#include "io/stream.h"

#define STEPS_MAX 5
#define STEP_MS_MAX 1500
#define GARBAGE_BYTES_MAX 200

struct puppet_run {
    struct puppet *puppet;
    struct list in_puppet;
    struct str run_id, thread_id;
    struct past_run *past;
    int64_t attempt, step, steps;
    int64_t ask_id;    /* open; 0: none */
    bool is_resuming;  /* the ask is for its last checkpoint */
    bool has_memory;   /* it keeps checkpoints */
    bool is_cancelled; /* and will say so at its next step */
    bool is_deaf;
    struct timer pause;
};

static struct trial *trial_of(const struct puppet_run *run)
{
    return run->puppet->owner->trial;
}

static void run_free(struct puppet_run *run)
{
    timer_stop(&run->pause);
    list_remove(&run->in_puppet);
}

void puppet_runs_freeze(struct puppet *puppet)
{
    for (struct list *node = puppet->runs.next; node != &puppet->runs; node = node->next)
        timer_stop(&LIST_ITEM(node, struct puppet_run, in_puppet)->pause);
}

/* ---- what a run says ---- */

static void run_frame(struct puppet_run *run, struct frame_writer *frame, const char *type,
                      int64_t attempt)
{
    frame_writer_begin(frame, type);
    json_put_str(&frame->json, "run_id", run->run_id);
    json_put_i64(&frame->json, "attempt", attempt);
}

static void say_event(struct puppet_run *run, int64_t attempt, struct str data)
{
    struct frame_writer frame;

    run_frame(run, &frame, "run.event", attempt);
    json_put_str(&frame.json, "event", STR("values"));
    frame_writer_blob(&frame, data);
    puppet_send(run->puppet, &frame);
}

static struct str values_text(struct puppet_run *run)
{
    return arena_printf(&trial_of(run)->arena, "{\"run\":\"%.*s\",\"step\":%lld}",
                        STR_ARG(run->run_id), (long long)run->step);
}

static void say_done(struct puppet_run *run, const char *outcome, bool is_stopped)
{
    struct puppet *puppet = run->puppet;
    struct str values = values_text(run);
    struct str state = arena_printf(&trial_of(run)->arena,
                                    "{\"values\":%.*s,\"next\":%s,\"tasks\":[],\"metadata\":{},"
                                    "\"created_at\":null,\"checkpoint\":null,"
                                    "\"parent_checkpoint\":null,\"interrupts\":[]}",
                                    STR_ARG(values), is_stopped ? "[\"ask\"]" : "[]");
    int times = puppet->owner->unruly > 0 && trial_once_in(trial_of(run), 10) ? 2 : 1;

    for (int i = 0; i < times; i++) {
        struct frame_writer frame;

        run_frame(run, &frame, "run.done", run->attempt);
        json_put_str(&frame.json, "outcome", str_of(outcome));
        json_put_raw(&frame.json, "next", is_stopped ? STR("[\"ask\"]") : STR("[]"));
        if (str_eq(str_of(outcome), STR("error")))
            json_put_raw(&frame.json, "error",
                         STR("{\"type\":\"ValueError\",\"message\":\"as told\"}"));
        if (run->has_memory)
            frame_writer_put_blob(&frame, "state", state);
        if (str_eq(str_of(outcome), STR("success")))
            frame_writer_put_blob(&frame, "values", values);
        if (is_stopped)
            frame_writer_put_blob(&frame, "interrupts",
                                  STR("{\"task\":[{\"id\":\"i\",\"value\":\"go on?\"}]}"));
        puppet_send(puppet, &frame);
    }
    run_free(run);
    if (puppet->shutdown_id > 0 && list_is_empty(&puppet->runs)) {
        puppet_reply(puppet, puppet->shutdown_id, STR_NONE);
        puppet_die(puppet, 0);
    }
}

/* ---- how it misbehaves ---- */

static void send_garbage(struct puppet *puppet)
{
    struct trial *trial = puppet->owner->trial;
    size_t len = 8 + rng_below(&trial->rng, GARBAGE_BYTES_MAX);
    char *bytes = arena_alloc(&trial->arena, len);
    struct str text = {bytes, len};

    rng_bytes(&trial->rng, bytes, len);
    stream_write(puppet->channel, &text, 1);
}

/* True: there is nothing more to do for the run. */
static bool misbehave(struct puppet_run *run)
{
    struct puppet *puppet = run->puppet;
    struct trial *trial = trial_of(run);

    if (puppet->owner->unruly == 0 || !trial_once_in(trial, puppet->owner->unruly))
        return false;
    switch (rng_below(&trial->rng, 5)) {
    case 0:
    case 1:
        puppet_die(puppet, trial_once_in(trial, 2) ? 1 : 139);
        return true;
    case 2:
        trial_note(trial, "a worker hangs");
        puppet->is_hung = true;
        puppet_runs_freeze(puppet);
        return true;
    case 3:
        trial_note(trial, "a worker sends garbage");
        send_garbage(puppet);
        return false;
    default:
        say_event(run, run->attempt - 1, STR("{\"stale\":true}"));
        return false;
    }
}

/* ---- steps ---- */

static void next_step(struct puppet_run *run)
{
    timer_start(&run->pause, (int64_t)rng_below(&trial_of(run)->rng, STEP_MS_MAX));
}

static void put_checkpoint(struct puppet_run *run)
{
    struct puppet *puppet = run->puppet;
    struct trial *trial = trial_of(run);
    struct frame_writer frame;

    run->ask_id = ++puppet->last_id;
    frame_writer_begin(&frame, "ckpt.put");
    json_put_i64(&frame.json, "id", run->ask_id);
    json_put_str(&frame.json, "thread_id", run->thread_id);
    json_put_str(&frame.json, "ns", STR(""));
    json_put_str(&frame.json, "checkpoint_id",
                 arena_printf(&trial->arena, "checkpoint-%06zu", ++puppet->owner->checkpoints));
    json_put_str(&frame.json, "run_id", run->run_id);
    json_put_str(&frame.json, "type", STR("json"));
    json_put_raw(&frame.json, "metadata", values_text(run));
    frame_writer_blob(&frame, STR("{}"));
    puppet_send(puppet, &frame);
}

static void run_end(struct puppet_run *run)
{
    uint64_t how = rng_below(&trial_of(run)->rng, 6);

    if (how == 0)
        say_done(run, "error", false);
    else
        say_done(run, "success", how == 1 && run->has_memory);
}

static void on_pause(struct timer *timer)
{
    struct puppet_run *run = CONTAINER_OF(timer, struct puppet_run, pause);

    if (misbehave(run))
        return;
    if (run->is_cancelled) {
        say_done(run, "cancelled", false);
        return;
    }
    if (run->step == run->steps) {
        run_end(run);
        return;
    }
    run->step++;
    say_event(run, run->attempt, values_text(run));
    if (run->has_memory)
        put_checkpoint(run);
    else
        next_step(run);
}

/* ---- what the server says ---- */

/* A deleted run is none any more; what its executor still does is refused. */
static bool is_deleted(const struct puppet_run *run)
{
    const struct order *order = ledger_find(run->puppet->owner->ledger, run->run_id);

    return order && order->is_deleted;
}

static void resumed(struct puppet_run *run, const struct frame *frame)
{
    const struct json *tuple = json_get(frame->header, "tuple");
    const struct json *metadata = json_get(tuple, "metadata");
    int64_t step = json_i64(json_get(metadata, "step"), -1);

    run->is_resuming = false;
    if (is_deleted(run)) /* and its checkpoint with it, perhaps since it was claimed */
        run->step = run->past->step;
    else if (!str_eq(json_string(json_get(metadata, "run")), run->run_id))
        trial_complain(trial_of(run), "run %.*s goes on from what is not its checkpoint: %.*s",
                       STR_ARG(run->run_id), STR_ARG(frame->header_text));
    else if (step < run->past->step)
        trial_complain(trial_of(run), "run %.*s: its checkpoint of step %lld is lost; found %lld",
                       STR_ARG(run->run_id), (long long)run->past->step, (long long)step);
    else
        run->step = step;
    if (run->steps < run->step)
        run->steps = run->step;
}

void puppet_run_answer(struct puppet *puppet, const struct frame *frame)
{
    int64_t re = json_i64(json_get(frame->header, "re"), 0);
    bool is_good = json_bool(json_get(frame->header, "ok"), false);

    for (struct list *node = puppet->runs.next; node != &puppet->runs; node = node->next) {
        struct puppet_run *run = LIST_ITEM(node, struct puppet_run, in_puppet);

        if (run->ask_id != re)
            continue;
        run->ask_id = 0;
        if (run->is_resuming && is_good)
            resumed(run, frame);
        else if (is_good)
            run->past->step = run->step;
        /* What is refused is a run that was ended behind its back. */
        next_step(run);
        return;
    }
}

void puppet_run_cancel(struct puppet *puppet, const struct frame *frame)
{
    struct str run_id = json_string(json_get(frame->header, "run_id"));

    for (struct list *node = puppet->runs.next; node != &puppet->runs; node = node->next) {
        struct puppet_run *run = LIST_ITEM(node, struct puppet_run, in_puppet);

        if (str_eq(run->run_id, run_id) && !run->is_deaf)
            run->is_cancelled = true;
    }
}

/* ---- the start, and what it says of the server ---- */

static struct past_run *past_of(struct puppets *owner, struct str run_id)
{
    struct past_run *past = map_find(&owner->past, run_id);

    if (!past) {
        past = ARENA_NEW(&owner->trial->arena, struct past_run);
        map_put(&owner->past, run_id, past);
    }
    return past;
}

static void thread_watch(struct puppet *starting, const struct puppet_run *fresh)
{
    struct puppets *owner = starting->owner;

    for (struct list *at = owner->all.next; at != &owner->all; at = at->next) {
        struct puppet *puppet = LIST_ITEM(at, struct puppet, in_all);

        if (!sim_child_is_alive(puppet->channel))
            continue;
        for (struct list *node = puppet->runs.next; node != &puppet->runs; node = node->next) {
            const struct puppet_run *run = LIST_ITEM(node, struct puppet_run, in_puppet);

            if (run != fresh && str_eq(run->thread_id, fresh->thread_id) && !is_deleted(run))
                trial_complain(owner->trial, "runs %.*s and %.*s of one thread run at once",
                               STR_ARG(run->run_id), STR_ARG(fresh->run_id));
        }
    }
}

static void attempt_watch(struct puppet_run *run, bool resumes)
{
    struct past_run *past = run->past;

    if (run->attempt > PUPPET_ATTEMPTS_MAX || run->attempt < past->attempts)
        trial_complain(trial_of(run), "run %.*s: attempt %lld after %lld", STR_ARG(run->run_id),
                       (long long)run->attempt, (long long)past->attempts);
    if (past->step > 0 && !resumes)
        trial_complain(trial_of(run), "run %.*s starts anew; it had a checkpoint",
                       STR_ARG(run->run_id));
    past->attempts = run->attempt;
}

void puppet_run_start(struct puppet *puppet, const struct frame *frame)
{
    struct trial *trial = puppet->owner->trial;
    struct puppet_run *run = ARENA_NEW(&trial->arena, struct puppet_run);
    bool resumes = json_bool(json_get(frame->header, "resume"), false);

    run->puppet = puppet;
    run->run_id = arena_str(&trial->arena, json_string(json_get(frame->header, "run_id")));
    run->thread_id = arena_str(&trial->arena, json_string(json_get(frame->header, "thread_id")));
    run->attempt = json_i64(json_get(frame->header, "attempt"), 0);
    run->has_memory = json_bool(json_get(frame->header, "checkpointing"), true);
    run->steps = 1 + (int64_t)rng_below(&trial->rng, STEPS_MAX);
    run->is_deaf = puppet->owner->unruly > 0 && trial_once_in(trial, 4);
    run->past = past_of(puppet->owner, run->run_id);
    timer_init(&run->pause, sim_outside_loop(trial->sim), on_pause);
    list_push(&puppet->runs, &run->in_puppet);
    thread_watch(puppet, run);
    attempt_watch(run, resumes);
    if (resumes) {
        struct frame_writer ask;

        run->is_resuming = true;
        run->ask_id = ++puppet->last_id;
        frame_writer_begin(&ask, "ckpt.get");
        json_put_i64(&ask.json, "id", run->ask_id);
        json_put_str(&ask.json, "thread_id", run->thread_id);
        json_put_str(&ask.json, "ns", STR(""));
        puppet_send(puppet, &ask);
    } else {
        next_step(run);
    }
}
