/* The set of API keys. */
#include "auth/principal.h"

#include <stdatomic.h>

#include "base/map.h"
#include "base/mem.h"
#include "crypto/api_key.h"

struct key_set {
    atomic_uint refs;
    struct arena arena;
    bool open;
    struct map by_hash; /* hash → struct api_key_row */
};

struct key_set *key_set_new(const struct api_key_row *rows, size_t count, bool open)
{
    struct key_set *set = MEM_NEW(struct key_set);

    atomic_init(&set->refs, 1);
    set->open = open;
    arena_init(&set->arena);
    map_init(&set->by_hash);
    for (size_t i = 0; i < count; i++) {
        struct api_key_row *row = ARENA_NEW(&set->arena, struct api_key_row);

        row->tenant = arena_str(&set->arena, rows[i].tenant);
        row->key_id = arena_str(&set->arena, rows[i].key_id);
        map_put(&set->by_hash, rows[i].key_hash, row);
    }
    return set;
}

struct key_set *key_set_ref(struct key_set *set)
{
    atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
    return set;
}

void key_set_unref(struct key_set *set)
{
    if (!set || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) > 1)
        return;
    map_release(&set->by_hash);
    arena_release(&set->arena);
    mem_free(set);
}

size_t key_set_count(const struct key_set *set)
{
    return set->by_hash.count;
}

enum err key_set_admit(const struct key_set *set, struct str key, struct principal *principal)
{
    const struct api_key_row *row;
    struct sha256_text hash;

    if (set->by_hash.count == 0 && set->open) {
        *principal = (struct principal){.tenant = TENANT_DEFAULT};
        return OK;
    }
    if (str_is_empty(key))
        return ERR_DENIED;
    /* Found by its hash: how long that takes says nothing about the key. */
    row = map_find(&set->by_hash, api_key_hash(key, &hash));
    if (!row)
        return ERR_DENIED;
    *principal = (struct principal){.tenant = row->tenant, .key_id = row->key_id};
    return OK;
}
