/* world_stream_test.c -- connections, in both worlds. */
#include "io/world_pair.h"

/* -- echo -- */

static void echo_ready(struct pair *pair)
{
    const struct str parts[4] = {STR("hel"), STR(""), STR("lo, "), STR("world")};

    pair_start_both(pair);
    stream_write(pair->client.stream, parts, 4);
    assert_int_equal(pair->client.received, 0);
}

static void echo_bytes(struct end *end, struct str bytes)
{
    struct pair *pair = end->pair;

    if (end == &pair->server)
        stream_write(end->stream, &bytes, 1);
    else if (end->received == 12)
        fixture_done(pair->fixture);
}

static void what_is_sent_comes_back(void **state)
{
    struct pair pair = {.on_ready = echo_ready, .on_bytes = echo_bytes};
    struct address peer;

    pair_open(&pair, *state);
    fixture_run(*state);
    assert_int_equal(pair.accepted, 1);
    assert_int_equal(pair.client.hash, pair.server.hash);
    assert_int_equal(pair.client.drains, 0);
    stream_peer(pair.client.stream, &peer);
    assert_true(address_eq(&peer, &pair.bound));
    stream_peer(pair.server.stream, &peer);
    assert_true(peer.family == ADDRESS_IPV4 && peer.port != 0);
    pair_close(&pair);
}

/* -- back-pressure -- */

#define FLOOD_BYTES (16 * MIB)

static char flood_chunk[64 * KIB];

static uint32_t flood_hash(void)
{
    uint32_t hash = 0;

    for (size_t at = 0; at < FLOOD_BYTES; at++)
        hash = (hash ^ (uint8_t)flood_chunk[at % sizeof(flood_chunk)]) * 16777619U;
    return hash;
}

static void on_flood_timer(struct timer *timer)
{
    struct pair *pair = CONTAINER_OF(timer, struct pair, timer);

    assert_int_equal(pair->client.received, 0);
    assert_int_equal(pair->server.drains, 0);
    assert_true(stream_pending_bytes(pair->server.stream) > MIB);
    stream_start(pair->client.stream);
}

static void flood_ready(struct pair *pair)
{
    struct str chunk = {flood_chunk, sizeof(flood_chunk)};

    for (size_t i = 0; i < sizeof(flood_chunk); i++)
        flood_chunk[i] = (char)(i * 7 + i / 251);
    for (size_t sent = 0; sent < FLOOD_BYTES; sent += chunk.len)
        stream_write(pair->server.stream, &chunk, 1);
    timer_init(&pair->timer, pair->fixture->loop, on_flood_timer);
    timer_start(&pair->timer, 50);
}

static void flood_check(struct end *end)
{
    struct pair *pair = end->pair;

    if (pair->client.received == FLOOD_BYTES && pair->server.drains == 1)
        fixture_done(pair->fixture);
}

static void flood_bytes(struct end *end, struct str bytes UNUSED)
{
    flood_check(end);
}

static void a_slow_reader_holds_the_writer_back(void **state)
{
    struct pair pair = {
        .on_ready = flood_ready, .on_bytes = flood_bytes, .on_drained = flood_check};

    pair_open(&pair, *state);
    fixture_run(*state);
    assert_int_equal(pair.client.hash, flood_hash());
    pair_close(&pair);
}

static void flood_close_ready(struct pair *pair)
{
    struct str chunk = {flood_chunk, sizeof(flood_chunk)};

    for (size_t sent = 0; sent < FLOOD_BYTES; sent += chunk.len)
        stream_write(pair->server.stream, &chunk, 1);
    end_close(&pair->server, false);
    stream_start(pair->client.stream);
}

static void done_at_end(struct end *end)
{
    fixture_done(end->pair->fixture);
}

static void closing_still_sends_what_is_pending(void **state)
{
    struct pair pair = {.on_ready = flood_close_ready, .on_ended = done_at_end};

    pair_open(&pair, *state);
    fixture_run(*state);
    assert_int_equal(pair.client.received, FLOOD_BYTES);
    assert_int_equal(pair.client.end, STREAM_EOF);
    pair_close(&pair);
}

static void stuck_ended(struct end *end)
{
    struct pair *pair = end->pair;

    assert_int_equal(end->end, STREAM_RESET);
    fixture_done(pair->fixture);
}

static void on_stuck_timer(struct timer *timer)
{
    stream_start(CONTAINER_OF(timer, struct pair, timer)->client.stream);
}

static void stuck_ready(struct pair *pair)
{
    struct str chunk = {flood_chunk, sizeof(flood_chunk)};

    for (size_t sent = 0; sent < FLOOD_BYTES; sent += chunk.len)
        stream_write(pair->server.stream, &chunk, 1);
    end_close(&pair->server, false);
    timer_init(&pair->timer, pair->fixture->loop, on_stuck_timer);
    timer_start(&pair->timer, 5500);
}

