/* fleet_agents.h -- the table fleet_agents: who owns an agent and who may see it. Its files are the
 * tree of the same id (trees.h); name and description stand here as its config.json says them, so
 * that lists need not read files. */
#ifndef STORE_FLEET_AGENTS_H
#define STORE_FLEET_AGENTS_H

#include "store/store.h"

struct fleet_agent {
    struct str tenant;
    struct str agent_id;
    struct str name;
    struct str description;
    struct str owner_id;
    struct str owner_email; /* STR_NONE: unknown */
    struct str visibility;  /* user: the owner's alone; tenant: everybody's of the workspace */
    struct str access;      /* what others of the workspace may: read, run, write */
    struct str metadata;    /* JSON object */
    int64_t created_us, updated_us;
    /* Of its newest version; not written. */
    int64_t version;
    struct str commit_hash;
};

enum err fleet_agent_insert(struct tx *tx, const struct fleet_agent *agent) MUST_USE;
/* ERR_NOT_FOUND. */
enum err fleet_agent_get(struct tx *tx, struct str tenant, struct str agent_id, struct arena *arena,
                         struct fleet_agent *agent) MUST_USE;
/* The one of exactly wanted->name (in wanted->tenant) that wanted->owner_id owns, else the first
 * that the workspace shares. ERR_NOT_FOUND. */
enum err fleet_agent_by_name(struct tx *tx, const struct fleet_agent *wanted, struct arena *arena,
                             struct fleet_agent *agent) MUST_USE;
/* All but ids and created_us. ERR_NOT_FOUND. */
enum err fleet_agent_update(struct tx *tx, const struct fleet_agent *agent) MUST_USE;
/* The row alone. ERR_NOT_FOUND. */
enum err fleet_agent_delete(struct tx *tx, struct str tenant, struct str agent_id) MUST_USE;

#define FLEET_AGENTS_LIST_MAX 101

struct fleet_agent_filter {
    struct str tenant;
    struct str user_id; /* whose are listed, and what the workspace shares; STR_NONE: all */
    bool only_own;      /* not what others share */
    bool only_shared;   /* only what the workspace shares, whoever's */
    struct str name;    /* part of the name, any letter case; STR_NONE: any */
    int64_t before_us;  /* those made before; 0: all. Of one instant those with a smaller id */
    struct str before_id;
    int64_t limit; /* ≤ FLEET_AGENTS_LIST_MAX */
};

/* Newest first, in the arena. */
enum err fleet_agent_list(struct tx *tx, const struct fleet_agent_filter *filter,
                          struct arena *arena, struct fleet_agent **found, size_t *count) MUST_USE;

#endif
