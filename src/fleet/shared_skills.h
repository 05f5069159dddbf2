/* shared_skills.h -- skills that a workspace keeps once, and agents take over: what one transaction
 * does. Straight-line and repeatable.
 *
 * A skill belongs to whoever made it. One of visibility user is there for its owner only, one of
 * visibility workspace is everybody's to read and take; its owner and administrators change it.
 *
 * An agent refers to a skill by its name ({"type": "skill", "repo_handle"}). What it gets is the
 * files as they are at that moment: so a version of an agent holds all that it is made of. */
#ifndef FLEET_SHARED_SKILLS_H
#define FLEET_SHARED_SKILLS_H

#include "fleet/agents.h"
#include "store/fleet_skills.h"

struct shared_skill_edit {
    const struct tree_change *changes; /* each path at most once; below the skill's folder */
    size_t count;
    bool replaces;         /* the tree becomes what is written, the rest goes */
    struct str visibility; /* STR_NONE: as it is */
};

/* `why` of the work is set as of fleet/agents.h. skill->tenant and skill->name are given. */
enum err shared_skill_create(struct agent_work *work, const struct shared_skill_edit *edit,
                             struct fleet_skill *skill) MUST_USE;
/* `skill` is as shared_skill_find gave it, and is brought up to date. */
enum err shared_skill_change(struct agent_work *work, const struct shared_skill_edit *edit,
                             struct fleet_skill *skill) MUST_USE;
enum err shared_skill_remove(struct agent_work *work, const struct fleet_skill *skill) MUST_USE;
/* ERR_NOT_FOUND: there is none, or it is not for their eyes. ERR_DENIED: they may see it, but not
 * change it, and that is `to_change`. */
enum err shared_skill_find(struct agent_work *work, const struct fleet_skill *wanted,
                           bool to_change, struct fleet_skill *skill) MUST_USE;

/* The edit with the files of the skills that it refers to: edit->links. */
enum err shared_skills_take(struct agent_work *work, struct str tenant,
                            const struct agent_edit *edit, struct agent_edit *whole) MUST_USE;

#endif
