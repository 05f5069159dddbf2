/* sim_net_priv.h -- the simulated network and children, for the other files of the simulator. */
#ifndef IO_SIM_NET_PRIV_H
#define IO_SIM_NET_PRIV_H

#include "io/sim_priv.h"

/* ---- sim_stream.c ---- */

struct sim_process;

/* Both ends of a new connection. `b` may have no loop yet: it is adopted when accepted. */
void sim_stream_pair(struct sim *sim, struct sim_loop *a_loop, struct sim_loop *b_loop,
                     struct stream **a, struct stream **b);
void sim_stream_adopt(struct stream *stream, struct sim_loop *loop);
/* Where a stream without a loop lives. */
void sim_stream_set_outside(struct stream *stream, bool outside);
void sim_stream_set_peer(struct stream *stream, const struct address *peer);
void sim_stream_set_process(struct stream *stream, struct sim_process *process);
struct sim_process *sim_stream_process(const struct stream *stream);
/* The process behind this end is gone: the peer sees its end, the owner of this one a reset. */
void sim_stream_break(struct stream *stream);
void sim_streams_kill(struct sim *sim);
void sim_streams_discard(struct sim *sim); /* by sim_free */
void sim_streams_free(struct sim_loop *loop);

/* ---- sim_net.c ---- */

enum err sim_listen_open(struct world *world, const struct address *address,
                         struct listen_socket **socket, struct address *bound, const char **why);
void sim_listen_close(struct listen_socket *socket);
bool sim_has_address(struct world *world, const struct address *address);
void sim_sockets_kill(struct sim *sim);
void sim_sockets_free(struct sim *sim);
struct listener *sim_listen(struct loop *loop, const struct listener_config *config);
void sim_listener_pause(struct listener *listener);
void sim_listener_resume(struct listener *listener);
void sim_listener_close(struct listener *listener);
void sim_listeners_free(struct sim_loop *loop);

/* ---- sim_ask.c: connecting and names ---- */

struct connecting *sim_connect(struct loop *loop, const struct address *to,
                               connected_fn *on_connected, void *context);
void sim_connecting_cancel(struct connecting *connecting);
struct dns_query *sim_resolve(struct loop *loop, struct str host, int64_t timeout_ms,
                              resolved_fn *on_done, void *context);
void sim_query_cancel(struct dns_query *query);
void sim_asks_kill(struct sim_loop *loop);
void sim_asks_free(struct sim_loop *loop);
/* The server's end joins the socket's queue; false: nobody listens there. (sim_net.c) */
bool sim_socket_connect(struct sim *sim, const struct address *to, struct sim_loop *client_loop,
                        struct stream **client);

/* ---- sim_process.c ---- */

enum err sim_spawn(struct loop *loop, const struct process_config *config, struct process **process,
                   struct stream **channel, const char **why);
void sim_process_kill(struct process *process, int signal);
void sim_process_free(struct process *process);
void sim_process_channel_closed(struct sim_process *process);
void sim_processes_kill(struct sim_loop *loop);
void sim_processes_free(struct sim_loop *loop);

#endif
