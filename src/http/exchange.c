/* exchange.c -- the life of an exchange, and what its owner may ask of it. */
#include "base/mem.h"
#include "http/server_priv.h"

#define SPARE_EXCHANGES_MAX 64

struct http_exchange *exchange_new(struct connection *c)
{
    struct http_server *server = c->server;
    struct list *spare = list_pop(&server->spare_exchanges);
    struct http_exchange *exchange;

    if (spare) {
        exchange = LIST_ITEM(spare, struct http_exchange, node);
        server->spare_count--;
    } else {
        exchange = MEM_NEW(struct http_exchange);
        arena_init(&exchange->arena);
    }
    exchange->server = server;
    exchange->connection = c;
    exchange->loop = server->config.loop;
    exchange->incoming = ARENA_NEW(&exchange->arena, struct incoming);
    stream_peer(c->stream, &exchange->incoming->request.peer);
    list_push(&server->exchanges, &exchange->node);
    return exchange;
}

static void incoming_release(struct http_exchange *exchange)
{
    if (exchange->incoming)
        buf_release(&exchange->incoming->body);
    exchange->incoming = NULL;
}

void exchange_free(struct http_exchange *exchange)
{
    struct http_server *server = exchange->server;
    struct arena arena = exchange->arena;

    if (exchange->at_end)
        exchange->at_end(exchange->at_end_context);
    list_remove(&exchange->node);
    incoming_release(exchange);
    if (!server || server->spare_count >= SPARE_EXCHANGES_MAX) {
        arena_release(&exchange->arena);
        mem_free(exchange);
        return;
    }
    arena_reset(&arena);
    *exchange = (struct http_exchange){.arena = arena};
    list_push_front(&server->spare_exchanges, &exchange->node);
    server->spare_count++;
}

const struct http_request *http_exchange_request(const struct http_exchange *exchange)
{
    static const struct http_request shed = {.method = HTTP_OTHER};

    return exchange->incoming ? &exchange->incoming->request : &shed;
}

struct arena *http_exchange_arena(struct http_exchange *exchange)
{
    return &exchange->arena;
}

struct loop *http_exchange_loop(struct http_exchange *exchange)
{
    return exchange->loop;
}

bool http_exchange_is_gone(const struct http_exchange *exchange)
{
    return exchange->gone;
}

void http_exchange_set_data(struct http_exchange *exchange, void *data)
{
    exchange->data = data;
}

void *http_exchange_data(const struct http_exchange *exchange)
{
    return exchange->data;
}

void http_exchange_on_gone(struct http_exchange *exchange,
                           void (*on_gone)(struct http_exchange *exchange))
{
    exchange->on_gone = on_gone;
}

void http_exchange_on_drain(struct http_exchange *exchange,
                            void (*on_drain)(struct http_exchange *exchange))
{
    exchange->on_drain = on_drain;
}

void http_exchange_at_end(struct http_exchange *exchange, void (*at_end)(void *context),
                          void *context)
{
    REQUIRE(!exchange->at_end);
    exchange->at_end = at_end;
    exchange->at_end_context = context;
}

void http_exchange_cut(struct http_exchange *exchange)
{
    struct connection *c = exchange->connection;

    if (!c)
        return;
    connection_enter(c);
    connection_lose(c, true, true);
    connection_leave(c);
}

void http_exchange_shed(struct http_exchange *exchange)
{
    REQUIRE(!exchange->connection || exchange->connection->state == CONNECTION_WAIT ||
            exchange->connection->state == CONNECTION_UPGRADED);
    incoming_release(exchange);
    arena_release(&exchange->arena);
    if (exchange->connection)
        connection_rest(exchange->connection);
}

struct str http_header_find(const struct http_header *headers, size_t count, const char *name)
{
    struct str wanted = str_of(name);

    for (size_t i = 0; i < count; i++)
        if (headers[i].name.len == wanted.len && str_eq_nocase(headers[i].name, wanted))
            return headers[i].value;
    return STR_NONE;
}

static void set_body_paused(struct http_exchange *exchange, bool paused)
{
    struct connection *c = exchange->connection;

    if (!c || (c->state != CONNECTION_BODY && c->state != CONNECTION_UPGRADED))
        return;
    connection_enter(c);
    c->body_paused = paused;
    connection_leave(c);
}

void http_body_pause(struct http_exchange *exchange)
{
    set_body_paused(exchange, true);
}

void http_body_resume(struct http_exchange *exchange)
{
    set_body_paused(exchange, false);
}

uint64_t http_body_length(const struct http_exchange *exchange)
{
    return exchange->incoming ? exchange->incoming->body_length : 0;
}

void http_body_take(struct http_exchange *exchange,
                    void (*on_body)(struct http_exchange *exchange, struct str piece),
                    void (*on_whole)(struct http_exchange *exchange))
{
    REQUIRE(exchange->is_started && !exchange->on_whole);
    exchange->on_body = on_body;
    exchange->on_whole = on_whole;
    if (exchange->is_whole)
        on_whole(exchange);
    else
        http_body_resume(exchange);
}

bool http_awaits_continue(const struct http_exchange *exchange)
{
    const struct connection *c = exchange->connection;

    return c && c->state == CONNECTION_BODY && c->awaits_continue;
}

void http_continue(struct http_exchange *exchange)
{
    struct connection *c = exchange->connection;

    if (!http_awaits_continue(exchange) || exchange->begun)
        return;
    connection_enter(c);
    c->awaits_continue = false;
    c->body_left = exchange->incoming->body_length;
    connection_write(c, &STR("HTTP/1.1 100 Continue\r\n\r\n"), 1);
    connection_leave(c);
}
