/* client_policy_test.c -- where the client goes, and where it does not. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/client_priv.h"
#include "http/client_rig.h"

static struct client_rig rig;

static int start(void **state)
{
    (void)state;
    rig = (struct client_rig){0};
    client_rig_start(&rig);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    client_rig_stop(&rig);
    return 0;
}

static void close_policy(struct client_rig *to_change)
{
    to_change->policy.dev = false;
}

static void a_denied_address_gets_no_packet(void **state)
{
    struct receiver receiver = {.serve = receiver_answer_all};

    (void)state;
    receiver_start(&receiver);
    client_rig_call(&rig, close_policy);
    const struct outcome *outcome = client_rig_post(&rig, receiver.port);
    client_rig_assert(outcome, HTTP_DENIED);
    assert_string_equal(outcome->result.rule, "loopback");
    assert_int_equal(outcome->result.address.family, ADDRESS_NONE);
    receiver_stop(&receiver);
    assert_int_equal(atomic_load(&receiver.connections), 0);
}

static void a_policy_that_closes_stops_kept_connections_too(void **state)
{
    struct receiver receiver = {.serve = receiver_answer_all};

    (void)state;
    receiver_start(&receiver);
    client_rig_assert(client_rig_post(&rig, receiver.port), HTTP_ANSWERED);
    client_rig_call(&rig, close_policy);
    client_rig_assert(client_rig_post(&rig, receiver.port), HTTP_DENIED);
    receiver_stop(&receiver);
    assert_int_equal(atomic_load(&receiver.requests), 1);
}

static struct arena entries;

static void allow_all_addresses(struct client_rig *to_change)
{
    const char *why;

    assert_int_equal(egress_policy_add(&to_change->policy, &entries, STR("0.0.0.0"), &why), OK);
}

/* The kernel names 127.0.0.1 as the peer of all three. */
static void other_texts_of_loopback_lead_there(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1"};

    (void)state;
    arena_init(&entries);
    client_rig_call(&rig, allow_all_addresses);
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct receiver receiver = {.serve = receiver_answer_all};

        receiver_start(&receiver);
        struct http_client_request request = client_rig_request(&rig, receiver.port);
        request.host = str_of(hosts[i]);
        client_rig_assert(client_rig_send(&rig, &request), HTTP_ANSWERED);
        receiver_stop(&receiver);
    }
    arena_release(&entries);
}

static void a_closed_port_is_refused(void **state)
{
    struct receiver receiver = {.serve = receiver_answer_all};

    (void)state;
    receiver_start(&receiver);
    receiver_stop(&receiver);
    const struct outcome *outcome = client_rig_post(&rig, receiver.port);
    client_rig_assert(outcome, HTTP_NO_CONNECTION);
    assert_string_equal(outcome->result.why, "connection refused");
}

static void localhost_is_found_and_tried_address_by_address(void **state)
{
    struct receiver receiver = {.serve = receiver_answer_all};

    (void)state;
    receiver_start(&receiver);
    struct http_client_request request = client_rig_request(&rig, receiver.port);
    request.host = STR("localhost");
    for (int i = 0; i < 2; i++) {
        const struct outcome *outcome = client_rig_send(&rig, &request);

        client_rig_assert(outcome, HTTP_ANSWERED);
        assert_int_equal(outcome->result.reused, i);
    }
    receiver_stop(&receiver);
}

/* As if DNS had just said so. */
static void learn_names(struct client_rig *to_teach)
{
    static const struct address good = {.family = ADDRESS_IPV4, .bytes = {127, 0, 0, 1}};
    static const struct address bad = {.family = ADDRESS_IPV4, .bytes = {169, 254, 169, 254}};
    const struct address bad_last[] = {good, bad};
    const struct address bad_first[] = {bad, good};

    names_keep(to_teach->client, STR("bad-last.example"), bad_last, 2);
    names_keep(to_teach->client, STR("bad-first.example"), bad_first, 2);
    names_keep(to_teach->client, STR("good.example"), &good, 1);
}

static void a_mixed_answer_is_denied_whole(void **state)
{
    static const struct str hosts[] = {{"bad-last.example", 16}, {"bad-first.example", 17}};
    struct receiver receiver = {.serve = receiver_answer_all};

    (void)state;
    receiver_start(&receiver);
    client_rig_call(&rig, learn_names);
    struct http_client_request request = client_rig_request(&rig, receiver.port);
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        request.host = hosts[i];
        const struct outcome *outcome = client_rig_send(&rig, &request);
        client_rig_assert(outcome, HTTP_DENIED);
        assert_string_equal(outcome->result.rule, "link-local");
    }
    assert_int_equal(client_rig_stats(&rig).connections_opened, 0);
    request.host = STR("good.example");
    client_rig_assert(client_rig_send(&rig, &request), HTTP_ANSWERED);
    receiver_stop(&receiver);
}

/* A name with two addresses, of which only the second has a receiver. */
static const struct address dead = {.family = ADDRESS_IPV4, .bytes = {127, 0, 0, 2}};
static const struct address alive = {.family = ADDRESS_IPV4, .bytes = {127, 0, 0, 1}};

static void learn_a_dead_address_first(struct client_rig *to_teach)
{
    names_keep(to_teach->client, STR("half.example"), (const struct address[]){dead, alive}, 2);
}

static const struct outcome *post_to_half(uint16_t port)
{
    struct http_client_request request = client_rig_request(&rig, port);

    client_rig_call(&rig, learn_a_dead_address_first);
    request.host = STR("half.example");
    return client_rig_send(&rig, &request);
}

