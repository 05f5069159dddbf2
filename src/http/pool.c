/* pool.c -- links: connections that are used by a send, or wait for the next one to the same place.
 */
#include "base/mem.h"
#include "http/client_priv.h"
#include "http/http_metrics.h"

/* ---- what a stream says ---- */

static void on_read(void *context, struct str bytes)
{
    struct link *link = context;

    if (link->send)
        send_on_read(link->send, bytes);
    else
        link_close(link, true); /* bytes nobody asked for: whatever they are, not an answer */
}

static void on_end(void *context, enum stream_end end, const char *why)
{
    struct link *link = context;

    if (link->send)
        send_on_end(link->send, end, why);
    else
        link_close(link, false);
}

static void on_drain(void *context)
{
    struct link *link = context;

    if (link->send)
        send_on_drain(link->send);
}

static const struct stream_events events = {on_read, on_end, on_drain};

/* ---- links ---- */

struct link *link_new(struct http_send *send, struct stream *stream, const struct address *address)
{
    struct http_client *client = send->client;
    struct str key = send->link_key;
    struct link *link = mem_alloc_zero(sizeof(*link) + key.len);

    link->client = client;
    link->send = send;
    link->stream = stream;
    link->address = *address;
    if (key.len) {
        memcpy(link->key_bytes, key.data, key.len);
        link->key = str_range(link->key_bytes, key.len);
    }
    list_init(&link->bucket);
    list_push(&client->busy, &link->node);
    client->stats.connections_opened++;
    metric_add(&http_conn_open, 0, 1);
    client->stats.connections_busy++;
    stream_set_events(stream, &events, link);
    return link;
}

static void forget(struct link *link)
{
    struct http_client *client = link->client;

    list_remove(&link->node);
    list_remove(&link->bucket);
    if (link->send)
        client->stats.connections_busy--;
    else
        client->stats.connections_idle--;
}

void link_close(struct link *link, bool reset)
{
    forget(link);
    stream_close(link->stream, reset);
    mem_free(link);
}

/* ---- the pool ---- */

static struct list *bucket_of(struct http_client *client, const struct address *address)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < sizeof(address->bytes); i++)
        hash = (hash ^ address->bytes[i]) * 16777619U;
    hash = (hash ^ address->port) * 16777619U;
    return &client->buckets[(hash ^ hash >> 16) % POOL_BUCKETS];
}

struct link *pool_take(struct http_client *client, const struct address *address, struct str key)
{
    struct list *bucket = bucket_of(client, address);

    for (struct list *node = bucket->next; node != bucket; node = node->next) {
        struct link *link = LIST_ITEM(node, struct link, bucket);

        if (!address_eq(&link->address, address) || !str_eq_nocase(link->key, key))
            continue;
        list_remove(&link->bucket);
        list_remove(&link->node);
        list_push(&client->busy, &link->node);
        client->stats.connections_idle--;
        client->stats.connections_busy++;
        client->stats.connections_reused++;
        metric_add(&http_conn_reused, 0, 1);
        return link;
    }
    return NULL;
}

static struct link *oldest_idle(struct http_client *client)
{
    return LIST_ITEM(client->idle.next, struct link, node);
}

void pool_put(struct link *link)
{
    struct http_client *client = link->client;
    unsigned max = client->config.idle_connections_max;

    if (max == 0) {
        link_close(link, false);
        return;
    }
    if (client->stats.connections_idle >= max)
        link_close(oldest_idle(client), false);
    list_remove(&link->node);
    list_push(&client->idle, &link->node);
    list_push_front(bucket_of(client, &link->address), &link->bucket);
    link->send = NULL;
    link->has_served = true;
    link->idle_until_ms = loop_mono_ms(client->config.loop) + client->config.idle_ms;
    client->stats.connections_busy--;
    client->stats.connections_idle++;
    if (!timer_is_running(&client->idle_timer))
        timer_start(&client->idle_timer, client->config.idle_ms);
}

static void on_idle_timer(struct timer *timer)
{
    struct http_client *client = CONTAINER_OF(timer, struct http_client, idle_timer);
    int64_t now_ms = loop_mono_ms(client->config.loop);

    while (!list_is_empty(&client->idle)) {
        struct link *oldest = oldest_idle(client);

        if (oldest->idle_until_ms > now_ms) {
            timer_start(&client->idle_timer, oldest->idle_until_ms - now_ms);
            return;
        }
        link_close(oldest, false);
    }
}

void pool_init(struct http_client *client)
{
    list_init(&client->busy);
    list_init(&client->idle);
    for (size_t i = 0; i < POOL_BUCKETS; i++)
        list_init(&client->buckets[i]);
    timer_init(&client->idle_timer, client->config.loop, on_idle_timer);
}

void pool_release(struct http_client *client)
{
    timer_stop(&client->idle_timer);
    while (!list_is_empty(&client->idle))
        link_close(oldest_idle(client), false);
}
