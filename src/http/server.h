/* server.h -- HTTP/1.1 for clients: one server per loop, many connections, one exchange each.
 *
 * An exchange is one request and its reply. It lives until the owner has ended it exactly once, by
 * http_reply or http_end; if the client leaves before, on_gone says so (once) and the exchange
 * still must be ended (the bytes go nowhere). So a call may be parked on another thread without a
 * race: only the loop's thread touches the exchange.
 *
 * Requests of one connection are served one after the other (pipelining is accepted, answered in
 * order). Buffers are borrowed only while in use: an idle connection costs a few hundred bytes. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http/exchange.h"

#define HTTP_HEADERS_MAX 100

struct http_limits {
    size_t header_bytes_max;   /* request line and headers; beyond: 431 (414 for the line) */
    size_t body_bytes_max;     /* default of http_plan.body_bytes_max; beyond: 413 */
    unsigned connections_max;  /* per server; beyond: accepted, answered 503, closed */
    int64_t header_timeout_ms; /* from the first byte of a request to the end of its head: 408 */
    int64_t body_timeout_ms;   /* between two pieces of a body: 408 */
    int64_t idle_timeout_ms;   /* keep-alive without a request: closed */
    int64_t write_timeout_ms;  /* a reply of which nothing can be sent for so long: reset */
};

/* 32 KiB, 64 MiB, 20,000, 10 s, 30 s, 75 s, 60 s */
extern const struct http_limits http_limits_default;

/* What to do with the body, decided when the head is complete. */
struct http_plan {
    size_t body_bytes_max; /* 0: the limit of the server */
    /* NULL: the body is buffered and on_request gets it whole. Otherwise each piece (borrowed)
     * comes here, then on_request runs with an empty body. http_body_pause/resume give
     * back-pressure. */
    void (*on_body)(struct http_exchange *exchange, struct str piece);
    /* The owner takes the exchange up at its head: this is called at once, neither on_request nor
     * on_abort later. The body stays unread until http_body_take. When the client leaves, or its
     * body breaks a limit or the rules (which the server answers), on_gone says so. */
    void (*on_start)(struct http_exchange *exchange);
};

struct http_handler {
    /* Head complete. Fill *plan (zeroed) or end the exchange now (e.g. 404: then false is returned
     * and nothing more is called). May be NULL. */
    bool (*on_head)(void *context, struct http_exchange *exchange, struct http_plan *plan);
    /* Request complete. Must end the exchange now or later. */
    void (*on_request)(void *context, struct http_exchange *exchange);
    /* The body broke a limit or the client left in the middle of a streamed body: give up what
     * on_body collected. The exchange is ended by the server. May be NULL. */
    void (*on_abort)(void *context, struct http_exchange *exchange);
    void *context;
};

struct http_server_config {
    struct loop *loop;
    struct listen_socket *socket; /* borrowed */
    struct http_limits limits;
    struct http_handler handler;
    struct tls_server *tls; /* NULL: plain (tls.h); borrowed */
};

struct http_server;
struct http_server *http_server_new(const struct http_server_config *config);
/* On the loop's thread: from now on. header_bytes_max stays as it was, as buffers have that size.
 */
void http_server_set_limits(struct http_server *server, const struct http_limits *limits);
/* Stops accepting, closes idle connections, answers what is under way with `Connection: close`, and
 * calls on_drained when no connection is left or the deadline has passed (the rest is reset). */
void http_server_drain(struct http_server *server, int64_t deadline_ms,
                       void (*on_drained)(void *context), void *context);
/* On the loop's thread, or after the loop has ended. Resets what is open, without on_gone;
 * exchanges that are parked stay valid until their owner ends them. */
void http_server_free(struct http_server *server);
struct http_server_stats { /* any thread may ask */
    unsigned connections;
    uint64_t requests;
};
struct http_server_stats http_server_stats(const struct http_server *server);

#endif
