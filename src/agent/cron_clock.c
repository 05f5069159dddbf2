/* The cron clock: when to look, and what the log hears. */
#include "agent/cron_clock.h"

#include "agent/cron_fire.h"
#include "base/failure_log.h"
#include "base/mem.h"

#define FIRE_MAX 64
#define TICK_MS 30000 /* looks at the store even without a nudge */
#define RETRY_MS 1000 /* after a failed write */

struct cron_clock {
    struct loop *loop;
    struct store *store;
    const struct agent_config *config;
    struct timer due;
    struct store_work work; /* while is_firing; then arena and firings are its own */
    struct arena arena;
    struct cron_firings firings;
    bool is_firing;
    bool is_poked; /* a nudge came while it fired */
    bool is_closed;
    struct failure_log failures;
};

static enum err fire_apply(struct tx *tx, struct store_work *work)
{
    struct cron_clock *clock = CONTAINER_OF(work, struct cron_clock, work);

    arena_reset(&clock->arena);
    return cron_fire(tx, clock->config, FIRE_MAX, &clock->arena, &clock->firings);
}

static void sleep_until_due(struct cron_clock *clock)
{
    const struct cron_firings *firings = &clock->firings;
    int64_t delay_ms = TICK_MS;

    if (firings->next_us)
        delay_ms = (firings->next_us - firings->now_us) / US_PER_MS + 1;
    delay_ms = delay_ms < 0 ? 0 : delay_ms;
    timer_start(&clock->due, delay_ms < TICK_MS ? delay_ms : TICK_MS);
}

static void fire(struct cron_clock *clock);

static void fire_done(struct store_work *work, enum err err)
{
    struct cron_clock *clock = CONTAINER_OF(work, struct cron_clock, work);
    bool again = clock->is_poked || (!err && clock->firings.looked_at == FIRE_MAX);

    clock->is_firing = false;
    clock->is_poked = false;
    if (clock->is_closed)
        return;
    for (size_t i = 0; !err && i < clock->firings.report_count; i++)
        log_warn("agent", "cron %.*s %.*s", STR_ARG(clock->firings.reports[i].cron_id),
                 STR_ARG(clock->firings.reports[i].text));
    failure_log_note(&clock->failures, loop_mono_ms(clock->loop), err, LOG_ERROR, "agent",
                     "crons could not fire");
    if (err) {
        timer_start(&clock->due, RETRY_MS);
    } else if (again) {
        fire(clock);
    } else {
        sleep_until_due(clock);
    }
}

static void fire(struct cron_clock *clock)
{
    if (clock->is_closed)
        return;
    clock->is_poked = clock->is_firing;
    if (clock->is_firing)
        return;
    clock->is_firing = true;
    clock->work.apply = fire_apply;
    clock->work.done = fire_done;
    clock->work.reply_to = clock->loop;
    clock->work.class = STORE_OUTCOME;
    store_write(clock->store, &clock->work);
}

static void on_due(struct timer *timer)
{
    fire(CONTAINER_OF(timer, struct cron_clock, due));
}

static void on_nudge(void *context, struct str cron_id)
{
    (void)cron_id;
    fire(context);
}

struct cron_clock *cron_clock_new(struct loop *loop, struct store *store,
                                  const struct agent_config *config)
{
    struct cron_clock *clock = MEM_NEW(struct cron_clock);

    clock->loop = loop;
    clock->store = store;
    clock->config = config;
    arena_init(&clock->arena);
    timer_init(&clock->due, loop, on_due);
    store_subscribe(store, TOPIC_CRON, loop, on_nudge, clock);
    fire(clock);
    return clock;
}

void cron_clock_close(struct cron_clock *clock)
{
    clock->is_closed = true;
    timer_stop(&clock->due);
}

void cron_clock_free(struct cron_clock *clock)
{
    cron_clock_close(clock);
    arena_release(&clock->arena);
    mem_free(clock);
}
