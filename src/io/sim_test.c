/* sim_test.c -- the simulator itself: one seed is one schedule, faults keep the rules, crashes are
 * clean. */
#include "base/test.h"

#include "base/mem.h"
#include "io/disk.h"
#include "io/loop.h"
#include "io/sim_world.h"
#include "io/stream.h"

#define SECONDS(n) ((n)*US_PER_SECOND)

static const struct sim_faults weather = {
    .connect_refused = 0.1,
    .reset = 0.01,
    .stall = 0.0005,
    .short_write = 0.3,
    .disk_error = 0.01,
    .fsync_error = 0.01,
    .clock_jump = 0.05,
};

/* ---- a small world: an echo server on the machine, a client outside that talks to it ---- */

struct town {
    struct sim *sim;
    struct loop *loop; /* the server's */
    struct listen_socket *socket;
    struct listener *listener;
    struct address address;
    struct stream *client;
    struct stream *server; /* the last one accepted */
    struct timer again;    /* the client's next attempt */
    size_t sent, received;
    int connects, refusals, eofs, resets;
    int server_streams; /* open ones, of all machines */
    bool wrong;
};

struct guest {
    struct town *town;
    struct stream *stream;
};

static void guest_on_read(void *context, struct str bytes)
{
    stream_write(((struct guest *)context)->stream, &bytes, 1);
}

static void guest_on_end(void *context, enum stream_end end UNUSED, const char *why UNUSED)
{
    struct guest *guest = context;

    guest->town->server_streams--;
    stream_close(guest->stream, false);
    mem_free(guest);
}

static const struct stream_events guest_events = {guest_on_read, guest_on_end, NULL};

static void on_accept(void *context, struct stream *stream)
{
    struct guest *guest = MEM_NEW(struct guest);

    guest->town = context;
    guest->stream = guest->town->server = stream;
    guest->town->server_streams++;
    stream_set_events(stream, &guest_events, guest);
    stream_start(stream);
}

static void town_build(struct town *town)
{
    struct listener_config config = {NULL, on_accept, town};
    const char *why = NULL;

    assert_int_equal(address_parse_host_port(STR("10.0.0.1:80"), &town->address), OK);
    assert_int_equal(listen_socket_open(sim_world(town->sim), town->address, &town->socket,
                                        &town->address, &why),
                     OK);
    town->loop = world_loop_new(sim_world(town->sim), "server");
    config.socket = town->socket;
    town->listener = loop_listen(town->loop, &config);
    loop_start(town->loop);
}

static void client_send(struct town *town)
{
    char bytes[700];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(town->sent + i);
    stream_write(town->client, &(struct str){bytes, sizeof(bytes)}, 1);
    town->sent += sizeof(bytes);
}

static void client_on_read(void *context, struct str bytes)
{
    struct town *town = context;

    for (size_t i = 0; i < bytes.len; i++)
        town->wrong |= bytes.data[i] != (char)(town->received + i);
    town->received += bytes.len;
    town->wrong |= town->received > town->sent;
    if (town->received == town->sent)
        client_send(town);
}

static void client_again(struct town *town)
{
    town->client = NULL;
    timer_start(&town->again, 50);
}

static void client_on_end(void *context, enum stream_end end, const char *why UNUSED)
{
    struct town *town = context;

    town->eofs += end == STREAM_EOF;
    town->resets += end == STREAM_RESET;
    stream_close(town->client, false);
    client_again(town);
}

static const struct stream_events client_events = {client_on_read, client_on_end, NULL};

static void on_connected(void *context, enum err err, const char *why UNUSED, struct stream *stream)
{
    struct town *town = context;

    if (err) {
        town->refusals++;
        client_again(town);
        return;
    }
    town->connects++;
    town->client = stream;
    town->sent = town->received = 0;
    stream_set_events(stream, &client_events, town);
    stream_start(stream);
    client_send(town);
}

