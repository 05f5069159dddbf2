/* tools.h -- tools.json: which tools an agent has, and for which of them a person is asked first.
 *
 *   {"tools": [{"name": "search", "mcp_server_url": "http://host/mcp", "mcp_server_name": "…",
 *               "display_name": "…"}],
 *    "interrupt_config": {"http://host/mcp::search::…": true, "search": true}}
 *
 * A key of interrupt_config is the server's URL, "::", the tool's name, and maybe more behind
 * another "::"; URLs are compared in lower case and without a trailing slash. A bare tool name is
 * understood too: Deep Agents knows nothing else, so exports carry both (tools_with_bare_keys).
 * Pure. */
#ifndef FLEET_TOOLS_H
#define FLEET_TOOLS_H

#include "base/json.h"

#define TOOLS_MAX 200

struct tool_entry {
    struct str name;
    struct str server_url;
    struct str server_name;  /* STR_NONE: none */
    const struct json *json; /* the whole entry */
};

struct tool_entries {
    struct tool_entry *list; /* in the arena */
    size_t count;
    const struct json *interrupts; /* object or NULL */
};

/* ERR_INVALID with *why in the arena ("tools[2] must have …"). */
enum err tools_parse(struct arena *arena, struct str text, struct tool_entries *tools,
                     struct str *why) MUST_USE;
/* Must a person agree before this tool is called? */
bool tools_asks(const struct tool_entries *tools, const struct tool_entry *tool);
bool tools_url_eq(struct str a, struct str b);
/* The same text (it has been parsed) with a bare key besides for every tool that asks, in the
 * arena; the text itself if nothing is missing. */
struct str tools_with_bare_keys(struct arena *arena, struct str text);

#endif
