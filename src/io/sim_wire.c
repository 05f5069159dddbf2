/* sim_wire.c -- the kernel's half of a simulated connection: windows, packets, ends. See
 * sim_stream_priv.h. */
#include "io/sim_stream_priv.h"

struct sim_packet {
    struct sim_event event;
    struct list in_stream;
    struct sim_stream *to;
    enum packet_kind kind;
    size_t len; /* of data, or acknowledged */
    char data[];
};

void sim_bytes_drop(struct bytes *bytes, size_t len)
{
    bytes->gone += len;
    if (bytes->gone < bytes->buf.len / 2 && bytes->gone < bytes->buf.len)
        return;
    buf_consume(&bytes->buf, bytes->gone);
    bytes->gone = 0;
    if (bytes->buf.len == 0)
        buf_release(&bytes->buf);
}

void sim_bytes_clear(struct bytes *bytes)
{
    buf_release(&bytes->buf);
    bytes->gone = 0;
}

/* ---- lives ---- */

static void stream_free(struct sim_stream *stream)
{
    sim_bytes_clear(&stream->in);
    sim_bytes_clear(&stream->out);
    list_remove(&stream->in_loop);
    list_remove(&stream->in_sim);
    sim_event_remove(stream->sim, &stream->turn);
    sim_event_remove(stream->sim, &stream->limit);
    if (stream->peer)
        stream->peer->peer = NULL;
    sim_release(stream);
}

static bool stream_is_over(const struct sim_stream *stream)
{
    return !stream || (stream->finished && !stream->callbacks && list_is_empty(&stream->arriving));
}

/* Frees both ends when nobody owns them and nothing is under way between them. The dead stay. */
void sim_stream_reap(struct sim_stream *stream)
{
    struct sim_stream *peer = stream->peer;

    if (!stream_is_over(stream) || !stream_is_over(peer))
        return;
    if (!stream->dead)
        stream_free(stream);
    if (peer && !peer->dead)
        stream_free(peer);
}

/* ---- packets ---- */

static void packet_arrive(struct sim_event *event);

void sim_packet_send(struct sim_stream *from, enum packet_kind kind, struct str data, size_t len)
{
    static const char *const names[] = {"data", "ack", "fin", "reset"};
    struct sim *sim = from->sim;
    struct sim_stream *to = from->peer;
    int64_t arrives_us = sim->now_us + sim_delay_us(sim, from->latency_us);
    struct sim_packet *packet;

    if (!to || to->dead || (sim->dark && !from->outside))
        return;
    packet = sim_alloc(sim, sizeof(*packet) + data.len);
    packet->to = to;
    packet->kind = kind;
    packet->len = len;
    if (data.len)
        memcpy(packet->data, data.data, data.len);
    if (sim_chance(sim, sim->faults.stall))
        arrives_us += sim_stall_us(sim);
    if (arrives_us <= from->arrives_us)
        arrives_us = from->arrives_us + 1;
    from->arrives_us = arrives_us;
    sim_event_init(&packet->event, NULL, names[kind], to->id, packet_arrive);
    packet->event.outside = to->outside;
    list_push(&to->arriving, &packet->in_stream);
    sim_event_put(sim, &packet->event, arrives_us - sim->now_us);
}

void sim_stream_on_reset(struct sim_stream *stream)
{
    stream->reset_in = true;
    stream->drain_due = false;
    sim_bytes_clear(&stream->out);
    if (stream->closed)
        stream->finished = true;
    else
        sim_stream_turn_put(stream);
}

/* The connection breaks at any byte of the packet: what stood before it may arrive. */
static void push_broken(struct sim_stream *stream, size_t len)
{
    size_t before = (size_t)sim_between(stream->sim, 0, (int64_t)len - 1);

    if (before > 0)
        sim_packet_send(stream, PACKET_DATA,
                        str_range(stream->out.buf.data + stream->out.gone, before), before);
    sim_packet_send(stream, PACKET_RESET, STR(""), 0);
    sim_stream_on_reset(stream);
}

