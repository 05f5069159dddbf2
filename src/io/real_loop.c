/* real_loop.c -- a libuv loop: turns, messages, timers, signals, and its end. */
#include <sched.h>
#include <signal.h>

#include "base/mem.h"
#include "io/real_priv.h"

struct real_signal {
    struct list in_loop;
    uv_signal_t handle;
    signal_fn *on_signal;
    void *context;
};

static void deliver_all(struct real_loop *loop)
{
    messages_deliver(mailbox_take(&loop->mailbox));
}

static void on_wake(uv_async_t *wake)
{
    struct real_loop *loop = wake->data;

    deliver_all(loop);
    if (atomic_load(&loop->stop_asked))
        uv_stop(&loop->uv);
}

static void on_alarm(uv_timer_t *alarm);

/* The alarm may ring too early (its timer was stopped), never too late. */
static void alarm_set(struct real_loop *loop)
{
    struct timer *first = timer_heap_first(&loop->base.timers);
    int64_t now_ms = (int64_t)uv_now(&loop->uv);

    if (!first || first->due_ms >= loop->alarm_ms)
        return;
    loop->alarm_ms = first->due_ms;
    uv_timer_start(&loop->alarm, on_alarm,
                   first->due_ms > now_ms ? (uint64_t)(first->due_ms - now_ms) : 0, 0);
}

static void on_alarm(uv_timer_t *alarm)
{
    struct real_loop *loop = alarm->data;

    loop->alarm_ms = INT64_MAX;
    timer_heap_run(&loop->base.timers, (int64_t)uv_now(&loop->uv));
    alarm_set(loop);
}

static void real_timers_changed(struct loop *loop)
{
    alarm_set(real_loop_of(loop));
}

static int64_t real_mono_ms(struct loop *base)
{
    struct real_loop *loop = real_loop_of(base);

    if (!loop->running)
        uv_update_time(&loop->uv);
    return (int64_t)uv_now(&loop->uv);
}

static int64_t real_mono_us(struct loop *loop UNUSED)
{
    return (int64_t)(uv_hrtime() / 1000);
}

static int64_t real_wall_us(struct loop *loop UNUSED)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

static void real_post(struct loop *base, struct message *message)
{
    struct real_loop *loop = real_loop_of(base);

    atomic_fetch_add(&loop->posting, 1);
    if (mailbox_push(&loop->mailbox, message))
        uv_async_send(&loop->wake);
    atomic_fetch_sub(&loop->posting, 1);
}

static void real_run(struct loop *base)
{
    struct real_loop *loop = real_loop_of(base);

    if (!atomic_load(&loop->stop_asked)) {
        uv_update_time(&loop->uv);
        loop->running = true;
        uv_run(&loop->uv, UV_RUN_DEFAULT);
        loop->running = false;
    }
    deliver_all(loop);
}

static void *loop_main(void *argument)
{
    real_run(argument);
    return NULL;
}

static void real_start(struct loop *base)
{
    struct real_loop *loop = real_loop_of(base);

    REQUIRE(!loop->threaded);
    loop->threaded = true;
    REQUIRE(pthread_create(&loop->thread, NULL, loop_main, base) == 0);
    if (base->name)
        (void)pthread_setname_np(loop->thread, base->name);
}

static void real_stop(struct loop *base)
{
    struct real_loop *loop = real_loop_of(base);

    atomic_fetch_add(&loop->posting, 1);
    atomic_store(&loop->stop_asked, true);
    uv_async_send(&loop->wake);
    atomic_fetch_sub(&loop->posting, 1);
}

static void signal_freed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void signals_free(struct real_loop *loop)
{
    struct list *node;

    while ((node = list_pop(&loop->signals))) {
        struct real_signal *signal = LIST_ITEM(node, struct real_signal, in_loop);

        uv_close((uv_handle_t *)&signal->handle, signal_freed);
    }
}

static void on_uv_signal(uv_signal_t *handle, int number)
{
    struct real_signal *signal = handle->data;

    signal->on_signal(signal->context, number);
}

static void real_on_signal(struct loop *base, int number, signal_fn *on_signal, void *context)
{
    struct real_loop *loop = real_loop_of(base);
    struct real_signal *signal = MEM_NEW(struct real_signal);

    signal->on_signal = on_signal;
    signal->context = context;
    list_push(&loop->signals, &signal->in_loop);
    REQUIRE(uv_signal_init(&loop->uv, &signal->handle) == 0);
    signal->handle.data = signal;
    REQUIRE(uv_signal_start(&signal->handle, on_uv_signal, number) == 0);
}

/* The thread first, then the letters, then every handle, then the memory. */
static void real_free(struct loop *base)
{
    struct real_loop *loop = real_loop_of(base);

    real_stop(base);
    if (loop->threaded)
        REQUIRE(pthread_join(loop->thread, NULL) == 0);
    while (atomic_load(&loop->posting))
        sched_yield();
    while (!mailbox_is_empty(&loop->mailbox))
        deliver_all(loop);
    loop->freeing = true;
    real_processes_free(loop);
    real_connectings_free(loop);
    real_listeners_free(loop);
    real_streams_free(loop);
    real_dns_free(loop);
    signals_free(loop);
    timer_heap_release(&base->timers);
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_close((uv_handle_t *)&loop->alarm, NULL);
    while (uv_run(&loop->uv, UV_RUN_DEFAULT))
        continue;
    timer_heap_release(&base->timers);
    REQUIRE(uv_loop_close(&loop->uv) == 0);
    mem_free(loop->read_buffer);
    mem_free(loop);
}

static const struct loop_ops real_loop_ops = {
    .start = real_start,
    .run = real_run,
    .stop = real_stop,
    .free = real_free,
    .mono_ms = real_mono_ms,
    .mono_us = real_mono_us,
    .wall_us = real_wall_us,
    .post = real_post,
    .timers_changed = real_timers_changed,
    .listen = real_listen,
    .listener_pause = real_listener_pause,
    .listener_resume = real_listener_resume,
    .listener_close = real_listener_close,
    .connect = real_connect,
    .connecting_cancel = real_connecting_cancel,
    .resolve = real_resolve,
    .query_cancel = real_query_cancel,
    .spawn = real_spawn,
    .process_kill = real_process_kill,
    .process_free = real_process_free,
    .on_signal = real_on_signal,
};

struct loop *real_loop_new(struct world *world, const char *name)
{
    struct real_loop *loop = MEM_NEW(struct real_loop);

    loop->base.ops = &real_loop_ops;
    loop->base.world = world;
    loop->base.name = name;
    timer_heap_init(&loop->base.timers);
    rng_seed_from_kernel(&loop->base.rng);
    REQUIRE(uv_loop_init(&loop->uv) == 0);
    REQUIRE(uv_async_init(&loop->uv, &loop->wake, on_wake) == 0);
    REQUIRE(uv_timer_init(&loop->uv, &loop->alarm) == 0);
    loop->wake.data = loop;
    loop->alarm.data = loop;
    loop->alarm_ms = INT64_MAX;
    loop->read_buffer = mem_alloc(READ_BUFFER_BYTES);
    list_init(&loop->streams);
    list_init(&loop->listeners);
    list_init(&loop->connectings);
    list_init(&loop->queries);
    list_init(&loop->processes);
    list_init(&loop->signals);
    return &loop->base;
}
