/* agent_files.h -- the files that make an agent, and what must hold of them.
 *
 *   AGENTS.md                    the system prompt; must be there
 *   config.json                  settings.h
 *   tools.json                   tools.h
 *   skills/<name>/SKILL.md …     skill.h
 *   subagents/<name>/AGENTS.md   must be there; may begin with frontmatter: description, model_id
 *   subagents/<name>/tools.json, subagents/<name>/skills/…
 *   memories/…                   what the agent itself writes
 *
 * Anything else is carried along. Pure. */
#ifndef FLEET_AGENT_FILES_H
#define FLEET_AGENT_FILES_H

#include "format/zip.h"
#include "store/trees.h"

#define AGENT_JSON_BYTES_MAX (256 * KIB) /* of config.json and tools.json */

#define PROMPT_PATH STR("AGENTS.md")
#define SETTINGS_PATH STR("config.json")
#define TOOLS_PATH STR("tools.json")

/* All of a tree, by path; a content of STR_NONE was checked before. ERR_INVALID or ERR_LIMIT with
 * *why in the arena: "skills/x/SKILL.md must have …". */
enum err agent_files_check(struct arena *arena, const struct tree_files *files,
                           struct str *why) MUST_USE;

/* What the tree would be after the changes, in the arena: contents only where they change. */
struct tree_files agent_files_after(struct arena *arena, const struct tree_files *files,
                                    const struct tree_change *changes, size_t count);

/* The limits of an archive that is taken in. */
extern const struct zip_limits agent_zip_limits;

#endif
