/* fetch.h -- requests to the one server that the operator chose; its answers come as a stream.
 *
 *   RESOLVE ──▶ CONNECT ──▶ TLS ──▶ HEAD ──▶ BODY ──▶ over
 *                                    └── 101 ──▶ RAW: bytes both ways, until one side ends
 *
 * The address is the operator's, so it is not vetted; no redirect is followed, no proxy is taken
 * from the environment, no body is decompressed. Headers go out as they are given; Host,
 * Content-Length and Connection are made here.
 *
 * A kept connection may have been closed by the server while the request was on its way, and then
 * nobody knows whether it was read. So only GET, HEAD and what is said to be repeatable go over
 * one, once more over a fresh one if it ends before a byte has come; every other request gets a
 * connection of its own. Nothing is sent twice that does something.
 *
 * A large body comes while it is sent (`body_more`, `is_chunked`): the owner writes when on_drain
 * says so, and looks at the pending bytes. It may be answered before it is whole; it goes on until
 * that answer has ended, and then no further. Such a request always gets a connection of its own.
 *
 * One client per loop; all calls on its thread. */
#ifndef HTTP_FETCH_H
#define HTTP_FETCH_H

#include "http/exchange.h"

struct tls_client;
struct fetch_client;
struct fetch; /* one request under way */

struct fetch_origin {
    bool https;
    struct str host; /* name or literal, as in url.h */
    uint16_t port;
};

struct fetch_client_config {
    struct loop *loop;
    struct fetch_origin origin; /* borrowed */
    struct tls_client *tls;     /* borrowed; NULL: only plain HTTP */
    int64_t connect_ms;         /* for name, TCP and TLS together */
    size_t header_bytes_max;    /* of an answer */
    unsigned idle_max;          /* connections that are kept, */
    int64_t idle_ms;            /* and how long */
};

/* Everything is borrowed until on_end, or until it is cancelled. */
struct fetch_request {
    struct str method;
    struct str target;
    const struct http_header *headers;
    size_t header_count;
    struct str body;
    bool has_body;      /* so that an empty one is said too */
    uint64_t body_more; /* bytes of it that come by fetch_write; or */
    bool is_chunked;    /* any number of them, until fetch_write_end; `body` is empty then */
    bool is_repeatable; /* twice is as good as once; not with a body that comes later */
    bool upgrades;  /* `Connection: Upgrade` is asked for; Upgrade itself is among the headers */
    int64_t all_ms; /* for the whole answer once it is connected; 0: for ever */
};

struct fetch_head {
    int status;
    const struct http_header *headers; /* borrowed until on_end */
    size_t header_count;
    bool has_length;
    uint64_t length;
};

enum fetch_end {
    FETCH_DONE,        /* the whole answer came */
    FETCH_UNREACHABLE, /* nothing was sent: no name, no connection, TLS */
    FETCH_LOST,        /* it was sent; no answer, or none that is HTTP: it may have been read */
    FETCH_CUT          /* the head came, the body ended before its end */
};

/* on_end comes once, last, later. A fetch may be cancelled in any of them. */
struct fetch_events {
    void (*on_head)(void *context, const struct fetch_head *head);
    void (*on_body)(void *context, struct str piece);
    void (*on_end)(void *context, enum fetch_end end, const char *why); /* why: static words */
    /* After fetch_write; of a body that comes later also when its first bytes may. May be NULL. */
    void (*on_drain)(void *context);
    /* The server has said 100, to an Expect among the headers. May be NULL. */
    void (*on_continue)(void *context);
};

struct fetch_client *fetch_client_new(const struct fetch_client_config *config);
void fetch_client_free(struct fetch_client *client); /* cancels, without callbacks */
struct fetch *fetch_start(struct fetch_client *client, const struct fetch_request *request,
                          const struct fetch_events *events, void *context);
void fetch_cancel(struct fetch *fetch); /* resets the connection; no callback */
/* Back-pressure: what has been read already may still come. */
void fetch_pause(struct fetch *fetch);
void fetch_resume(struct fetch *fetch);
/* After a 101, or of the body that was said to come. When there is no connection, nothing. */
void fetch_write(struct fetch *fetch, struct str bytes);
void fetch_write_end(struct fetch *fetch); /* of a chunked body */
size_t fetch_pending_bytes(const struct fetch *fetch);

#endif
