/* sim_stream.c -- the owner's half of a simulated connection: its calls, and the turns in which it
 * hears of things. See sim_stream_priv.h. */
#include "base/mem.h"
#include "io/sim_stream_priv.h"

#define TURN_US 10
#define DRAIN_US_MAX (5 * US_PER_SECOND)
#define PENDING_BYTES_MAX ((size_t)1 << 40)

static struct sim_stream *stream_of(const struct stream *stream)
{
    union {
        const struct stream *in;
        struct sim_stream *out; /* base stands first */
    } cast = {.in = stream};

    return cast.out;
}

void sim_stream_turn_put(struct sim_stream *stream)
{
    if (!stream->closed && stream->loop && !sim_event_is_queued(&stream->turn))
        sim_event_put(stream->sim, &stream->turn, sim_delay_us(stream->sim, TURN_US));
}

/* ---- the owner's turns ---- */

static void tell_end(struct sim_stream *stream, enum stream_end end, const char *why)
{
    stream->ended = true;
    stream->reading = false;
    if (stream->base.events)
        stream->base.events->on_end(stream->base.context, end, why);
}

static void tell_bytes(struct sim_stream *stream)
{
    struct sim *sim = stream->sim;
    size_t len = bytes_len(&stream->in);
    char *bytes;

    if (len > PACKET_BYTES_MAX)
        len = PACKET_BYTES_MAX;
    if (len > 1 && sim_chance(sim, sim->faults.short_write))
        len = (size_t)sim_between(sim, 1, (int64_t)len - 1);
    /* A copy of just these bytes: who reads beyond them or later is caught. */
    bytes = mem_alloc(len);
    memcpy(bytes, stream->in.buf.data + stream->in.gone, len);
    sim_bytes_drop(&stream->in, len);
    sim_packet_send(stream, PACKET_ACK, STR(""), len);
    stream->base.events->on_read(stream->base.context, str_range(bytes, len));
    mem_free(bytes);
}

static void on_turn(struct sim_event *event)
{
    struct sim_stream *stream = CONTAINER_OF(event, struct sim_stream, turn);

    stream->callbacks++;
    if (stream->drain_due && bytes_len(&stream->out) == 0) {
        stream->drain_due = false;
        if (stream->base.events && stream->base.events->on_drain)
            stream->base.events->on_drain(stream->base.context);
    } else if (stream->broken && !stream->ended) {
        tell_end(stream, STREAM_RESET, stream->broken);
    } else if (stream->reading && bytes_len(&stream->in) > 0) {
        tell_bytes(stream);
    } else if (stream->reading && stream->reset_in) {
        tell_end(stream, STREAM_RESET, "connection reset");
    } else if (stream->reading && stream->fin_in) {
        tell_end(stream, STREAM_EOF, "closed by the peer");
    } else {
        stream->callbacks--;
        return;
    }
    stream->callbacks--;
    if (stream->dead)
        return;
    if (stream->closed)
        sim_stream_reap(stream);
    else
        sim_stream_turn_put(stream);
}

/* ---- the owner's calls ---- */

static void sim_stream_start(struct stream *base)
{
    struct sim_stream *stream = stream_of(base);

    if (stream->dead)
        return;
    REQUIRE(base->events && !stream->closed);
    if (stream->ended)
        return;
    stream->reading = true;
    sim_stream_turn_put(stream);
}

static void sim_stream_pause(struct stream *base)
{
    struct sim_stream *stream = stream_of(base);

    REQUIRE(stream->dead || !stream->closed);
    stream->reading = false;
}

static void sim_stream_write(struct stream *base, const struct str *parts, size_t count)
{
    struct sim_stream *stream = stream_of(base);
    size_t before = bytes_len(&stream->out);
    size_t len = 0;

    if (stream->dead)
        return;
    REQUIRE(!stream->shutdown_asked && !stream->closed);
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    if (len == 0 || stream->broken)
        return;
    if (stream->reset_in) {
        stream->broken = "broken pipe";
        sim_stream_turn_put(stream);
        return;
    }
    for (size_t i = 0; i < count; i++)
        buf_add(&stream->out.buf, parts[i]);
    REQUIRE(!stream->out.buf.failed);
    if (before == 0)
        sim_stream_push(stream);
}

static size_t sim_stream_pending_bytes(const struct stream *base)
{
    return bytes_len(&stream_of(base)->out);
}

static void sim_stream_shutdown(struct stream *base)
{
    struct sim_stream *stream = stream_of(base);

    if (stream->dead || stream->shutdown_asked)
        return;
    REQUIRE(!stream->closed);
    stream->shutdown_asked = true;
    sim_stream_push(stream);
}

