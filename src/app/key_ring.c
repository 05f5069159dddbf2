/* Keeps the current set of API keys. */
#include "app/key_ring.h"

#include <pthread.h>

#include "agent/run_create.h"
#include "base/failure_log.h"
#include "base/map.h"
#include "base/mem.h"

#define RELOAD_MS 5000 /* also without a nudge: another node may have changed them */

struct key_ring {
    struct loop *loop;
    struct store *store;
    const struct agent_config *agent;
    void (*on_loaded)(void *context, enum err err, size_t count);
    void *context;
    struct limits limits, next_limits; /* of the load under way; for the next one */
    struct timer reload;
    struct store_work work;
    bool is_loading, is_stale; /* stale: asked again meanwhile */
    bool is_stopped;
    bool had_keys;         /* revoking the last one must not open the door to everybody */
    struct key_set *known; /* the current one, for the work under way */
    struct key_set *fresh; /* made by it */
    size_t fresh_count;
    struct key_refresh *waiting, *served; /* by the next load; by the one under way */
    struct map ready;     /* workspaces that have their assistants; the values say nothing */
    struct map more;      /* those that the work under way gives them */
    pthread_mutex_t lock; /* held for a pointer's reading and a count's rising */
    struct key_set *current;
    struct failure_log failures;
};

/* ---- on the writer's thread ---- */

/* Each once, when it is first seen: a user may change or delete what is there. */
static enum err assistants_give(struct tx *tx, struct key_ring *ring, struct str tenant)
{
    if (map_find(&ring->ready, tenant) || map_find(&ring->more, tenant))
        return OK;
    map_put(&ring->more, tenant, ring);
    return assistants_ensure(tx, ring->agent, tenant);
}

static enum err uses_write(struct tx *tx, const struct key_set *known)
{
    size_t room = key_set_count(known);
    struct api_key_use *uses;

    if (room == 0)
        return OK;
    uses = ARENA_ARRAY(tx->arena, struct api_key_use, room);
    return api_keys_touch(tx, uses, key_set_uses(known, uses, room));
}

static enum err load_apply(struct tx *tx, struct store_work *work)
{
    struct key_ring *ring = CONTAINER_OF(work, struct key_ring, work);
    struct workspaces workspaces = {0};
    struct api_keys keys = {0};
    enum err err = workspace_ensure(tx, TENANT_DEFAULT);

    map_release(&ring->more); /* the work may be a repetition */
    if (err || (err = uses_write(tx, ring->known)) ||
        (err = workspace_list(tx, tx->arena, &workspaces)) ||
        (err = api_key_list(tx, tx->arena, &keys)))
        return err;
    for (size_t i = 0; !err && i < workspaces.count; i++)
        err = assistants_give(tx, ring, workspaces.list[i].tenant);
    if (err)
        return err;
    key_set_unref(ring->fresh);
    ring->had_keys = ring->had_keys || keys.count > 0;
    ring->fresh =
        key_set_new(&(struct key_set_source){.keys = keys.list,
                                             .key_count = keys.count,
                                             .workspaces = workspaces.list,
                                             .workspace_count = workspaces.count,
                                             .limits = ring->limits,
                                             .open = !ring->had_keys &&
                                                     !plugin_is_there(&ring->agent->plugins.auth)},
                    ring->known);
    ring->fresh_count = keys.count;
    return OK;
}

/* ---- on the main loop ---- */

static void refreshes_serve(struct key_refresh **list)
{
    while (*list) {
        struct key_refresh *refresh = *list;

        *list = refresh->next;
        loop_post(refresh->reply_to, &refresh->message);
    }
}

static void tenants_take(struct key_ring *ring)
{
    size_t position = 0;
    struct str tenant;
    void *value;

    while (map_next(&ring->more, &position, &tenant, &value))
        map_put(&ring->ready, tenant, value);
}

