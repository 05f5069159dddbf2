/* real_net.c -- listening and connecting.
 *
 * A listening socket is opened once; every loop that listens watches its own dup() of it. When the
 * process runs out of descriptors a listener rests for 100 ms: waiting connections stay in the
 * kernel's queue, and the log says it at most once a minute. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/real_priv.h"

#define BACKLOG 4096
#define ACCEPTS_PER_TURN 32
#define REST_MS 100
#define REST_LOG_MS 60000

struct real_listen_socket {
    struct listen_socket base;
    int fd;
};

struct real_listener {
    struct listener base;
    struct list in_loop;
    struct listener_config config;
    uv_poll_t poll;
    int fd;
    struct timer rest;
    int64_t logged_ms;
    bool paused;
    bool closed;
};

struct real_connecting {
    struct connecting base;
    struct list in_loop;
    uv_connect_t request;
    struct stream *stream; /* NULL once handed over */
    struct timer failed;   /* tells of a failure that was known at once */
    int status;
    connected_fn *on_connected; /* NULL: cancelled */
    void *context;
};

/* ---- words and addresses ---- */

const char *real_why(int uv_error)
{
    static const struct {
        int code;
        const char *text;
    } words[] = {
        {UV_ECONNREFUSED, "connection refused"},
        {UV_ECONNRESET, "connection reset"},
        {UV_ECONNABORTED, "connection aborted"},
        {UV_ENOTCONN, "connection reset"}, /* between its making and our first look at it */
        {UV_EPIPE, "broken pipe"},
        {UV_ETIMEDOUT, "connection timed out"},
        {UV_EHOSTUNREACH, "host unreachable"},
        {UV_ENETUNREACH, "network unreachable"},
        {UV_EADDRNOTAVAIL, "no local address or port"},
        {UV_EADDRINUSE, "address in use"},
        {UV_EACCES, "permission denied"},
        {UV_EPERM, "not permitted"},
        {UV_EMFILE, "too many open files"},
        {UV_ENFILE, "too many open files"},
        {UV_EAFNOSUPPORT, "address family not supported"},
        {UV_ENOENT, "no such file"},
        {UV_ENOMEM, "out of memory"},
        {UV_ENOBUFS, "out of buffers"},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (words[i].code == uv_error)
            return words[i].text;
    return "i/o error";
}

struct address real_address(const struct sockaddr_storage *from)
{
    struct address address = {0};

    if (from->ss_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, from, sizeof(in));
        address.family = ADDRESS_IPV4;
        memcpy(address.bytes, &in.sin_addr, 4);
        address.port = ntohs(in.sin_port);
    } else if (from->ss_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, from, sizeof(in6));
        address.family = ADDRESS_IPV6;
        memcpy(address.bytes, &in6.sin6_addr, 16);
        address.port = ntohs(in6.sin6_port);
    }
    return address_unmapped(&address);
}

socklen_t real_sockaddr(const struct address *address, struct sockaddr_storage *to)
{
    memset(to, 0, sizeof(*to));
    if (address->family == ADDRESS_IPV4) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(address->port)};

        memcpy(&in.sin_addr, address->bytes, 4);
        memcpy(to, &in, sizeof(in));
        return sizeof(in);
    }
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
    memcpy(&in6.sin6_addr, address->bytes, 16);
    memcpy(to, &in6, sizeof(in6));
    return sizeof(in6);
}

