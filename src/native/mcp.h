/* mcp.h -- a client of MCP servers by "streamable HTTP": each message is a POST, and the answer is
 * JSON or a stream of events.
 *
 *   initialize ─▶ notifications/initialized ─▶ tools/list (page by page) ─▶ tools/call …
 *        ▲                                          ▲                          │
 *        └── 404: the session is over, once ────────┼──────────────────────────┤
 *                                                   └── tools/list_changed ────┘
 *
 * A stream that breaks off before the answer is taken up where it was (GET with Last-Event-ID), as
 * far as its events had ids. One question at a time for each server. Main loop only. */
#ifndef NATIVE_MCP_H
#define NATIVE_MCP_H

#include "native/mcp_link.h"
#include "native/mcp_message.h"

struct mcp_server {
    struct mcp_link link; /* where it is, and what lets in */
    struct str text;      /* the URL as it was given */
    struct mcp_tool *tools;
    size_t tool_count;
    bool is_ready;         /* its tools are known */
    unsigned pages;        /* of tools, so far */
    bool is_renewed;       /* this question has had a second session */
    struct str tool, args; /* of the call under way; STR_NONE: opening */
    struct str result;     /* JSON, in the arena; STR_NONE */
    void (*on_reply)(struct mcp_server *server);
    /* why STR_NONE: it went well. */
    void (*on_done)(struct mcp_server *server, struct str why);
    void *context;
};

void mcp_init(struct mcp_server *server, struct loop *loop, struct http_client *client,
              struct arena *arena);
void mcp_release(struct mcp_server *server);
/* Until is_ready; then on_done. Also when its tools have changed: is_ready is false then. */
void mcp_open(struct mcp_server *server, void (*on_done)(struct mcp_server *, struct str why),
              void *context);
/* server->result is then the result of tools/call. */
void mcp_call(struct mcp_server *server, struct str tool, struct str args,
              void (*on_done)(struct mcp_server *, struct str why), void *context);
void mcp_stop(struct mcp_server *server); /* no callback any more */

#endif
