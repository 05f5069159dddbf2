/* sim_net.c -- simulated listening sockets: one flat network, in which an address is listened on
 * once.
 *
 * A connection joins the socket's queue at once, as in a kernel; one of the listeners that are not
 * paused takes it from there in an event of its own. */
#include "base/mem.h"
#include "io/sim_net_priv.h"

#define ACCEPT_US 20
#define QUEUE_MAX 4096

struct sim_listen_socket {
    struct listen_socket base;
    struct sim *sim;
    struct list in_sim;
    struct address address;
    struct list listeners; /* sim_listener.in_socket */
    struct stream **queue; /* connected, not accepted; oldest first */
    size_t queued, queue_cap;
    bool outside, dead;
};

struct sim_listener {
    struct listener base;
    struct sim_loop *loop;
    struct sim_listen_socket *socket;
    struct list in_loop, in_socket;
    struct listener_config config;
    struct sim_event accept;
    bool paused;
};

static struct sim_listener *listener_of(struct listener *listener)
{
    return CONTAINER_OF(listener, struct sim_listener, base);
}

/* ---- the socket ---- */

static bool socket_hears(const struct sim_listen_socket *socket, const struct address *to)
{
    const struct address *at = &socket->address;

    if (at->port != to->port)
        return false;
    if (address_is_any(at))
        return at->family == to->family || at->family == ADDRESS_IPV6;
    return address_eq_ip(at, to);
}

static struct sim_listen_socket *socket_find(struct sim *sim, const struct address *to)
{
    for (struct list *node = sim->sockets.next; node != &sim->sockets; node = node->next) {
        struct sim_listen_socket *socket = LIST_ITEM(node, struct sim_listen_socket, in_sim);

        if (socket_hears(socket, to))
            return socket;
    }
    return NULL;
}

static uint16_t port_new(struct sim *sim)
{
    if (sim->next_port >= 65000)
        sim->next_port = 32768;
    return sim->next_port++;
}

bool sim_has_address(struct world *world UNUSED, const struct address *address)
{
    return address_is_loopback(address);
}

enum err sim_listen_open(struct world *base, const struct address *address,
                         struct listen_socket **socket, struct address *bound, const char **why)
{
    struct sim_world *world = CONTAINER_OF(base, struct sim_world, base);
    struct sim *sim = world->sim;
    struct sim_listen_socket *made;
    struct address at = *address;

    do {
        if (address->port == 0)
            at.port = port_new(sim);
    } while (socket_find(sim, &at) && address->port == 0);
    if (socket_find(sim, &at)) {
        *why = "address in use";
        return ERR_CONFLICT;
    }
    made = sim_alloc(sim, sizeof(*made));
    made->base.world = base;
    made->sim = sim;
    made->address = at;
    made->outside = world->outside;
    list_init(&made->listeners);
    list_push(&sim->sockets, &made->in_sim);
    *bound = at;
    *socket = &made->base;
    return OK;
}

static void socket_empty(struct sim_listen_socket *socket)
{
    for (size_t i = 0; i < socket->queued; i++)
        stream_close(socket->queue[i], true);
    mem_free(socket->queue);
    socket->queue = NULL;
    socket->queued = socket->queue_cap = 0;
}

void sim_listen_close(struct listen_socket *base)
{
    struct sim_listen_socket *socket = CONTAINER_OF(base, struct sim_listen_socket, base);

    if (socket->dead)
        return;
    REQUIRE(list_is_empty(&socket->listeners));
    socket_empty(socket);
    list_remove(&socket->in_sim);
    sim_release(socket);
}

void sim_sockets_kill(struct sim *sim)
{
    for (struct list *node = sim->sockets.next, *next; node != &sim->sockets; node = next) {
        struct sim_listen_socket *socket = LIST_ITEM(node, struct sim_listen_socket, in_sim);

        next = node->next;
        if (sim_spares(sim, socket->outside))
            continue;
        for (struct list *at = socket->listeners.next; at != &socket->listeners; at = at->next) {
            struct sim_listener *listener = LIST_ITEM(at, struct sim_listener, in_socket);

            sim_event_remove(sim, &listener->accept);
            sim_bury(listener->config.context);
        }
        socket->dead = true;
        socket_empty(socket); /* streams of the machine: dead already */
        list_remove(&socket->in_sim);
    }
}

void sim_sockets_free(struct sim *sim)
{
    for (struct list *node = sim->sockets.next; node != &sim->sockets; node = node->next)
        mem_free(LIST_ITEM(node, struct sim_listen_socket, in_sim)->queue);
}

