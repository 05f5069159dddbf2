/* fleet_skills.h -- the table fleet_skills: skills that a workspace keeps once for all its agents.
 *
 * A skill's name is its handle: unique in the workspace, and what agents refer to it by. Its files
 * are a tree of their own (trees.h, fleet_skill_tree); the description stands here as its SKILL.md
 * says it, so that lists need not read files. */
#ifndef STORE_FLEET_SKILLS_H
#define STORE_FLEET_SKILLS_H

#include "store/fleet_webhooks.h"
#include "store/trees.h"

struct fleet_skill {
    struct str tenant;
    struct str name;
    struct str description;
    struct str owner_id;
    struct str owner_email; /* STR_NONE: unknown */
    struct str visibility;  /* workspace: everybody's; user: the owner's alone */
    int64_t created_us, updated_us;
    /* Of its newest version; not written. */
    int64_t version;
    struct str commit_hash;
};

/* The tree of its files; in the arena. */
struct tree_key fleet_skill_tree(struct arena *arena, struct str tenant, struct str name);

enum err fleet_skill_insert(struct tx *tx, const struct fleet_skill *skill) MUST_USE;
/* ERR_NOT_FOUND; so below. */
enum err fleet_skill_get(struct tx *tx, struct str tenant, struct str name, struct arena *arena,
                         struct fleet_skill *skill) MUST_USE;
/* Description, visibility, updated_us. */
enum err fleet_skill_update(struct tx *tx, const struct fleet_skill *skill) MUST_USE;
/* The row alone. */
enum err fleet_skill_delete(struct tx *tx, struct str tenant, struct str name) MUST_USE;

struct fleet_skills {
    struct fleet_skill *list; /* in the arena given */
    size_t count;
};

/* Newest first: the workspace's, and those of this owner; owner_id STR_NONE: all. */
enum err fleet_skill_list(struct tx *tx, struct str tenant, struct str owner_id,
                          const struct fleet_place *place, struct arena *arena,
                          struct fleet_skills *found) MUST_USE;

#endif
