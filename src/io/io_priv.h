/* io_priv.h -- what both worlds share: the table behind a loop, and the first members of its
 * objects.
 *
 * loop.h is the face; loop.c calls through these tables. The real forms are in real_*.c, the
 * simulated ones in sim_*.c; each puts one of the structs below at the start of its own. */
#ifndef IO_IO_PRIV_H
#define IO_IO_PRIV_H

#include "base/rng.h"
#include "io/loop.h"
#include "io/timer_heap_priv.h"

typedef void connected_fn(void *context, enum err err, const char *why, struct stream *stream);
typedef void resolved_fn(void *context, enum err err, const struct address *addresses,
                         size_t count);
typedef void signal_fn(void *context, int signal);

struct loop_ops {
    void (*start)(struct loop *loop);
    void (*run)(struct loop *loop);
    void (*stop)(struct loop *loop);
    void (*free)(struct loop *loop);
    int64_t (*mono_ms)(struct loop *loop);
    int64_t (*mono_us)(struct loop *loop);
    int64_t (*wall_us)(struct loop *loop);
    void (*post)(struct loop *loop, struct message *message);
    void (*timers_changed)(struct loop *loop); /* the heap's first may be another one now */
    struct listener *(*listen)(struct loop *loop, const struct listener_config *config);
    void (*listener_pause)(struct listener *listener);
    void (*listener_resume)(struct listener *listener);
    void (*listener_close)(struct listener *listener);
    struct connecting *(*connect)(struct loop *loop, const struct address *to,
                                  connected_fn *on_connected, void *context);
    void (*connecting_cancel)(struct connecting *connecting);
    struct dns_query *(*resolve)(struct loop *loop, struct str host, int64_t timeout_ms,
                                 resolved_fn *on_done, void *context);
    void (*query_cancel)(struct dns_query *query);
    enum err (*spawn)(struct loop *loop, const struct process_config *config,
                      struct process **process, struct stream **channel, const char **why);
    void (*process_kill)(struct process *process, int signal);
    void (*process_free)(struct process *process);
    void (*on_signal)(struct loop *loop, int signal, signal_fn *on_signal, void *context);
};

struct loop {
    const struct loop_ops *ops;
    struct world *world;
    const char *name;
    struct timer_heap timers;
    struct rng rng;
};

struct listener {
    struct loop *loop;
};

struct connecting {
    struct loop *loop;
};

struct dns_query {
    struct loop *loop;
};

struct process {
    struct loop *loop;
    int id;
};

struct listen_socket {
    struct world *world;
};

struct actor {
    struct world *world;
};

#endif
