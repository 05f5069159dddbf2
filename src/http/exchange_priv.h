/* exchange_priv.h -- an exchange from the inside, and the files that take it from head to reply. */
#ifndef HTTP_EXCHANGE_PRIV_H
#define HTTP_EXCHANGE_PRIV_H

#include "base/list.h"
#include "http/server.h"

struct connection;
struct parser;

/* What an exchange holds of its request, in its arena: gone once it is shed. */
struct incoming {
    struct http_request request;
    struct buf body;
    uint64_t body_length; /* HTTP_LENGTH_UNKNOWN: chunks */
    size_t body_bytes_max;
    size_t body_seen;
    char *arena_body; /* where a short body of known length goes; else NULL, and `body` takes it */
};

/* There are thousands of idle ones that stream: small. */
struct http_exchange {
    struct list node;              /* in server->exchanges or server->spare_exchanges */
    struct http_server *server;    /* NULL once it is freed */
    struct connection *connection; /* NULL once it is lost */
    struct loop *loop;
    struct incoming *incoming; /* NULL: shed */
    struct arena arena;
    void (*on_body)(struct http_exchange *exchange, struct str piece);
    void (*on_whole)(struct http_exchange *exchange);
    void (*on_gone)(struct http_exchange *exchange);
    void (*on_drain)(struct http_exchange *exchange);
    void (*at_end)(void *context);
    void *at_end_context;
    void *data;
    uint64_t reply_left; /* of a sized reply */
    bool is_known;       /* on_head has been called */
    bool is_head;        /* the method is HEAD */
    bool is_started;     /* http_plan.on_start has been called: it is its owner's */
    bool is_whole;       /* … and all of its body has come */
    bool is_sized;       /* the reply's length has been said */
    bool is_http_1_0;
    bool begun;      /* the head of a streamed reply is out */
    bool is_chunked; /* … in chunks */
    bool is_bare;    /* … without a body: HEAD, 204, 304 */
    bool gone;
};

/* request.c */
void request_read_head(struct connection *c);
void request_on_body(struct parser *parser, struct str piece);
void request_complete(struct connection *c);
void request_abort(struct connection *c);

/* exchange.c */
struct http_exchange *exchange_new(struct connection *c);
void exchange_free(struct http_exchange *exchange);

/* reply.c */
/* An answer of the server's own, `{"detail": …}` (static text without quotes); the connection ends
 * behind it. A 503 says Retry-After, without which some clients drop what they have. */
void connection_refuse(struct connection *c, int status, const char *detail);

/* status.c */
struct str http_status_line(int status); /* "HTTP/1.1 200 OK\r\n"; STR_NONE for a rare one */

#endif
