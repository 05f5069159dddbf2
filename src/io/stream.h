/* stream.h -- a connection that bytes go in and out of: TCP, a child's channel, TLS over either.
 *
 * Reading pushes: on_read gets bytes that are borrowed until it returns (all streams of a loop
 * share one buffer, so an idle connection holds none). Writing never blocks and never fails on the
 * spot: what the kernel does not take at once is copied and goes out later; stream_pending_bytes
 * says how much that is, and on_drain tells when it is gone. Whoever writes much looks at the
 * pending bytes first.
 *
 * The end comes once: on_end, for an orderly end of the peer's side or an error. After on_end
 * nothing more is read; writing may go on after STREAM_EOF (a half-closed peer still listens).
 * Then, or at any time, the owner calls stream_close; after that no callback comes. */
#ifndef IO_STREAM_H
#define IO_STREAM_H

#include "io/address.h"

enum stream_end {
    STREAM_EOF,   /* the peer sent its last byte */
    STREAM_RESET, /* reset, broken pipe, timeout of the kernel: gone both ways */
    STREAM_TLS    /* the TLS layer refused: handshake, certificate, record */
};

struct stream;

struct stream_events {
    void (*on_read)(void *context, struct str bytes);
    void (*on_end)(void *context, enum stream_end end,
                   const char *why); /* why: short static text */
    void (*on_drain)(void *context); /* may be NULL */
};

struct stream_ops {
    void (*start)(struct stream *stream);
    void (*pause)(struct stream *stream);
    void (*write)(struct stream *stream, const struct str *parts, size_t count);
    size_t (*pending_bytes)(const struct stream *stream);
    void (*shutdown)(struct stream *stream);
    void (*close)(struct stream *stream, bool reset);
    void (*peer)(const struct stream *stream, struct address *address);
};

/* The first member of every form of stream. */
struct stream {
    const struct stream_ops *ops;
    const struct stream_events *events; /* set by the owner before stream_start; static */
    void *context;
};

static inline void stream_set_events(struct stream *stream, const struct stream_events *events,
                                     void *context)
{
    stream->events = events;
    stream->context = context;
}

/* Starts or resumes reading. */
static inline void stream_start(struct stream *stream)
{
    stream->ops->start(stream);
}

static inline void stream_pause(struct stream *stream)
{
    stream->ops->pause(stream);
}

/* Sends the parts one after the other (one writev where the kernel has one). */
static inline void stream_write(struct stream *stream, const struct str *parts, size_t count)
{
    stream->ops->write(stream, parts, count);
}

static inline size_t stream_pending_bytes(const struct stream *stream)
{
    return stream->ops->pending_bytes(stream);
}

/* No more writes; the peer sees an orderly end after what is pending. */
static inline void stream_shutdown(struct stream *stream)
{
    stream->ops->shutdown(stream);
}

/* Frees the stream. Pending bytes are still sent in the background (bounded by the kernel's and
 * a 5 s limit) unless `reset`, which drops them and resets the connection. */
static inline void stream_close(struct stream *stream, bool reset)
{
    stream->ops->close(stream, reset);
}

static inline void stream_peer(const struct stream *stream, struct address *address)
{
    stream->ops->peer(stream, address);
}

#endif
