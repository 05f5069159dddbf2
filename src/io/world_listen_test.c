/* world_listen_test.c -- connecting and accepting, in both worlds. */
#include "io/world_pair.h"

/* -- connecting and accepting -- */

static void nobody_listens(void **state)
{
    struct fixture *fixture = *state;
    struct pair pair = {.fixture = fixture};

    pair_listen(&pair, fixture);
    listener_close(pair.listener);
    listen_socket_close(pair.socket);
    loop_connect(fixture->loop, pair.bound, pair_on_connected, &pair);
    assert_null(pair.why);
    fixture_run(fixture);
    assert_int_equal(pair.err, ERR_IO);
    assert_string_equal(pair.why, "connection refused");
}

static void cancel_timer(struct timer *timer)
{
    fixture_done(CONTAINER_OF(timer, struct pair, timer)->fixture);
}

static void a_cancelled_connection_is_silent(void **state)
{
    struct fixture *fixture = *state;
    struct pair pair = {0};
    struct connecting *connecting;

    pair_listen(&pair, fixture);
    connecting = loop_connect(fixture->loop, pair.bound, pair_on_connected, &pair);
    connecting_cancel(connecting);
    timer_init(&pair.timer, fixture->loop, cancel_timer);
    timer_start(&pair.timer, 50);
    fixture_run(fixture);
    assert_null(pair.client.stream);
    pair_close(&pair);
}

static void done_when_ready(struct pair *pair)
{
    fixture_done(pair->fixture);
}

/* To 0.0.0.0 a kernel connects on this machine: what it says of the peer is not what was asked. */
static void the_peer_is_the_kernels_word(void **state)
{
    struct fixture *fixture = *state;
    struct pair pair = {.on_ready = done_when_ready};
    struct address peer, any = {.family = ADDRESS_IPV4};

    pair_listen(&pair, fixture);
    any.port = pair.bound.port;
    loop_connect(fixture->loop, any, pair_on_connected, &pair);
    fixture_run(fixture);
    stream_peer(pair.client.stream, &peer);
    assert_true(address_eq(&peer, &pair.bound));
    pair_close(&pair);
}

static void resume_timer(struct timer *timer)
{
    struct pair *pair = CONTAINER_OF(timer, struct pair, timer);

    assert_non_null(pair->client.stream);
    assert_int_equal(pair->accepted, 0);
    listener_resume(pair->listener);
}

static void a_paused_listener_lets_them_wait(void **state)
{
    struct fixture *fixture = *state;
    struct pair pair = {.on_ready = done_when_ready};

    pair_open(&pair, fixture);
    listener_pause(pair.listener);
    timer_init(&pair.timer, fixture->loop, resume_timer);
    timer_start(&pair.timer, 50);
    fixture_run(fixture);
    assert_int_equal(pair.accepted, 1);
    pair_close(&pair);
}

static void a_port_in_use_is_a_conflict(void **state)
{
    struct fixture *fixture = *state;
    struct pair pair = {0};
    struct listen_socket *second = NULL;
    struct address bound;
    const char *why = NULL;

    pair_listen(&pair, fixture);
    assert_int_equal(listen_socket_open(fixture->world, pair.bound, &second, &bound, &why),
                     ERR_CONFLICT);
    assert_string_equal(why, "address in use");
    pair_close(&pair);
}

static char bulk[64 * KIB];

static void leave_open_ready(struct pair *pair)
{
    struct str chunk = {bulk, sizeof(bulk)};

    for (int i = 0; i < 100; i++)
        stream_write(pair->server.stream, &chunk, 1);
    fixture_done(pair->fixture);
}

/* The teardown's loop_free and the leak checker are the judges. */
static void freeing_a_loop_frees_what_is_open(void **state)
{
    struct pair pair = {.on_ready = leave_open_ready};

    pair_open(&pair, *state);
    fixture_run(*state);
    loop_connect(pair.fixture->loop, pair.bound, pair_on_connected, &pair);
    listener_close(pair.listener);
    listen_socket_close(pair.socket);
}

static void loopback_is_an_address_of_the_machine(void **state)
{
    struct fixture *fixture = *state;
    struct address mine = {.family = ADDRESS_IPV4, .bytes = {127, 0, 0, 1}, .port = 9};
    struct address anothers = {.family = ADDRESS_IPV4, .bytes = {203, 0, 113, 1}, .port = 9};

    assert_true(world_has_address(fixture->world, &mine));
    assert_true(world_has_address(fixture->world, &mine));
    assert_false(world_has_address(fixture->world, &anothers));
}

/* ---- the table ---- */

static const struct CMUnitTest tests[] = {
    BOTH("a connection nobody listens for is refused", nobody_listens),
    BOTH("a cancelled connection calls nobody", a_cancelled_connection_is_silent),
    BOTH("a paused listener lets connections wait", a_paused_listener_lets_them_wait),
    BOTH("a port in use is a conflict", a_port_in_use_is_a_conflict),
    BOTH("loopback is an address of the machine, a stranger's is not",
         loopback_is_an_address_of_the_machine),
    {"real: the peer of a connection is the one that the kernel names",
     the_peer_is_the_kernels_word, fixture_real, fixture_free, NULL},
    BOTH("freeing a loop frees what is still open on it", freeing_a_loop_frees_what_is_open),
};

int main(void)
{
    return RUN_TESTS(tests);
}
