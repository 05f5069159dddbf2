/* client_peer_test.c -- whom the kernel says that it connected the client to. A real one does not
 * err on demand: the simulated one does. */
#include "base/test.h"

#include "http/client.h"
#include "io/sim_world.h"
#include "io/stream.h"

#define RECEIVERS_MAX 2

/* A client on the machine; receivers outside that answer a request and a CONNECT. */
struct town {
    struct sim *sim;
    struct loop *loop;
    struct http_client *client;
    struct egress_policy policy;
    struct http_proxy proxy;
    size_t connections, received; /* by all receivers */
    bool was_reset, is_done;
    enum http_outcome outcome;
    struct address went_to;
    const char *why;
};

struct guest {
    struct town *town;
    struct stream *stream;
};

static struct guest guests[RECEIVERS_MAX];

static void on_read(void *context, struct str bytes)
{
    struct guest *guest = context;
    struct str answer = STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");

    if (str_ends(bytes, STR("hello")) || str_starts(bytes, STR("CONNECT ")))
        stream_write(guest->stream, &answer, 1);
    guest->town->received += bytes.len;
}

static void on_end(void *context, enum stream_end end, const char *why UNUSED)
{
    struct guest *guest = context;

    guest->town->was_reset = end == STREAM_RESET;
    stream_close(guest->stream, false);
}

static void on_accept(void *context, struct stream *stream)
{
    static const struct stream_events events = {on_read, on_end, NULL};
    struct town *town = context;
    struct guest *guest = &guests[town->connections++];

    REQUIRE(town->connections <= RECEIVERS_MAX);
    *guest = (struct guest){town, stream};
    stream_set_events(stream, &events, guest);
    stream_start(stream);
}

static struct address address_at(const char *text)
{
    struct address address;

    assert_int_equal(address_parse_host_port(str_of(text), &address), OK);
    return address;
}

static void town_add_receiver(struct town *town, const char *at)
{
    struct listener_config config = {NULL, on_accept, town};
    struct address bound;
    const char *why = NULL;

    assert_int_equal(listen_socket_open(sim_outside_world(town->sim), address_at(at),
                                        &config.socket, &bound, &why),
                     OK);
    loop_listen(sim_outside_loop(town->sim), &config);
}

static void town_build(struct town *town, bool by_proxy)
{
    struct http_client_config config = {.policy = &town->policy,
                                        .proxy = by_proxy ? &town->proxy : NULL,
                                        .response_header_bytes_max = 16 * KIB,
                                        .response_body_bytes_max = 64 * KIB,
                                        .idle_connections_max = 4,
                                        .idle_ms = 1000};

    *town = (struct town){.sim = sim_new(1, NULL)};
    town->proxy = (struct http_proxy){.host = STR("10.0.0.9"), .port = 3128};
    town->loop = config.loop = world_loop_new(sim_world(town->sim), "client");
    town->client = http_client_new(&config);
    loop_start(town->loop);
}

static void town_free(struct town *town)
{
    http_client_free(town->client);
    loop_free(town->loop);
    sim_free(town->sim);
}

static void on_done(void *context, const struct http_result *result)
{
    struct town *town = context;

    town->is_done = true;
    town->outcome = result->outcome;
    town->went_to = result->address;
    town->why = result->why;
}

static void town_post(struct town *town, struct str host)
{
    struct http_client_request request = {.host = host,
                                          .port = 80,
                                          .method = STR("POST"),
                                          .target = STR("/hook"),
                                          .body = STR("hello"),
                                          .budget = http_budget_default};

    http_client_send(town->client, &request, on_done, town);
    sim_run(town->sim, sim_now_us(town->sim) + 60 * US_PER_SECOND);
    assert_true(town->is_done);
}

/* Who connects to the first address, a public one, is led to the second. */
static void redirect(struct town *town, const char *from, const char *to)
{
    struct address vetted = address_at(from), reached = address_at(to);

    sim_redirect(town->sim, &vetted, &reached);
}

static void assert_answered(const struct town *town)
{
    assert_int_equal(town->outcome, HTTP_ANSWERED);
    assert_int_equal(town->connections, 1);
}

static void another_peer_hears_nothing(void **state UNUSED)
{
    static const char *const elsewhere[] = {"10.0.0.7:80", "93.184.215.14:8080", "[::1]:80"};
    struct town town;

    for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++) {
        town_build(&town, false);
        town_add_receiver(&town, "93.184.215.14:80");
        town_add_receiver(&town, elsewhere[i]);
        redirect(&town, "93.184.215.14:80", elsewhere[i]);
        town_post(&town, STR("93.184.215.14"));
        assert_int_equal(town.outcome, HTTP_NO_CONNECTION);
        assert_string_equal(town.why, "connected to another address than the vetted one");
        assert_int_equal(town.went_to.family, ADDRESS_NONE);
        assert_int_equal(town.connections, 1);
        assert_int_equal(town.received, 0);
        assert_true(town.was_reset);
        town_free(&town);
    }
}

static void the_vetted_peer_is_sent_to(void **state UNUSED)
{
    struct town town;

    town_build(&town, false);
    town_add_receiver(&town, "93.184.215.14:80");
    town_post(&town, STR("93.184.215.14"));
    assert_answered(&town);
    town_free(&town);
}

static void a_mapped_peer_is_the_same(void **state UNUSED)
{
    static const struct {
        const char *host, *vetted, *peer;
    } cases[] = {
        {"93.184.215.14", "93.184.215.14:80", "[::ffff:93.184.215.14]:80"},
        {"::ffff:93.184.215.14", "[::ffff:93.184.215.14]:80", "93.184.215.14:80"},
    };
    struct town town;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        town_build(&town, false);
        town_add_receiver(&town, cases[i].peer);
        redirect(&town, cases[i].vetted, cases[i].peer);
        town_post(&town, str_of(cases[i].host));
        assert_answered(&town);
        town_free(&town);
    }
}

/* Its address is the operator's choice, wherever the system leads it. */
static void a_proxy_may_be_elsewhere(void **state UNUSED)
{
    struct town town;

    town_build(&town, true);
    town_add_receiver(&town, "10.0.0.8:3128");
    redirect(&town, "10.0.0.9:3128", "10.0.0.8:3128");
    town_post(&town, STR("93.184.215.14"));
    assert_answered(&town);
    town_free(&town);
}

static const struct CMUnitTest tests[] = {
    TEST("a connection to another than the vetted address is reset without a byte",
         another_peer_hears_nothing),
    TEST("a connection to the vetted address is used", the_vetted_peer_is_sent_to),
    TEST("an IPv4 address mapped into IPv6 is the same peer", a_mapped_peer_is_the_same),
    TEST("a proxy is not vetted, so its peer is not compared", a_proxy_may_be_elsewhere),
};

int main(void)
{
    return RUN_TESTS(tests);
}
