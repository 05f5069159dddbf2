/* wire.h -- one HTTP request of a run: to a model or to an MCP server, its body read piece by
 * piece.
 *
 * on_end runs exactly once, in a later turn than wire_start and than any piece; by then the wire is
 * at rest and may be started again. Main loop only. */
#ifndef NATIVE_WIRE_H
#define NATIVE_WIRE_H

#include "http/client.h"
#include "io/loop.h"

struct wire_end {
    enum http_outcome outcome;
    int status;             /* HTTP_ANSWERED; else 0 */
    bool is_whole;          /* the body ended where it should, or the reader had enough */
    const char *why;        /* words for people */
    const char *rule;       /* of the egress policy that denied; else NULL */
    struct str body;        /* excerpt of what is not 2xx; borrowed */
    int64_t retry_after_ms; /* -1: not said */
};

struct wire_events {
    /* A piece of the body of a 2xx. True: that was all that is needed, the rest is not read. */
    bool (*on_piece)(void *context, const struct http_result *so_far, struct str piece);
    void (*on_end)(void *context, const struct wire_end *end);
};

struct wire {
    struct loop *loop;
    struct http_client *client;
    const struct wire_events *events;
    void *context;
    struct http_send *send; /* NULL: at rest */
    struct timer enough;
    int status;
};

void wire_init(struct wire *wire, struct loop *loop, struct http_client *client);
/* What `request` borrows stays until on_end. */
void wire_start(struct wire *wire, const struct http_client_request *request,
                const struct wire_events *events, void *context);
/* No callback any more. */
void wire_stop(struct wire *wire);
bool wire_is_busy(const struct wire *wire);

#endif