static void set_change(struct key_ring *ring)
{
    struct key_set *old;

    pthread_mutex_lock(&ring->lock);
    old = ring->current;
    ring->current = ring->fresh;
    pthread_mutex_unlock(&ring->lock);
    ring->fresh = NULL;
    key_set_unref(old);
    tenants_take(ring);
}

static void load(struct key_ring *ring);

static void load_done(struct store_work *work, enum err err)
{
    struct key_ring *ring = CONTAINER_OF(work, struct key_ring, work);
    void (*on_loaded)(void *context, enum err err, size_t count) = ring->on_loaded;

    ring->is_loading = false;
    key_set_unref(ring->known);
    ring->known = NULL;
    if (!err)
        set_change(ring);
    failure_log_note(&ring->failures, loop_mono_ms(ring->loop), err, LOG_ERROR, "app",
                     "the API keys could not be loaded");
    refreshes_serve(&ring->served);
    ring->on_loaded = NULL;
    if (!ring->is_stopped)
        timer_start(&ring->reload, RELOAD_MS);
    if (on_loaded)
        on_loaded(ring->context, err, ring->fresh_count);
    if (ring->is_stale)
        load(ring);
}

static void load(struct key_ring *ring)
{
    if (ring->is_stopped)
        return;
    ring->is_stale = ring->is_loading;
    if (ring->is_loading)
        return;
    ring->is_loading = true;
    ring->limits = ring->next_limits;
    ring->known = key_ring_get(ring);
    ring->served = ring->waiting;
    ring->waiting = NULL;
    ring->work.apply = load_apply;
    ring->work.done = load_done;
    ring->work.reply_to = ring->loop;
    ring->work.class = STORE_OUTCOME;
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

/* On the reply's loop. */
static void on_refreshed(struct message *message)
{
    struct key_refresh *refresh = CONTAINER_OF(message, struct key_refresh, message);

    refresh->done(refresh);
}

static void on_refresh(struct message *message)
{
    struct key_refresh *refresh = CONTAINER_OF(message, struct key_refresh, message);
    struct key_ring *ring = refresh->context;

    refresh->message.deliver = on_refreshed;
    refresh->next = ring->waiting;
    ring->waiting = refresh;
    load(ring);
    if (ring->is_stopped)
        refreshes_serve(&ring->waiting);
}

void key_ring_refresh(void *context, struct key_refresh *refresh)
{
    struct key_ring *ring = context;

    refresh->context = ring;
    refresh->message.deliver = on_refresh;
    loop_post(ring->loop, &refresh->message);
}

struct key_ring *key_ring_new(struct loop *loop, struct store *store,
                              const struct agent_config *agent, const struct limits *limits,
                              void (*on_loaded)(void *context, enum err err, size_t count),
                              void *context)
{
    struct key_ring *ring = MEM_NEW(struct key_ring);

    ring->loop = loop;
    ring->store = store;
    ring->agent = agent;
    ring->next_limits = *limits;
    ring->on_loaded = on_loaded;
    ring->context = context;
    ring->current = key_set_new(&(struct key_set_source){.open = false}, NULL); /* nobody yet */
    map_init(&ring->ready);
    map_init(&ring->more);
    pthread_mutex_init(&ring->lock, NULL);
    timer_init(&ring->reload, loop, on_reload);
    store_subscribe(store, TOPIC_KEYS, loop, on_keys_nudge, ring);
    load(ring);
    return ring;
}

void key_ring_set_limits(struct key_ring *ring, const struct limits *limits)
{
    ring->next_limits = *limits;
    load(ring);
}

void key_ring_stop(struct key_ring *ring)
{
    ring->is_stopped = true;
    timer_stop(&ring->reload);
    refreshes_serve(&ring->waiting);
}

void key_ring_free(struct key_ring *ring)
{
    timer_stop(&ring->reload);
    key_set_unref(ring->current);
    key_set_unref(ring->known);
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
