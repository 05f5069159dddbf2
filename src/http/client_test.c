/* client_test.c -- the client with receivers that are well: what it sends, what it keeps, what it
 * refuses to try. */
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
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

/* ---- what it sends ---- */

static char seen[1024];

static void look_and_answer(struct receiver *receiver, int fd)
{
    size_t len = 0;
    ssize_t more;

    (void)receiver;
    do {
        more = recv(fd, seen + len, sizeof(seen) - 1 - len, 0);
        len += more > 0 ? (size_t)more : 0;
        seen[len] = '\0';
    } while (more > 0 && !str_ends(str_range(seen, len), STR("hello")));
    receiver_write(fd, STR(RECEIVER_OKAY));
}

/* Of a user's headers those that would say where the request ends are left out. */
static void sends_exactly_this(void **state)
{
    static const struct http_header users[] = {{{"Host", 4}, {"elsewhere", 9}},
                                               {{"content-length", 14}, {"0", 1}},
                                               {{"Transfer-Encoding", 17}, {"chunked", 7}},
                                               {{"Content-Type", 12}, {"text/plain", 10}}};
    struct receiver receiver = {.serve = look_and_answer};
    char wanted[256];

    (void)state;
    receiver_start(&receiver);
    struct http_client_request request = client_rig_request(&rig, receiver.port);
    request.headers = users;
    request.header_count = ARRAY_LEN(users);
    const struct outcome *outcome = client_rig_send(&rig, &request);
    receiver_stop(&receiver);
    client_rig_assert(outcome, HTTP_ANSWERED);
    assert_string_equal(outcome->first_header, "X-First: yes");
    assert_true(str_eq(outcome->result.body, STR("ok")));
    assert_int_equal(outcome->result.address.port, receiver.port);
    snprintf(wanted, sizeof(wanted),
             "POST /hook?a=b HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Type: text/plain\r\n"
             "Content-Length: 5\r\n\r\nhello",
             receiver.port);
    assert_string_equal(seen, wanted);
}

static void malformed_requests_are_not_sent(void **state)
{
    static const struct http_header bad_headers[] = {{{"X", 1}, {"a\r\nB: c", 7}},
                                                     {{"X Y", 3}, {"a", 1}},
                                                     {{"X:", 2}, {"a", 1}},
                                                     {{"", 0}, {"a", 1}}};
    static const struct str bad_targets[] = {
        {"hook", 4}, {"/a b", 4}, {"/a\r\nX: y", 8}, {"", 0}, {"/\xc3\xa4", 3}};
    struct receiver receiver = {.serve = receiver_answer_all};

    (void)state;
    receiver_start(&receiver);
    for (size_t i = 0; i < ARRAY_LEN(bad_headers) + ARRAY_LEN(bad_targets); i++) {
        struct http_client_request request = client_rig_request(&rig, receiver.port);

        request.header_count = 1;
        if (i < ARRAY_LEN(bad_headers))
            request.headers = &bad_headers[i];
        else
            request.target = bad_targets[i - ARRAY_LEN(bad_headers)];
        const struct outcome *outcome = client_rig_send(&rig, &request);
        client_rig_assert(outcome, HTTP_DENIED);
        assert_string_equal(outcome->result.rule, "malformed request");
    }
    receiver_stop(&receiver);
    assert_int_equal(atomic_load(&receiver.connections), 0);
}

static void head_expects_no_body(void **state)
{
    struct receiver receiver = {.serve = receiver_answer_all};

    (void)state;
    receiver_start(&receiver);
    struct http_client_request request = client_rig_request(&rig, receiver.port);
    request.method = STR("HEAD");
    request.body = STR("");
    /* "ok" is surplus here: the connection is not kept. */
    client_rig_assert(client_rig_send(&rig, &request), HTTP_ANSWERED);
    assert_int_equal(client_rig_stats(&rig).connections_idle, 0);
    receiver_stop(&receiver);
}