/* ---- listeners ---- */

static void accept_put(struct sim_listen_socket *socket)
{
    struct list *node;
    size_t count = 0, which;

    for (node = socket->listeners.next; node != &socket->listeners; node = node->next)
        count += !LIST_ITEM(node, struct sim_listener, in_socket)->paused;
    if (count == 0 || socket->queued == 0)
        return;
    which = rng_below(&socket->sim->rng, count);
    for (node = socket->listeners.next; node != &socket->listeners; node = node->next) {
        struct sim_listener *listener = LIST_ITEM(node, struct sim_listener, in_socket);

        if (listener->paused || which-- > 0)
            continue;
        if (!sim_event_is_queued(&listener->accept))
            sim_event_put(socket->sim, &listener->accept, sim_delay_us(socket->sim, ACCEPT_US));
        return;
    }
}

static void on_accept(struct sim_event *event)
{
    struct sim_listener *listener = CONTAINER_OF(event, struct sim_listener, accept);
    struct sim_listen_socket *socket = listener->socket;
    struct stream *stream;

    if (listener->paused || socket->queued == 0)
        return;
    stream = socket->queue[0];
    memmove(socket->queue, socket->queue + 1, --socket->queued * sizeof(struct stream *));
    accept_put(socket);
    sim_stream_adopt(stream, listener->loop);
    listener->config.on_accept(listener->config.context, stream);
}

struct listener *sim_listen(struct loop *base, const struct listener_config *config)
{
    struct sim_loop *loop = sim_loop_of(base);
    struct sim_listener *listener = sim_alloc(loop->sim, sizeof(*listener));

    listener->base.loop = base;
    listener->loop = loop;
    listener->config = *config;
    listener->socket = CONTAINER_OF(config->socket, struct sim_listen_socket, base);
    if (loop->outside)
        listener->socket->outside = true;
    sim_event_init(&listener->accept, loop, "accept", ++loop->sim->object_id, on_accept);
    list_push(&loop->listeners, &listener->in_loop);
    list_push(&listener->socket->listeners, &listener->in_socket);
    if (!loop->dead)
        accept_put(listener->socket);
    return &listener->base;
}

void sim_listener_pause(struct listener *base)
{
    struct sim_listener *listener = listener_of(base);

    listener->paused = true;
    if (listener->loop->dead)
        return;
    sim_event_remove(listener->loop->sim, &listener->accept);
    accept_put(listener->socket);
}

void sim_listener_resume(struct listener *base)
{
    struct sim_listener *listener = listener_of(base);

    listener->paused = false;
    if (!listener->loop->dead)
        accept_put(listener->socket);
}

void sim_listener_close(struct listener *base)
{
    struct sim_listener *listener = listener_of(base);

    if (listener->loop->dead)
        return;
    sim_event_remove(listener->loop->sim, &listener->accept);
    list_remove(&listener->in_loop);
    list_remove(&listener->in_socket);
    accept_put(listener->socket);
    sim_release(listener);
}

void sim_listeners_free(struct sim_loop *loop)
{
    while (!list_is_empty(&loop->listeners))
        sim_listener_close(&LIST_ITEM(loop->listeners.next, struct sim_listener, in_loop)->base);
}

/* ---- the other side ---- */

void sim_redirect(struct sim *sim, const struct address *from, const struct address *to)
{
    sim->redirect_from = *from;
    sim->redirect_to = *to;
}

bool sim_socket_connect(struct sim *sim, const struct address *to, struct sim_loop *client_loop,
                        struct stream **client)
{
    if (address_eq(to, &sim->redirect_from))
        to = &sim->redirect_to;
    struct sim_listen_socket *socket = socket_find(sim, to);
    struct address from = {ADDRESS_IPV4, {10, 0, 0, client_loop->outside ? 2 : 1}, port_new(sim)};
    struct stream *server;

    if (!socket || socket->queued == QUEUE_MAX)
        return false;
    if (address_is_loopback(to)) {
        uint16_t port = from.port;

        from = *to;
        from.port = port;
    }
    sim_stream_pair(sim, client_loop, NULL, client, &server);
    sim_stream_set_peer(*client, to);
    sim_stream_set_peer(server, &from);
    sim_stream_set_outside(server, socket->outside);
    if (socket->queued == socket->queue_cap) {
        socket->queue_cap = socket->queue_cap ? socket->queue_cap * 2 : 8;
        socket->queue = mem_realloc(socket->queue, socket->queue_cap * sizeof(struct stream *));
    }
    socket->queue[socket->queued++] = server;
    accept_put(socket);
    return true;
}
