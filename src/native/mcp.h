/* mcp.h -- a client of MCP servers by "streamable HTTP": each message is a POST, and the answer is
 * JSON or a stream of events.
 *
 *   initialize ─▶ notifications/initialized ─▶ tools/list (page by page) ─▶ tools/call …
 *
 * One question at a time for each server. Main loop only. */
#ifndef NATIVE_MCP_H
#define NATIVE_MCP_H

#include "base/json.h"
#include "format/sse.h"
#include "format/url.h"
#include "native/wire.h"

#define MCP_TOOLS_MAX 500
#define MCP_ANSWER_BYTES_MAX (4 * MIB)

struct mcp_tool {
    struct str name, description, schema;
};

struct mcp_server {
    struct arena *arena;
    struct str text; /* the URL as it was given */
    struct url url;
    const struct http_header *headers;
    size_t header_count;
    struct str session_id; /* STR_NONE: it wants none */
    struct str version;    /* of the protocol, when it has been agreed on */
    struct mcp_tool *tools;
    size_t tool_count;
    bool is_ready; /* its tools are known */

    struct wire wire;
    struct buf body, answer;
    struct sse_reader sse;
    bool is_stream, has_result;
    int64_t id;        /* of the question under way */
    struct str result; /* JSON, in the arena; STR_NONE */
    struct str error;
    void (*on_reply)(struct mcp_server *server);
    /* why STR_NONE: it went well. */
    void (*on_done)(struct mcp_server *server, struct str why);
    void *context;
};

void mcp_init(struct mcp_server *server, struct loop *loop, struct http_client *client,
              struct arena *arena);
void mcp_release(struct mcp_server *server);
/* Until is_ready; then on_done. */
void mcp_open(struct mcp_server *server, void (*on_done)(struct mcp_server *, struct str why),
              void *context);
/* server->result is then the result of tools/call. */
void mcp_call(struct mcp_server *server, struct str tool, struct str args,
              void (*on_done)(struct mcp_server *, struct str why), void *context);
void mcp_stop(struct mcp_server *server); /* no callback any more */

/* The text of a result of tools/call; *is_error: the tool says that it failed. */
struct str mcp_result_text(struct arena *arena, struct str result, bool *is_error);

#endif
