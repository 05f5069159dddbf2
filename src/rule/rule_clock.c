/* rule_clock.c -- see rule_clock.h. */
#include "rule/rule_clock.h"

#include "base/mem.h"
#include "store/rounds.h"
#include "store/watch_census.h"

#define BACKFILL_PAUSE_MS 50 /* between pieces, so that other work goes on */

struct metric rule_lag = {
    .name = "runbell_rule_lag_seconds",
    .help = "How long ago the oldest change of a span came that no round of rules has looked at.",
    .type = METRIC_GAUGE,
    .is_time = true,
};

struct rule_clock {
    struct str policy;
    struct rule_scans found;
    int64_t lag_us;
    struct rounds *rounds;
};

static enum err read(void *context, struct tx *tx, struct arena *arena, struct rounds_found *found)
{
    struct rule_clock *clock = context;
    int64_t since_us = 0;
    enum err err = rule_scans_read(tx, arena, &clock->found);

    if (!err)
        err = rules_behind(tx, &since_us);
    clock->lag_us = since_us && since_us < tx->now_us ? tx->now_us - since_us : 0;
    *found = (struct rounds_found){
        .parts = clock->found.count,
        .has_more = clock->found.has_more || clock->found.has_backfills,
        .pause_ms = clock->found.has_more ? 0 : BACKFILL_PAUSE_MS,
    };
    return err;
}

static void looked(void *context)
{
    const struct rule_clock *clock = context;

    metric_set(&rule_lag, 0, clock->lag_us);
}

static enum err write(void *context, struct tx *tx, size_t part)
{
    const struct rule_clock *clock = context;

    return rule_scan_write(tx, clock->policy, &clock->found.list[part]);
}

struct rule_clock *rule_clock_new(const struct rule_clock_config *config)
{
    struct rule_clock *clock = MEM_NEW(struct rule_clock);

    clock->policy = config->policy;
    clock->found.links = config->links;
    clock->rounds = rounds_new(&(struct rounds_config){
        .loop = config->loop,
        .store = config->store,
        .topic = TOPIC_RULES,
        .tick_ms = config->tick_ms,
        .room = "rule",
        .failure = "rules could not be applied",
        .read = read,
        .write = write,
        .looked = looked,
        .context = clock,
    });
    return clock;
}

void rule_clock_close(struct rule_clock *clock)
{
    rounds_close(clock->rounds);
}

void rule_clock_free(struct rule_clock *clock)
{
    rounds_free(clock->rounds);
    mem_free(clock);
}
