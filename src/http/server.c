/* server.c -- the server as a whole: accepting, draining, what the connections share. */
#include "http/server.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/time.h"
#include "http/server_priv.h"

#define SCRATCH_BYTES_MAX (256 * KIB)
#define REFUSED_MAX 256 /* connections that get a 503; beyond, they are reset */

const struct http_limits http_limits_default = {
    .header_bytes_max = 32 * KIB,
    .body_bytes_max = 64 * MIB,
    .connections_max = 20000,
    .header_timeout_ms = 10 * MS_PER_SECOND,
    .body_timeout_ms = 30 * MS_PER_SECOND,
    .idle_timeout_ms = 75 * MS_PER_SECOND,
    .write_timeout_ms = 60 * MS_PER_SECOND,
};

static void on_accept(void *context, struct stream *stream)
{
    struct http_server *server = context;
    bool is_full = server->connection_count >= server->config.limits.connections_max;

    if (is_full && (server->config.tls || server->refused_count >= REFUSED_MAX))
        stream_close(stream, true);
    else
        connection_accept(server, stream);
}

/* ---- draining ---- */

static void lose_all(struct http_server *server, bool tell)
{
    while (!list_is_empty(&server->connections)) {
        struct connection *c = LIST_ITEM(server->connections.next, struct connection, node);

        connection_enter(c);
        connection_lose(c, true, tell);
        connection_leave(c);
    }
}

static void on_drain_timer(struct timer *timer)
{
    struct http_server *server = CONTAINER_OF(timer, struct http_server, drain_timer);
    void (*on_drained)(void *context) = server->on_drained;

    server->drain_forced = true;
    lose_all(server, true);
    timer_stop(&server->drain_timer);
    server->on_drained = NULL;
    if (on_drained)
        on_drained(server->drained_context); /* which may free the server */
}

void server_connection_closed(struct http_server *server)
{
    bool is_last = server->connection_count == 0 && server->refused_count == 0;

    if (server->draining && is_last && !server->drain_forced)
        timer_start(&server->drain_timer, 0);
}

static void close_idle(struct http_server *server)
{
    struct list *next;

    for (struct list *node = server->connections.next; node != &server->connections; node = next) {
        struct connection *c = LIST_ITEM(node, struct connection, node);

        next = node->next;
        if (c->state != CONNECTION_IDLE)
            continue;
        connection_enter(c);
        connection_end(c, false);
        connection_leave(c);
    }
}

void http_server_set_limits(struct http_server *server, const struct http_limits *limits)
{
    size_t header_bytes_max = server->config.limits.header_bytes_max;

    server->config.limits = *limits;
    server->config.limits.header_bytes_max = header_bytes_max;
}

void http_server_drain(struct http_server *server, int64_t deadline_ms,
                       void (*on_drained)(void *context), void *context)
{
    REQUIRE(!server->draining);
    server->draining = true;
    server->on_drained = on_drained;
    server->drained_context = context;
    listener_close(server->listener);
    server->listener = NULL;
    timer_start(&server->drain_timer, deadline_ms);
    close_idle(server);
    server_connection_closed(server);
}

/* ---- the whole ---- */

struct http_server *http_server_new(const struct http_server_config *config)
{
    struct http_server *server = MEM_NEW(struct http_server);

    server->config = *config;
    server->parser_limits = (struct parser_limits){
        .head_bytes_max = config->limits.header_bytes_max,
        .chunk_excess_max = config->limits.header_bytes_max,
    };
    server->heads.text_bytes_max = config->limits.header_bytes_max;
    server->date_until_ms = INT64_MIN;
    list_init(&server->connections);
    list_init(&server->exchanges);
    list_init(&server->spare_exchanges);
    buf_init(&server->scratch, SCRATCH_BYTES_MAX);
    timer_init(&server->drain_timer, config->loop, on_drain_timer);
    if (config->socket) {
        struct listener_config listener = {config->socket, on_accept, server};

        server->listener = loop_listen(config->loop, &listener);
    }
    return server;
}

/* What an owner still holds stays valid until it ends it; the server only forgets it. */
static void forget_exchanges(struct http_server *server)
{
    struct list *node;

    while ((node = list_pop(&server->exchanges)))
        LIST_ITEM(node, struct http_exchange, node)->server = NULL;
    while ((node = list_pop(&server->spare_exchanges))) {
        struct http_exchange *exchange = LIST_ITEM(node, struct http_exchange, node);

        exchange->server = NULL;
        exchange_free(exchange);
    }
}

void http_server_free(struct http_server *server)
{
    if (server->listener)
        listener_close(server->listener);
    server->draining = server->drain_forced = true;
    lose_all(server, false);
    timer_stop(&server->drain_timer);
    forget_exchanges(server);
    head_pool_release(&server->heads);
    buf_release(&server->scratch);
    mem_free(server);
}

struct http_server_stats http_server_stats(const struct http_server *server)
{
    return (struct http_server_stats){server->connection_count, server->request_count};
}

struct str server_date(struct http_server *server)
{
    struct loop *loop = server->config.loop;
    struct time_text text;

    if (loop_mono_ms(loop) >= server->date_until_ms) {
        int64_t wall_us = loop_wall_us(loop);
        struct str date = time_write_http(wall_us, &text);
        int len = snprintf(server->date, sizeof(server->date), "Date: %.*s\r\n", STR_ARG(date));

        REQUIRE(len > 0 && (size_t)len < sizeof(server->date));
        server->date_len = (size_t)len;
        int64_t rest_ms = (US_PER_SECOND - wall_us % US_PER_SECOND) / US_PER_MS;
        server->date_until_ms = loop_mono_ms(loop) + rest_ms;
    }
    return str_range(server->date, server->date_len);
}
