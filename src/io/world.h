/* world.h -- everything outside the program, behind one small table: where loops, actors and the
 * disk come from.
 *
 * There are two worlds. The real one (real_world.h) makes threads, libuv loops and files. The
 * simulated one (sim_world.h) makes all of them turns of one thread, with a clock, a network and a
 * disk that obey a seed. Code above io/ gets a `struct world *` at start and never asks which one
 * it is.
 *
 * The program is a set of actors. Each owns what it touches; they share nothing but messages and
 * immutable objects. An actor is either a loop (loop.h: sockets and timers) or a plain one
 * (below: takes batches of messages, may block on the database). */
#ifndef IO_WORLD_H
#define IO_WORLD_H

#include "base/rng.h"
#include "base/str.h"

struct address;
struct disk;
struct listen_socket;
struct loop;
struct world;

/* A letter to an actor. It stands inside a larger struct (CONTAINER_OF). From the moment of posting
 * it belongs to the receiver, whose thread calls `deliver`, which may free or repost it. */
struct message {
    struct message *next; /* owned by the mailbox it lies in */
    void (*deliver)(struct message *message);
};

/* A plain actor: a thread of its own, or a turn of the simulator. */
struct actor;

struct actor_config {
    const char *name; /* static; also the thread's name, ≤ 15 bytes */
    /* Called on the actor's thread with all messages that waited, oldest first, linked by `next`
     * (NULL if none). It delivers or keeps them. Returns true to be called again at once even
     * without a message, false to sleep until the next. */
    bool (*step)(void *context, struct message *batch);
    /* Called once on the actor's thread before it ends (after actor_stop); may be NULL. */
    void (*on_stop)(void *context);
    void *context;
};

struct world_ops {
    struct loop *(*loop_new)(struct world *world, const char *name);
    struct actor *(*actor_new)(struct world *world, const struct actor_config *config);
    void (*actor_post)(struct actor *actor, struct message *message);
    void (*actor_stop)(struct actor *actor);
    enum err (*listen_open)(struct world *world, const struct address *address,
                            struct listen_socket **socket, struct address *bound, const char **why);
    void (*listen_close)(struct listen_socket *socket);
    bool (*has_address)(struct world *world, const struct address *address);
};

struct world {
    const struct world_ops *ops;
    struct disk *disk;
};

/* Is it an address of an interface of this machine, whatever the port? Any thread; what has changed
 * is known a second later. False where the operating system does not tell. */
bool world_has_address(struct world *world, const struct address *address);
/* A loop that does not run yet (loop.h). `name` is static. */
struct loop *world_loop_new(struct world *world, const char *name);
/* Starts at once. */
struct actor *world_actor_new(struct world *world, const struct actor_config *config);
/* Any thread. Never blocks. */
void actor_post(struct actor *actor, struct message *message);
/* A step for actors that only deliver: each message of the batch in its turn. */
bool actor_deliver(void *context, struct message *batch);
/* Lets it finish what lies in its mailbox, then ends and frees it. Waits for that. */
void actor_stop(struct actor *actor);

#endif
