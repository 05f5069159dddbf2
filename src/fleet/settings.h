/* settings.h -- config.json: an agent's name, description, model, and who may see it.
 *
 * There are three shapes in the world: the flat one of the documented bundle, the nested one of
 * exports ("config": {"configurable": …}), and agent.json of `deepagents deploy` ("model",
 * "permissions"). All are read; what is written has the flat and the nested members together and
 * keeps whatever else stood there. A text that says already what is to be said stays byte for byte,
 * so a bundle that goes from server to server stays the same. Pure. */
#ifndef FLEET_SETTINGS_H
#define FLEET_SETTINGS_H

#include "base/arena.h"

#define AGENT_NAME_BYTES_MAX 200
#define AGENT_DESCRIPTION_BYTES_MAX 4096

enum setting { SETTING_UNSAID = -1, SETTING_NO, SETTING_YES };

/* STR_NONE, SETTING_UNSAID: not said. */
struct agent_settings {
    struct str name;
    struct str description;
    struct str visibility; /* tenant, user */
    struct str access;     /* what others may: read, run, write */
    struct str model_id;   /* "anthropic:claude-…" */
    enum setting triggers_paused;
    enum setting skips_memory_protection;
    struct str metadata;     /* JSON object, over what is there */
    struct str configurable; /* JSON object, over what is there */
};

/* What the text of a config.json (or agent.json) says, texts in the arena. ERR_INVALID with *why in
 * the arena. */
enum err settings_read(struct arena *arena, struct str text, struct agent_settings *settings,
                       struct str *why) MUST_USE;
/* What stands in `over` is taken from there. */
void settings_apply(struct agent_settings *settings, const struct agent_settings *over);
/* A config.json that says all of `settings`, made from `base` (valid, or STR_NONE), in the arena.
 */
struct str settings_write(struct arena *arena, struct str base,
                          const struct agent_settings *settings);

#endif
