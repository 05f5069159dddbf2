/* real_dns_test.c -- lookups against a name server on this machine, which answers as the name says.
 */
#include "base/test.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/real_priv.h"
#include "io/real_world.h"

/* ---- the name server: one thread, UDP ---- */

static int server_fd;
static atomic_int questions;

static size_t put_record(unsigned char *to, unsigned type, unsigned char last)
{
    /* name: the question's; type, class IN, ttl 60, length */
    unsigned char head[] = {0xc0, 12, 0, (unsigned char)type, 0, 1, 0, 0, 0, 60, 0, 4};
    size_t len = type == 1 ? 4 : 16;

    head[11] = (unsigned char)len;
    memcpy(to, head, sizeof(head));
    memset(to + sizeof(head), 0, len);
    memcpy(to + sizeof(head), type == 1 ? "\xc0\x00\x02" : "\x20\x01\x0d", 3);
    to[sizeof(head) + len - 1] = last;
    return sizeof(head) + len;
}

/* Turns the question into its answer; 0: none. */
static size_t answer_make(unsigned char *packet, size_t len)
{
    const char *label = (const char *)packet + 13;
    unsigned type = packet[len - 3]; /* no EDNS: the question ends the packet */
    unsigned count = 1, rcode = 0;

    if (strncmp(label, "silent", 6) == 0)
        return 0;
    if (strncmp(label, "missing", 7) == 0)
        rcode = 3;
    if (strncmp(label, "broken", 6) == 0)
        rcode = 2;
    if (strncmp(label, "crowd", 5) == 0)
        count = type == 1 ? 25 : 14;
    if (rcode || (strncmp(label, "four", 4) == 0 && type != 1))
        count = 0;
    packet[2] = 0x81;
    packet[3] = (unsigned char)(0x80 | rcode);
    packet[7] = (unsigned char)count;
    for (unsigned i = 1; i <= count; i++)
        len += put_record(packet + len, type, (unsigned char)i);
    return len;
}

static void *server_main(void *argument UNUSED)
{
    unsigned char packet[2048];

    for (;;) {
        struct sockaddr_storage from;
        socklen_t from_len = sizeof(from);
        ssize_t got = recvfrom(server_fd, packet, 512, 0, (struct sockaddr *)&from, &from_len);

        if (got < 17)
            return NULL; /* the test's word for the end */
        questions++;
        size_t len = answer_make(packet, (size_t)got);
        if (len)
            (void)sendto(server_fd, packet, len, 0, (struct sockaddr *)&from, from_len);
    }
}

/* ---- the fixture ---- */

struct lookup {
    struct world *world;
    struct loop *loop;
    struct timer wait;
    pthread_t server;
    uint16_t port;
    int answers;
    enum err err;
    size_t count;
    struct address addresses[DNS_ADDRESSES_MAX];
};

static void on_done(void *context, enum err err, const struct address *addresses, size_t count)
{
    struct lookup *lookup = context;

    lookup->answers++;
    lookup->err = err;
    lookup->count = count;
    memcpy(lookup->addresses, addresses, count * sizeof(*addresses));
    loop_stop(lookup->loop);
}

static int set_up(void **state)
{
    struct lookup *lookup = MEM_NEW(struct lookup);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    char servers[40];

    questions = 0;
    server_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server_fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(server_fd, (struct sockaddr *)&at, &len), 0);
    lookup->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&lookup->server, NULL, server_main, NULL), 0);
    lookup->world = real_world_new();
    lookup->loop = world_loop_new(lookup->world, "dns");
    snprintf(servers, sizeof(servers), "127.0.0.1:%u", (unsigned)lookup->port);
    real_dns_ask(lookup->loop, servers);
    *state = lookup;
    return 0;
}

