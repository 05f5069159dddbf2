/* tls_test.c -- both sides of TLS over loopback: what is accepted, what is refused and in which
 * words. */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/tls_rig.h"

static struct rig server;
static struct client_rig client;

static int start(void **state)
{
    (void)state;
    tls_rig_start(&client);
    client.budget.tls_ms = 2000;
    client.budget.total_ms = 3000;
    client.budget.first_byte_ms = 2000;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    tls_rig_stop(&client);
    return 0;
}

static struct http_client_request request_to(struct str host, struct str target)
{
    struct http_client_request request = tls_rig_request(&client, server.port);

    request.host = host;
    request.target = target;
    return request;
}

static const struct outcome *ask(struct str host, struct str target)
{
    struct http_client_request request = request_to(host, target);

    return client_rig_send(&client, &request);
}

static void assert_refused(const struct outcome *outcome, const char *why)
{
    assert_int_equal(outcome->result.outcome, HTTP_TLS_FAILED);
    assert_string_equal(outcome->result.why, why);
}

static void names_and_addresses_are_verified(void **state)
{
    static const struct str hosts[] = {{"localhost", 9}, {"127.0.0.1", 9}};

    (void)state;
    tls_rig_serve(&server, CERTIFICATE("good"));
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        for (int again = 0; again < 2; again++) {
            const struct outcome *outcome = ask(hosts[i], STR("/echo"));

            if (outcome->result.outcome != HTTP_ANSWERED)
                fail_msg("%s", outcome->result.why);
            assert_true(str_eq(outcome->result.body, STR("hello")));
            assert_int_equal(outcome->result.reused, again);
            assert_int_equal(outcome->result.phases.tls_us == 0, again);
        }
    }
    /* One per TLS name: they are not the same to the other side. */
    assert_int_equal(client_rig_stats(&client).connections_opened, 2);
    tls_rig_end(&server);
}

/* Certificate and key, one behind the other. */
static struct str identity_pem(char *text, size_t size)
{
    static const char *const files[] = {CERTIFICATE("good")};
    size_t len = 0;

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        FILE *file = fopen(files[i], "r");

        assert_non_null(file);
        len += fread(text + len, 1, size - len, file);
        fclose(file);
    }
    return str_range(text, len);
}

/* Whoever shows a certificate is somebody else to the other side, on that connection for ever. */
static void a_connection_is_used_again_by_the_same_identity_only(void **state)
{
    static char text[8192];
    struct str pem = identity_pem(text, sizeof(text));
    struct tls_identity one = {.id = STR("one"), .pem = pem}, two = {.id = STR("two"), .pem = pem};
    const struct {
        const struct tls_identity *identity;
        bool is_reused;
    } turns[] = {{NULL, false}, {&one, false}, {&two, false},
                 {&one, true},  {NULL, true},  {&two, true}};

    (void)state;
    tls_rig_serve(&server, CERTIFICATE("good"));
    for (size_t i = 0; i < ARRAY_LEN(turns); i++) {
        struct http_client_request request = request_to(STR("localhost"), STR("/echo"));

        request.identity = turns[i].identity;
        const struct outcome *outcome = client_rig_send(&client, &request);
        if (outcome->result.outcome != HTTP_ANSWERED)
            fail_msg("%s", outcome->result.why);
        assert_int_equal(outcome->result.reused, turns[i].is_reused);
    }
    assert_int_equal(client_rig_stats(&client).connections_opened, 3);
    tls_rig_end(&server);
}

/* ---- several loops ---- */

#define LOOPS 3
#define HANDSHAKES 150 /* of each */

struct visitor {
    struct client_rig rig;
    struct http_client_request request;
    int left, answered;
    sem_t is_done;
};

static void visit(struct client_rig *rig);

static void on_visited(void *context, const struct http_result *result)
{
    struct visitor *visitor = context;

    visitor->answered += result->outcome == HTTP_ANSWERED;
    if (--visitor->left > 0)
        visit(&visitor->rig);
    else
        sem_post(&visitor->is_done);
}