void real_set_nodelay(int fd)
{
    int on = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* ---- the listening socket ---- */

static int socket_listen(const struct address *address)
{
    struct sockaddr_storage at;
    socklen_t len = real_sockaddr(address, &at);
    int fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, off = 0;

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->family == ADDRESS_IPV6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, (const struct sockaddr *)&at, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

enum err real_listen_open(struct world *world, const struct address *address,
                          struct listen_socket **socket, struct address *bound, const char **why)
{
    struct real_listen_socket *made;
    struct sockaddr_storage at;
    socklen_t len = sizeof(at);
    int fd = socket_listen(address);

    if (fd < 0) {
        int error = errno;

        *why = real_why(-error);
        if (error == EADDRINUSE)
            return ERR_CONFLICT;
        return error == EACCES || error == EPERM ? ERR_DENIED : ERR_IO;
    }
    REQUIRE(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    *bound = *address;
    bound->port = real_address(&at).port;
    made = MEM_NEW(struct real_listen_socket);
    made->base.world = world;
    made->fd = fd;
    *socket = &made->base;
    return OK;
}

void real_listen_close(struct listen_socket *base)
{
    struct real_listen_socket *socket = CONTAINER_OF(base, struct real_listen_socket, base);

    close(socket->fd);
    mem_free(socket);
}

/* ---- listeners ---- */

static struct real_listener *listener_of(struct listener *listener)
{
    return CONTAINER_OF(listener, struct real_listener, base);
}

static void listener_rest(struct real_listener *listener, int error)
{
    int64_t now_ms = loop_mono_ms(listener->base.loop);

    uv_poll_stop(&listener->poll);
    timer_start(&listener->rest, REST_MS);
    if (listener->logged_ms && now_ms - listener->logged_ms < REST_LOG_MS)
        return;
    listener->logged_ms = now_ms;
    log_warn("io", "cannot accept connections: %s", real_why(-error));
}

static bool accept_error_passes(int error)
{
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return true;
    default:
        return false;
    }
}

static void on_acceptable(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
    struct real_listener *listener = poll->data;
    struct real_loop *loop = real_loop_of(listener->base.loop);

    for (int i = 0; i < ACCEPTS_PER_TURN && !listener->paused && !listener->closed; i++) {
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof(from);
        int fd =
            accept4(listener->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            struct address peer = real_address(&from);

            listener->config.on_accept(listener->config.context,
                                       real_stream_new_tcp(loop, fd, &peer));
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            break;
        } else if (!accept_error_passes(errno)) {
            listener_rest(listener, errno);
            break;
        }
    }
}

static void listener_poll(struct real_listener *listener)
{
    uv_poll_start(&listener->poll, UV_READABLE, on_acceptable);
}

static void on_rested(struct timer *timer)
{
    struct real_listener *listener = CONTAINER_OF(timer, struct real_listener, rest);

    if (!listener->paused)
        listener_poll(listener);
}

struct listener *real_listen(struct loop *loop, const struct listener_config *config)
{
    struct real_listener *listener = MEM_NEW(struct real_listener);
    const struct real_listen_socket *socket =
        CONTAINER_OF(config->socket, struct real_listen_socket, base);

    listener->base.loop = loop;
    listener->config = *config;
    listener->fd = fcntl(socket->fd, F_DUPFD_CLOEXEC, 0);
    REQUIRE(listener->fd >= 0);
    timer_init(&listener->rest, loop, on_rested);
    REQUIRE(uv_poll_init(&real_loop_of(loop)->uv, &listener->poll, listener->fd) == 0);
    listener->poll.data = listener;
    list_push(&real_loop_of(loop)->listeners, &listener->in_loop);
    listener_poll(listener);
    return &listener->base;
}

void real_listener_pause(struct listener *base)
{
    struct real_listener *listener = listener_of(base);

    listener->paused = true;
    uv_poll_stop(&listener->poll);
}

void real_listener_resume(struct listener *base)
{
    struct real_listener *listener = listener_of(base);

    listener->paused = false;
    if (!timer_is_running(&listener->rest))
        listener_poll(listener);
}

static void listener_freed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void real_listener_close(struct listener *base)
{
    struct real_listener *listener = listener_of(base);

    REQUIRE(!listener->closed);
    listener->closed = true;
    list_remove(&listener->in_loop);
    timer_stop(&listener->rest);
    uv_poll_stop(&listener->poll);
    close(listener->fd);
    uv_close((uv_handle_t *)&listener->poll, listener_freed);
}

void real_listeners_free(struct real_loop *loop)
{
    while (!list_is_empty(&loop->listeners))
        real_listener_close(&LIST_ITEM(loop->listeners.next, struct real_listener, in_loop)->base);
}

/* ---- connecting ---- */

static struct real_connecting *connecting_of(struct connecting *connecting)
{
    return CONTAINER_OF(connecting, struct real_connecting, base);
}

static void connecting_end(struct real_connecting *connecting, int status)
{
    struct stream *stream = connecting->stream;
    connected_fn *on_connected = connecting->on_connected;
    void *context = connecting->context;

    list_remove(&connecting->in_loop);
    mem_free(connecting);
    if (!on_connected)
        return; /* cancelled, and the stream closed with it */
    if (status == 0)
        status = real_stream_connected(stream);
    if (status < 0) {
        stream_close(stream, true);
        on_connected(context, ERR_IO, real_why(status), NULL);
        return;
    }
    on_connected(context, OK, NULL, stream);
}

static void on_uv_connected(uv_connect_t *request, int status)
{
    connecting_end(request->data, status);
}

static void on_failed_at_once(struct timer *timer)
{
    struct real_connecting *connecting = CONTAINER_OF(timer, struct real_connecting, failed);

    connecting_end(connecting, connecting->status);
}

struct connecting *real_connect(struct loop *loop, const struct address *to,
                                connected_fn *on_connected, void *context)
{
    struct real_connecting *connecting = MEM_NEW(struct real_connecting);
    struct sockaddr_storage at;
    uv_tcp_t *tcp;

    (void)real_sockaddr(to, &at);
    connecting->base.loop = loop;
    connecting->on_connected = on_connected;
    connecting->context = context;
    connecting->request.data = connecting;
    timer_init(&connecting->failed, loop, on_failed_at_once);
    list_push(&real_loop_of(loop)->connectings, &connecting->in_loop);
    connecting->stream = real_stream_new_unconnected(real_loop_of(loop), &tcp);
    connecting->status =
        uv_tcp_connect(&connecting->request, tcp, (const struct sockaddr *)&at, on_uv_connected);
    if (connecting->status < 0)
        timer_start(&connecting->failed, 0);
    return &connecting->base;
}

void real_connecting_cancel(struct connecting *base)
{
    struct real_connecting *connecting = connecting_of(base);
    bool failed = connecting->status < 0;

    REQUIRE(connecting->on_connected);
    connecting->on_connected = NULL;
    timer_stop(&connecting->failed);
    stream_close(connecting->stream, true);
    if (failed)
        connecting_end(connecting, connecting->status);
    /* else uv calls on_uv_connected with UV_ECANCELED */
}

void real_connectings_free(struct real_loop *loop)
{
    struct list *node;

    while ((node = list_pop(&loop->connectings))) {
        struct real_connecting *connecting = LIST_ITEM(node, struct real_connecting, in_loop);

        if (connecting->on_connected)
            real_connecting_cancel(&connecting->base);
    }
}
