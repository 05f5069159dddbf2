/* sim_ask.c -- what a loop asks of the simulated network and waits for: connections and names. */
#include "base/mem.h"
#include "io/sim_net_priv.h"

#define CONNECT_US 300
#define LOOKUP_US 2000

struct sim_connecting {
    struct connecting base;
    struct sim_loop *loop;
    struct list in_loop;
    struct address to;
    struct sim_event event;
    connected_fn *on_connected;
    void *context;
};

struct sim_query {
    struct dns_query base;
    struct sim_loop *loop;
    struct list in_loop;
    struct sim_event event;
    resolved_fn *on_done;
    void *context;
    enum err err;
    size_t count;
    struct address addresses[DNS_ADDRESSES_MAX];
};

struct sim_name {
    struct list in_sim;
    struct str host;
    size_t count;
    struct address addresses[DNS_ADDRESSES_MAX];
};

/* ---- connecting ---- */

static void connecting_free(struct sim_connecting *connecting)
{
    list_remove(&connecting->in_loop);
    sim_event_remove(connecting->loop->sim, &connecting->event);
    sim_release(connecting);
}

static void on_connect(struct sim_event *event)
{
    struct sim_connecting connecting = *CONTAINER_OF(event, struct sim_connecting, event);
    struct sim *sim = connecting.loop->sim;
    struct stream *stream = NULL;

    connecting_free(CONTAINER_OF(event, struct sim_connecting, event));
    if (!sim_chance(sim, sim->faults.connect_refused) &&
        sim_socket_connect(sim, &connecting.to, connecting.loop, &stream))
        connecting.on_connected(connecting.context, OK, NULL, stream);
    else
        connecting.on_connected(connecting.context, ERR_IO, "connection refused", NULL);
}

struct connecting *sim_connect(struct loop *base, const struct address *to,
                               connected_fn *on_connected, void *context)
{
    struct sim_loop *loop = sim_loop_of(base);
    struct sim *sim = loop->sim;
    struct sim_connecting *connecting = sim_alloc(sim, sizeof(*connecting));
    int64_t delay_us = sim_delay_us(sim, CONNECT_US);

    if (sim_chance(sim, sim->faults.stall))
        delay_us += sim_stall_us(sim);
    connecting->base.loop = base;
    connecting->loop = loop;
    connecting->to = *to;
    connecting->on_connected = on_connected;
    connecting->context = context;
    sim_event_init(&connecting->event, loop, "connect", ++sim->object_id, on_connect);
    list_push(&loop->connectings, &connecting->in_loop);
    sim_event_put(sim, &connecting->event, delay_us);
    return &connecting->base;
}

void sim_connecting_cancel(struct connecting *base)
{
    struct sim_connecting *connecting = CONTAINER_OF(base, struct sim_connecting, base);

    if (!connecting->loop->dead)
        connecting_free(connecting);
}

/* ---- names ---- */

static struct str host_trim(struct str host)
{
    return str_ends(host, STR(".")) ? str_first(host, host.len - 1) : host;
}

static struct sim_name *name_find(struct sim *sim, struct str host)
{
    for (struct list *node = sim->names.next; node != &sim->names; node = node->next) {
        struct sim_name *name = LIST_ITEM(node, struct sim_name, in_sim);

        if (str_eq_nocase(name->host, host_trim(host)))
            return name;
    }
    return NULL;
}

void sim_dns_set(struct sim *sim, struct str host, const struct address *addresses, size_t count)
{
    struct sim_name *name = name_find(sim, host);
    struct str trimmed = host_trim(host);

    REQUIRE(count <= DNS_ADDRESSES_MAX);
    if (!name) {
        char *text;

        name = sim_alloc(sim, sizeof(*name) + trimmed.len);
        text = (char *)(name + 1);
        memcpy(text, trimmed.data, trimmed.len);
        name->host = str_range(text, trimmed.len);
        list_push(&sim->names, &name->in_sim);
    }
    name->count = count;
    if (count)
        memcpy(name->addresses, addresses, count * sizeof(*addresses));
}

