/* loop.h -- one thread's event loop: clock, timers, messages, sockets, names, children.
 *
 * Everything here but loop_post is called on the loop's own thread, or before it runs. Callbacks
 * run on the loop's thread, never from inside the call that registered them. */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include "io/address.h"
#include "io/world.h"

struct loop;
struct stream;
struct listener;
struct dns_query;

/* ---- running ---- */

/* On a thread of its own, until loop_stop; in the simulator: from now on it gets turns. */
void loop_start(struct loop *loop);
/* On the calling thread, until loop_stop. */
void loop_run(struct loop *loop);
/* Any thread: ends the loop after its current turn; loop_free waits for the thread. */
void loop_stop(struct loop *loop);
void loop_free(struct loop *loop);

/* ---- clock and chance ---- */

int64_t loop_mono_ms(struct loop *loop); /* monotonic, cached per turn */
int64_t loop_mono_us(struct loop *loop); /* monotonic, read now */
int64_t loop_wall_us(struct loop *loop); /* UTC */
struct rng *loop_rng(struct loop *loop);

/* ---- messages ---- */

/* Any thread: message->deliver will run on the loop. Never blocks; order per sender is kept. */
void loop_post(struct loop *loop, struct message *message);

/* ---- timers ---- */

/* Stands in the struct it times. Zero-initialise; then timer_init once. */
struct timer {
    struct loop *loop;
    void (*on_fire)(struct timer *timer); /* one shot; may start it again */
    int64_t due_ms;
    size_t heap_index; /* 1-based place in the loop's heap; 0 = not running */
};

void timer_init(struct timer *timer, struct loop *loop, void (*on_fire)(struct timer *timer));
void timer_start(struct timer *timer, int64_t delay_ms); /* restarts a running one */
void timer_stop(struct timer *timer);                    /* harmless if not running */
bool timer_is_running(const struct timer *timer);

/* ---- sockets ---- */

/* An open listening socket, made once and shared by several loops. */
struct listen_socket;
/* port 0: any free one; *bound says which. ERR_DENIED, ERR_CONFLICT (in use), ERR_IO; `why` (static
 * or errno text) for the log. */
enum err listen_socket_open(struct world *world, struct address address,
                            struct listen_socket **socket, struct address *bound,
                            const char **why) MUST_USE;
void listen_socket_close(struct listen_socket *socket);

struct listener_config {
    struct listen_socket *socket; /* borrowed, must outlive the listener */
    /* The new stream belongs to the callee. Reading is paused until stream_start. */
    void (*on_accept)(void *context, struct stream *stream);
    void *context;
};
struct listener *loop_listen(struct loop *loop, const struct listener_config *config);
void listener_pause(struct listener *listener); /* stop accepting: overload, drain */
void listener_resume(struct listener *listener);
void listener_close(struct listener *listener);

/* Connects to exactly this address. on_connected runs once: with a stream that belongs to the
 * callee, or with an error (ERR_IO; `why` is a short static text such as "connection refused"). */
struct connecting;
struct connecting *loop_connect(struct loop *loop, struct address to,
                                void (*on_connected)(void *context, enum err err, const char *why,
                                                     struct stream *stream),
                                void *context);
void connecting_cancel(struct connecting *connecting); /* no callback any more */

/* ---- names ---- */

#define DNS_ADDRESSES_MAX 32

/* A and AAAA records of an absolute name (search domains are not used). on_done runs once unless
 * cancelled: OK with count ≥ 1, ERR_NOT_FOUND (no such name), ERR_IO (server failure), ERR_AGAIN
 * (no answer within timeout_ms). `addresses` are borrowed until it returns; their ports are 0. */
struct dns_query *loop_resolve(struct loop *loop, struct str host, int64_t timeout_ms,
                               void (*on_done)(void *context, enum err err,
                                               const struct address *addresses, size_t count),
                               void *context);
void dns_query_cancel(struct dns_query *query);

/* ---- children and signals ---- */

struct process;

struct process_config {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
    const char *const *env;  /* NULL-terminated "NAME=value"; NULL inherits */
    const char *cwd;         /* NULL: ours */
    /* One line (without its end) that the child wrote to stdout or stderr. */
    void (*on_line)(void *context, struct str line);
    /* Once, after the child ended and its output was read. code ≥ 0: exit status; else -signal. */
    void (*on_exit)(void *context, int code);
    void *context;
};

/* Starts a child with one end of a stream socketpair as its descriptor 3; *channel is our end and
 * belongs to the caller (paused until stream_start). ERR_NOT_FOUND: no such program. */
enum err loop_spawn(struct loop *loop, const struct process_config *config,
                    struct process **process, struct stream **channel, const char **why) MUST_USE;
void process_kill(struct process *process, int signal);
int process_id(const struct process *process);
/* After on_exit, or to forget a child without callbacks (it is killed). */
void process_free(struct process *process);

/* Calls back on the loop when the process gets this signal (SIGTERM, SIGINT, SIGHUP). In the
 * simulator it never does. */
void loop_on_signal(struct loop *loop, int signal, void (*on_signal)(void *context, int signal),
                    void *context);

#endif
