/* websocket.h -- WebSocket (RFC 6455) for clients that ask for it on a route of ours.
 *
 *   websocket_accept ──▶ on_message … ──▶ on_close (once: the client closed, left, or broke the
 * rules) websocket_close: we say goodbye, the client's answer is waited for
 *
 * Pings are answered here, and sent in every silence: a client that does not answer two of them is
 * gone. No extension (compression) is agreed on. Everything happens on the exchange's loop. */
#ifndef HTTP_WEBSOCKET_H
#define HTTP_WEBSOCKET_H

#include "format/websocket.h"
#include "http/server.h"

struct websocket;

struct websocket_events {
    /* A whole text message; borrowed until it returns. */
    void (*on_message)(void *context, struct str text);
    /* The same of a binary one. NULL: those are refused (1003). */
    void (*on_binary)(void *context, struct str bytes);
    void (*on_drain)(void *context); /* what had to wait has gone out */
    /* Once, also after websocket_close. The websocket is gone then. */
    void (*on_close)(void *context, int code);
};

struct websocket_config {
    size_t message_bytes_max; /* of the client; beyond: closed with 1009 */
    int64_t ping_ms;
    const struct websocket_events *events;
    void *context;
    const struct http_header *headers; /* of the answer besides; borrowed */
    size_t header_count;
};

/* Does the request ask for a WebSocket? */
bool websocket_is_asked(const struct http_request *request);
/* Why it cannot be had (static text for a reply with 400 or, if the version is at fault, 426);
 * NULL: it can. */
const char *websocket_refusal(const struct http_request *request, int *status);
/* After websocket_refusal gave NULL. The exchange is the websocket's from now on. */
struct websocket *websocket_accept(struct http_exchange *exchange,
                                   const struct websocket_config *config);
void websocket_send(struct websocket *ws, struct str text);
void websocket_send_binary(struct websocket *ws, struct str bytes);
/* Nothing is read meanwhile, so nobody is missed either. */
void websocket_pause(struct websocket *ws);
void websocket_resume(struct websocket *ws);
size_t websocket_pending_bytes(const struct websocket *ws);
/* on_close follows; no message comes any more. */
void websocket_close(struct websocket *ws, int code, struct str reason);
/* At once and without on_close. */
void websocket_free(struct websocket *ws);

#endif
