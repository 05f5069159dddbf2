/* mcp_message.h -- what MCP servers say, as JSON-RPC: replies, notices, lists of tools, results of
 * calls. Everything in it is the server's choice, so everything has a limit. Pure. */
#ifndef NATIVE_MCP_MESSAGE_H
#define NATIVE_MCP_MESSAGE_H

#include "base/json.h"

#define MCP_TOOLS_MAX 500
#define MCP_ANSWER_BYTES_MAX (4 * MIB)

struct mcp_message {
    bool is_reply;      /* to the question: one of the next two is there */
    struct str result;  /* JSON, in the arena; STR_NONE */
    struct str error;   /* words, in the arena; STR_NONE */
    bool tools_changed; /* a notice that its tools are others now */
};

/* One message; `id` is that of the question. What is no JSON is a reply with an error. */
struct mcp_message mcp_message_read(struct arena *arena, struct str text, int64_t id);

struct mcp_tool {
    struct str name, description, schema;
    struct str text; /* all that the server says of it: a JSON object */
};

/* The tools of one page (the result of tools/list) behind those there are, at most MCP_TOOLS_MAX of
 * them; what is no tool is left out. The cursor of the next page; STR_NONE: it is the last. */
struct str mcp_tools_read(struct arena *arena, struct str result, struct mcp_tool *tools,
                          size_t *count);

/* The version of the result of initialize, if it is one that is spoken here; else STR_NONE with
 * *why. */
struct str mcp_version_read(struct arena *arena, struct str result, struct str *why);
/* The newest one. */
struct str mcp_version_newest(void);

/* The text of a result of tools/call; *is_error: the tool says that it failed. */
struct str mcp_result_text(struct arena *arena, struct str result, bool *is_error);

#endif
