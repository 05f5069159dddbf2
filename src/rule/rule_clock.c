/* rule_clock.c -- see rule_clock.h. */
#include "rule/rule_clock.h"

#include "base/log.h"
#include "base/mem.h"

#define RETRY_MS 1000 /* after an error */

struct rule_clock {
    struct rule_clock_config config;
    struct timer due;
    struct store_work work; /* while it looks; then arena and scans are its own */
    struct arena arena;
    struct rule_scans scans;
    size_t at; /* the project that is being written */
    bool is_looking, is_closed;
};

static void look(struct rule_clock *clock);
static void write_next(struct rule_clock *clock);

static void rest(struct rule_clock *clock, int64_t ms)
{
    clock->is_looking = false;
    if (!clock->is_closed)
        timer_start(&clock->due, ms);
}

static enum err write_apply(struct tx *tx, struct store_work *work)
{
    struct rule_clock *clock = CONTAINER_OF(work, struct rule_clock, work);

    return rule_scan_write(tx, clock->config.policy, &clock->scans.list[clock->at]);
}

/* A conflict: another node was faster, or the rule has changed; the next look knows. */
static void write_done(struct store_work *work, enum err err)
{
    struct rule_clock *clock = CONTAINER_OF(work, struct rule_clock, work);

    if (err && err != ERR_CONFLICT && err != ERR_NOT_FOUND)
        log_error("rule", "rules could not be applied: %s", err_name(err));
    clock->at++;
    write_next(clock);
}

static void write_next(struct rule_clock *clock)
{
    if (clock->is_closed || clock->at == clock->scans.count) {
        rest(clock, clock->scans.has_more ? 0 : clock->config.tick_ms);
        return;
    }
    clock->work.apply = write_apply;
    clock->work.done = write_done;
    clock->work.class = STORE_OUTCOME;
    store_write(clock->config.store, &clock->work);
}

static enum err read_apply(struct tx *tx, struct store_work *work)
{
    struct rule_clock *clock = CONTAINER_OF(work, struct rule_clock, work);

    arena_reset(&clock->arena);
    return rule_scans_read(tx, &clock->arena, &clock->scans);
}

static void read_done(struct store_work *work, enum err err)
{
    struct rule_clock *clock = CONTAINER_OF(work, struct rule_clock, work);

    if (err) {
        log_error("rule", "rules could not be applied: %s", err_name(err));
        rest(clock, RETRY_MS);
        return;
    }
    clock->at = 0;
    write_next(clock);
}

static void look(struct rule_clock *clock)
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
    look(CONTAINER_OF(timer, struct rule_clock, due));
}

static void on_nudge(void *context, struct str key)
{
    (void)key;
    look(context);
}

struct rule_clock *rule_clock_new(const struct rule_clock_config *config)
{
    struct rule_clock *clock = MEM_NEW(struct rule_clock);

    clock->config = *config;
    arena_init(&clock->arena);
    timer_init(&clock->due, config->loop, on_due);
    store_subscribe(config->store, TOPIC_RULES, config->loop, on_nudge, clock);
    look(clock);
    return clock;
}

void rule_clock_close(struct rule_clock *clock)
{
    clock->is_closed = true;
    timer_stop(&clock->due);
}

void rule_clock_free(struct rule_clock *clock)
{
    rule_clock_close(clock);
    arena_release(&clock->arena);
    mem_free(clock);
}
