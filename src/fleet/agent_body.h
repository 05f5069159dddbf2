/* agent_body.h -- the bodies of "make an agent" and "change an agent", in their two forms:
 *
 *   {"name", "description", "files": {path: {"content": "…"} | "…" | null}, "deleted_paths": […],
 *    "config": {"configurable": {…}}, "metadata": {"visibility_scope", …}}
 *   {"name", "description", "system_prompt", "model": {"id"}, "tools": {"tools",
 * "interrupt_config"}, "subagents": […], "permissions": {…}, …}
 *
 * A content may be base64 ({"content", "encoding": "base64"}). deleted_paths, and null for a file,
 * take away a file or a folder. Pure. */
#ifndef FLEET_AGENT_BODY_H
#define FLEET_AGENT_BODY_H

#include "base/json.h"
#include "fleet/agents.h"

struct body_text {
    struct str text;         /* valid JSON, an object … */
    const struct json *json; /* … and the same, parsed */
};

/* Texts live in the arena or in the body. ERR_INVALID with *why in the arena. */
enum err agent_body_read(struct arena *arena, const struct body_text *body, struct agent_edit *edit,
                         struct str *why) MUST_USE;
/* Just "files" and "deleted_paths". */
enum err agent_body_files(struct arena *arena, const struct json *body,
                          const struct tree_change **changes, size_t *count,
                          struct str *why) MUST_USE;

/* Members that are kept in the agent's metadata; ends with NULL. */
extern const char *const agent_kept_members[];

#endif
