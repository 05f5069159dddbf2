/* alert_clock.c -- see alert_clock.h. */
#include "alert/alert_clock.h"

#include "base/mem.h"
#include "store/rounds.h"

struct alert_clock {
    struct alert_setup setup;
    struct alert_counts found;
    struct rounds *rounds;
};

static enum err read(void *context, struct tx *tx, struct arena *arena, struct rounds_found *found)
{
    struct alert_clock *clock = context;
    enum err err = alert_counts_read(tx, tx->now_us, arena, &clock->found);

    *found = (struct rounds_found){.parts = clock->found.count, .has_more = clock->found.has_more};
    return err;
}

static enum err write(void *context, struct tx *tx, size_t part)
{
    const struct alert_clock *clock = context;

    return alert_count_write(tx, &clock->setup, &clock->found.list[part]);
}

struct alert_clock *alert_clock_new(const struct alert_clock_config *config)
{
    struct alert_clock *clock = MEM_NEW(struct alert_clock);

    clock->setup = config->setup;
    clock->rounds = rounds_new(&(struct rounds_config){
        .loop = config->loop,
        .store = config->store,
        .topic = TOPIC_ALERTS,
        .tick_ms = config->tick_ms,
        .room = "alert",
        .failure = "alerts could not be looked at",
        .read = read,
        .write = write,
        .context = clock,
    });
    return clock;
}

void alert_clock_close(struct alert_clock *clock)
{
    rounds_close(clock->rounds);
}

void alert_clock_free(struct alert_clock *clock)
{
    rounds_free(clock->rounds);
    mem_free(clock);
}
