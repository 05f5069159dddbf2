/* Keeps the current set of API keys. */
#include "app/key_ring.h"

#include <pthread.h>

#include "agent/run_create.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"

#define RELOAD_MS 10000 /* also without a nudge: another node may have changed them */

struct key_ring {
    struct loop *loop;
    struct store *store;
    const struct agent_config *agent;
    void (*on_loaded)(void *context, enum err err, size_t count);
    void *context;
    struct timer reload;
    struct store_work work;
    bool is_loading;
    bool is_stopped;
    bool had_keys;         /* revoking the last one must not open the door to everybody */
    struct key_set *fresh; /* made by the work under way */
    size_t fresh_count;
    struct map ready;     /* tenants that have their assistants; the values say nothing */
    struct map more;      /* those that the work under way gives them */
    pthread_mutex_t lock; /* held for a pointer's reading and a count's rising */
    struct key_set *current;
};

/* Each tenant once, at its first key: a user may change or delete what is there. */
static enum err tenant_ensure(struct tx *tx, struct key_ring *ring, struct str tenant)
{
    if (map_find(&ring->ready, tenant) || map_find(&ring->more, tenant))
        return OK;
    map_put(&ring->more, tenant, ring);
    return assistants_ensure(tx, ring->agent, tenant);
}

static enum err load_apply(struct tx *tx, struct store_work *work)
{
    struct key_ring *ring = CONTAINER_OF(work, struct key_ring, work);
    struct api_key_row *rows;
    size_t count;
    enum err err = api_key_list(tx, tx->arena, &rows, &count);

    map_release(&ring->more); /* the work may be a repetition */
    if (!err)
        err = tenant_ensure(tx, ring, TENANT_DEFAULT);
    for (size_t i = 0; !err && i < count; i++)
        err = tenant_ensure(tx, ring, rows[i].tenant);
    if (err)
        return err;
    key_set_unref(ring->fresh);
    ring->had_keys = ring->had_keys || count > 0;
    ring->fresh = key_set_new(rows, count, !ring->had_keys);
    ring->fresh_count = count;
    return OK;
}

static void tenants_take(struct key_ring *ring)
{
    size_t position = 0;
    struct str tenant;
    void *value;

    while (map_next(&ring->more, &position, &tenant, &value))
        map_put(&ring->ready, tenant, value);
}

static void load_done(struct store_work *work, enum err err)
{
    struct key_ring *ring = CONTAINER_OF(work, struct key_ring, work);
    void (*on_loaded)(void *context, enum err err, size_t count) = ring->on_loaded;
    struct key_set *old = NULL;

    ring->is_loading = false;
    if (!err) {
        pthread_mutex_lock(&ring->lock);
        old = ring->current;
        ring->current = ring->fresh;
        pthread_mutex_unlock(&ring->lock);
        ring->fresh = NULL;
        key_set_unref(old);
        tenants_take(ring);
    } else {
        log_error("app", "the API keys could not be loaded: %s", err_name(err));
    }
    ring->on_loaded = NULL;
    if (!ring->is_stopped)
        timer_start(&ring->reload, RELOAD_MS);
    if (on_loaded)
        on_loaded(ring->context, err, ring->fresh_count);
}

static void load(struct key_ring *ring)
{
    if (ring->is_loading || ring->is_stopped)
        return;
    ring->is_loading = true;
    ring->work.apply = load_apply;
    ring->work.done = load_done;
    ring->work.reply_to = ring->loop;
    ring->work.class = STORE_BULK;
    store_write(ring->store, &ring->work);
}

static void on_reload(struct timer *timer)
{
    load(CONTAINER_OF(timer, struct key_ring, reload));
}

static void on_keys_nudge(void *context, struct str key)
{
    (void)key;
    load(context);
}

struct key_ring *key_ring_new(struct loop *loop, struct store *store,
                              const struct agent_config *agent,
                              void (*on_loaded)(void *context, enum err err, size_t count),
                              void *context)
{
    struct key_ring *ring = MEM_NEW(struct key_ring);

    ring->loop = loop;
    ring->store = store;
    ring->agent = agent;
    ring->on_loaded = on_loaded;
    ring->context = context;
    ring->current = key_set_new(NULL, 0, false); /* nobody, until the keys are known */
    map_init(&ring->ready);
    map_init(&ring->more);
    pthread_mutex_init(&ring->lock, NULL);
    timer_init(&ring->reload, loop, on_reload);
    store_subscribe(store, TOPIC_KEYS, loop, on_keys_nudge, ring);
    load(ring);
    return ring;
}

void key_ring_stop(struct key_ring *ring)
{
    ring->is_stopped = true;
    timer_stop(&ring->reload);
}

void key_ring_free(struct key_ring *ring)
{
    timer_stop(&ring->reload);
    key_set_unref(ring->current);
    key_set_unref(ring->fresh);
    map_release(&ring->ready);
    map_release(&ring->more);
    pthread_mutex_destroy(&ring->lock);
    mem_free(ring);
}

struct key_set *key_ring_get(void *context)
{
    struct key_ring *ring = context;
    struct key_set *set;

    pthread_mutex_lock(&ring->lock);
    set = key_set_ref(ring->current);
    pthread_mutex_unlock(&ring->lock);
    return set;
}