static void a_dead_address_is_passed_over(void **state)
{
    struct receiver receiver = {.serve = receiver_answer_all};

    (void)state;
    receiver_start(&receiver);
    const struct outcome *outcome = post_to_half(receiver.port);
    client_rig_assert(outcome, HTTP_ANSWERED);
    assert_true(address_eq_ip(&outcome->result.address, &alive));
    receiver_stop(&receiver);
}

/* A listener whose queue is full: what comes then is dropped without a word. */
static int swallow(uint16_t port, int clients[4])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(&at.sin_addr.s_addr, dead.bytes, 4);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 0), 0);
    for (int i = 0; i < 4; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(clients[i], (const struct sockaddr *)&at, sizeof(at));
    }
    return fd;
}

static void an_address_that_swallows_leaves_time_for_the_next(void **state)
{
    struct receiver receiver = {.serve = receiver_answer_all};
    int clients[4], listener;

    (void)state;
    receiver_start(&receiver);
    listener = swallow(receiver.port, clients);
    rig.budget.total_ms = 5000;
    rig.budget.connect_ms = 1000;
    const struct outcome *outcome = post_to_half(receiver.port);
    client_rig_assert(outcome, HTTP_ANSWERED);
    assert_true(address_eq_ip(&outcome->result.address, &alive));
    assert_true(outcome->result.phases.connect_us >= 400 * US_PER_MS); /* it was tried */
    for (int i = 0; i < 4; i++)
        close(clients[i]);
    close(listener);
    receiver_stop(&receiver);
}

static struct http_proxy proxy = {.host = {"127.0.0.1", 9}};

static void go_through_the_proxy(struct client_rig *to_change)
{
    const struct http_client_config config = {.loop = to_change->loop,
                                              .policy = &to_change->policy,
                                              .proxy = &proxy,
                                              .response_header_bytes_max = 16 * KIB,
                                              .response_body_bytes_max = 64 * KIB};

    http_client_free(to_change->client);
    to_change->client = http_client_new(&config);
}

static void a_proxy_is_not_asked_for_a_forbidden_address(void **state)
{
    static const struct {
        struct str host;
        const char *rule;
    } cases[] = {{{"169.254.169.254", 15}, "link-local"},
                 {{"0.0.0.0", 7}, "reserved"},
                 {{"::ffff:169.254.169.254", 22}, "link-local"}};
    struct receiver receiver = {.serve = receiver_answer_all};

    (void)state;
    receiver_start(&receiver);
    proxy.port = receiver.port;
    client_rig_call(&rig, go_through_the_proxy);
    struct http_client_request request = client_rig_request(&rig, 80);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        request.host = cases[i].host;
        const struct outcome *outcome = client_rig_send(&rig, &request);
        client_rig_assert(outcome, HTTP_DENIED);
        assert_string_equal(outcome->result.rule, cases[i].rule);
    }
    receiver_stop(&receiver);
    assert_int_equal(atomic_load(&receiver.connections), 0);
}

/* The token's endpoint has a name that leads to a metadata service; the receiver is fine. */
static void a_token_is_asked_of_allowed_addresses_only(void **state)
{
    struct receiver receiver = {.serve = receiver_answer_all};
    struct http_oauth oauth = {.key = STR("key"),
                               .host = STR("bad-last.example"),
                               .target = STR("/token"),
                               .client_id = STR("me"),
                               .client_secret = STR("secret")};

    (void)state;
    receiver_start(&receiver);
    client_rig_call(&rig, learn_names);
    struct http_client_request request = client_rig_request(&rig, receiver.port);
    oauth.port = receiver.port;
    request.oauth = &oauth;
    const struct outcome *outcome = client_rig_send(&rig, &request);
    client_rig_assert(outcome, HTTP_DENIED);
    assert_string_equal(outcome->result.why,
                        "the OAuth token endpoint must not be called: link-local");
    receiver_stop(&receiver);
    assert_int_equal(atomic_load(&receiver.connections), 0);
}

static void a_name_that_is_none_does_not_resolve(void **state)
{
    struct http_client_request request = client_rig_request(&rig, 80);

    (void)state;
    request.host = STR("no-such-host.invalid");
    client_rig_assert(client_rig_send(&rig, &request), HTTP_NO_NAME);
    request.host = STR("0x7f.1");
    client_rig_assert(client_rig_send(&rig, &request), HTTP_DENIED);
}

#define TEST(name, sentence)                                                                       \
    {                                                                                              \
        sentence, name, start, stop, NULL                                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_denied_address_gets_no_packet, "a denied address gets no packet"),
        TEST(a_policy_that_closes_stops_kept_connections_too, "a kept connection is vetted again"),
        TEST(other_texts_of_loopback_lead_there,
             "loopback is reached by its other texts, if they are allowed"),
        TEST(a_closed_port_is_refused, "a closed port is refused in words"),
        TEST(localhost_is_found_and_tried_address_by_address,
             "the addresses of a name are tried in turn"),
        TEST(a_mixed_answer_is_denied_whole,
             "a name with an allowed and a forbidden address is denied"),
        TEST(a_dead_address_is_passed_over, "a dead address is passed over"),
        TEST(an_address_that_swallows_leaves_time_for_the_next,
             "an address that swallows packets leaves time for the next"),
        TEST(a_proxy_is_not_asked_for_a_forbidden_address,
             "a proxy is not asked for a forbidden address"),
        TEST(a_token_is_asked_of_allowed_addresses_only,
             "a token's endpoint is vetted as the receiver is"),
        TEST(a_name_that_is_none_does_not_resolve, "a name that is none does not resolve"),
    };

    return cmocka_run_group_tests_name("http/client policy", tests, NULL, NULL);
}