static void on_again(struct timer *timer)
{
    struct town *town = CONTAINER_OF(timer, struct town, again);

    loop_connect(sim_outside_loop(town->sim), town->address, on_connected, town);
}

static void town_init(struct town *town, uint64_t seed, const struct sim_faults *faults)
{
    *town = (struct town){.sim = sim_new(seed, faults)};
    town_build(town);
    timer_init(&town->again, sim_outside_loop(town->sim), on_again);
    timer_start(&town->again, 1);
}

/* ---- schedules ---- */

static uint64_t town_hash(uint64_t seed)
{
    struct town town;
    uint64_t hash;

    town_init(&town, seed, &weather);
    sim_run(town.sim, SECONDS(20));
    sim_crash(town.sim, false);
    town_build(&town);
    sim_run(town.sim, SECONDS(40));
    hash = sim_trace_hash(town.sim);
    sim_free(town.sim);
    return hash;
}

static void one_seed_is_one_schedule(void **state UNUSED)
{
    for (uint64_t seed = 1; seed <= 20; seed++)
        assert_true(town_hash(seed) == town_hash(seed));
    assert_true(town_hash(1) != town_hash(2));
}

static void bad_weather_keeps_order(void **state UNUSED)
{
    int connects = 0, refusals = 0, resets = 0;

    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct town town;

        town_init(&town, seed, &weather);
        sim_run(town.sim, SECONDS(20));
        assert_false(town.wrong);
        connects += town.connects;
        refusals += town.refusals;
        resets += town.resets;
        assert_int_equal(town.eofs, 0);
        sim_free(town.sim);
    }
    assert_true(connects > 60 && refusals > 10 && resets > 60);
}

static void time_stops_at_the_limit(void **state UNUSED)
{
    struct sim *sim = sim_new(1, NULL);

    assert_int_equal(sim_run(sim, SECONDS(5)), 0);
    assert_int_equal(sim_now_us(sim), SECONDS(5));
    assert_int_equal(sim_run(sim, INT64_MAX), 0);
    assert_int_equal(sim_now_us(sim), SECONDS(5));
    sim_free(sim);
}

static void the_wall_clock_jumps(void **state UNUSED)
{
    const struct sim_faults faults = {.clock_jump = 0.5};
    struct sim *sim = sim_new(1, &faults);
    struct loop *loop = sim_outside_loop(sim);
    int64_t wall_us = loop_wall_us(loop), mono_ms = loop_mono_ms(loop);
    int jumps = 0;

    for (int i = 1; i <= 20; i++) {
        int64_t before_us = wall_us;

        sim_run(sim, SECONDS(i));
        wall_us = loop_wall_us(loop);
        jumps += wall_us - before_us != US_PER_SECOND;
        assert_int_equal(loop_mono_ms(loop), mono_ms + 1000 * i);
    }
    assert_true(jumps > 4 && jumps < 20);
    sim_free(sim);
}

/* ---- crashes ---- */

static void peers_see_a_crash_as_resets(void **state UNUSED)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct town town;

        town_init(&town, seed, NULL);
        sim_run(town.sim, SECONDS(1));
        assert_int_equal(town.connects, 1);
        assert_int_equal(town.resets, 0);
        sim_crash(town.sim, seed % 2);
        sim_run(town.sim, SECONDS(3));
        assert_int_equal(town.resets, 1);
        assert_true(town.refusals > 10);
        town_build(&town);
        sim_run(town.sim, SECONDS(6));
        assert_int_equal(town.connects, 2);
        assert_true(town.received > 0);
        assert_false(town.wrong);
        sim_free(town.sim);
    }
}

struct heir {
    struct message message;
    struct timer timer;
    struct actor *actor;
    int calls;
};

static void heir_deliver(struct message *message)
{
    CONTAINER_OF(message, struct heir, message)->calls++;
}

static void heir_fire(struct timer *timer)
{
    CONTAINER_OF(timer, struct heir, timer)->calls++;
}

