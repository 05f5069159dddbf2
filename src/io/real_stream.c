/* real_stream.c -- a socket as a stream.
 *
 * A write tries the kernel first and copies only what it did not take: one chunk is on its way
 * (uv_write), what comes meanwhile gathers in a second. With nothing pending no memory is held.
 *
 *   open ──close, nothing pending──▶ closing (uv_close) ──▶ freed
 *     └──close, bytes pending──▶ draining, ≤ 5 s ──▶ closing
 *
 * An error of a write is told like one of a read: once, from the loop, by on_end. What the peer had
 * said before is read first: many a server answers, and then closes without reading the rest. */
#include <sys/socket.h>

#include "base/mem.h"
#include "io/real_priv.h"

#define DRAIN_MS_MAX 5000
#define READ_BROKEN_MS 1000 /* what the kernel still has comes at once */
#define PARTS_MAX 16
#define CHUNK_BYTES_MIN ((size_t)4096)

struct out_chunk {
    uv_write_t request;
    struct real_stream *stream;
    size_t len;
    size_t cap;
    char data[];
};

/* Most streams never need one. */
struct stream_timer {
    struct timer timer;
    struct real_stream *stream;
};

/* There are thousands of idle ones: small. */
struct real_stream {
    struct stream base;
    struct list in_loop;
    struct real_loop *loop;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct out_chunk *sending;
    struct out_chunk *gathering;
    struct stream_timer *timer; /* of a draining stream: its limit; else: the on_end that is due */
    const char *broken;         /* why nothing can be sent or received any more */
    struct address peer;
    bool reading;
    bool ended;          /* on_end was called or is due */
    bool shutdown_asked; /* no more writes */
    bool draining;       /* closed by its owner, sends the rest */
    bool closing;        /* uv_close was called */
};

static struct real_stream *stream_of(const struct stream *stream)
{
    union {
        const struct stream *in;
        struct real_stream *out; /* base stands first */
    } cast = {.in = stream};

    return cast.out;
}

static void stream_freed(uv_handle_t *handle)
{
    struct real_stream *stream = handle->data;

    mem_free(stream->sending);
    mem_free(stream->gathering);
    mem_free(stream->timer);
    mem_free(stream);
}

static void stop_timer(struct real_stream *stream)
{
    if (stream->timer)
        timer_stop(&stream->timer->timer);
}

static void stream_destroy(struct real_stream *stream)
{
    if (stream->closing)
        return;
    stream->closing = true;
    stop_timer(stream);
    list_remove(&stream->in_loop);
    uv_close(&stream->uv.handle, stream_freed);
}

static void stream_reset(struct real_stream *stream)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    uv_os_fd_t fd;

    if (stream->uv.handle.type == UV_TCP && !uv_fileno(&stream->uv.handle, &fd))
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    stream_destroy(stream);
}

static void stream_tell_end(struct real_stream *stream, enum stream_end end, const char *why)
{
    stream->ended = true;
    stream->reading = false;
    stop_timer(stream);
    uv_read_stop(&stream->uv.stream);
    if (stream->base.events)
        stream->base.events->on_end(stream->base.context, end, why);
}

static void on_timer(struct timer *timer)
{
    struct real_stream *stream = CONTAINER_OF(timer, struct stream_timer, timer)->stream;

    if (stream->draining)
        stream_reset(stream);
    else
        stream_tell_end(stream, STREAM_RESET, stream->broken);
}

static void start_timer(struct real_stream *stream, int64_t delay_ms)
{
    if (!stream->timer) {
        stream->timer = MEM_NEW(struct stream_timer);
        stream->timer->stream = stream;
        timer_init(&stream->timer->timer, &stream->loop->base, on_timer);
    }
    timer_start(&stream->timer->timer, delay_ms);
}

/* Both ways are gone. The owner hears of it from the loop, not from inside its own write; if it
 * reads, behind what the kernel still has. */
static void stream_break(struct real_stream *stream, int uv_error)
{
    mem_free(stream->gathering);
    stream->gathering = NULL;
    if (stream->draining) {
        stream_destroy(stream);
        return;
    }
    if (!stream->broken)
        stream->broken = real_why(uv_error);
    if (stream->ended)
        return;
    stream->ended = !stream->reading;
    start_timer(stream, stream->reading ? READ_BROKEN_MS : 0);
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested UNUSED, uv_buf_t *buffer)
{
    struct real_stream *stream = handle->data;

    *buffer = uv_buf_init(stream->loop->read_buffer, READ_BUFFER_BYTES);
}

/* After a reset that followed the last bytes closely libuv speaks of an end of file, which would
 * pass a cut answer for a whole one. The kernel still knows better. */