/* Sends what the window admits; then the end, if it was asked for. */
void sim_stream_push(struct sim_stream *stream)
{
    struct sim *sim = stream->sim;

    while (bytes_len(&stream->out) > 0 && stream->window_used < stream->window) {
        size_t len = stream->window - stream->window_used;

        if (len > bytes_len(&stream->out))
            len = bytes_len(&stream->out);
        if (len > PACKET_BYTES_MAX)
            len = PACKET_BYTES_MAX;
        if (len > 1 && sim_chance(sim, sim->faults.short_write))
            len = (size_t)sim_between(sim, 1, (int64_t)len - 1);
        if (sim_chance(sim, sim->faults.reset)) {
            push_broken(stream, len);
            return;
        }
        sim_packet_send(stream, PACKET_DATA,
                        str_range(stream->out.buf.data + stream->out.gone, len), len);
        stream->window_used += len;
        sim_bytes_drop(&stream->out, len);
    }
    if (bytes_len(&stream->out) > 0) {
        stream->drain_due = true;
        return;
    }
    if (stream->drain_due)
        sim_stream_turn_put(stream);
    if (stream->shutdown_asked && !stream->fin_sent && !stream->reset_in) {
        stream->fin_sent = true;
        sim_packet_send(stream, PACKET_FIN, STR(""), 0);
    }
}

/* A closed end whose last byte has left. */
void sim_stream_finish(struct sim_stream *stream)
{
    stream->finished = true;
    sim_event_remove(stream->sim, &stream->limit);
    if (stream->reset_in)
        return;
    if (bytes_len(&stream->in) > 0)
        sim_packet_send(stream, PACKET_RESET, STR(""), 0);
    else if (!stream->fin_sent)
        sim_packet_send(stream, PACKET_FIN, STR(""), 0);
    stream->fin_sent = true;
    sim_bytes_clear(&stream->in);
}

static void data_arrived(struct sim_stream *stream, const struct sim_packet *packet)
{
    sim_trace(stream->sim, "bytes", stream->id, str_range(packet->data, packet->len));
    if (stream->finished) {
        sim_packet_send(stream, PACKET_RESET, STR(""), 0);
        return;
    }
    buf_add(&stream->in.buf, str_range(packet->data, packet->len));
    sim_stream_turn_put(stream);
}

static void packet_arrive(struct sim_event *event)
{
    struct sim_packet *packet = CONTAINER_OF(event, struct sim_packet, event);
    struct sim_stream *stream = packet->to;

    list_remove(&packet->in_stream);
    if (stream->reset_in) {
        if (packet->kind == PACKET_DATA && stream->fin_sent)
            sim_packet_send(stream, PACKET_RESET, STR(""), 0);
    } else if (packet->kind == PACKET_DATA) {
        data_arrived(stream, packet);
    } else if (packet->kind == PACKET_ACK) {
        stream->window_used -= packet->len;
        sim_stream_push(stream);
        if (stream->closed && !stream->finished && bytes_len(&stream->out) == 0)
            sim_stream_finish(stream);
    } else if (packet->kind == PACKET_FIN) {
        stream->fin_in = true;
        sim_stream_turn_put(stream);
    } else {
        sim_stream_on_reset(stream);
    }
    sim_release(packet);
    sim_stream_reap(stream);
}

/* ---- the crash ---- */

/* The end goes without a word to its owner; an outside peer sees a reset, or nothing at all. */
static void stream_kill(struct sim_stream *stream)
{
    struct list *node;

    while ((node = list_pop(&stream->arriving))) {
        struct sim_packet *packet = LIST_ITEM(node, struct sim_packet, in_stream);

        sim_event_remove(stream->sim, &packet->event);
        sim_release(packet);
    }
    list_remove(&stream->in_sim);
    sim_event_remove(stream->sim, &stream->turn);
    sim_event_remove(stream->sim, &stream->limit);
    sim_bury(stream->base.context);
    if (!stream->reset_in && !(stream->fin_sent && stream->finished) &&
        !sim_chance(stream->sim, stream->sim->faults.half_open)) {
        bool dark = stream->sim->dark;

        stream->sim->dark = false;
        sim_packet_send(stream, PACKET_RESET, STR(""), 0);
        stream->sim->dark = dark;
    }
    sim_bytes_clear(&stream->in);
    sim_bytes_clear(&stream->out);
    stream->dead = stream->closed = stream->finished = stream->reset_in = true;
}

void sim_streams_kill(struct sim *sim)
{
    for (struct list *node = sim->streams.next, *next; node != &sim->streams; node = next) {
        struct sim_stream *stream = LIST_ITEM(node, struct sim_stream, in_sim);

        next = node->next;
        if (!sim_spares(sim, stream->outside))
            stream_kill(stream);
    }
}

void sim_streams_discard(struct sim *sim)
{
    for (struct list *node = sim->streams.next; node != &sim->streams; node = node->next) {
        struct sim_stream *stream = LIST_ITEM(node, struct sim_stream, in_sim);

        sim_bytes_clear(&stream->in);
        sim_bytes_clear(&stream->out);
    }
}
