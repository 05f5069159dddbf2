/* The set of API keys. */
#include "auth/principal.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "crypto/api_key.h"

struct entry {
    struct api_key_row row;
    enum role role;
    bool opens_all;
    struct caller *caller;
};

struct key_set {
    atomic_uint refs;
    struct arena arena;
    bool open;
    struct map by_hash;    /* hash → struct entry */
    struct map by_id;      /* key id → struct entry */
    struct map workspaces; /* id and UUID → struct str, its id */
};

/* ---- making ---- */

struct str workspace_uuid(struct str tenant, struct uuid_text *text)
{
    struct uuid id;

    if (uuid_parse(tenant, &id))
        id = uuid_v5(uuid_namespace_assistants, tenant);
    return uuid_write(id, text);
}

static void add_workspace(struct key_set *set, struct str tenant)
{
    struct str *id = ARENA_NEW(&set->arena, struct str);
    struct uuid_text text;

    *id = arena_str(&set->arena, tenant);
    map_put(&set->workspaces, workspace_uuid(tenant, &text), id);
    map_put(&set->workspaces, tenant, id);
}

static const struct str *copy_workspaces(struct arena *arena, const struct api_key_row *row)
{
    struct str *list = ARENA_ARRAY(arena, struct str, row->workspace_count);

    for (size_t i = 0; i < row->workspace_count; i++)
        list[i] = arena_str(arena, row->workspaces[i]);
    return list;
}

static void add_key(struct key_set *set, const struct api_key_row *row,
                    const struct key_set *before)
{
    const struct entry *known = before ? map_find(&before->by_id, row->key_id) : NULL;
    struct entry *entry = ARENA_NEW(&set->arena, struct entry);

    if (role_parse(row->role, &entry->role))
        return;
    entry->row = *row;
    entry->row.tenant = arena_str(&set->arena, row->tenant);
    entry->row.key_id = arena_str(&set->arena, row->key_id);
    entry->row.name = arena_str(&set->arena, row->name);
    entry->row.email = arena_str(&set->arena, row->email);
    entry->row.key_hash = arena_str(&set->arena, row->key_hash);
    entry->row.role = str_of(role_name(entry->role));
    entry->row.workspaces = copy_workspaces(&set->arena, row);
    entry->opens_all = api_key_opens_all(row);
    entry->caller = known ? caller_ref(known->caller) : caller_new();
    map_put(&set->by_hash, row->key_hash, entry);
    map_put(&set->by_id, row->key_id, entry);
}

struct key_set *key_set_new(const struct key_set_source *source, const struct key_set *before)
{
    struct key_set *set = MEM_NEW(struct key_set);

    atomic_init(&set->refs, 1);
    set->open = source->open;
    arena_init(&set->arena);
    map_init(&set->by_hash);
    map_init(&set->by_id);
    map_init(&set->workspaces);
    for (size_t i = 0; i < source->workspace_count; i++)
        add_workspace(set, source->workspaces[i].tenant);
    for (size_t i = 0; i < source->key_count; i++)
        add_key(set, &source->keys[i], before);
    return set;
}

struct key_set *key_set_ref(struct key_set *set)
{
    atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
    return set;
}

void key_set_unref(struct key_set *set)
{
    size_t position = 0;
    struct str key;
    void *value;

    if (!set || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) > 1)
        return;
    while (map_next(&set->by_id, &position, &key, &value))
        caller_unref(((struct entry *)value)->caller);
    map_release(&set->by_hash);
    map_release(&set->by_id);
    map_release(&set->workspaces);
    arena_release(&set->arena);
    mem_free(set);
}

size_t key_set_count(const struct key_set *set)
{
    return set->by_hash.count;
}

bool key_set_is_open(const struct key_set *set)
{
    return set->open && set->by_hash.count == 0;
}

/* ---- admitting ---- */

static bool opens(const struct api_key_row *key, struct str tenant)
{
    for (size_t i = 0; i < key->workspace_count; i++)
        if (str_eq(key->workspaces[i], tenant))
            return true;
    return false;
}

/* Where nothing keeps anybody out a workspace that nobody made is not worth an error: clients of
 * another server may still name theirs. */
static enum admission admit_everybody(const struct key_set *set, struct str workspace,
                                      struct principal *principal)
{
    const struct str *named =
        str_is_empty(workspace) ? NULL : map_find(&set->workspaces, workspace);

    *principal = (struct principal){
        .tenant = named ? *named : TENANT_DEFAULT, .role = ROLE_ADMIN, .opens_all = true};
    return ADMITTED;
}

/* The same answer whether a workspace is another's or does not exist. */
static enum admission workspace_find(const struct key_set *set, const struct entry *entry,
                                     struct str workspace, struct str *tenant)
{
    const struct str *named;

    if (str_is_empty(workspace)) {
        *tenant = entry->row.tenant;
        return entry->opens_all || entry->row.workspace_count == 1 ? ADMITTED
                                                                   : ADMISSION_NO_WORKSPACE;
    }
    named = map_find(&set->workspaces, workspace);
    if (!named || !(entry->opens_all || opens(&entry->row, *named)))
        return ADMISSION_WRONG_WORKSPACE;
    *tenant = *named;
    return ADMITTED;
}

enum admission key_set_admit(const struct key_set *set, struct str key, struct str workspace,
                             int64_t now_us, struct principal *principal)
{
    const struct entry *entry;
    struct sha256_text hash;
    enum admission admission;

    if (key_set_is_open(set))
        return admit_everybody(set, workspace, principal);
    if (str_is_empty(key))
        return ADMISSION_NO_KEY;
    /* Found by its hash: how long that takes says nothing about the key. */
    entry = map_find(&set->by_hash, api_key_hash(key, &hash));
    if (!entry)
        return ADMISSION_UNKNOWN_KEY;
    if (entry->row.expires_us && entry->row.expires_us <= now_us)
        return ADMISSION_EXPIRED_KEY;
    *principal = (struct principal){
        .key_id = entry->row.key_id,
        .role = entry->role,
        .opens_all = entry->opens_all,
        .key = &entry->row,
        .caller = entry->caller,
    };
    admission = workspace_find(set, entry, workspace, &principal->tenant);
    if (admission == ADMITTED)
        atomic_store_explicit(&entry->caller->used_us, now_us, memory_order_relaxed);
    return admission;
}

size_t key_set_uses(const struct key_set *set, struct api_key_use *uses, size_t room)
{
    size_t position = 0, count = 0;
    struct str key_id;
    void *value;

    while (count < room && map_next(&set->by_id, &position, &key_id, &value)) {
        const struct entry *entry = value;
        int64_t used_us = atomic_load_explicit(&entry->caller->used_us, memory_order_relaxed);

        if (used_us >= entry->row.used_us + KEY_USED_GRAIN_US)
            uses[count++] = (struct api_key_use){entry->row.key_id, used_us};
    }
    return count;
}
