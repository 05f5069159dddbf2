/* mcp_link.h -- one message to an MCP server and what comes back: a POST, its answer as JSON or as
 * a stream of events, and the stream taken up again when it breaks off. Main loop only. */
#ifndef NATIVE_MCP_LINK_H
#define NATIVE_MCP_LINK_H

#include "format/sse.h"
#include "format/url.h"
#include "native/wire.h"

struct mcp_link;

/* How a message ended. `result` and `error` live in the arena. */
struct mcp_reply {
    struct str result;    /* JSON; STR_NONE: none, or none was asked for */
    struct str error;     /* words; STR_NONE: it went well */
    bool is_session_over; /* 404 for a session that there was */
};

struct mcp_link {
    struct arena *arena;
    struct loop *loop;
    struct url url;
    const struct http_header *headers;
    size_t header_count;
    const struct http_oauth *oauth; /* NULL: no tokens */
    struct str session_id;          /* STR_NONE: none, or it wants none */
    struct str version;             /* of the protocol, when it has been agreed on */
    bool tools_changed;             /* it has said so; the reader forgets it */

    struct wire wire;
    struct timer again;
    struct buf body, answer;
    struct sse_reader sse;
    bool is_stream, has_reply;
    unsigned resumptions;
    struct str last_event_id; /* STR_NONE: events had none */
    int64_t id;               /* of the question under way; 0: a notification */
    struct mcp_reply reply;
    void (*on_reply)(struct mcp_link *link, const struct mcp_reply *reply);
};

void mcp_link_init(struct mcp_link *link, struct loop *loop, struct http_client *client,
                   struct arena *arena);
void mcp_link_release(struct mcp_link *link);
/* `params` is a JSON object or STR_NONE; a notification has no id and no answer. on_reply follows,
 * in a later turn. */
void mcp_link_ask(struct mcp_link *link, const char *method, struct str params, bool has_id);
void mcp_link_stop(struct mcp_link *link); /* no callback any more */

#endif