static void stream_reset(struct sim_stream *stream)
{
    sim_event_remove(stream->sim, &stream->limit);
    sim_bytes_clear(&stream->out);
    sim_bytes_clear(&stream->in);
    if (!stream->reset_in)
        sim_packet_send(stream, PACKET_RESET, STR(""), 0);
    stream->reset_in = true;
    stream->finished = true;
}

static void on_limit(struct sim_event *event)
{
    struct sim_stream *stream = CONTAINER_OF(event, struct sim_stream, limit);

    stream_reset(stream);
    sim_stream_reap(stream);
}

static void sim_stream_close(struct stream *base, bool reset)
{
    struct sim_stream *stream = stream_of(base);

    if (stream->dead)
        return;
    REQUIRE(!stream->closed);
    stream->closed = true;
    stream->reading = false;
    stream->base.events = NULL;
    sim_event_remove(stream->sim, &stream->turn);
    list_remove(&stream->in_loop);
    if (stream->process)
        sim_process_channel_closed(stream->process);
    stream->process = NULL;
    if (reset)
        stream_reset(stream);
    else if (bytes_len(&stream->out) == 0 || stream->reset_in)
        sim_stream_finish(stream);
    else
        sim_event_put(stream->sim, &stream->limit, DRAIN_US_MAX);
    sim_stream_reap(stream);
}

static void sim_stream_get_peer(const struct stream *base, struct address *address)
{
    *address = stream_of(base)->peer_address;
}

static const struct stream_ops sim_stream_ops = {
    .start = sim_stream_start,
    .pause = sim_stream_pause,
    .write = sim_stream_write,
    .pending_bytes = sim_stream_pending_bytes,
    .shutdown = sim_stream_shutdown,
    .close = sim_stream_close,
    .peer = sim_stream_get_peer,
};

/* ---- for the other files of the simulator ---- */

static struct sim_stream *stream_new(struct sim *sim, int64_t latency_us, size_t window)
{
    struct sim_stream *stream = sim_alloc(sim, sizeof(*stream));

    stream->base.ops = &sim_stream_ops;
    stream->sim = sim;
    stream->id = ++sim->object_id;
    stream->latency_us = latency_us;
    stream->window = window;
    buf_init(&stream->in.buf, PENDING_BYTES_MAX);
    buf_init(&stream->out.buf, PENDING_BYTES_MAX);
    list_init(&stream->arriving);
    list_init(&stream->in_loop);
    list_push(&sim->streams, &stream->in_sim);
    sim_event_init(&stream->turn, NULL, "turn", stream->id, on_turn);
    sim_event_init(&stream->limit, NULL, "limit", stream->id, on_limit);
    return stream;
}

void sim_stream_adopt(struct stream *base, struct sim_loop *loop)
{
    struct sim_stream *stream = stream_of(base);

    stream->loop = loop;
    stream->turn.loop = loop;
    stream->outside = loop->outside;
    stream->limit.outside = loop->outside;
    list_push(&loop->streams, &stream->in_loop);
}

void sim_stream_pair(struct sim *sim, struct sim_loop *a_loop, struct sim_loop *b_loop,
                     struct stream **a, struct stream **b)
{
    bool far = rng_below(&sim->rng, 5) == 0;
    int64_t latency_us = far ? sim_between(sim, 1000, 10000) : sim_between(sim, 20, 200);
    size_t window = (far ? 512 * KIB : 16 * KIB) << rng_below(&sim->rng, 4);
    struct sim_stream *first = stream_new(sim, latency_us, window);
    struct sim_stream *second = stream_new(sim, latency_us, window);

    first->peer = second;
    second->peer = first;
    sim_stream_adopt(&first->base, a_loop);
    if (b_loop)
        sim_stream_adopt(&second->base, b_loop);
    *a = &first->base;
    *b = &second->base;
}

void sim_stream_set_outside(struct stream *stream, bool outside)
{
    stream_of(stream)->outside = outside;
}

void sim_stream_set_peer(struct stream *stream, const struct address *peer)
{
    stream_of(stream)->peer_address = *peer;
}

void sim_stream_set_process(struct stream *stream, struct sim_process *process)
{
    stream_of(stream)->process = process;
}

struct sim_process *sim_stream_process(const struct stream *stream)
{
    return stream_of(stream)->process;
}

void sim_stream_break(struct stream *base)
{
    struct sim_stream *stream = stream_of(base);

    if (stream->dead || stream->closed || stream->reset_in)
        return;
    if (bytes_len(&stream->in) > 0) {
        sim_packet_send(stream, PACKET_RESET, STR(""), 0);
    } else if (!stream->fin_sent) {
        stream->fin_sent = true;
        sim_packet_send(stream, PACKET_FIN, STR(""), 0);
    }
    sim_stream_on_reset(stream);
}

void sim_streams_free(struct sim_loop *loop)
{
    while (!list_is_empty(&loop->streams))
        sim_stream_close(&LIST_ITEM(loop->streams.next, struct sim_stream, in_loop)->base, false);
}
