/* puppet.c -- a scripted worker's process: greeting, frames, and its end. */
#include "app/sim/puppet_priv.h"

#include "base/json.h"
#include "io/stream.h"

#define LOADING_MS_MAX 3000

static struct trial *trial_of(const struct puppet *puppet)
{
    return puppet->owner->trial;
}

/* ---- frames out ---- */

void puppet_send(struct puppet *puppet, struct frame_writer *frame)
{
    struct str *parts;
    size_t count;

    REQUIRE(frame_writer_end(frame, &trial_of(puppet)->arena, &parts, &count) == OK);
    if (!puppet->is_gone && !puppet->is_hung)
        stream_write(puppet->channel, parts, count);
    frame_writer_release(frame);
}

void puppet_reply(struct puppet *puppet, int64_t re, struct str blob)
{
    struct frame_writer frame;

    frame_writer_begin(&frame, "reply");
    json_put_i64(&frame.json, "re", re);
    json_put_bool(&frame.json, "ok", true);
    if (!str_is_none(blob))
        frame_writer_blob(&frame, blob);
    puppet_send(puppet, &frame);
}

/* ---- life ---- */

static void puppet_end(struct puppet *puppet)
{
    if (puppet->is_gone)
        return;
    puppet->is_gone = true;
    puppet_runs_freeze(puppet);
    timer_stop(&puppet->late);
    list_remove(&puppet->in_all);
}

void puppet_die(struct puppet *puppet, int code)
{
    if (puppet->is_gone)
        return;
    trial_note(trial_of(puppet), "a worker dies with %d", code);
    puppet_end(puppet);
    sim_child_exit(puppet->channel, code);
}

static void on_loaded(struct timer *timer)
{
    struct puppet *puppet = CONTAINER_OF(timer, struct puppet, late);
    struct frame_writer frame;

    frame_writer_begin(&frame, "ready");
    json_put_raw(&frame.json, "graphs", STR("[{\"id\":\"graph\"}]"));
    puppet_send(puppet, &frame);
}

static void greet(struct puppet *puppet)
{
    struct frame_writer frame;

    frame_writer_begin(&frame, "hello");
    json_put_i64(&frame.json, "proto", 1);
    json_put_str(&frame.json, "lang", STR("python"));
    puppet_send(puppet, &frame);
}

static void on_init(struct puppet *puppet)
{
    struct trial *trial = trial_of(puppet);

    if (puppet->owner->unruly > 0 && trial_once_in(trial, 20)) {
        puppet_die(puppet, 1);
        return;
    }
    timer_start(&puppet->late, (int64_t)rng_below(&trial->rng, LOADING_MS_MAX));
}

static bool on_frame(void *context, const struct frame *frame)
{
    const struct str state =
        STR("{\"values\":{},\"next\":[],\"tasks\":[],\"metadata\":{},\"created_at\":null,"
            "\"checkpoint\":null,\"parent_checkpoint\":null,\"interrupts\":[]}");
    struct puppet *puppet = context;

    if (str_eq(frame->type, STR("init")))
        on_init(puppet);
    else if (str_eq(frame->type, STR("run.start")))
        puppet_run_start(puppet, frame);
    else if (str_eq(frame->type, STR("run.cancel")))
        puppet_run_cancel(puppet, frame);
    else if (str_eq(frame->type, STR("reply")))
        puppet_run_answer(puppet, frame);
    else if (str_eq(frame->type, STR("shutdown")))
        puppet->shutdown_id = frame->id;
    else if (frame->id > 0)
        puppet_reply(puppet, frame->id, state); /* ping, and questions of state */
    if (puppet->shutdown_id > 0 && list_is_empty(&puppet->runs)) {
        puppet_reply(puppet, puppet->shutdown_id, STR_NONE);
        puppet_die(puppet, 0);
    }
    return !puppet->is_gone;
}

static void on_read(void *context, struct str bytes)
{
    struct puppet *puppet = context;
    const char *why;

    if (puppet->is_gone || puppet->is_hung)
        return;
    if (frame_reader_feed(&puppet->reader, bytes, on_frame, puppet, &why))
        trial_complain(trial_of(puppet), "the server broke the worker protocol: %s", why);
}

static void on_end(void *context, enum stream_end end UNUSED, const char *why UNUSED)
{
    struct puppet *puppet = context;

    puppet_end(puppet);
    stream_close(puppet->channel, true);
    frame_reader_release(&puppet->reader);
}

static const struct stream_events events = {on_read, on_end, NULL};

static void on_spawn(void *context, const char *const *argv UNUSED, struct stream *channel)
{
    struct puppets *owner = context;
    struct puppet *puppet = ARENA_NEW(&owner->trial->arena, struct puppet);

    puppet->owner = owner;
    puppet->channel = channel;
    list_init(&puppet->runs);
    list_push(&owner->all, &puppet->in_all);
    frame_reader_init(&puppet->reader);
    timer_init(&puppet->late, sim_outside_loop(owner->trial->sim), on_loaded);
    stream_set_events(channel, &events, puppet);
    stream_start(channel);
    greet(puppet);
}

void puppets_init(struct puppets *puppets, struct trial *trial, struct ledger *ledger)
{
    *puppets = (struct puppets){.trial = trial, .ledger = ledger};
    list_init(&puppets->all);
    map_init(&puppets->past);
    sim_set_spawner(trial->sim, on_spawn, puppets);
}
