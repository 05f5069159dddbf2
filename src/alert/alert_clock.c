/* alert_clock.c -- see alert_clock.h. */
#include "alert/alert_clock.h"

#include "base/mem.h"
#include "store/rounds.h"
#include "store/watch_census.h"

/* In order of enum alert_census. */
static const char *const state_words[] = {"ok", "firing", "disabled", NULL};
static_assert(ARRAY_LEN(state_words) == ALERT_CENSUS + 1, "every state has a word");

struct metric alert_states = {
    .name = "runbell_alert_state",
    .help = "Alerts, by what they say: ok, firing; or disabled.",
    .type = METRIC_GAUGE,
    .labels = {{"state", state_words, NULL}},
};

struct alert_clock {
    struct alert_setup setup;
    struct alert_book *book;
    struct alert_counts found;
    int64_t census[ALERT_CENSUS];
    struct rounds *rounds;
};

static enum err read(void *context, struct tx *tx, struct arena *arena, struct rounds_found *found)
{
    struct alert_clock *clock = context;
    enum err err = alert_counts_read(tx, tx->now_us, clock->book, arena, &clock->found);

    if (!err)
        err = alerts_census(tx, clock->census);
    *found = (struct rounds_found){.parts = clock->found.count, .has_more = clock->found.has_more};
    return err;
}

static void looked(void *context)
{
    const struct alert_clock *clock = context;

    for (unsigned i = 0; i < ALERT_CENSUS; i++)
        metric_set(&alert_states, i, clock->census[i]);
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
    clock->book = alert_book_new();
    clock->rounds = rounds_new(&(struct rounds_config){
        .loop = config->loop,
        .store = config->store,
        .topic = TOPIC_ALERTS,
        .tick_ms = config->tick_ms,
        .room = "alert",
        .failure = "alerts could not be looked at",
        .read = read,
        .write = write,
        .looked = looked,
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
    alert_book_free(clock->book);
    mem_free(clock);
}