static void visit(struct client_rig *rig)
{
    struct visitor *visitor = CONTAINER_OF(rig, struct visitor, rig);

    http_client_send(rig->client, &visitor->request, on_visited, visitor);
}

/* As the sender, the agents and the gateway do; the thread sanitizer has to be content with it. */
static void loops_share_what_they_know_of_a_host(void **state)
{
    static struct visitor visitors[LOOPS];

    (void)state;
    tls_rig_serve(&server, CERTIFICATE("good"));
    for (int i = 0; i < LOOPS; i++) {
        visitors[i] = (struct visitor){.rig = {.tls = client.tls}, .left = HANDSHAKES};
        sem_init(&visitors[i].is_done, 0, 0);
        client_rig_start(&visitors[i].rig);
        visitors[i].request = request_to(STR("127.0.0.1"), STR("/hello"));
        visitors[i].request.budget = client.budget;
        visitors[i].request.reuse = HTTP_FRESH;
    }
    for (int i = 0; i < LOOPS; i++)
        client_rig_call(&visitors[i].rig, visit);
    for (int i = 0; i < LOOPS; i++) {
        sem_wait(&visitors[i].is_done);
        sem_destroy(&visitors[i].is_done);
        assert_int_equal(visitors[i].answered, HANDSHAKES);
        client_rig_stop(&visitors[i].rig);
    }
    tls_rig_end(&server);
}

static void another_name_is_refused(void **state)
{
    (void)state;
    tls_rig_serve(&server, CERTIFICATE("other"));
    assert_refused(ask(STR("localhost"), STR("/echo")), "the certificate is for another name");
    assert_refused(ask(STR("127.0.0.1"), STR("/echo")), "the certificate is for another name");
    assert_int_equal(atomic_load(&server.requests), 0);
    tls_rig_end(&server);
}

static void an_expired_certificate_is_refused(void **state)
{
    (void)state;
    tls_rig_serve(&server, CERTIFICATE("expired"));
    assert_refused(ask(STR("localhost"), STR("/echo")), "certificate has expired");
    tls_rig_end(&server);
}

static void a_self_signed_certificate_is_refused(void **state)
{
    (void)state;
    tls_rig_serve(&server, CERTIFICATE("self"));
    const struct outcome *outcome = ask(STR("localhost"), STR("/echo"));
    assert_int_equal(outcome->result.outcome, HTTP_TLS_FAILED);
    assert_true(str_starts(str_of(outcome->result.why), STR("self")));
    tls_rig_end(&server);
}

static void large_bodies_pass_both_ways(void **state)
{
    static char body[100000];

    (void)state;
    tls_rig_serve(&server, CERTIFICATE("good"));
    memset(body, 'b', sizeof(body));
    struct http_client_request request = request_to(STR("localhost"), STR("/echo"));
    request.body = str_range(body, sizeof(body));
    const struct outcome *outcome = client_rig_send(&client, &request);
    assert_int_equal(outcome->result.outcome, HTTP_ANSWERED);
    assert_int_equal(outcome->result.body.len, 64 * KIB);
    assert_memory_equal(outcome->result.body.data, body, 64 * KIB);
    assert_true(outcome->result.body_truncated);
    tls_rig_end(&server);
}

static void streams_pass(void **state)
{
    (void)state;
    tls_rig_serve(&server, CERTIFICATE("good"));
    assert_true(str_eq(ask(STR("localhost"), STR("/stream"))->result.body, STR("onetwothree")));
    tls_rig_end(&server);
}

static void a_client_that_leaves_is_noticed(void **state)
{
    struct http_client_request request;

    (void)state;
    tls_rig_serve(&server, CERTIFICATE("good"));
    client.budget.total_ms = 200;
    request = request_to(STR("localhost"), STR("/park"));
    assert_int_equal(client_rig_send(&client, &request)->result.outcome, HTTP_TIMED_OUT);
    rig_wait(&server.gones, 1);
    tls_rig_end(&server);
}

