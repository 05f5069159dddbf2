/* server.h -- the running server: everything started in order, and stopped in the reverse order.
 *
 *   store ─▶ keys, assistants ─▶ workers load ─▶ dispatcher ─▶ delivery ─▶ net loops listen
 *
 * What hangs together with what stands in wire.c. */
#ifndef APP_SERVER_H
#define APP_SERVER_H

#include "app/config.h"
#include "io/world.h"

struct server;

struct server_events {
    /* It answers requests; `bound` is where (with a port chosen by the system). */
    void (*on_listening)(void *context, const struct address *bound);
    /* It could not start, or cannot go on: words for a person, static. server_stop still has to be
     * called. */
    void (*on_failed)(void *context, const char *why);
    /* The store is lost (failed fsync): the process has to end at once, without answering anything.
     * On any thread. */
    void (*on_fatal)(void *context, const char *why);
    /* After server_stop: all is written, nothing runs. */
    void (*on_stopped)(void *context);
};

/* Everything happens on `loop` (the main loop) and on loops and actors of `world`. The config is
 * borrowed and must outlive the server. */
struct server_setup {
    struct world *world;
    struct loop *loop;
    const struct config *config;
    struct server_events events;
    void *context; /* of the events */
};

/* ERR_… with *why (lives as long as the server): the store cannot be opened, the address is taken;
 * *server is set then too, to be freed. */
enum err server_start(const struct server_setup *setup, struct server **server,
                      const char **why) MUST_USE;
/* Takes over what can change while it runs (reload.h); the rest of `config` is not looked at. It is
 * borrowed, like the first one. */
void server_change(struct server *server, const struct config *config);
/* Answers what is under way, gives running runs back to the queue, ends workers, closes the store.
 */
void server_stop(struct server *server);
/* After on_stopped, when the main loop has ended. */
void server_free(struct server *server);

#endif
