/* fetch_link.c -- from the server's name to a connection, and connections that are kept. */
#include "base/mem.h"
#include "http/fetch_priv.h"
#include "http/tls.h"

#define ADDRESSES_KEEP_MS 10000

/* ---- what a stream says ---- */

static void on_read(void *context, struct str bytes)
{
    struct fetch_link *link = context;

    if (link->fetch)
        fetch_on_read(link->fetch, bytes);
    else
        fetch_link_close(link, true); /* bytes nobody asked for */
}

static void on_end(void *context, enum stream_end end, const char *why)
{
    struct fetch_link *link = context;

    if (link->fetch)
        fetch_on_end(link->fetch, end, why);
    else
        fetch_link_close(link, false);
}

static void on_drain(void *context)
{
    struct fetch_link *link = context;

    if (link->fetch)
        fetch_on_drain(link->fetch);
}

static const struct stream_events events = {on_read, on_end, on_drain};

/* ---- kept connections ---- */

static void on_idle_timer(struct timer *timer)
{
    struct fetch_client *client = CONTAINER_OF(timer, struct fetch_client, idle_timer);
    int64_t now_ms = loop_mono_ms(client->config.loop);

    while (!list_is_empty(&client->idle)) {
        struct fetch_link *link = LIST_ITEM(client->idle.next, struct fetch_link, node);

        if (link->idle_until_ms > now_ms) {
            timer_start(&client->idle_timer, link->idle_until_ms - now_ms);
            return;
        }
        fetch_link_close(link, false);
    }
}

void fetch_link_close(struct fetch_link *link, bool reset)
{
    if (!link->fetch)
        link->client->idle_count--;
    list_remove(&link->node);
    stream_close(link->stream, reset);
    mem_free(link);
}

void fetch_link_keep(struct fetch_link *link)
{
    struct fetch_client *client = link->client;

    if (client->idle_count >= client->config.idle_max) {
        fetch_link_close(link, false);
        return;
    }
    link->fetch = NULL;
    link->has_served = true;
    link->idle_until_ms = loop_mono_ms(client->config.loop) + client->config.idle_ms;
    list_push(&client->idle, &link->node);
    client->idle_count++;
    stream_start(link->stream); /* its end must be noticed */
    if (!timer_is_running(&client->idle_timer))
        timer_start(&client->idle_timer, client->config.idle_ms);
}

static bool take_kept(struct fetch *fetch)
{
    struct fetch_client *client = fetch->client;

    if (list_is_empty(&client->idle))
        return false;
    fetch->link = LIST_ITEM(client->idle.prev, struct fetch_link, node);
    list_remove(&fetch->link->node);
    client->idle_count--;
    fetch->link->fetch = fetch;
    return true;
}

void fetch_links_init(struct fetch_client *client)
{
    list_init(&client->idle);
    timer_init(&client->idle_timer, client->config.loop, on_idle_timer);
}

void fetch_links_release(struct fetch_client *client)
{
    timer_stop(&client->idle_timer);
    while (!list_is_empty(&client->idle))
        fetch_link_close(LIST_ITEM(client->idle.next, struct fetch_link, node), true);
}

/* ---- a new one ---- */

static void on_tls_ready(void *context, struct stream *stream)
{
    struct fetch_link *link = context;

    (void)stream;
    fetch_send(link->fetch);
}

static void use_stream(struct fetch *fetch, struct stream *stream)
{
    struct fetch_client *client = fetch->client;
    struct fetch_link *link = MEM_NEW(struct fetch_link);

    link->client = client;
    link->fetch = fetch;
    link->stream = stream;
    list_init(&link->node);
    fetch->link = link;
    if (client->config.origin.https) {
        fetch->phase = FETCH_TLS;
        link->stream = tls_client_wrap(client->config.tls, stream, client->config.origin.host, NULL,
                                       on_tls_ready, link);
        timer_start(&fetch->timer, fetch->connect_until_ms - loop_mono_ms(client->config.loop) + 1);
    }
    stream_set_events(link->stream, &events, link);
    stream_start(link->stream);
    if (!client->config.origin.https)
        fetch_send(fetch);
}

static void on_connected(void *context, enum err err, const char *why, struct stream *stream)
{
    struct fetch *fetch = context;

    fetch->connecting = NULL;
    if (err) {
        fetch->why = why;
        fetch_connect_next(fetch);
    } else {
        use_stream(fetch, stream);
    }
}

/* Each address left gets its share of the time. */
void fetch_connect_next(struct fetch *fetch)
{
    struct fetch_client *client = fetch->client;
    int64_t left_ms = fetch->connect_until_ms - loop_mono_ms(client->config.loop);
    size_t left = client->address_count - fetch->address_next;

    if (fetch->address_next >= client->address_count || left_ms <= 0) {
        client->addresses_until_ms = 0;
        fetch_finish(fetch, FETCH_UNREACHABLE, left_ms > 0 ? fetch->why : "connect timed out",
                     false);
        return;
    }
    timer_start(&fetch->timer, left_ms / (int64_t)left + 1);
    fetch->connecting = loop_connect(client->config.loop, client->addresses[fetch->address_next++],
                                     on_connected, fetch);
}

static void addresses_keep(struct fetch_client *client, const struct address *list, size_t count)
{
    client->address_count = count < FETCH_ADDRESSES_MAX ? count : FETCH_ADDRESSES_MAX;
    for (size_t i = 0; i < client->address_count; i++) {
        client->addresses[i] = list[i];
        client->addresses[i].port = client->config.origin.port;
    }
    client->addresses_until_ms = loop_mono_ms(client->config.loop) + ADDRESSES_KEEP_MS;
}

static void on_resolved(void *context, enum err err, const struct address *list, size_t count)
{
    struct fetch *fetch = context;

    fetch->query = NULL;
    if (err || count == 0) {
        fetch_finish(fetch, FETCH_UNREACHABLE, "the name does not resolve", false);
        return;
    }
    addresses_keep(fetch->client, list, count);
    fetch_connect_next(fetch);
}

void fetch_let_go_connecting(struct fetch *fetch)
{
    if (fetch->query)
        dns_query_cancel(fetch->query);
    if (fetch->connecting)
        connecting_cancel(fetch->connecting);
    fetch->query = NULL;
    fetch->connecting = NULL;
}

void fetch_connect(struct fetch *fetch, bool fresh)
{
    struct fetch_client *client = fetch->client;
    struct loop *loop = client->config.loop;
    int64_t now_ms = loop_mono_ms(loop);
    struct address literal;

    if (!fresh && take_kept(fetch)) {
        fetch_send(fetch);
        return;
    }
    fetch->phase = FETCH_CONNECTING;
    fetch->address_next = 0;
    fetch->why = "the name does not resolve";
    fetch->connect_until_ms = now_ms + client->config.connect_ms;
    if (address_parse_ip(client->config.origin.host, &literal) == OK)
        addresses_keep(client, &literal, 1);
    if (now_ms < client->addresses_until_ms) {
        fetch_connect_next(fetch);
        return;
    }
    timer_start(&fetch->timer, client->config.connect_ms);
    fetch->query = loop_resolve(loop, client->config.origin.host, client->config.connect_ms,
                                on_resolved, fetch);
}