static bool heir_step(void *context, struct message *batch UNUSED)
{
    ((struct heir *)context)->calls++;
    return false;
}

static void heir_stop(void *context)
{
    ((struct heir *)context)->calls++;
}

static void heir_at(void *context)
{
    ((struct heir *)context)->calls++;
}

static void on_never(void *context, enum err err UNUSED, const char *why UNUSED,
                     struct stream *stream UNUSED)
{
    ((struct heir *)context)->calls++;
}

static void on_never_resolved(void *context, enum err err UNUSED,
                              const struct address *addresses UNUSED, size_t count UNUSED)
{
    ((struct heir *)context)->calls++;
}

/* The ordinary take-down of a dead server, after a new one stands in its place. */
static void the_dead_do_nothing(void **state UNUSED)
{
    struct town town, old;
    struct heir heir = {0}, late = {0};
    struct actor_config config = {"heir", heir_step, heir_stop, &heir};
    struct connecting *connecting;
    struct dns_query *query;

    town_init(&town, 3, NULL);
    sim_run(town.sim, SECONDS(1));
    heir.message.deliver = late.message.deliver = heir_deliver;
    timer_init(&heir.timer, town.loop, heir_fire);
    timer_start(&heir.timer, 5);
    heir.actor = world_actor_new(sim_world(town.sim), &config);
    connecting = loop_connect(town.loop, town.address, on_never, &heir);
    query = loop_resolve(town.loop, STR("localhost"), 1000, on_never_resolved, &heir);
    actor_post(heir.actor, &heir.message);
    loop_post(town.loop, &late.message);
    sim_at(town.sim, sim_now_us(town.sim) + 5, false, heir_at, &heir);
    sim_at(town.sim, sim_now_us(town.sim) + 5, true, heir_at, &late);
    sim_crash(town.sim, false);
    old = town;
    town_build(&town);
    sim_run(town.sim, SECONDS(5));
    assert_int_equal(heir.calls, 0);
    assert_int_equal(late.calls, 1); /* the outside one */
    connecting_cancel(connecting);
    dns_query_cancel(query);
    timer_stop(&heir.timer);
    timer_start(&heir.timer, 1);
    actor_post(heir.actor, &heir.message);
    actor_stop(heir.actor);
    loop_post(old.loop, &late.message);
    listener_pause(old.listener);
    listener_close(old.listener);
    listen_socket_close(old.socket);
    loop_stop(old.loop);
    loop_free(old.loop);
    sim_run(town.sim, SECONDS(9));
    assert_int_equal(heir.calls, 0);
    assert_int_equal(late.calls, 1);
    assert_int_equal(town.connects, 2);
    assert_int_equal(town.resets, 1);
    sim_free(town.sim);
}

/* ---- the power fails inside a step ---- */

struct saver {
    struct message message;
    struct sim *sim;
    struct disk *disk;
    int saved, failed;
};

static bool saver_step(void *context, struct message *batch UNUSED)
{
    struct saver *saver = context;

    if (disk_write_file(saver->disk, "/data", "number", STR("x")) == OK)
        saver->saved++;
    else
        saver->failed++;
    return true;
}

static void nothing_leaves_without_power(void **state UNUSED)
{
    struct town town;
    struct disk *disk;
    size_t received;

    town_init(&town, 5, NULL);
    disk = sim_world(town.sim)->disk;
    sim_run(town.sim, SECONDS(1));
    sim_power_fails_after(town.sim, 1);
    assert_int_equal(disk->open_dir(disk, "/data"), ERR_IO);
    assert_true(sim_power_is_off(town.sim));
    received = town.received;
    town.sent += 4;
    stream_write(town.server, &STR("gone"), 1);
    sim_crash(town.sim, false);
    sim_run(town.sim, SECONDS(2));
    assert_int_equal(town.resets, 1);
    assert_true(town.received <= received + 700); /* at most what was under way */
    assert_false(town.wrong);
    sim_free(town.sim);
}