static void query_free(struct sim_query *query)
{
    list_remove(&query->in_loop);
    sim_event_remove(query->loop->sim, &query->event);
    sim_release(query);
}

static void on_lookup(struct sim_event *event)
{
    struct sim_query query = *CONTAINER_OF(event, struct sim_query, event);

    query_free(CONTAINER_OF(event, struct sim_query, event));
    for (size_t i = 0; i < query.count; i++)
        query.addresses[i].port = 0;
    query.on_done(query.context, query.err, query.addresses, query.count);
}

static void query_answer(struct sim_query *query, struct str host)
{
    static const struct address here = {ADDRESS_IPV4, {127, 0, 0, 1}, 0};
    const struct sim_name *name = name_find(query->loop->sim, host);

    query->count = 1;
    if (address_parse_ip(host, &query->addresses[0]) == OK)
        return;
    if (name) {
        query->count = name->count;
        memcpy(query->addresses, name->addresses, sizeof(name->addresses));
    } else if (str_eq_nocase(host_trim(host), STR("localhost"))) {
        query->addresses[0] = here;
    } else {
        query->count = 0;
    }
    if (query->count == 0)
        query->err = ERR_NOT_FOUND;
}

static void query_spoil(struct sim_query *query)
{
    static const enum err errors[] = {ERR_NOT_FOUND, ERR_IO, ERR_AGAIN};

    query->err = errors[sim_between(query->loop->sim, 0, ARRAY_LEN(errors) - 1)];
    query->count = 0;
}

struct dns_query *sim_resolve(struct loop *base, struct str host, int64_t timeout_ms,
                              resolved_fn *on_done, void *context)
{
    struct sim_loop *loop = sim_loop_of(base);
    struct sim *sim = loop->sim;
    struct sim_query *query = sim_alloc(sim, sizeof(*query));
    int64_t delay_us = sim_delay_us(sim, LOOKUP_US);

    query->base.loop = base;
    query->loop = loop;
    query->on_done = on_done;
    query->context = context;
    query_answer(query, host);
    if (sim_chance(sim, sim->faults.lookup_fails))
        query_spoil(query);
    if (sim_chance(sim, sim->faults.stall))
        delay_us += sim_stall_us(sim);
    if (delay_us > timeout_ms * US_PER_MS) {
        delay_us = timeout_ms * US_PER_MS;
        query->err = ERR_AGAIN;
        query->count = 0;
    }
    sim_event_init(&query->event, loop, "lookup", ++sim->object_id, on_lookup);
    list_push(&loop->queries, &query->in_loop);
    sim_event_put(sim, &query->event, delay_us);
    return &query->base;
}

void sim_query_cancel(struct dns_query *base)
{
    struct sim_query *query = CONTAINER_OF(base, struct sim_query, base);

    if (!query->loop->dead)
        query_free(query);
}

/* ---- the end of a loop ---- */

void sim_asks_kill(struct sim_loop *loop)
{
    struct list *node;

    while ((node = list_pop(&loop->connectings))) {
        struct sim_connecting *connecting = LIST_ITEM(node, struct sim_connecting, in_loop);

        sim_event_remove(loop->sim, &connecting->event);
        sim_bury(connecting->context);
    }
    while ((node = list_pop(&loop->queries))) {
        struct sim_query *query = LIST_ITEM(node, struct sim_query, in_loop);

        sim_event_remove(loop->sim, &query->event);
        sim_bury(query->context);
    }
}

void sim_asks_free(struct sim_loop *loop)
{
    while (!list_is_empty(&loop->connectings))
        connecting_free(LIST_ITEM(loop->connectings.next, struct sim_connecting, in_loop));
    while (!list_is_empty(&loop->queries))
        query_free(LIST_ITEM(loop->queries.next, struct sim_query, in_loop));
}