static int tear_down(void **state)
{
    struct lookup *lookup = *state;
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(lookup->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    loop_free(lookup->loop);
    real_world_free(lookup->world);
    (void)sendto(server_fd, "x", 1, 0, (struct sockaddr *)&at, sizeof(at));
    pthread_join(lookup->server, NULL);
    close(server_fd);
    mem_free(lookup);
    return 0;
}

static struct lookup *look_up(void **state, struct str host)
{
    struct lookup *lookup = *state;

    loop_resolve(lookup->loop, host, 1000, on_done, lookup);
    assert_int_equal(lookup->answers, 0);
    loop_run(lookup->loop);
    assert_int_equal(lookup->answers, 1);
    return lookup;
}

/* ---- the cases ---- */

static void both_families_are_asked(void **state)
{
    struct lookup *lookup = look_up(state, STR("both.example"));
    size_t of_four = 0, of_six = 0;

    assert_int_equal(lookup->err, OK);
    assert_int_equal(lookup->count, 2);
    for (size_t i = 0; i < 2; i++) {
        of_four += lookup->addresses[i].family == ADDRESS_IPV4;
        of_six += lookup->addresses[i].family == ADDRESS_IPV6;
        assert_int_equal(lookup->addresses[i].port, 0);
    }
    assert_true(of_four == 1 && of_six == 1);
}

static void one_family_is_enough(void **state)
{
    struct lookup *lookup = look_up(state, STR("four.example"));
    struct address_text text;

    assert_int_equal(lookup->err, OK);
    assert_int_equal(lookup->count, 1);
    ASSERT_STR(address_write_ip(&lookup->addresses[0], &text), "192.0.2.1");
}

static void answers_are_capped(void **state)
{
    struct lookup *lookup = look_up(state, STR("crowd.example"));

    assert_int_equal(lookup->err, OK);
    assert_int_equal(lookup->count, DNS_ADDRESSES_MAX);
}

static void a_missing_name_is_not_found(void **state)
{
    assert_int_equal(look_up(state, STR("missing.example"))->err, ERR_NOT_FOUND);
}

static void a_broken_server_is_an_error(void **state)
{
    assert_int_equal(look_up(state, STR("broken.example"))->err, ERR_IO);
}

static void silence_is_tried_later(void **state)
{
    struct lookup *lookup = *state;
    int64_t started_us = loop_mono_us(lookup->loop);

    look_up(state, STR("silent.example"));
    assert_int_equal(lookup->err, ERR_AGAIN);
    assert_in_range(loop_mono_us(lookup->loop) - started_us, 990 * US_PER_MS, 1400 * US_PER_MS);
}

static void names_are_absolute(void **state)
{
    struct lookup *lookup = look_up(state, STR("missing"));

    assert_int_equal(lookup->err, ERR_NOT_FOUND);
    assert_true(questions <= 2);
}

static void on_wait(struct timer *timer)
{
    loop_stop(timer->loop);
}

static void cancelled_queries_are_silent(void **state)
{
    struct lookup *lookup = *state;

    for (int i = 0; i < 20; i++)
        dns_query_cancel(loop_resolve(lookup->loop, i % 2 ? STR("silent.example") : STR("both.x"),
                                      1000, on_done, lookup));
    loop_resolve(lookup->loop, STR("silent.example"), 5000, on_done, lookup);
    timer_init(&lookup->wait, lookup->loop, on_wait);
    timer_start(&lookup->wait, 200);
    loop_run(lookup->loop);
    assert_int_equal(lookup->answers, 0); /* the last one is freed with the loop */
}

#define CASE(sentence, function)                                                                   \
    {                                                                                              \
        sentence, function, set_up, tear_down, NULL                                                \
    }

static const struct CMUnitTest tests[] = {
    CASE("both families are asked for", both_families_are_asked),
    CASE("one family is enough", one_family_is_enough),
    CASE("at most DNS_ADDRESSES_MAX addresses are told", answers_are_capped),
    CASE("a name that does not exist is not found", a_missing_name_is_not_found),
    CASE("a server's failure is an error", a_broken_server_is_an_error),
    CASE("silence ends at the limit and may be tried later", silence_is_tried_later),
    CASE("no search domain is tried", names_are_absolute),
    CASE("a cancelled query calls nobody", cancelled_queries_are_silent),
};

int main(void)
{
    return RUN_TESTS(tests);
}
