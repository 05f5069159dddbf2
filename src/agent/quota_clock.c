/* Measures what limited workspaces hold. */
#include "agent/quota_clock.h"

#include "base/mem.h"
#include "store/quota.h"
#include "store/rounds.h"

#define TICK_MS 2000
#define PAUSE_MS 10                  /* between two pieces */
#define REST_US (10 * US_PER_SECOND) /* between two walks over one workspace */

static struct metric_names tenants;

struct metric quota_measured_bytes = {
    .name = "runbell_storage_bytes",
    .help = "What a workspace with a limit of storage_bytes holds, as measured last.",
    .type = METRIC_GAUGE,
    .labels = {{"tenant", NULL, &tenants}},
};

struct quota_clock {
    struct quota_walk walk;
    struct arena arenas[2]; /* the walk's texts live in one, those of the next piece in the other */
    unsigned arena_in;
    bool is_walking;
    struct rounds *rounds;
};

/* One piece of a walk, or of the next one's. */
static enum err read(void *context, struct tx *tx, struct arena *arena, struct rounds_found *found)
{
    struct quota_clock *clock = context;
    struct arena *next = &clock->arenas[!clock->arena_in];
    struct quota_walk walk = clock->walk;
    enum err err = OK;

    (void)arena;
    arena_reset(next);
    if (!clock->is_walking) {
        walk = (struct quota_walk){.thread_id = STR(""), .namespace = STR(""), .item_key = STR("")};
        if ((err = quota_wanted(tx, REST_US, next, &walk.tenant)))
            return err == ERR_NOT_FOUND ? OK : err;
    }
    if ((err = quota_walk_step(tx, &walk, next)))
        return err;
    walk.tenant = arena_str(next, walk.tenant);
    walk.thread_id = arena_str(next, walk.thread_id);
    walk.namespace = arena_str(next, walk.namespace);
    walk.item_key = arena_str(next, walk.item_key);
    clock->walk = walk;
    clock->arena_in = !clock->arena_in;
    clock->is_walking = !walk.is_over;
    *found = (struct rounds_found){.parts = walk.is_over, .has_more = true, .pause_ms = PAUSE_MS};
    return OK;
}

static enum err write(void *context, struct tx *tx, size_t part)
{
    const struct quota_clock *clock = context;

    (void)part;
    return quota_measured(tx, clock->walk.tenant, clock->walk.bytes);
}

static void looked(void *context)
{
    const struct quota_clock *clock = context;

    if (clock->walk.is_over)
        metric_set(
            &quota_measured_bytes,
            metric_series(&quota_measured_bytes, metric_name(&tenants, clock->walk.tenant), 0),
            clock->walk.bytes);
}

struct quota_clock *quota_clock_new(struct loop *loop, struct store *store)
{
    struct quota_clock *clock = MEM_NEW(struct quota_clock);

    for (size_t i = 0; i < ARRAY_LEN(clock->arenas); i++)
        arena_init(&clock->arenas[i]);
    clock->rounds = rounds_new(&(struct rounds_config){
        .loop = loop,
        .store = store,
        .topic = TOPIC_HOLDINGS,
        .tick_ms = TICK_MS,
        .room = "agent",
        .failure = "what workspaces hold could not be measured",
        .read = read,
        .write = write,
        .looked = looked,
        .context = clock,
    });
    return clock;
}

void quota_clock_close(struct quota_clock *clock)
{
    rounds_close(clock->rounds);
}

void quota_clock_free(struct quota_clock *clock)
{
    rounds_free(clock->rounds);
    for (size_t i = 0; i < ARRAY_LEN(clock->arenas); i++)
        arena_release(&clock->arenas[i]);
    mem_free(clock);
}
