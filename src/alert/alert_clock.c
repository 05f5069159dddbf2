/* alert_clock.c -- see alert_clock.h. */
#include "alert/alert_clock.h"

#include "base/log.h"
#include "base/mem.h"

#define RETRY_MS 1000 /* after an error */

struct alert_clock {
    struct alert_clock_config config;
    struct timer due;
    struct store_work work; /* while it looks; then arena and counts are its own */
    struct arena arena;
    struct alert_counts counts;
    size_t at; /* the project that is being written */
    bool is_looking, is_closed;
};

static void look(struct alert_clock *clock);
static void write_next(struct alert_clock *clock);

static void rest(struct alert_clock *clock, int64_t ms)
{
    clock->is_looking = false;
    if (!clock->is_closed)
        timer_start(&clock->due, ms);
}

static enum err write_apply(struct tx *tx, struct store_work *work)
{
    struct alert_clock *clock = CONTAINER_OF(work, struct alert_clock, work);

    return alert_count_write(tx, &clock->config.setup, &clock->counts.list[clock->at]);
}

/* A conflict: another node was faster, or the alert has changed; the next look knows. */
static void write_done(struct store_work *work, enum err err)
{
    struct alert_clock *clock = CONTAINER_OF(work, struct alert_clock, work);

    if (err && err != ERR_CONFLICT && err != ERR_NOT_FOUND)
        log_error("alert", "alerts could not be looked at: %s", err_name(err));
    clock->at++;
    write_next(clock);
}

/* Nothing counted and no step to take would be a write for nothing. */
static void write_next(struct alert_clock *clock)
{
    if (clock->is_closed || clock->at == clock->counts.count) {
        rest(clock, clock->counts.has_more ? 0 : clock->config.tick_ms);
        return;
    }
    clock->work.apply = write_apply;
    clock->work.done = write_done;
    clock->work.class = STORE_OUTCOME;
    store_write(clock->config.store, &clock->work);
}

static enum err read_apply(struct tx *tx, struct store_work *work)
{
    struct alert_clock *clock = CONTAINER_OF(work, struct alert_clock, work);

    arena_reset(&clock->arena);
    return alert_counts_read(tx, tx->now_us, &clock->arena, &clock->counts);
}

static void read_done(struct store_work *work, enum err err)
{
    struct alert_clock *clock = CONTAINER_OF(work, struct alert_clock, work);

    if (err) {
        log_error("alert", "alerts could not be looked at: %s", err_name(err));
        rest(clock, RETRY_MS);
        return;
    }
    clock->at = 0;
    write_next(clock);
}

static void look(struct alert_clock *clock)
{
    if (clock->is_closed || clock->is_looking)
        return;
    clock->is_looking = true;
    clock->work.apply = read_apply;
    clock->work.done = read_done;
    clock->work.reply_to = clock->config.loop;
    store_read(clock->config.store, &clock->work);
}

static void on_due(struct timer *timer)
{
    look(CONTAINER_OF(timer, struct alert_clock, due));
}

static void on_nudge(void *context, struct str key)
{
    (void)key;
    look(context);
}

struct alert_clock *alert_clock_new(const struct alert_clock_config *config)
{
    struct alert_clock *clock = MEM_NEW(struct alert_clock);

    clock->config = *config;
    arena_init(&clock->arena);
    timer_init(&clock->due, config->loop, on_due);
    store_subscribe(config->store, TOPIC_ALERTS, config->loop, on_nudge, clock);
    look(clock);
    return clock;
}

void alert_clock_close(struct alert_clock *clock)
{
    clock->is_closed = true;
    timer_stop(&clock->due);
}

void alert_clock_free(struct alert_clock *clock)
{
    alert_clock_close(clock);
    arena_release(&clock->arena);
    mem_free(clock);
}
