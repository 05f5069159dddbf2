/* sim_stream_priv.h -- simulated connections, shared by their two halves.
 *
 * Two ends, each with what it has still to send (`out`), a window of bytes that may be under way or
 * unread at the other end, and what arrived but was not read (`in`). Packets take time and stay in
 * order. The kernel's part (sim_wire.c) happens whether or not a loop runs; the owner hears of it
 * in turns (sim_stream.c).
 *
 *   write -> out -> [window] -> packet -> peer's in -turn-> on_read -ack packet-> window opens, out
 * drains
 *
 * As with real kernels, closing with unread bytes resets, and so does sending to a closed end. */
#ifndef IO_SIM_STREAM_PRIV_H
#define IO_SIM_STREAM_PRIV_H

#include "io/sim_net_priv.h"

#define PACKET_BYTES_MAX ((size_t)65536)

enum packet_kind { PACKET_DATA, PACKET_ACK, PACKET_FIN, PACKET_RESET };

/* Bytes that come at one end and go at the other. */
struct bytes {
    struct buf buf;
    size_t gone;
};

struct sim_stream {
    struct stream base;
    struct sim *sim;
    struct sim_loop *loop; /* NULL until accepted */
    struct list in_sim;
    struct list in_loop;     /* until it is closed */
    struct sim_stream *peer; /* NULL when that end is freed */
    struct address peer_address;
    struct sim_process *process; /* of which this is the child's end */
    uint64_t id;
    struct bytes out, in;
    size_t window, window_used;
    int64_t latency_us;
    int64_t arrives_us;   /* when the last packet sent arrives */
    struct list arriving; /* packets on their way here */
    struct sim_event turn;
    struct sim_event limit; /* of a draining end */
    const char *broken;     /* why a write failed: on_end is due */
    int callbacks;          /* on the stack */
    bool outside, dead;
    bool reading, ended;
    bool drain_due;                /* out was not empty */
    bool shutdown_asked, fin_sent; /* our direction */
    bool fin_in, reset_in;         /* the other direction; a reset ends both */
    bool closed;                   /* by its owner */
    bool finished;                 /* closed, and nothing more to send */
};

static inline size_t bytes_len(const struct bytes *bytes)
{
    return bytes->buf.len - bytes->gone;
}

void sim_bytes_drop(struct bytes *bytes, size_t len);
void sim_bytes_clear(struct bytes *bytes);

void sim_packet_send(struct sim_stream *from, enum packet_kind kind, struct str data, size_t len);
/* Sends what the window admits; then the end, if it was asked for. */
void sim_stream_push(struct sim_stream *stream);
/* A closed end whose last byte has left. */
void sim_stream_finish(struct sim_stream *stream);
/* Nothing more goes either way. */
void sim_stream_on_reset(struct sim_stream *stream);
/* Frees both ends when nobody owns them and nothing is under way between them. The dead stay. */
void sim_stream_reap(struct sim_stream *stream);
/* The owner is to hear of something (sim_stream.c). */
void sim_stream_turn_put(struct sim_stream *stream);

#endif
