/* The set of API keys. */
#include "auth/principal.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "crypto/api_key.h"

#define ENDED_US 1 /* an instant that is past */

struct entry {
    struct api_key_row row;
    enum role role;
    bool opens_all;
    struct purse purse;
};

struct place {
    struct str tenant;
    struct purse purse;
};

struct key_set {
    atomic_uint refs;
    struct arena arena;
    struct limits limits;
    bool open;
    struct map by_hash; /* hash → struct entry */
    struct map by_id;   /* key id → struct entry */
    struct map places;  /* id of a workspace → struct place */
    struct map by_uuid; /* its UUID → the same */
};

/* ---- making ---- */

/* Links that were handed out hold what is made of this one: it never changes. */
static const struct uuid workspaces = {{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4,
                                        0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}};

struct str workspace_uuid(struct str tenant, struct uuid_text *text)
{
    struct uuid id;

    if (uuid_parse(tenant, &id))
        id = uuid_v5(workspaces, tenant);
    return uuid_write(id, text);
}

/* Limits that cannot be read are those of a newer program: nothing is taken from them. */
static struct limits own_limits(struct arena *arena, struct str text)
{
    struct limits limits;
    struct str why;

    return limits_parse(arena, text, &limits, &why) ? limits_none : limits;
}

static void add_workspace(struct key_set *set, const struct workspace *workspace,
                          const struct key_set *before)
{
    const struct place *known = before ? map_find(&before->places, workspace->tenant) : NULL;
    struct place *place = ARENA_NEW(&set->arena, struct place);
    struct limits own = own_limits(&set->arena, workspace->limits);
    struct uuid_text text;

    place->tenant = arena_str(&set->arena, workspace->tenant);
    place->purse = (struct purse){
        .limits = limits_over(&limits_none, &own),
        .caller = known ? caller_ref(known->purse.caller) : caller_new(),
        .payer = arena_printf(&set->arena, "w:%.*s", STR_ARG(workspace->tenant)),
        .is_workspace = true,
    };
    map_put(&set->places, workspace->tenant, place);
    map_put(&set->by_uuid, workspace_uuid(workspace->tenant, &text), place);
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
    struct limits own;

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
    own = own_limits(&set->arena, row->limits);
    entry->row.limits = limits_text(&set->arena, &own);
    entry->purse = (struct purse){
        .limits = limits_over(&set->limits, &own),
        .caller = known ? caller_ref(known->purse.caller) : caller_new(),
        .payer = arena_printf(&set->arena, "k:%.*s", STR_ARG(row->key_id)),
    };
    atomic_store_explicit(&entry->purse.caller->ends_us, row->expires_us, memory_order_relaxed);
    map_put(&set->by_hash, row->key_hash, entry);
    map_put(&set->by_id, row->key_id, entry);
}

/* What they have open ends. */
static void end_lost(const struct key_set *set, const struct key_set *before)
{
    size_t position = 0;
    struct str key_id;
    void *value;

    while (map_next(&before->by_id, &position, &key_id, &value)) {
        const struct entry *entry = value;

        if (!map_find(&set->by_id, key_id))
            atomic_store_explicit(&entry->purse.caller->ends_us, ENDED_US, memory_order_relaxed);
    }
}

struct key_set *key_set_new(const struct key_set_source *source, const struct key_set *before)
{
    struct key_set *set = MEM_NEW(struct key_set);

    atomic_init(&set->refs, 1);
    set->open = source->open;
    set->limits = source->limits;
    arena_init(&set->arena);
    map_init(&set->by_hash);
    map_init(&set->by_id);
    map_init(&set->places);
    map_init(&set->by_uuid);
    for (size_t i = 0; i < source->workspace_count; i++)
        add_workspace(set, &source->workspaces[i], before);
    for (size_t i = 0; i < source->key_count; i++)
        add_key(set, &source->keys[i], before);
    if (before)
        end_lost(set, before);
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
        caller_unref(((struct entry *)value)->purse.caller);
    position = 0;
    while (map_next(&set->places, &position, &key, &value))
        caller_unref(((struct place *)value)->purse.caller);
    map_release(&set->by_hash);
    map_release(&set->by_id);
    map_release(&set->places);
    map_release(&set->by_uuid);
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

const struct limits *key_set_limits(const struct key_set *set)
{
    return &set->limits;
}

/* ---- admitting ---- */

static const struct place *place_find(const struct key_set *set, struct str named)
{
    const struct place *place = map_find(&set->places, named);
    struct uuid_text text;
    struct uuid id;

    if (place || uuid_parse_loose(named, &id))
        return place;
    return map_find(&set->by_uuid, uuid_write(id, &text));
}

const struct purse *key_set_workspace(const struct key_set *set, struct str tenant)
{
    const struct place *place = map_find(&set->places, tenant);

    return place && !limits_say_nothing(&place->purse.limits) ? &place->purse : NULL;
}

static void place_take(const struct key_set *set, const struct place *place,
                       struct principal *principal)
{
    principal->tenant = place ? place->tenant : TENANT_DEFAULT;
    principal->workspace_purse = place ? key_set_workspace(set, place->tenant) : NULL;
}

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
    const struct place *place = str_is_empty(workspace) ? NULL : place_find(set, workspace);

    *principal = (struct principal){.role = ROLE_ADMIN, .opens_all = true};
    place_take(set, place ? place : place_find(set, TENANT_DEFAULT), principal);
    return ADMITTED;
}

/* The same answer whether a workspace is another's or does not exist. */
static enum admission workspace_choose(const struct key_set *set, const struct entry *entry,
                                       struct str workspace, struct principal *principal)
{
    const struct place *place =
        place_find(set, str_is_empty(workspace) ? entry->row.tenant : workspace);

    if (str_is_empty(workspace) && !entry->opens_all && entry->row.workspace_count > 1)
        return ADMISSION_NO_WORKSPACE;
    if (!place || !(entry->opens_all || opens(&entry->row, place->tenant)))
        return ADMISSION_WRONG_WORKSPACE;
    place_take(set, place, principal);
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
        .purse = &entry->purse,
    };
    admission = workspace_choose(set, entry, workspace, principal);
    if (admission == ADMITTED)
        atomic_store_explicit(&entry->purse.caller->used_us, now_us, memory_order_relaxed);
    return admission;
}

size_t key_set_uses(const struct key_set *set, struct api_key_use *uses, size_t room)
{
    size_t position = 0, count = 0;
    struct str key_id;
    void *value;

    while (count < room && map_next(&set->by_id, &position, &key_id, &value)) {
        const struct entry *entry = value;
        int64_t used_us = atomic_load_explicit(&entry->purse.caller->used_us, memory_order_relaxed);

        if (used_us >= entry->row.used_us + KEY_USED_GRAIN_US)
            uses[count++] = (struct api_key_use){entry->row.key_id, used_us};
    }
    return count;
}
