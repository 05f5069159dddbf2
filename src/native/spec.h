/* spec.h -- an agent as a run needs it: read from its files once, when the run begins.
 *
 * The first agent is the main one; then its sub-agents, and "general-purpose", which is the main
 * one once more with a conversation of its own. */
#ifndef NATIVE_SPEC_H
#define NATIVE_SPEC_H

#include "fleet/agents.h"
#include "fleet/tools.h"
#include "native/files.h"
#include "native/mcp.h"
#include "native/model_call.h"
#include "store/secrets.h"

#define SPEC_AGENTS_MAX 50
#define SPEC_SERVERS_MAX 20

struct agent_spec {
    struct str name, description;
    struct str prompt;   /* all of it, with its skills */
    struct str model_id; /* "anthropic:claude-…" */
    struct str script;   /* what demo:script says; STR_NONE: nothing */
    struct tool_entries tools;
    struct files skills; /* /skills/… */
};

struct server_spec {
    struct str url;
    struct http_header *headers;
    size_t header_count;
    const struct http_oauth *oauth; /* NULL: no tokens */
};

struct spec {
    struct arena *arena;
    struct fleet_agent row;
    struct agent_spec *agents;
    size_t count;
    struct files memories;
    bool protects_memory;
    struct secrets secrets;                       /* of the workspace, with values */
    struct server_spec servers[SPEC_SERVERS_MAX]; /* of all their tools */
    size_t server_count;
};

/* ERR_INVALID with *why in the arena: it cannot run. */
enum err spec_load(struct tx *tx, struct str tenant, struct str agent_id, struct arena *arena,
                   struct spec *spec, struct str *why) MUST_USE;
/* Nothing but what lets in to this MCP server: servers[0]. As spec_load. */
enum err spec_server_load(struct tx *tx, struct str tenant, struct str url, struct arena *arena,
                          struct spec *spec, struct str *why) MUST_USE;
void spec_release(struct spec *spec); /* wipes the secrets */
/* ERR_INVALID with *why. */
enum err spec_model(const struct spec *spec, const struct agent_spec *agent,
                    struct model_target *target, struct str *why) MUST_USE;
const struct agent_spec *spec_find(const struct spec *spec, struct str name);
/* `server`, which is mcp_init's, is to be that one. ERR_INVALID with *why: the URL is none. */
enum err spec_server_aim(const struct server_spec *from, struct mcp_server *server,
                         struct str *why) MUST_USE;
/* Its index, or the count: there is none. */
size_t spec_server(const struct spec *spec, struct str url);

#endif
