/* real_priv.h -- the real loop and what its files share. The only includer of libuv and c-ares.
 *
 * A real loop is a uv_loop_t, its mailbox and lists of the objects that live on it. Objects are
 * freed in uv's close callbacks; loop_free closes what is left on the lists, so nothing survives
 * it. */
#ifndef IO_REAL_PRIV_H
#define IO_REAL_PRIV_H

#include <ares.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "base/list.h"
#include "io/io_priv.h"
#include "io/mailbox_priv.h"
#include "io/stream.h"

#define READ_BUFFER_BYTES (64 * KIB)

struct real_dns;

struct real_loop {
    struct loop base;
    uv_loop_t uv;
    uv_async_t wake;
    uv_timer_t alarm; /* rings for the first timer of the heap */
    int64_t alarm_ms; /* when; INT64_MAX: not set */
    bool running;     /* the loop's thread is inside uv_run: its cached time is fresh */
    bool threaded;    /* loop_start was called: loop_free joins */
    bool freeing;     /* no callbacks to owners any more */
    pthread_t thread;
    struct mailbox mailbox;
    atomic_bool stop_asked;
    atomic_uint posting; /* threads inside loop_post or loop_stop */
    char *read_buffer;   /* READ_BUFFER_BYTES, shared by all streams */
    struct list streams;
    struct list listeners;
    struct list connectings;
    struct list queries;
    struct list processes;
    struct list signals;
    struct real_dns *dns; /* made by the first query */
};

static inline struct real_loop *real_loop_of(struct loop *loop)
{
    return CONTAINER_OF(loop, struct real_loop, base);
}

/* ---- the parts of the loop's table, by file ---- */

struct loop *real_loop_new(struct world *world, const char *name);

/* real_net.c */
struct listener *real_listen(struct loop *loop, const struct listener_config *config);
void real_listener_pause(struct listener *listener);
void real_listener_resume(struct listener *listener);
void real_listener_close(struct listener *listener);
struct connecting *real_connect(struct loop *loop, const struct address *to,
                                connected_fn *on_connected, void *context);
void real_connecting_cancel(struct connecting *connecting);
enum err real_listen_open(struct world *world, const struct address *address,
                          struct listen_socket **socket, struct address *bound, const char **why);
void real_listen_close(struct listen_socket *socket);

/* real_interfaces.c */
bool real_has_address(struct world *world, const struct address *address);

/* real_dns.c */
struct dns_query *real_resolve(struct loop *loop, struct str host, int64_t timeout_ms,
                               resolved_fn *on_done, void *context);
void real_query_cancel(struct dns_query *query);
/* For tests: asks these servers ("127.0.0.1:5353") instead of the system's. Before the first query.
 */
void real_dns_ask(struct loop *loop, const char *servers);

/* real_process.c */
enum err real_spawn(struct loop *loop, const struct process_config *config,
                    struct process **process, struct stream **channel, const char **why);
void real_process_kill(struct process *process, int signal);
void real_process_free(struct process *process);

/* real_stream.c: a stream over a connected socket, which becomes the stream's. */
struct stream *real_stream_new_tcp(struct real_loop *loop, int fd, const struct address *peer);
struct stream *real_stream_new_pipe(struct real_loop *loop, int fd);
/* For a connection that is being made: the handle to connect with, and the stream it becomes. */
struct stream *real_stream_new_unconnected(struct real_loop *loop, uv_tcp_t **tcp);
/* Asks the kernel whom it connected us to; its error if that is nobody any more. */
int real_stream_connected(struct stream *stream) MUST_USE;

/* real_actor.c */
struct actor *real_actor_new(struct world *world, const struct actor_config *config);
void real_actor_post(struct actor *actor, struct message *message);
void real_actor_stop(struct actor *actor);

/* real_disk.c */
struct disk *real_disk_new(void);
void real_disk_free(struct disk *disk);

/* ---- what loop_free does with the leftovers ---- */

void real_streams_free(struct real_loop *loop);
void real_listeners_free(struct real_loop *loop);
void real_connectings_free(struct real_loop *loop);
void real_dns_free(struct real_loop *loop);
void real_processes_free(struct real_loop *loop);

/* ---- words and addresses (real_net.c) ---- */

/* A short static text for a libuv error. */
const char *real_why(int uv_error);
/* IPv4 mapped into IPv6 becomes IPv4. */
struct address real_address(const struct sockaddr_storage *from);
socklen_t real_sockaddr(const struct address *address, struct sockaddr_storage *to);
void real_set_nodelay(int fd);

#endif
