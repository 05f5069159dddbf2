/* tls_flood_test.c -- peers that keep TLS busy with itself, or much in memory: what they may cost
 * is bounded, on either side, whether or not something is under way on the connection.
 *
 * The peers are OpenSSL's own, on a thread of their own, and never read while they flood. */
#include <malloc.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/test.h"
#include "http/tls_rig.h"

#define CPU_US_MAX 300000 /* of our loop, for one connection, with sanitizers */

static struct client_rig client;

static int start(void **state)
{
    (void)state;
    tls_rig_start(&client);
    client.budget.connect_ms = client.budget.tls_ms = 10000;
    client.budget.total_ms = client.budget.first_byte_ms = 20000;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    tls_rig_stop(&client);
    return 0;
}

/* ---- what our side of it costs ---- */

static int64_t loop_cpu_us;

static void read_cpu(struct client_rig *rig)
{
    struct timespec spent;

    (void)rig;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    loop_cpu_us = spent.tv_sec * US_PER_SECOND + spent.tv_nsec / 1000;
}

static int64_t cpu_us(void)
{
    client_rig_call(&client, read_cpu);
    return loop_cpu_us;
}

/* ---- the floods ---- */

struct flood {
    int version; /* of TLS, the newest */
    bool answers_first;
    bool (*again)(SSL *ssl); /* once more; false: it cannot */
};

static bool update_keys(SSL *ssl)
{
    return SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1 && SSL_do_handshake(ssl) == 1;
}

static bool give_ticket(SSL *ssl)
{
    return SSL_new_session_ticket(ssl) == 1 && SSL_do_handshake(ssl) == 1;
}

static bool ask_for_another_handshake(SSL *ssl)
{
    return SSL_renegotiate(ssl) == 1 && SSL_do_handshake(ssl) == 1;
}

static SSL *accept_tls(const struct flood *flood, int fd, SSL_CTX **context)
{
    SSL *ssl;

    *context = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate_chain_file(*context, TEST_CERTIFICATES "/good.pem"),
                     1);
    assert_int_equal(
        SSL_CTX_use_PrivateKey_file(*context, TEST_CERTIFICATES "/good.key", SSL_FILETYPE_PEM), 1);
    SSL_CTX_set_max_proto_version(*context, flood->version);
    ssl = SSL_new(*context);
    SSL_set_fd(ssl, fd);
    return ssl;
}

