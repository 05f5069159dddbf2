/* agents.h -- agents as they are made, changed, restored, cloned and removed: what one transaction
 * does. Straight-line and repeatable.
 *
 * An agent belongs to whoever made it. A private one (visibility user) is there for its owner only;
 * of one that the workspace shares everybody may read all, and do what its access says. An
 * administrator may do with every shared one what its owner may.
 *
 * Every change makes a version of the whole tree or none at all: what agent_files_check refuses
 * leaves nothing behind.
 *
 * An agent that others may run is an assistant of the graph "fleet" too, under its own id. */
#ifndef FLEET_AGENTS_H
#define FLEET_AGENTS_H

#include "fleet/settings.h"
#include "store/fleet_agents.h"
#include "store/trees.h"

#define FLEET_GRAPH STR("fleet") /* the graph whose assistants they are */

/* Who asks. */
struct person {
    struct str user_id;
    struct str email; /* STR_NONE: unknown */
    bool is_admin;
};

enum agent_right { AGENT_READ, AGENT_RUN, AGENT_WRITE, AGENT_OWN };

bool agent_allows(const struct fleet_agent *agent, const struct person *person,
                  enum agent_right right);
/* May every run of its workspace use it? */
bool agent_is_runnable(const struct fleet_agent *agent);
/* ERR_NOT_FOUND: there is none, or it is not for their eyes. ERR_DENIED: they may see it, but not
 * this. */
enum err agent_find(struct tx *tx, const struct fleet_agent *wanted, const struct person *person,
                    enum agent_right right, struct arena *arena,
                    struct fleet_agent *agent) MUST_USE;

#define SKILL_LINKS_MAX 50

/* A folder that is to hold a skill of the workspace (shared_skills.h). */
struct skill_link {
    struct str path;   /* "skills/research" */
    struct str handle; /* the skill's name */
};

struct agent_edit {
    const struct tree_change *changes; /* each path at most once */
    size_t count;
    const struct skill_link *links;
    size_t link_count;
    bool replaces;                  /* the tree becomes what is written, the rest goes */
    struct agent_settings settings; /* over what config.json says */
    struct str metadata;            /* JSON object, over the row's; STR_NONE */
    struct str message;
    struct str parent_commit; /* STR_NONE: whatever the newest version is */
};

/* Everything one of the functions below needs and says. `why`, in the arena, is set with
 * ERR_INVALID, ERR_LIMIT, ERR_CONFLICT and ERR_DENIED. */
struct agent_work {
    struct tx *tx;
    struct arena *arena;
    const struct person *person;
    struct str why;
};

/* agent->tenant and agent->agent_id are given; the rest is filled in. */
enum err agent_create(struct agent_work *work, const struct agent_edit *edit,
                      struct fleet_agent *agent) MUST_USE;
/* `agent` is as agent_find gave it, and is brought up to date. ERR_CONFLICT: the newest version is
 * not parent_commit. */
enum err agent_change(struct agent_work *work, const struct agent_edit *edit,
                      struct fleet_agent *agent) MUST_USE;
/* The agent of the name that the edit gives, if the person may write it; else a new one. */
enum err agent_put(struct agent_work *work, const struct agent_edit *edit,
                   struct fleet_agent *agent, bool *is_new) MUST_USE;
/* A new version with the files of an old one. ERR_NOT_FOUND: no such version. */
enum err agent_restore(struct agent_work *work, int64_t version,
                       struct fleet_agent *agent) MUST_USE;
/* A new agent of the person with the files of `source` at `version` (0: the newest); `name`
 * STR_NONE: "Copy of …". */
enum err agent_clone(struct agent_work *work, const struct fleet_agent *source, int64_t version,
                     struct str name, struct fleet_agent *agent) MUST_USE;
enum err agent_remove(struct agent_work *work, const struct fleet_agent *agent) MUST_USE;

#endif