static void unreached_deliver(struct message *message UNUSED)
{
}

static void nothing_runs_without_power(void **state UNUSED)
{
    struct sim *sim = sim_new(1, NULL);
    struct saver saver = {{NULL, unreached_deliver}, sim, sim_world(sim)->disk, 0, 0};
    struct actor_config config = {"saver", saver_step, NULL, &saver};
    struct actor *actor;

    assert_int_equal(saver.disk->open_dir(saver.disk, "/data"), OK);
    actor = world_actor_new(sim_world(sim), &config);
    actor_post(actor, &saver.message);
    sim_power_fails_after(sim, 23); /* the third call of the fifth file */
    sim_run(sim, SECONDS(1));
    assert_true(sim_power_is_off(sim));
    assert_int_equal(saver.saved, 4);
    assert_int_equal(saver.failed, 1);
    assert_int_equal(sim_run(sim, SECONDS(2)), 0);
    sim_crash(sim, false);
    assert_false(sim_power_is_off(sim));
    assert_true(saver.disk->exists(saver.disk, "/data/number"));
    sim_run(sim, SECONDS(2));
    assert_int_equal(saver.saved, 4);
    sim_free(sim);
}

/* ---- names ---- */

struct lookup {
    int answers;
    enum err err;
    size_t count;
};

static void on_lookup(void *context, enum err err, const struct address *addresses UNUSED,
                      size_t count)
{
    struct lookup *lookup = context;

    lookup->answers++;
    lookup->err = err;
    lookup->count = count;
}

static struct lookup look_up(struct sim *sim, struct str host)
{
    struct lookup lookup = {0};

    loop_resolve(sim_outside_loop(sim), host, 5000, on_lookup, &lookup);
    sim_run(sim, sim_now_us(sim) + SECONDS(10));
    assert_int_equal(lookup.answers, 1);
    return lookup;
}

static void names_are_what_was_set(void **state UNUSED)
{
    const struct sim_faults slow = {.stall = 1};
    struct sim *sim = sim_new(1, NULL);
    struct address addresses[2];
    struct lookup lookup;

    assert_int_equal(address_parse_ip(STR("192.0.2.1"), &addresses[0]), OK);
    assert_int_equal(address_parse_ip(STR("2001:db8::1"), &addresses[1]), OK);
    sim_dns_set(sim, STR("example.com"), addresses, 2);
    lookup = look_up(sim, STR("Example.COM."));
    assert_int_equal(lookup.err, OK);
    assert_int_equal(lookup.count, 2);
    assert_int_equal(look_up(sim, STR("example.org")).err, ERR_NOT_FOUND);
    sim_dns_set(sim, STR("example.com"), NULL, 0);
    assert_int_equal(look_up(sim, STR("example.com")).err, ERR_NOT_FOUND);
    sim_set_faults(sim, &slow);
    for (lookup.err = OK; lookup.err != ERR_AGAIN;)
        lookup = look_up(sim, STR("localhost"));
    assert_int_equal(lookup.count, 0);
    sim_free(sim);
}

static const struct CMUnitTest tests[] = {
    TEST("the same seed is the same schedule, another is another", one_seed_is_one_schedule),
    TEST("faults break connections but never order or bytes", bad_weather_keeps_order),
    TEST("time stops at the limit, and only there", time_stops_at_the_limit),
    TEST("the wall clock jumps, the monotonic one does not", the_wall_clock_jumps),
    TEST("peers outside see a crash as a reset, and find the new machine",
         peers_see_a_crash_as_resets),
    TEST("calls on a dead machine do nothing and call nobody", the_dead_do_nothing),
    TEST("without power nothing runs before the crash is called", nothing_runs_without_power),
    TEST("without power nothing leaves the machine", nothing_leaves_without_power),
    TEST("names resolve to what was set", names_are_what_was_set),
};

int main(void)
{
    return RUN_TESTS(tests);
}