static int stream_error(struct real_stream *stream)
{
    int error = 0;
    socklen_t len = sizeof(error);
    uv_os_fd_t fd;

    if (!uv_fileno(&stream->uv.handle, &fd))
        (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    return -error;
}

static void on_uv_read(uv_stream_t *handle, ssize_t count, const uv_buf_t *buffer)
{
    struct real_stream *stream = handle->data;
    int error = 0;

    if (count == UV_EOF && (error = stream_error(stream)) < 0)
        count = error;
    if (count == UV_EOF && stream->broken) {
        stream_tell_end(stream, STREAM_RESET, stream->broken);
        return;
    }
    if (count > 0) {
        struct str bytes = {buffer->base, (size_t)count};

        stream->base.events->on_read(stream->base.context, bytes);
    } else if (count == UV_EOF) {
        stream_tell_end(stream, STREAM_EOF, "closed by the peer");
    } else if (count < 0) {
        stream->broken = real_why((int)count);
        stream_tell_end(stream, STREAM_RESET, stream->broken);
    }
}

static void real_stream_start(struct stream *base)
{
    struct real_stream *stream = stream_of(base);

    REQUIRE(base->events && !stream->closing && !stream->draining);
    if (stream->reading || stream->ended)
        return;
    stream->reading = true;
    uv_read_start(&stream->uv.stream, on_alloc, on_uv_read);
}

static void real_stream_pause(struct stream *base)
{
    struct real_stream *stream = stream_of(base);

    stream->reading = false;
    uv_read_stop(&stream->uv.stream);
    if (stream->broken && !stream->ended) { /* it may never be started again */
        stream->ended = true;
        start_timer(stream, 0);
    }
}

/* ---- writing ---- */

static void stream_send_end(struct real_stream *stream)
{
    uv_os_fd_t fd;

    if (!uv_fileno(&stream->uv.handle, &fd))
        (void)shutdown(fd, SHUT_WR);
}

static void chunk_send(struct real_stream *stream);

static void on_written(uv_write_t *request, int status)
{
    struct out_chunk *chunk = request->data;
    struct real_stream *stream = chunk->stream;

    stream->sending = NULL;
    mem_free(chunk);
    if (stream->closing)
        return;
    if (status < 0)
        stream_break(stream, status);
    else if (stream->gathering)
        chunk_send(stream);
    else if (stream->draining)
        stream_destroy(stream);
    else {
        if (stream->shutdown_asked)
            stream_send_end(stream);
        if (stream->base.events && stream->base.events->on_drain)
            stream->base.events->on_drain(stream->base.context);
    }
}

static void chunk_send(struct real_stream *stream)
{
    struct out_chunk *chunk = stream->gathering;
    uv_buf_t buffer = uv_buf_init(chunk->data, (unsigned)chunk->len);

    stream->gathering = NULL;
    stream->sending = chunk;
    chunk->request.data = chunk;
    int status = uv_write(&chunk->request, &stream->uv.stream, &buffer, 1, on_written);
    if (status < 0) {
        stream->sending = NULL;
        mem_free(chunk);
        stream_break(stream, status);
    }
}

static void chunk_add(struct real_stream *stream, const char *data, size_t len)
{
    struct out_chunk *chunk = stream->gathering;
    size_t used = chunk ? chunk->len : 0;

    if (!chunk || chunk->cap - used < len) {
        size_t cap = chunk ? chunk->cap * 2 : CHUNK_BYTES_MIN;

        if (cap - used < len)
            cap = used + len;
        chunk = mem_realloc(chunk, sizeof(*chunk) + cap);
        chunk->stream = stream;
        chunk->len = used;
        chunk->cap = cap;
        stream->gathering = chunk;
    }
    memcpy(chunk->data + used, data, len);
    chunk->len += len;
}

/* Offers the parts to the kernel, PARTS_MAX at a time; returns the number of bytes it took. */
static size_t parts_try(struct real_stream *stream, const struct str *parts, size_t count)
{
    size_t sent = 0;

    for (size_t at = 0; at < count;) {
        uv_buf_t buffers[PARTS_MAX];
        unsigned used = 0;
        size_t offered = 0;

        for (; at < count && used < PARTS_MAX; at++) {
            union {
                const char *in;
                char *out;
            } cast = {.in = parts[at].data};

            if (parts[at].len == 0)
                continue;
            buffers[used++] = uv_buf_init(cast.out, (unsigned)parts[at].len);
            offered += parts[at].len;
        }
        if (used == 0)
            break;
        int status = uv_try_write(&stream->uv.stream, buffers, used);
        if (status < 0 && status != UV_EAGAIN) {
            stream_break(stream, status);
            break;
        }
        sent += status > 0 ? (size_t)status : 0;
        if (status < 0 || (size_t)status < offered)
            break;
    }
    return sent;
}

static void real_stream_write(struct stream *base, const struct str *parts, size_t count)
{
    struct real_stream *stream = stream_of(base);
    size_t skip = 0;

    REQUIRE(!stream->shutdown_asked && !stream->draining && !stream->closing);
    if (stream->broken)
        return;
    if (!stream->sending)
        skip = parts_try(stream, parts, count);
    if (stream->broken)
        return;
    for (size_t i = 0; i < count; i++) {
        if (skip >= parts[i].len) {
            skip -= parts[i].len;
            continue;
        }
        chunk_add(stream, parts[i].data + skip, parts[i].len - skip);
        skip = 0;
    }
    if (stream->gathering && !stream->sending)
        chunk_send(stream);
}

static size_t real_stream_pending_bytes(const struct stream *base)
{
    const struct real_stream *stream = stream_of(base);
    size_t pending = stream->gathering ? stream->gathering->len : 0;

    if (stream->sending)
        pending += uv_stream_get_write_queue_size(&stream->uv.stream);
    return pending;
}

static void real_stream_shutdown(struct stream *base)
{
    struct real_stream *stream = stream_of(base);

    if (stream->shutdown_asked)
        return;
    stream->shutdown_asked = true;
    if (!stream->sending && !stream->broken)
        stream_send_end(stream);
}

/* ---- the end ---- */

static void real_stream_close(struct stream *base, bool reset)
{
    struct real_stream *stream = stream_of(base);

    REQUIRE(!stream->closing && !stream->draining);
    stream->base.events = NULL;
    stop_timer(stream);
    if (reset) {
        stream_reset(stream);
    } else if (stream->sending && !stream->broken && !stream->loop->freeing) {
        stream->draining = true;
        real_stream_pause(base);
        start_timer(stream, DRAIN_MS_MAX);
    } else {
        stream_destroy(stream);
    }
}

static void real_stream_peer(const struct stream *base, struct address *address)
{
    *address = stream_of(base)->peer;
}

void real_streams_free(struct real_loop *loop)
{
    struct list *node;

    while ((node = list_pop(&loop->streams))) {
        struct real_stream *stream = LIST_ITEM(node, struct real_stream, in_loop);

        stream->base.events = NULL;
        stream_destroy(stream);
    }
}

static const struct stream_ops real_stream_ops = {
    .start = real_stream_start,
    .pause = real_stream_pause,
    .write = real_stream_write,
    .pending_bytes = real_stream_pending_bytes,
    .shutdown = real_stream_shutdown,
    .close = real_stream_close,
    .peer = real_stream_peer,
};

static struct real_stream *stream_new(struct real_loop *loop, bool tcp)
{
    struct real_stream *stream = MEM_NEW(struct real_stream);

    stream->base.ops = &real_stream_ops;
    stream->loop = loop;
    if (tcp)
        REQUIRE(uv_tcp_init(&loop->uv, &stream->uv.tcp) == 0);
    else
        REQUIRE(uv_pipe_init(&loop->uv, &stream->uv.pipe, 0) == 0);
    stream->uv.handle.data = stream;
    list_push(&loop->streams, &stream->in_loop);
    return stream;
}

struct stream *real_stream_new_tcp(struct real_loop *loop, int fd, const struct address *peer)
{
    struct real_stream *stream = stream_new(loop, true);

    stream->peer = *peer;
    REQUIRE(uv_tcp_open(&stream->uv.tcp, fd) == 0);
    real_set_nodelay(fd);
    return &stream->base;
}

struct stream *real_stream_new_pipe(struct real_loop *loop, int fd)
{
    struct real_stream *stream = stream_new(loop, false);

    REQUIRE(uv_pipe_open(&stream->uv.pipe, fd) == 0);
    return &stream->base;
}

struct stream *real_stream_new_unconnected(struct real_loop *loop, uv_tcp_t **tcp)
{
    struct real_stream *stream = stream_new(loop, true);

    *tcp = &stream->uv.tcp;
    return &stream->base;
}

int real_stream_connected(struct stream *base)
{
    struct real_stream *stream = stream_of(base);
    struct sockaddr_storage at = {0};
    int len = sizeof(at), status;
    uv_os_fd_t fd;

    status = uv_tcp_getpeername(&stream->uv.tcp, (struct sockaddr *)&at, &len);
    if (status)
        return status;
    stream->peer = real_address(&at);
    if (!uv_fileno(&stream->uv.handle, &fd))
        real_set_nodelay(fd);
    return 0;
}
