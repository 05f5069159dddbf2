/* client_priv.h -- the client's insides: a send on its way, and the links (connections) it may use.
 *
 *   RESOLVE ──▶ CONNECT ──▶ TLS ──▶ WAIT ──▶ BODY ──▶ done          begin, obtain: connect.c
 *                  └ TUNNEL ┘  by a proxy: tunnel.c
 *      │  vetted │ one address     request   │ a whole              write, read:   response.c
 *      │         │ after another   is out    │ head came            finish:        client.c
 *      └─────────┴── a link of the pool ─────┘
 *
 * A send fails in exactly one place, send_finish, which gives up everything before it tells the
 * owner. Between a write and the first byte of the response, a reused link that ends is taken for
 * stale: the send goes back to CONNECT, once, with a fresh connection. The receiver may then see
 * the request twice; deliveries are at-least-once anyway and carry an id. Who must not see it twice
 * asks for HTTP_REUSE_ONCE or HTTP_FRESH. */
#ifndef HTTP_CLIENT_PRIV_H
#define HTTP_CLIENT_PRIV_H

#include "base/list.h"
#include "base/map.h"
#include "http/client.h"
#include "http/parser.h"
#include "http/tls.h"
#include "io/stream.h"

#define ADDRESSES_TRIED_MAX 8 /* of a vetted answer */
#define INTERIM_MAX 8
#define POOL_BUCKETS 256
#define RATE_CHECK_MS 1000
#define NAME_KEEP_MS 10000

enum send_phase {
    SEND_FAILED_EARLY, /* told to the owner in a later turn */
    SEND_TOKEN,
    SEND_RESOLVE,
    SEND_CONNECT,
    SEND_TUNNEL,
    SEND_TLS,
    SEND_WAIT,
    SEND_BODY
};

struct link {
    struct list node;   /* idle: in client->idle, oldest first; busy: in client->busy */
    struct list bucket; /* idle: in client->buckets */
    struct http_client *client;
    struct http_send *send; /* NULL: idle */
    struct stream *stream;
    struct address address;
    int64_t idle_until_ms;
    struct str key; /* what it may be used for (send_link_key); the bytes stand behind the struct */
    bool has_served;
    char key_bytes[];
};

struct http_send {
    struct list node; /* in client->sends or client->spares */
    struct http_client *client;
    struct http_client_request request;
    void (*on_done)(void *context, const struct http_result *result);
    void *context;
    struct http_result result; /* grows on the way */
    struct timer timer;        /* fires at or before deadline_ms */
    int64_t deadline_ms;
    int64_t total_until_ms, first_byte_until_ms, connect_until_ms;
    int64_t start_us, phase_us; /* when it began; when the phase began */
    struct dns_query *query;
    struct connecting *connecting;
    struct address addresses[ADDRESSES_TRIED_MAX]; /* vetted */
    size_t address_count, address_next;
    struct str link_key; /* which links it may use */
    struct list waiter;  /* for a token */
    struct str bearer;   /* STR_NONE: none (yet) */
    bool has_fresh_token;
    struct link *link;
    struct head *head;
    struct parser parser;
    struct arena arena;
    struct buf body;
    size_t body_seen;
    int64_t body_start_ms;
    unsigned interim_count;
    uint8_t phase;  /* enum send_phase */
    bool has_bytes; /* of the response */
    bool may_reuse; /* by what its head says */
};

struct name_entry {
    int64_t until_ms;
    size_t count;
    struct address addresses[];
};

struct http_client {
    struct http_client_config config;
    struct list sends;
    struct list spares;
    struct list busy;
    struct list idle;
    struct list buckets[POOL_BUCKETS];
    struct timer idle_timer;
    struct map names;  /* host → struct name_entry */
    struct map tokens; /* key → struct oauth_token */
    struct head_pool heads;
    struct parser_limits parser_limits;
    struct buf scratch; /* the head of the request being written */
    unsigned spare_count;
    struct http_client_stats stats;
};

/* client.c */
void send_set_deadline(struct http_send *send, int64_t until_ms); /* total_until_ms holds too */
/* Ends the send, tells the owner and frees it. The link is kept for reuse if `reusable`. */
void send_finish(struct http_send *send, enum http_outcome outcome, const char *why, bool reusable);
/* Inside http_client_send: the owner is told in a later turn. */
void send_fail_later(struct http_send *send, enum http_outcome outcome, const char *why);

/* connect.c */
void send_begin(struct http_send *send);
void send_connect_next(struct http_send *send);
void send_on_timeout_connecting(struct http_send *send);
/* The link leads to the receiver: TLS if it is wanted, then the request. */
void send_use_link(struct http_send *send);

/* names.c: answers are kept for seconds; each use of one is vetted anew */
const struct name_entry *names_find(struct http_client *client, struct str host);
void names_keep(struct http_client *client, struct str host, const struct address *addresses,
                size_t count);
void names_drop(struct http_client *client, struct str host);
void names_release(struct http_client *client);

/* pool.c */
struct link *link_new(struct http_send *send, struct stream *stream, const struct address *address);
/* The most recently used idle link to this address for this key, now busy; or NULL. */
struct link *pool_take(struct http_client *client, const struct address *address, struct str key);
void pool_put(struct link *link);
void link_close(struct link *link, bool reset);
void pool_init(struct http_client *client);
void pool_release(struct http_client *client);

/* response.c */
void send_on_read(struct http_send *send, struct str bytes);
void send_on_end(struct http_send *send, enum stream_end end, const char *why);
void send_on_drain(struct http_send *send);
void send_on_body(struct parser *parser, struct str piece);

/* outgoing.c */
bool outgoing_is_valid(const struct http_client_request *request);
void send_write_request(struct http_send *send);

#endif
