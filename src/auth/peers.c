/* The addresses that call. */
#include "auth/peers.h"

#include <pthread.h>

#include "base/map.h"
#include "base/mem.h"

struct peers {
    pthread_mutex_t lock;
    struct map by_name; /* payer → struct caller */
    struct caller *others;
    int64_t forgot_us; /* when the quiet ones were last forgotten */
};

#define FORGET_PAUSE_US US_PER_SECOND

struct peers *peers_new(void)
{
    struct peers *peers = MEM_NEW(struct peers);

    pthread_mutex_init(&peers->lock, NULL);
    map_init(&peers->by_name);
    peers->others = caller_new();
    return peers;
}

void peers_free(struct peers *peers)
{
    size_t position = 0;
    struct str name;
    void *caller;

    if (!peers)
        return;
    while (map_next(&peers->by_name, &position, &name, &caller))
        caller_unref(caller);
    map_release(&peers->by_name);
    caller_unref(peers->others);
    pthread_mutex_destroy(&peers->lock);
    mem_free(peers);
}

static struct str name_of(const struct address *address, struct arena *arena)
{
    struct address whom = *address;
    struct address_text text;

    if (whom.family == ADDRESS_IPV6)
        memset(&whom.bytes[8], 0, 8);
    return arena_printf(arena, "p:%.*s", STR_ARG(address_write_ip(&whom, &text)));
}

/* Nothing that is noted about it says more than a new one would. */
static bool is_quiet(struct caller *caller, int64_t now_us)
{
    return atomic_load_explicit(&caller->refs, memory_order_relaxed) == 1 &&
           atomic_load_explicit(&caller->streams, memory_order_relaxed) == 0 &&
           atomic_load_explicit(&caller->full_us, memory_order_relaxed) <= now_us;
}

static void forget_quiet(struct peers *peers, int64_t now_us)
{
    struct map kept;
    size_t position = 0;
    struct str name;
    void *caller;

    map_init(&kept);
    while (map_next(&peers->by_name, &position, &name, &caller)) {
        if (is_quiet(caller, now_us))
            caller_unref(caller);
        else
            map_put(&kept, name, caller);
    }
    map_release(&peers->by_name);
    peers->by_name = kept;
}

static struct caller *find_or_add(struct peers *peers, struct str name, int64_t now_us)
{
    struct caller *caller = map_find(&peers->by_name, name);

    if (caller)
        return caller;
    if (peers->by_name.count >= PEERS_MAX && now_us >= peers->forgot_us + FORGET_PAUSE_US) {
        peers->forgot_us = now_us;
        forget_quiet(peers, now_us);
    }
    if (peers->by_name.count >= PEERS_MAX)
        return peers->others;
    caller = caller_new();
    map_put(&peers->by_name, name, caller);
    return caller;
}

struct caller *peers_get(struct peers *peers, const struct address *address, int64_t now_us,
                         struct arena *arena, struct str *payer)
{
    struct caller *caller;

    *payer = name_of(address, arena);
    pthread_mutex_lock(&peers->lock);
    caller = caller_ref(find_or_add(peers, *payer, now_us));
    pthread_mutex_unlock(&peers->lock);
    return caller;
}
