/* client_rig.c -- see client_rig.h. */
#include "http/client_rig.h"

#include <arpa/inet.h>
#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/real_world.h"

/* ---- receivers ---- */

static void *receive(void *context)
{
    struct receiver *receiver = context;

    for (;;) {
        int fd = accept(receiver->listening, NULL, NULL);

        if (atomic_load(&receiver->stopping) || fd < 0) {
            if (fd >= 0)
                close(fd);
            return NULL;
        }
        atomic_fetch_add(&receiver->connections, 1);
        receiver->serve(receiver, fd);
        close(fd);
    }
}

void receiver_start(struct receiver *receiver)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    receiver->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(receiver->listening >= 0);
    assert_int_equal(bind(receiver->listening, (const struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(receiver->listening, 64), 0);
    assert_int_equal(getsockname(receiver->listening, (struct sockaddr *)&at, &len), 0);
    receiver->port = ntohs(at.sin_port);
    atomic_store(&receiver->stopping, false);
    assert_int_equal(pthread_create(&receiver->thread, NULL, receive, receiver), 0);
}

void receiver_stop(struct receiver *receiver)
{
    atomic_store(&receiver->stopping, true);
    shutdown(receiver->listening, SHUT_RDWR);
    pthread_join(receiver->thread, NULL);
    close(receiver->listening);
}

static bool read_byte_ready(struct receiver *receiver, int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    while (!atomic_load(&receiver->stopping))
        if (poll(&ready, 1, 20) > 0)
            return true;
    return false;
}

static size_t length_of_body(struct str head)
{
    size_t at = str_find(head, STR("Content-Length: ")) + 16;
    int64_t length = 0;

    if (at > head.len)
        return 0;
    struct str rest = str_from(head, at);
    assert_int_equal(str_to_i64(str_first(rest, str_find_char(rest, '\r')), &length), OK);
    return (size_t)length;
}

bool receiver_read(struct receiver *receiver, int fd)
{
    static char text[256 * 1024];
    size_t len = 0;

    while (read_byte_ready(receiver, fd)) {
        ssize_t more = recv(fd, text + len, sizeof(text) - len, 0);

        if (more <= 0)
            return false;
        len += (size_t)more;
        struct str all = str_range(text, len);
        size_t end = str_find(all, STR("\r\n\r\n"));
        if (end < len && len >= end + 4 + length_of_body(all)) {
            atomic_fetch_add(&receiver->requests, 1);
            return true;
        }
    }
    return false;
}

void receiver_write(int fd, struct str bytes)
{
    while (bytes.len) {
        ssize_t sent = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        bytes = str_from(bytes, (size_t)sent);
    }
}

void receiver_reset_on_close(int fd)
{
    struct linger linger = {1, 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

void receiver_hold(struct receiver *receiver, int fd)
{
    char bytes[4096];

    while (read_byte_ready(receiver, fd))
        if (recv(fd, bytes, sizeof(bytes), 0) <= 0)
            return;
}

void receiver_answer_all(struct receiver *receiver, int fd)
{
    while (receiver_read(receiver, fd))
        receiver_write(fd, STR(RECEIVER_OKAY));
}

/* ---- the client ---- */

struct errand {
    struct message message;
    struct client_rig *rig;
    void (*call)(struct client_rig *rig);
    const struct http_client_request *request;
    struct http_client_stats stats;
    sem_t done;
};

static struct outcome outcome;

static void on_done(void *context, const struct http_result *result)
{
    struct errand *errand = context;

    outcome.result = *result;
    assert_true(result->body.len <= sizeof(outcome.body));
    if (result->body.len)
        memcpy(outcome.body, result->body.data, result->body.len);
    outcome.result.body = str_range(outcome.body, result->body.len);
    outcome.first_header[0] = '\0';
    if (result->header_count)
        snprintf(outcome.first_header, sizeof(outcome.first_header), "%.*s: %.*s",
                 STR_ARG(result->headers[0].name), STR_ARG(result->headers[0].value));
    outcome.result.headers = NULL;
    sem_post(&errand->done);
}

static void run_errand(struct message *message)
{
    struct errand *errand = CONTAINER_OF(message, struct errand, message);

    errand->stats = http_client_stats(errand->rig->client);
    if (errand->request) {
        http_client_send(errand->rig->client, errand->request, on_done, errand);
        return;
    }
    if (errand->call)
        errand->call(errand->rig);
    sem_post(&errand->done);
}

static void run_on_loop(struct client_rig *rig, struct errand *errand)
{
    errand->message.deliver = run_errand;
    errand->rig = rig;
    sem_init(&errand->done, 0, 0);
    loop_post(rig->loop, &errand->message);
    sem_wait(&errand->done);
    sem_destroy(&errand->done);
}

void client_rig_call(struct client_rig *rig, void (*call)(struct client_rig *rig))
{
    struct errand errand = {.call = call};

    run_on_loop(rig, &errand);
}

struct http_client_stats client_rig_stats(struct client_rig *rig)
{
    struct errand errand = {0};

    run_on_loop(rig, &errand);
    return errand.stats;
}

void client_rig_wait_idle(struct client_rig *rig, unsigned wanted)
{
    for (int i = 0; i < 5000 && client_rig_stats(rig).connections_idle != wanted; i++)
        usleep(1000);
    assert_int_equal(client_rig_stats(rig).connections_idle, wanted);
}

const struct outcome *client_rig_send(struct client_rig *rig,
                                      const struct http_client_request *request)
{
    struct errand errand = {.request = request};

    run_on_loop(rig, &errand);
    return &outcome;
}

struct http_client_request client_rig_request(const struct client_rig *rig, uint16_t port)
{
    static const struct http_header headers[] = {{{"Content-Type", 12}, {"text/plain", 10}},
                                                 {{"Accept-Encoding", 15}, {"gzip", 4}}};

    return (struct http_client_request){
        .host = STR("127.0.0.1"),
        .port = port,
        .method = STR("POST"),
        .target = STR("/hook?a=b"),
        .headers = headers,
        .header_count = ARRAY_LEN(headers),
        .body = STR("hello"),
        .budget = rig->budget,
    };
}

const struct outcome *client_rig_post(struct client_rig *rig, uint16_t port)
{
    struct http_client_request request = client_rig_request(rig, port);

    return client_rig_send(rig, &request);
}

void client_rig_start(struct client_rig *rig)
{
    rig->policy.dev = true;
    rig->budget = (struct http_budget){.dns_ms = 300,
                                       .connect_ms = 300,
                                       .tls_ms = 300,
                                       .first_byte_ms = 300,
                                       .total_ms = 500,
                                       .body_ms = 300,
                                       .body_rate_min = 256};
    rig->world = real_world_new();
    rig->loop = world_loop_new(rig->world, "client");
    struct http_client_config config = {
        .loop = rig->loop,
        .policy = &rig->policy,
        .tls = rig->tls,
        .response_header_bytes_max = 16 * KIB,
        .response_body_bytes_max = 64 * KIB,
        .idle_connections_max = 4,
        .idle_ms = 30000,
    };
    rig->client = http_client_new(&config);
    loop_start(rig->loop);
}

static void free_client(struct client_rig *rig)
{
    http_client_free(rig->client);
    rig->client = NULL;
}

void client_rig_stop(struct client_rig *rig)
{
    client_rig_call(rig, free_client);
    loop_stop(rig->loop);
    loop_free(rig->loop);
    real_world_free(rig->world);
}

void client_rig_assert(const struct outcome *got, enum http_outcome wanted)
{
    if (got->result.outcome != wanted)
        fail_msg("outcome %d: %s", (int)got->result.outcome, got->result.why);
}
