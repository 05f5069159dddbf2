/* protocol_priv.h -- what the files of the event streaming protocol share: protocol.c (commands),
 * protocol_stream.c (SSE), protocol_socket.c (WebSocket). */
#ifndef API_PROTOCOL_PRIV_H
#define API_PROTOCOL_PRIV_H

#include "agent/protocol_command.h"
#include "agent/protocol_feed.h"
#include "api/call_priv.h"
#include "base/list.h"

#define PROTOCOL_PENDING_MAX (256 * KIB) /* unsent bytes beyond which no more is pulled */
#define PROTOCOL_REPLY_MAX (256 * MIB)

/* The open streams and sockets of one net loop. */
struct protocol_streams {
    struct thread_follows *follows; /* NULL: none was opened yet */
    struct list streams, sockets;
};

/* A feed for the call's thread; its sink is `events` with `context`. */
struct protocol_feed *protocol_feed_for(struct call *call, bool waits_for_thread,
                                        const struct protocol_feed_events *events, void *context);

extern const struct route *const protocol_command_route;
/* What the auth handlers said of the call: it lives as long as the call. */
void protocol_caller_admit(struct protocol_caller *caller, const struct call *call);

enum err protocol_stream_prepare(struct call *call);
void protocol_stream_break(struct list *node);
enum err protocol_socket_prepare(struct call *call);
void protocol_socket_break(struct list *node);

#endif
