/* server_priv.h -- the server's insides: a connection and its state, an exchange, and who does
 * what.
 *
 *               bytes                    head complete                    message complete
 *   IDLE ─────────────────▶ HEAD ─────────────────────────▶ BODY ────────────────────────▶ WAIT
 *    ▲    begin_request()    │        request_read_head()    │      request_complete()      │
 *    │                       │ connection_refuse()           │ replied early                │
 *    │                       ▼                               ▼ connection_next()            │
 *    │                     LINGER ◀───── large rest ─────────┼── small rest ──▶ SKIP        │
 *    │                       │                                                   │          │
 *    │                       ▼ peer's end, or 2 s                                │          │
 *    │                     closed                                                ▼          ▼
 *    └─────────────────────────────────── connection_next(), keep-alive ────────────────────┘
 *
 * Whatever may call out to the owner or close the connection stands between connection_enter and
 * connection_leave; the memory goes in the last leave. In WAIT reading goes on, so that a client
 * that leaves is noticed; what it sends ahead is held, up to a limit, and then reading pauses. */
#ifndef HTTP_SERVER_PRIV_H
#define HTTP_SERVER_PRIV_H

#include <stdatomic.h>

#include "base/list.h"
#include "http/exchange_priv.h"
#include "http/parser.h"
#include "io/stream.h"

#define HELD_BYTES_MAX (64 * KIB) /* sent ahead of its turn; beyond, reading pauses */
#define SKIP_BYTES_MAX                                                                             \
    (64 * KIB) /* rest of a body that is read and dropped to keep the connection */
#define PENDING_BYTES_MAX (256 * KIB) /* unsent replies; beyond, no further request is begun */
#define BODY_IN_ARENA_MAX (64 * KIB)
#define LINGER_MS 2000
#define NEVER_MS INT64_MAX

enum connection_state {
    CONNECTION_IDLE,
    CONNECTION_HEAD,
    CONNECTION_BODY,
    CONNECTION_WAIT,
    CONNECTION_SKIP,
    CONNECTION_UPGRADED, /* http_upgrade: every byte is the owner's, until the exchange ends */
    CONNECTION_LINGER
};

enum deadline_kind {
    DEADLINE_NONE,
    DEADLINE_IDLE,
    DEADLINE_HEAD,
    DEADLINE_BODY,
    DEADLINE_WRITE,
    DEADLINE_LINGER
};

/* While a request is being read: from its first byte to its last. */
struct reading {
    struct parser parser;
    struct connection *connection;
    struct head *head; /* lent by server->heads until it is complete */
};

/* Bytes ahead of their turn, from `at` on. */
struct held {
    struct buf bytes;
    size_t at;
};

/* There are thousands of idle ones: what is needed only now and then is made then. */
struct connection {
    struct list node; /* in server->connections */
    struct http_server *server;
    struct stream *stream;          /* NULL: closed, memory goes in the last leave */
    struct http_exchange *exchange; /* of the current request, until it ends */
    struct reading *reading;        /* NULL: no request is being read */
    struct held *held;              /* NULL: none */
    struct timer timer; /* fires at or before deadline_ms; moving the deadline back costs nothing */
    int64_t deadline_ms;
    uint64_t written_bytes;
    uint64_t sent_mark; /* bytes that had left when the write deadline was set */
    uint64_t body_left; /* UINT64_MAX: unknown */
    unsigned depth;     /* of connection_enter */
    uint8_t state;      /* enum connection_state */
    uint8_t deadline;   /* enum deadline_kind */
    bool is_reading;
    bool body_paused;     /* by the owner */
    bool awaits_continue; /* the client waits for 100 Continue, and has sent nothing of its body */
    bool body_over;       /* a body without announced length has passed its limit */
    bool keep_alive;
    bool at_end; /* the client has sent its last byte */
    bool counted;
};

struct http_server {
    struct http_server_config config;
    struct listener *listener; /* NULL: draining */
    struct list connections;
    struct list exchanges;
    struct list spare_exchanges;
    unsigned spare_count;
    atomic_uint connection_count; /* written on the loop, read for numbers from anywhere */
    unsigned refused_count;       /* connections over the limit that linger over their 503 */
    _Atomic uint64_t request_count;
    struct head_pool heads;
    struct parser_limits parser_limits;
    struct buf scratch; /* the head of the reply being written */
    char date[48];      /* "Date: …\r\n" */
    size_t date_len;
    int64_t date_until_ms;
    struct timer drain_timer;
    bool draining;
    bool drain_forced;
    void (*on_drained)(void *context);
    void *drained_context;
};

/* server.c */
struct str server_date(struct http_server *server);
void server_connection_closed(struct http_server *server);

/* connection.c */
void connection_accept(struct http_server *server, struct stream *stream);
void connection_enter(struct connection *c);
void connection_leave(struct connection *c);
void connection_close(struct connection *c, bool reset);
/* Ends behind the last reply, once it is sent. If the client may still be sending, closing at once
 * would reset the connection and could take the reply away from it: then only our side ends, and
 * the rest is read and dropped. */
void connection_end(struct connection *c, bool more_may_come);
/* The client is gone: closes, and tells the owner of the exchange if `tell`. */
void connection_lose(struct connection *c, bool reset, bool tell);
void connection_write(struct connection *c, const struct str *parts, size_t count);
/* The exchange has ended: on to the next request, or to the end. */
void connection_next(struct connection *c);
/* Nothing will happen here for long: it leaves the loop's timers. */
void connection_rest(struct connection *c);
/* The rest of a body that is still unread is too much to drop: this connection must end. */
bool connection_must_end(const struct connection *c);

#endif
