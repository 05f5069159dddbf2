/* world_pair.c -- see world_pair.h. */
#include "io/world_pair.h"

static void end_on_read(void *context, struct str bytes)
{
    struct end *end = context;

    assert_int_equal(end->ends, 0);
    assert_true(bytes.len > 0);
    end->received += bytes.len;
    for (size_t i = 0; i < bytes.len; i++)
        end->hash = (end->hash ^ (uint8_t)bytes.data[i]) * 16777619U;
    if (end->pair->on_bytes)
        end->pair->on_bytes(end, bytes);
}

static void end_on_end(void *context, enum stream_end how, const char *why)
{
    struct end *end = context;

    assert_non_null(why);
    end->ends++;
    end->end = how;
    assert_int_equal(end->ends, 1);
    if (end->pair->on_ended)
        end->pair->on_ended(end);
}

static void end_on_drain(void *context)
{
    struct end *end = context;

    assert_int_equal(stream_pending_bytes(end->stream), 0);
    end->drains++;
    if (end->pair->on_drained)
        end->pair->on_drained(end);
}

static const struct stream_events end_events = {end_on_read, end_on_end, end_on_drain};

static void end_take(struct end *end, struct pair *pair, struct stream *stream)
{
    end->pair = pair;
    end->stream = stream;
    stream_set_events(stream, &end_events, end);
    if (pair->client.stream && pair->server.stream && pair->on_ready)
        pair->on_ready(pair);
}

static void pair_on_accept(void *context, struct stream *stream)
{
    struct pair *pair = context;

    pair->accepted++;
    end_take(&pair->server, pair, stream);
}

void pair_on_connected(void *context, enum err err, const char *why, struct stream *stream)
{
    struct pair *pair = context;

    pair->err = err;
    pair->why = why;
    if (err)
        fixture_done(pair->fixture);
    else
        end_take(&pair->client, pair, stream);
}

void pair_listen(struct pair *pair, struct fixture *fixture)
{
    struct address address;
    const char *why = NULL;

    pair->fixture = fixture;
    assert_int_equal(address_parse_host_port(STR("127.0.0.1:0"), &address), OK);
    assert_int_equal(listen_socket_open(fixture->world, address, &pair->socket, &pair->bound, &why),
                     OK);
    assert_int_not_equal(pair->bound.port, 0);
    pair->listener =
        loop_listen(fixture->loop, &(struct listener_config){pair->socket, pair_on_accept, pair});
}

void pair_open(struct pair *pair, struct fixture *fixture)
{
    pair_listen(pair, fixture);
    loop_connect(fixture->loop, pair->bound, pair_on_connected, pair);
}

void end_close(struct end *end, bool reset)
{
    if (end->stream)
        stream_close(end->stream, reset);
    end->stream = NULL;
}

void pair_close(struct pair *pair)
{
    end_close(&pair->client, false);
    end_close(&pair->server, false);
    listener_close(pair->listener);
    listen_socket_close(pair->socket);
}

void end_send(struct end *end, struct str text)
{
    stream_write(end->stream, &text, 1);
}

void pair_start_both(struct pair *pair)
{
    stream_start(pair->client.stream);
    stream_start(pair->server.stream);
}
