/* fetch_priv.h -- the insides of fetch.h: the request on its way (fetch.c), and the way to a
 * connection (fetch_link.c).
 *
 * Whatever may call out to the owner stands between fetch_enter and fetch_leave; a fetch that is
 * cancelled or over meanwhile goes in the last leave. */
#ifndef HTTP_FETCH_PRIV_H
#define HTTP_FETCH_PRIV_H

#include "base/list.h"
#include "http/fetch.h"
#include "http/parser.h"
#include "io/stream.h"

#define FETCH_ADDRESSES_MAX 8

enum fetch_phase { FETCH_CONNECTING, FETCH_TLS, FETCH_HEAD, FETCH_BODY, FETCH_RAW, FETCH_OVER };

struct fetch_link {
    struct list node; /* idle: in client->idle, oldest first */
    struct fetch_client *client;
    struct fetch *fetch; /* NULL: idle */
    struct stream *stream;
    int64_t idle_until_ms;
    bool has_served;
};

struct fetch {
    struct list node; /* in client->fetches */
    struct fetch_client *client;
    struct fetch_request request;
    const struct fetch_events *events;
    void *context;
    struct arena arena;
    struct timer timer;
    struct dns_query *query;
    struct connecting *connecting;
    size_t address_next;
    int64_t connect_until_ms;
    const char *why; /* what the last address said */
    struct fetch_link *link;
    struct head *head;
    struct parser parser;
    struct fetch_head answer;
    uint64_t body_left; /* of body_more; a chunked body's is 1 until its end */
    unsigned depth, interim_count;
    uint8_t phase; /* enum fetch_phase */
    bool has_bytes, may_reuse, is_dead;
};

struct fetch_client {
    struct fetch_client_config config;
    struct list fetches, idle;
    unsigned idle_count;
    struct timer idle_timer;
    struct head_pool heads;
    struct parser_limits parser_limits;
    struct address addresses[FETCH_ADDRESSES_MAX]; /* of its name, */
    size_t address_count;
    int64_t addresses_until_ms; /* for seconds */
};

/* fetch.c */
void fetch_enter(struct fetch *fetch);
void fetch_leave(struct fetch *fetch);
void fetch_finish(struct fetch *fetch, enum fetch_end end, const char *why, bool reusable);
void fetch_send(struct fetch *fetch); /* the link leads to the server */
void fetch_on_read(struct fetch *fetch, struct str bytes);
void fetch_on_drain(struct fetch *fetch);
void fetch_on_end(struct fetch *fetch, enum stream_end end, const char *why);

/* fetch_link.c */
void fetch_connect(struct fetch *fetch, bool fresh);
void fetch_connect_next(struct fetch *fetch);
void fetch_let_go_connecting(struct fetch *fetch);
void fetch_link_keep(struct fetch_link *link);
void fetch_link_close(struct fetch_link *link, bool reset);
void fetch_links_init(struct fetch_client *client);
void fetch_links_release(struct fetch_client *client);

#endif