static void answer_before_the_body(struct receiver *receiver, int fd)
{
    usleep(20000);
    receiver_write(fd,
                   STR("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
    receiver_hold(receiver, fd);
}

static void large_body(struct http_client_request *request, char **body)
{
    *body = mem_alloc_zero(32 * MIB);
    request->body = str_range(*body, 32 * MIB);
}

static void an_answer_before_the_body_is_taken(void **state)
{
    struct receiver receiver = {.serve = answer_before_the_body};
    char *body;

    (void)state;
    receiver_start(&receiver);
    struct http_client_request request = client_rig_request(&rig, receiver.port);
    large_body(&request, &body);
    /* What is tested is who speaks first, not how fast: the sanitizers take their time with 32 MiB.
     */
    request.budget.first_byte_ms = request.budget.total_ms = 20 * MS_PER_SECOND;
    const struct outcome *outcome = client_rig_send(&rig, &request);
    client_rig_assert(outcome, HTTP_ANSWERED);
    assert_int_equal(outcome->result.status, 413);
    assert_int_equal(client_rig_stats(&rig).connections_idle, 0);
    receiver_stop(&receiver);
    mem_free(body);
}

static void read_nothing(struct receiver *receiver, int fd)
{
    (void)fd;
    while (!atomic_load(&receiver->stopping))
        usleep(10000);
}

static void a_receiver_that_never_reads_times_out(void **state)
{
    struct receiver receiver = {.serve = read_nothing};
    char *body;

    (void)state;
    receiver_start(&receiver);
    struct http_client_request request = client_rig_request(&rig, receiver.port);
    large_body(&request, &body);
    client_rig_assert(client_rig_send(&rig, &request), HTTP_TIMED_OUT);
    receiver_stop(&receiver);
    mem_free(body);
}

static void drip(struct receiver *receiver, int fd)
{
    if (!receiver_read(receiver, fd))
        return;
    receiver_write(fd, STR("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n"));
    while (!atomic_load(&receiver->stopping)) {
        usleep(50000);
        receiver_write(fd, STR("drip"));
    }
}

static void a_body_below_the_minimum_rate_is_cut_off(void **state)
{
    struct receiver receiver = {.serve = drip};

    (void)state;
    receiver_start(&receiver);
    rig.budget.body_ms = 10000;
    const struct outcome *outcome = client_rig_post(&rig, receiver.port);
    receiver_stop(&receiver);
    client_rig_assert(outcome, HTTP_ANSWERED);
    assert_true(outcome->result.body_truncated);
    assert_string_equal(outcome->result.why, "the response body was too slow");
    assert_true(outcome->result.phases.total_us < 2500000);
}

static void drip_for_seconds(struct receiver *receiver, int fd)
{
    if (!receiver_read(receiver, fd))
        return;
    receiver_write(fd, STR("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"));
    for (int i = 0; i < 3000 && !atomic_load(&receiver->stopping); i++) {
        usleep(1000);
        receiver_write(fd, STR("drip drip drip drip "));
    }
}

/* Fast enough at each look, and not at its end for three seconds. */
static void a_body_has_its_time(void **state)
{
    struct receiver receiver = {.serve = drip_for_seconds};

    (void)state;
    receiver_start(&receiver);
    rig.budget.body_ms = 200;
    rig.budget.body_rate_min = 1;
    const struct outcome *outcome = client_rig_post(&rig, receiver.port);
    receiver_stop(&receiver);
    client_rig_assert(outcome, HTTP_ANSWERED);
    assert_true(outcome->result.body_truncated);
    assert_true(outcome->result.phases.total_us >= 150 * US_PER_MS);
}

static void say_much(struct receiver *receiver, int fd)
{
    static const char text[100 * KIB] = {[64 * KIB - 1] = 'l', [64 * KIB] = 'n'};

    if (!receiver_read(receiver, fd))
        return;
    receiver_write(fd, STR("HTTP/1.1 200 OK\r\nContent-Length: 102400\r\n\r\n"));
    receiver_write(fd, str_range(text, sizeof(text)));
    receiver_hold(receiver, fd);
}

static void of_a_long_body_the_beginning_is_kept(void **state)
{
    struct receiver receiver = {.serve = say_much};

    (void)state;
    receiver_start(&receiver);
    const struct outcome *outcome = client_rig_post(&rig, receiver.port);
    client_rig_assert(outcome, HTTP_ANSWERED);
    assert_true(outcome->result.body_truncated);
    assert_int_equal(outcome->result.body.len, 64 * KIB);
    assert_int_equal(outcome->result.body.data[64 * KIB - 1], 'l');
    assert_int_equal(client_rig_stats(&rig).connections_idle, 0);
    receiver_stop(&receiver);
}

/* ---- what it keeps ---- */

static void a_connection_is_used_again(void **state)
{
    struct receiver receiver = {.serve = receiver_answer_all};

    (void)state;
    receiver_start(&receiver);
    for (int i = 0; i < 5; i++) {
        const struct outcome *outcome = client_rig_post(&rig, receiver.port);

        client_rig_assert(outcome, HTTP_ANSWERED);
        assert_int_equal(outcome->result.reused, i > 0);
        assert_int_equal(outcome->result.phases.connect_us == 0, i > 0);
        assert_true(outcome->result.phases.first_byte_us >= 0);
    }
    assert_int_equal(client_rig_stats(&rig).connections_opened, 1);
    assert_int_equal(client_rig_stats(&rig).connections_reused, 4);
    receiver_stop(&receiver);
    assert_int_equal(atomic_load(&receiver.connections), 1);
}

static void close_on_second(struct receiver *receiver, int fd)
{
    if (receiver_read(receiver, fd))
        receiver_write(fd, STR(RECEIVER_OKAY));
    receiver_read(receiver, fd);
}

static void a_stale_connection_is_retried_once(void **state)
{
    struct receiver receiver = {.serve = close_on_second};

    (void)state;
    receiver_start(&receiver);
    client_rig_assert(client_rig_post(&rig, receiver.port), HTTP_ANSWERED);
    const struct outcome *outcome = client_rig_post(&rig, receiver.port);
    client_rig_assert(outcome, HTTP_ANSWERED);
    assert_false(outcome->result.reused);
    assert_int_equal(client_rig_stats(&rig).connections_opened, 2);
    receiver_stop(&receiver);
    assert_int_equal(atomic_load(&receiver.requests), 3); /* the second came twice */
}

static const struct outcome *post_with(uint16_t port, enum http_reuse reuse)
{
    struct http_client_request request = client_rig_request(&rig, port);

    request.reuse = reuse;
    return client_rig_send(&rig, &request);
}

static void who_must_not_see_it_twice_does_not(void **state)
{
    struct receiver receiver = {.serve = close_on_second};

    (void)state;
    receiver_start(&receiver);
    client_rig_assert(client_rig_post(&rig, receiver.port), HTTP_ANSWERED);
    client_rig_assert(post_with(receiver.port, HTTP_REUSE_ONCE), HTTP_NO_CONNECTION);
    client_rig_assert(post_with(receiver.port, HTTP_FRESH), HTTP_ANSWERED);
    assert_int_equal(client_rig_stats(&rig).connections_reused, 1);
    receiver_stop(&receiver);
    assert_int_equal(atomic_load(&receiver.connections), 2);
    assert_int_equal(atomic_load(&receiver.requests), 3);
}

static void a_fresh_connection_is_none_of_the_kept_ones(void **state)
{
    struct receiver receiver = {.serve = receiver_answer_all};

    (void)state;
    receiver_start(&receiver);
    client_rig_assert(client_rig_post(&rig, receiver.port), HTTP_ANSWERED);
    assert_int_equal(client_rig_stats(&rig).connections_idle, 1);
    /* The receiver serves one connection after the other: nobody answers on this one. */
    client_rig_assert(post_with(receiver.port, HTTP_FRESH), HTTP_TIMED_OUT);
    assert_int_equal(client_rig_stats(&rig).connections_opened, 2);
    assert_int_equal(client_rig_stats(&rig).connections_reused, 0);
    receiver_stop(&receiver);
}

static void answer_only_first(struct receiver *receiver, int fd)
{
    if (receiver_read(receiver, fd) && atomic_load(&receiver->connections) == 1) {
        receiver_write(fd, STR(RECEIVER_OKAY));
        receiver_read(receiver, fd);
    }
}

static void the_retry_is_the_last(void **state)
{
    struct receiver receiver = {.serve = answer_only_first};

    (void)state;
    receiver_start(&receiver);
    client_rig_assert(client_rig_post(&rig, receiver.port), HTTP_ANSWERED);
    client_rig_assert(client_rig_post(&rig, receiver.port), HTTP_NO_CONNECTION);
    receiver_stop(&receiver);
    assert_int_equal(atomic_load(&receiver.connections), 2);
}

static void one_byte_then_close(struct receiver *receiver, int fd)
{
    if (receiver_read(receiver, fd))
        receiver_write(fd, STR(RECEIVER_OKAY));
    if (receiver_read(receiver, fd))
        receiver_write(fd, STR("H"));
}

static void after_one_byte_nothing_is_retried(void **state)
{
    struct receiver receiver = {.serve = one_byte_then_close};

    (void)state;
    receiver_start(&receiver);
    client_rig_assert(client_rig_post(&rig, receiver.port), HTTP_ANSWERED);
    client_rig_assert(client_rig_post(&rig, receiver.port), HTTP_BAD_RESPONSE);
    receiver_stop(&receiver);
    assert_int_equal(atomic_load(&receiver.connections), 1);
}

static atomic_bool may_speak;

static void speak_unasked(struct receiver *receiver, int fd)
{
    if (!receiver_read(receiver, fd))
        return;
    receiver_write(fd, STR(RECEIVER_OKAY));
    while (!atomic_load(&may_speak) && !atomic_load(&receiver->stopping))
        usleep(1000);
    receiver_write(fd, STR("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfake"));
    receiver_hold(receiver, fd);
}

static void an_idle_connection_that_speaks_is_closed(void **state)
{
    struct receiver receiver = {.serve = speak_unasked};

    (void)state;
    receiver_start(&receiver);
    client_rig_assert(client_rig_post(&rig, receiver.port), HTTP_ANSWERED);
    assert_int_equal(client_rig_stats(&rig).connections_idle, 1);
    atomic_store(&may_speak, true);
    client_rig_wait_idle(&rig, 0);
    assert_true(str_eq(client_rig_post(&rig, receiver.port)->result.body, STR("ok")));
    receiver_stop(&receiver);
}

static void the_pool_has_a_limit(void **state)
{
    struct receiver receivers[6];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(receivers); i++) {
        receivers[i] = (struct receiver){.serve = receiver_answer_all};
        receiver_start(&receivers[i]);
        client_rig_assert(client_rig_post(&rig, receivers[i].port), HTTP_ANSWERED);
    }
    assert_int_equal(client_rig_stats(&rig).connections_idle, 4);
    assert_true(client_rig_post(&rig, receivers[5].port)->result.reused);
    assert_false(client_rig_post(&rig, receivers[0].port)->result.reused);
    for (size_t i = 0; i < ARRAY_LEN(receivers); i++)
        receiver_stop(&receivers[i]);
}

/* ---- cancelling ---- */

static void must_not_run(void *context, const struct http_result *result)
{
    (void)context;
    fail_msg("called after all: %s", result->why);
}

static uint16_t port_to_cancel;

static void send_and_cancel(struct client_rig *to_use)
{
    struct http_client_request request = client_rig_request(to_use, port_to_cancel);

    http_send_cancel(http_client_send(to_use->client, &request, must_not_run, NULL));
    request.host = STR("no-such-host.invalid");
    http_send_cancel(http_client_send(to_use->client, &request, must_not_run, NULL));
    request.target = STR("malformed");
    http_send_cancel(http_client_send(to_use->client, &request, must_not_run, NULL));
    http_client_send(to_use->client, &request, must_not_run,
                     NULL); /* cancelled by http_client_free */
    request = client_rig_request(to_use, port_to_cancel);
    http_client_send(to_use->client, &request, must_not_run, NULL);
    http_client_free(to_use->client);
    struct http_client_config config = {.loop = to_use->loop,
                                        .policy = &to_use->policy,
                                        .response_header_bytes_max = 16 * KIB,
                                        .response_body_bytes_max = 64 * KIB};
    to_use->client = http_client_new(&config);
}

static void a_cancelled_send_is_silent(void **state)
{
    struct receiver receiver = {.serve = receiver_answer_all};

    (void)state;
    receiver_start(&receiver);
    port_to_cancel = receiver.port;
    client_rig_call(&rig, send_and_cancel);
    usleep(50000);
    client_rig_assert(client_rig_post(&rig, receiver.port), HTTP_ANSWERED);
    receiver_stop(&receiver);
}

#define TEST(name, sentence)                                                                       \
    {                                                                                              \
        sentence, name, start, stop, NULL                                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sends_exactly_this, "the request's bytes are exactly these"),
        TEST(malformed_requests_are_not_sent, "a malformed request is not sent"),
        TEST(head_expects_no_body, "HEAD expects no body"),
        TEST(an_answer_before_the_body_is_taken, "an answer before the body has gone is taken"),
        TEST(a_receiver_that_never_reads_times_out, "a receiver that never reads times out"),
        TEST(a_body_below_the_minimum_rate_is_cut_off, "a body below the minimum rate is cut off"),
        TEST(a_body_has_its_time, "a body that does not end in its time is cut off"),
        TEST(of_a_long_body_the_beginning_is_kept, "of a long body the beginning is kept"),
        TEST(a_connection_is_used_again, "a connection is used again"),
        TEST(a_stale_connection_is_retried_once, "a stale connection is retried on a fresh one"),
        TEST(who_must_not_see_it_twice_does_not,
             "a kept connection that ends is the end where a request must not come twice"),
        TEST(a_fresh_connection_is_none_of_the_kept_ones,
             "who wants a fresh connection gets none of the kept ones"),
        TEST(the_retry_is_the_last, "a retry is not retried"),
        TEST(after_one_byte_nothing_is_retried, "after one byte of a response nothing is retried"),
        TEST(an_idle_connection_that_speaks_is_closed, "an idle connection that speaks is closed"),
        TEST(the_pool_has_a_limit, "the pool has a limit and closes the oldest"),
        TEST(a_cancelled_send_is_silent, "a cancelled send is silent"),
    };

    return cmocka_run_group_tests_name("http/client", tests, NULL, NULL);
}