static void serve_flood(struct receiver *receiver, int fd)
{
    const struct flood *flood = receiver->script;
    char request[4096];
    SSL_CTX *context;
    SSL *ssl = accept_tls(flood, fd, &context);

    if (SSL_accept(ssl) == 1 && SSL_read(ssl, request, sizeof(request)) > 0) {
        if (flood->answers_first)
            (void)SSL_write(ssl, RECEIVER_OKAY, sizeof(RECEIVER_OKAY) - 1);
        while (!atomic_load(&receiver->stopping) && flood->again(ssl))
            ;
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
}

static struct http_result meet(const struct flood *flood, bool is_kept)
{
    struct receiver receiver = {.serve = serve_flood, .script = flood};
    struct http_client_request request;
    struct http_result result;
    int64_t before_us = cpu_us();

    receiver_start(&receiver);
    request = tls_rig_request(&client, receiver.port);
    result = client_rig_send(&client, &request)->result;
    if (is_kept)
        client_rig_wait_idle(&client, 0);
    print_message("%s; %lld us of CPU\n", result.why, (long long)(cpu_us() - before_us));
    assert_in_range(cpu_us() - before_us, 0, CPU_US_MAX);
    receiver_stop(&receiver);
    return result;
}

static void an_answer_is_not_waited_for_beside_a_flood(void **state)
{
    static const struct flood floods[] = {{TLS1_3_VERSION, false, update_keys},
                                          {TLS1_3_VERSION, false, give_ticket},
                                          {TLS1_2_VERSION, false, ask_for_another_handshake}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(floods); i++) {
        struct http_result result = meet(&floods[i], false);

        assert_int_equal(result.outcome, HTTP_TLS_FAILED);
        assert_true(result.phases.total_us < 15 * US_PER_SECOND);
    }
}

static void a_kept_connection_is_closed_in_a_flood(void **state)
{
    static const struct flood flood = {TLS1_3_VERSION, true, update_keys};

    (void)state;
    assert_int_equal(meet(&flood, true).outcome, HTTP_ANSWERED);
}

/* ---- the other way round ---- */

/* A blocking client, connected to a server of its own. */
struct visitor {
    struct rig server;
    SSL_CTX *context;
    SSL *ssl;
    int fd;
};

static struct visitor visitor;

static int arrive(void **state)
{
    *state = &visitor;
    tls_rig_serve(&visitor.server, CERTIFICATE("good"));
    visitor.context = SSL_CTX_new(TLS_client_method());
    visitor.ssl = SSL_new(visitor.context);
    visitor.fd = rig_connect(&visitor.server);
    SSL_set_fd(visitor.ssl, visitor.fd);
    assert_int_equal(SSL_connect(visitor.ssl), 1);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    SSL_free(visitor.ssl);
    SSL_CTX_free(visitor.context);
    close(visitor.fd);
    tls_rig_end(&visitor.server);
    return 0;
}

static void ask(SSL *ssl, struct str request)
{
    assert_true(SSL_write(ssl, request.data, (int)request.len) > 0);
}

static void a_client_that_floods_is_cut_off(void **state)
{
    struct visitor *v = *state;

    ask(v->ssl, STR(RIG_GET("/park")));
    rig_wait(&v->server.parks, 1);
    for (int i = 0; i < 100000 && update_keys(v->ssl); i++)
        ;
    rig_wait(&v->server.gones, 1);
}

/* ---- memory ---- */

/* Of the sanitizers; without them the allocator knows. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t allocated_bytes(void)
{
    return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes()
                                                   : mallinfo2().uordblks;
}

#define KEPT_BYTES (36 * KIB) /* by tls_stream.c, each way, and a little */
/* No more than that, when the last of it has arrived. */
static void assert_holds(size_t bytes)
{
    for (int i = 0; i < 1000 && allocated_bytes() > bytes; i++)
        usleep(10000);
    assert_in_range(allocated_bytes(), 0, bytes);
}

#define LARGE_BYTES (8 * MIB) /* of server_rig's reply, and of a request's body */

/* The reply's head and its bytes, thrown away. */
static void read_reply(SSL *ssl, size_t bytes)
{
    static char piece[64 * KIB];

    for (size_t got = 0; got < bytes;) {
        int more = SSL_read(ssl, piece, sizeof(piece));

        assert_true(more > 0);
        got += (size_t)more;
    }
}

static void write_request(SSL *ssl, size_t body_bytes)
{
    static char piece[64 * KIB];
    int len =
        snprintf(piece, sizeof(piece),
                 "POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", body_bytes);

    assert_int_equal(SSL_write(ssl, piece, len), len);
    memset(piece, 'x', sizeof(piece));
    for (size_t sent = 0; sent < body_bytes; sent += sizeof(piece))
        assert_true(SSL_write(ssl, piece, sizeof(piece)) > 0);
}

static void a_connection_that_has_carried_much_holds_little(void **state)
{
    SSL *ssl = ((struct visitor *)*state)->ssl;
    size_t before;

    write_request(ssl, 0);
    read_reply(ssl, 1);
    before = allocated_bytes();
    ask(ssl, STR(RIG_GET("/large")));
    read_reply(ssl, LARGE_BYTES);
    assert_holds(before + KEPT_BYTES);
    write_request(ssl, LARGE_BYTES);
    read_reply(ssl, 1);
    assert_holds(before + 2 * KEPT_BYTES);
}

static const struct CMUnitTest tests[] = {
    {"a receiver that floods with key updates or tickets fails at once, as TLS",
     an_answer_is_not_waited_for_beside_a_flood, start, stop, NULL},
    {"a kept connection that is flooded is closed", a_kept_connection_is_closed_in_a_flood, start,
     stop, NULL},
    {"a client that floods is cut off", a_client_that_floods_is_cut_off, arrive, leave, NULL},
    {"a connection that has carried much holds little",
     a_connection_that_has_carried_much_holds_little, arrive, leave, NULL},
};

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("http/tls flood", tests, NULL, NULL);
}