static void plain_bytes_are_refused(void **state)
{
    (void)state;
    tls_rig_serve(&server, CERTIFICATE("good"));
    struct str answer = rig_ask(&server, STR(RIG_GET("/hello")));
    assert_false(str_contains(answer, STR("hello")));
    tls_rig_end(&server);
}

/* ---- receivers that are no TLS servers ---- */

static void answer_plain(struct receiver *receiver, int fd)
{
    char bytes[64];

    (void)receiver;
    if (read(fd, bytes, sizeof(bytes)) > 0)
        receiver_write(fd, STR("HTTP/1.1 400 Bad Request\r\n\r\n"));
    receiver_hold(receiver, fd);
}

static void hang_up(struct receiver *receiver, int fd)
{
    char hello[4096];

    (void)receiver;
    (void)!read(fd, hello, sizeof(hello)); /* what is left unread would make a reset of it */
}

static void reset(struct receiver *receiver, int fd)
{
    char bytes[64];

    (void)receiver;
    if (read(fd, bytes, sizeof(bytes)) > 0)
        receiver_reset_on_close(fd);
}

static struct http_result meet(void (*serve)(struct receiver *receiver, int fd))
{
    struct receiver receiver = {.serve = serve};
    struct http_client_request request;

    receiver_start(&receiver);
    request = tls_rig_request(&client, receiver.port);
    request.budget.tls_ms = 200;
    struct http_result result = client_rig_send(&client, &request)->result;
    receiver_stop(&receiver);
    return result;
}

static void what_is_no_tls_fails_as_tls(void **state)
{
    (void)state;
    assert_int_equal(meet(answer_plain).outcome, HTTP_TLS_FAILED);
    assert_string_equal(meet(hang_up).why, "closed during the TLS handshake");
    assert_int_equal(meet(reset).outcome, HTTP_TLS_FAILED);
}

static void a_stalled_handshake_times_out(void **state)
{
    (void)state;
    assert_int_equal(meet(receiver_hold).outcome, HTTP_TIMED_OUT);
}

static void wrong_files_are_refused_in_words(void **state)
{
    struct tls_server *tls = NULL;
    struct tls_client *tls_client = NULL;
    const char *why = NULL;

    (void)state;
    assert_int_equal(tls_server_new("/nonexistent", "/nonexistent", &tls, &why), ERR_INVALID);
    assert_non_null(why);
    why = NULL;
    assert_int_equal(
        tls_server_new(TEST_CERTIFICATES "/good.pem", TEST_CERTIFICATES "/other.key", &tls, &why),
        ERR_INVALID);
    assert_non_null(why);
    why = NULL;
    assert_int_equal(tls_client_new("/nonexistent", &tls_client, &why), ERR_INVALID);
    assert_non_null(why);
}

#define TEST(name, sentence)                                                                       \
    {                                                                                              \
        sentence, name, start, stop, NULL                                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(names_and_addresses_are_verified, "a certificate holds for its names and addresses"),
        TEST(a_connection_is_used_again_by_the_same_identity_only,
             "a connection is used again by the same identity only"),
        TEST(loops_share_what_they_know_of_a_host, "loops share what they know of a host"),
        TEST(another_name_is_refused, "a certificate for another name is refused"),
        TEST(an_expired_certificate_is_refused, "an expired certificate is refused"),
        TEST(a_self_signed_certificate_is_refused, "a self-signed certificate is refused"),
        TEST(large_bodies_pass_both_ways, "large bodies pass both ways"),
        TEST(streams_pass, "a streamed reply passes"),
        TEST(a_client_that_leaves_is_noticed, "a client that leaves is noticed"),
        TEST(plain_bytes_are_refused, "plain bytes on a TLS port are not served"),
        TEST(what_is_no_tls_fails_as_tls, "what is no TLS fails as TLS"),
        TEST(a_stalled_handshake_times_out, "a stalled handshake times out"),
        TEST(wrong_files_are_refused_in_words, "wrong files are refused in words"),
    };

    return cmocka_run_group_tests_name("http/tls", tests, NULL, NULL);
}
