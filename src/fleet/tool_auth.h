/* tool_auth.h -- what each tool of an agent needs to be called elsewhere: nothing, API keys in
 * environment variables, or an OAuth token with scopes. Names only, never a value.
 *
 * The first that says so wins: the tool's own entry ("auth", "auth_type"), the workspace's record
 * of its MCP server, a list of well-known tools, none. Pure. */
#ifndef FLEET_TOOL_AUTH_H
#define FLEET_TOOL_AUTH_H

#include "base/json.h"
#include "store/trees.h"

/* What the workspace knows of an MCP server. */
struct server_auth {
    struct str url;
    bool is_oauth;
    struct str provider;     /* of OAuth; STR_NONE: the server's own */
    const struct str *names; /* of secrets its headers need; or scopes */
    size_t count;
};

struct server_auths {
    const struct server_auth *list;
    size_t count;
};

/* The array for the payload, in the arena: one entry for each distinct tool (name and server) of
 * the agent and its sub-agents, in order of appearance. `files` with the contents of every
 * tools.json. */
struct str tool_auth_requirements(struct arena *arena, const struct tree_files *files,
                                  const struct server_auths *servers);

#endif
