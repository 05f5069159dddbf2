/* world.c -- the face of a world: calls go through its table. */
#include "io/world.h"

#include "io/io_priv.h"

bool world_has_address(struct world *world, const struct address *address)
{
    return world->ops->has_address(world, address);
}

struct loop *world_loop_new(struct world *world, const char *name)
{
    return world->ops->loop_new(world, name);
}

struct actor *world_actor_new(struct world *world, const struct actor_config *config)
{
    REQUIRE(config->step);
    return world->ops->actor_new(world, config);
}

void actor_post(struct actor *actor, struct message *message)
{
    REQUIRE(message->deliver);
    actor->world->ops->actor_post(actor, message);
}

bool actor_deliver(void *context UNUSED, struct message *batch)
{
    while (batch) {
        struct message *next = batch->next; /* it may be freed, or posted again */

        batch->deliver(batch);
        batch = next;
    }
    return false;
}

void actor_stop(struct actor *actor)
{
    actor->world->ops->actor_stop(actor);
}

enum err listen_socket_open(struct world *world, struct address address,
                            struct listen_socket **socket, struct address *bound, const char **why)
{
    REQUIRE(address.family != ADDRESS_NONE);
    return world->ops->listen_open(world, &address, socket, bound, why);
}

void listen_socket_close(struct listen_socket *socket)
{
    socket->world->ops->listen_close(socket);
}
