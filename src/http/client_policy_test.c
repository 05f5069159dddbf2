/* client_policy_test.c -- where the client goes, and where it does not. */
#include <setjmp.h>
#include <stdarg.h>

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
        TEST(a_closed_port_is_refused, "a closed port is refused in words"),
        TEST(localhost_is_found_and_tried_address_by_address,
             "the addresses of a name are tried in turn"),
        TEST(a_mixed_answer_is_denied_whole,
             "a name with an allowed and a forbidden address is denied"),
        TEST(a_name_that_is_none_does_not_resolve, "a name that is none does not resolve"),
    };

    return cmocka_run_group_tests_name("http/client policy", tests, NULL, NULL);
}