static void a_closed_stream_gives_up_after_five_seconds(void **state)
{
    struct pair pair = {.on_ready = stuck_ready, .on_ended = stuck_ended};

    pair_open(&pair, *state);
    fixture_run(*state);
    assert_true(pair.client.received < FLOOD_BYTES);
    pair_close(&pair);
}

/* -- ends -- */

static void half_ready(struct pair *pair)
{
    pair_start_both(pair);
    end_send(&pair->client, STR("question"));
    stream_shutdown(pair->client.stream);
}

static void half_ended(struct end *end)
{
    struct pair *pair = end->pair;

    assert_int_equal(end->end, STREAM_EOF);
    if (end == &pair->server) {
        assert_int_equal(end->received, 8);
        end_send(end, STR("answer"));
        stream_shutdown(end->stream);
    } else {
        assert_int_equal(end->received, 6);
        fixture_done(pair->fixture);
    }
}

static void half_closed_peers_still_listen(void **state)
{
    struct pair pair = {.on_ready = half_ready, .on_ended = half_ended};

    pair_open(&pair, *state);
    fixture_run(*state);
    assert_int_equal(pair.server.ends + pair.client.ends, 2);
    pair_close(&pair);
}

static void reset_bytes(struct end *end, struct str bytes UNUSED)
{
    end_close(end, true);
}

static void reset_ready(struct pair *pair)
{
    pair_start_both(pair);
    end_send(&pair->client, STR("x"));
}

static void a_reset_is_seen_as_one(void **state)
{
    struct pair pair = {.on_ready = reset_ready, .on_bytes = reset_bytes, .on_ended = done_at_end};

    pair_open(&pair, *state);
    fixture_run(*state);
    assert_int_equal(pair.client.end, STREAM_RESET);
    pair_close(&pair);
}

static void on_late_write(struct timer *timer)
{
    struct pair *pair = CONTAINER_OF(timer, struct pair, timer);

    end_send(&pair->client, STR("anybody there?"));
    assert_int_equal(pair->client.ends, 0);
    timer_start(timer, 5);
}

static void late_ready(struct pair *pair)
{
    end_close(&pair->server, true);
    timer_init(&pair->timer, pair->fixture->loop, on_late_write);
    timer_start(&pair->timer, 20);
}

static void late_ended(struct end *end)
{
    timer_stop(&end->pair->timer);
    fixture_done(end->pair->fixture);
}

/* The client never reads: only its writing can tell. */
static void a_write_into_nothing_ends_the_stream(void **state)
{
    struct pair pair = {.on_ready = late_ready, .on_ended = late_ended};

    pair_open(&pair, *state);
    fixture_run(*state);
    assert_int_equal(pair.client.end, STREAM_RESET);
    end_send(&pair.client, STR("ignored"));
    assert_int_equal(stream_pending_bytes(pair.client.stream), 0);
    pair_close(&pair);
}

static void paused_ready(struct pair *pair)
{
    stream_start(pair->server.stream);
    end_send(&pair->client, STR("abc"));
}

static void on_paused_timer(struct timer *timer)
{
    struct pair *pair = CONTAINER_OF(timer, struct pair, timer);

    assert_int_equal(pair->server.received, 3);
    stream_start(pair->server.stream);
}

static void paused_bytes(struct end *end, struct str bytes UNUSED)
{
    struct pair *pair = end->pair;

    if (end->received == 6)
        fixture_done(pair->fixture);
    if (end->received != 3)
        return;
    stream_pause(end->stream);
    end_send(&pair->client, STR("def"));
    timer_init(&pair->timer, pair->fixture->loop, on_paused_timer);
    timer_start(&pair->timer, 30);
}

static void a_paused_stream_reads_nothing(void **state)
{
    struct pair pair = {.on_ready = paused_ready, .on_bytes = paused_bytes};

    pair_open(&pair, *state);
    fixture_run(*state);
    pair_close(&pair);
}

/* ---- the table ---- */

static const struct CMUnitTest tests[] = {
    BOTH("what is sent is what comes back", what_is_sent_comes_back),
    BOTH("a slow reader holds the writer back, and then drains it",
         a_slow_reader_holds_the_writer_back),
    BOTH("closing still sends what is pending", closing_still_sends_what_is_pending),
    BOTH("a closed stream gives up after five seconds",
         a_closed_stream_gives_up_after_five_seconds),
    BOTH("a half-closed peer still listens", half_closed_peers_still_listen),
    BOTH("a reset is seen as a reset", a_reset_is_seen_as_one),
    BOTH("writing into nothing ends a stream that does not read",
         a_write_into_nothing_ends_the_stream),
    BOTH("a paused stream reads nothing", a_paused_stream_reads_nothing),
};

int main(void)
{
    return RUN_TESTS(tests);
}
