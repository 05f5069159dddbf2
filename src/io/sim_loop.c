/* sim_loop.c -- a loop as turns of the simulator. */
#include "base/mem.h"
#include "io/sim_net_priv.h"

#define TURN_US 10
/* The monotonic clock does not start at zero; the wall clock starts on 2026-01-01. */
#define MONO_START_US (1000 * US_PER_SECOND)
#define WALL_START_US (INT64_C(1767225600) * US_PER_SECOND)

static int64_t mono_us(struct sim *sim)
{
    return MONO_START_US + sim->now_us;
}

static int64_t sim_mono_us(struct loop *loop)
{
    return mono_us(sim_loop_of(loop)->sim);
}

static int64_t sim_mono_ms(struct loop *loop)
{
    return sim_mono_us(loop) / US_PER_MS;
}

int64_t sim_wall_us(const struct sim *sim)
{
    return WALL_START_US + sim->now_us + sim->wall_jump_us;
}

static int64_t sim_loop_wall_us(struct loop *loop)
{
    return sim_wall_us(sim_loop_of(loop)->sim);
}

/* ---- turns ---- */

static void on_messages(struct sim_event *event)
{
    struct sim_loop *loop = event->loop;

    messages_deliver(mailbox_take(&loop->mailbox));
}

static void alarm_put(struct sim_loop *loop)
{
    struct timer *first = timer_heap_first(&loop->base.timers);
    int64_t left_us;

    if (!first) {
        sim_event_remove(loop->sim, &loop->alarm);
        return;
    }
    left_us = first->due_ms * US_PER_MS - mono_us(loop->sim);
    if (left_us < 0)
        left_us = 0;
    if (sim_event_is_queued(&loop->alarm) && loop->alarm.at_us <= loop->sim->now_us + left_us)
        return;
    sim_event_put(loop->sim, &loop->alarm, left_us + sim_between(loop->sim, 1, TURN_US));
}

static void on_alarm(struct sim_event *event)
{
    struct sim_loop *loop = event->loop;

    timer_heap_run(&loop->base.timers, sim_mono_ms(&loop->base));
    if (!loop->dead)
        alarm_put(loop);
}

static void sim_timers_changed(struct loop *loop)
{
    alarm_put(sim_loop_of(loop));
}

static void sim_post(struct loop *base, struct message *message)
{
    struct sim_loop *loop = sim_loop_of(base);

    if (loop->dead) {
        sim_bury(message);
        return;
    }
    if (mailbox_push(&loop->mailbox, message))
        sim_event_put(loop->sim, &loop->messages, sim_delay_us(loop->sim, TURN_US));
}

/* ---- running ---- */

static void sim_start(struct loop *base)
{
    struct sim_loop *loop = sim_loop_of(base);
    struct list *node;

    REQUIRE(!loop->started);
    loop->started = true;
    while ((node = list_pop(&loop->waiting)))
        sim_event_put(loop->sim, LIST_ITEM(node, struct sim_event, waiting), 0);
}

static void sim_loop_run(struct loop *base)
{
    struct sim_loop *loop = sim_loop_of(base);

    REQUIRE(!loop->sim->in_machine_event);
    sim_start(base);
    while (!loop->dead && !loop->stop_asked && sim_step(loop->sim, INT64_MAX))
        continue;
    if (!loop->dead)
        messages_deliver(mailbox_take(&loop->mailbox));
}

static void sim_stop(struct loop *base)
{
    sim_loop_of(base)->stop_asked = true;
}

/* ---- the end ---- */

static void sim_free_loop(struct loop *base)
{
    struct sim_loop *loop = sim_loop_of(base);
    struct list *node;

    if (loop->dead)
        return;
    loop->stop_asked = true;
    while (!mailbox_is_empty(&loop->mailbox) && !loop->dead)
        messages_deliver(mailbox_take(&loop->mailbox));
    if (loop->dead)
        return;
    sim_processes_free(loop);
    sim_asks_free(loop);
    sim_listeners_free(loop);
    sim_streams_free(loop);
    sim_event_remove(loop->sim, &loop->messages);
    sim_event_remove(loop->sim, &loop->alarm);
    while ((node = list_pop(&loop->waiting)))
        continue;
    timer_heap_release(&base->timers);
    list_remove(&loop->in_sim);
    sim_release(loop);
}

void sim_loop_kill(struct sim_loop *loop)
{
    struct timer_heap *timers = &loop->base.timers;

    loop->dead = true;
    sim_event_remove(loop->sim, &loop->messages);
    sim_event_remove(loop->sim, &loop->alarm);
    for (size_t i = 0; i < timers->count; i++)
        sim_bury(timers->slots[i].timer);
    sim_bury(mailbox_take(&loop->mailbox));
    sim_processes_kill(loop);
    sim_asks_kill(loop);
}

void sim_loop_discard(struct sim_loop *loop)
{
    mem_free(loop->base.timers.slots); /* the timers may be gone already */
}

static void sim_on_signal(struct loop *loop UNUSED, int signal UNUSED, signal_fn *on_signal UNUSED,
                          void *context UNUSED)
{
}

static const struct loop_ops sim_loop_ops = {
    .start = sim_start,
    .run = sim_loop_run,
    .stop = sim_stop,
    .free = sim_free_loop,
    .mono_ms = sim_mono_ms,
    .mono_us = sim_mono_us,
    .wall_us = sim_loop_wall_us,
    .post = sim_post,
    .timers_changed = sim_timers_changed,
    .listen = sim_listen,
    .listener_pause = sim_listener_pause,
    .listener_resume = sim_listener_resume,
    .listener_close = sim_listener_close,
    .connect = sim_connect,
    .connecting_cancel = sim_connecting_cancel,
    .resolve = sim_resolve,
    .query_cancel = sim_query_cancel,
    .spawn = sim_spawn,
    .process_kill = sim_process_kill,
    .process_free = sim_process_free,
    .on_signal = sim_on_signal,
};

struct loop *sim_loop_new(struct world *base, const char *name)
{
    struct sim_world *world = CONTAINER_OF(base, struct sim_world, base);
    struct sim *sim = world->sim;
    struct sim_loop *loop = sim_alloc(sim, sizeof(*loop));

    loop->base.ops = &sim_loop_ops;
    loop->base.world = base;
    loop->base.name = name;
    timer_heap_init(&loop->base.timers);
    rng_seed(&loop->base.rng, rng_next(&sim->rng));
    loop->sim = sim;
    loop->outside = world->outside;
    sim_event_init(&loop->messages, loop, "messages", ++sim->object_id, on_messages);
    sim_event_init(&loop->alarm, loop, "timers", sim->object_id, on_alarm);
    list_push(&sim->loops, &loop->in_sim);
    list_init(&loop->waiting);
    list_init(&loop->streams);
    list_init(&loop->listeners);
    list_init(&loop->connectings);
    list_init(&loop->queries);
    list_init(&loop->processes);
    return &loop->base;
}
