/* bench_delivery -- how many durable, signed deliveries a second the sender makes, beside the plain
 * client.
 *
 *   bench_delivery [COUNT [BODY_BYTES [ORIGINS]]]
 *
 * One run: a store is filled with COUNT deliveries to ORIGINS local receivers (one thread), then
 * the sender is started and timed until all have arrived and are settled; then the same client
 * without a store posts the same bytes to the same receivers. Last, single deliveries on the idle
 * server: from the producer's commit to the receiver. Prints one JSON object. RUNBELL_TEST_POSTGRES
 * uses that database. */
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

#include "base/json.h"
#include "base/mem.h"
#include "delivery/sender_rig.h"
#include "http/client.h"

#define IN_FLIGHT 64
#define ORIGINS_LIMIT 64
#define SINGLES 300
#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

static struct inbox inboxes[ORIGINS_LIMIT];
static size_t origin_count = 1;
static struct str body;

static double seconds_of(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t received(void)
{
    size_t sum = 0;

    for (size_t i = 0; i < origin_count; i++)
        sum += inbox_count(&inboxes[i]);
    return sum;
}

/* ---- filling ---- */

struct filling {
    size_t from, count;
};

static enum err apply_fill(struct tx *tx, void *context)
{
    struct filling *filling = context;
    char url[64];
    enum err err = OK;

    for (size_t i = filling->from; !err && i < filling->from + filling->count; i++) {
        struct outbox_event event = {
            .tenant = STR("t"),
            .kind = STR("run"),
            .object_id = STR("object"),
            .url = str_of(inbox_url(&inboxes[i % origin_count], "/hook", url, sizeof(url))),
            .content_type = STR("application/json"),
            .body = body,
            .policy = STR("durable")};

        err = outbox_add(tx, &event, NULL);
    }
    return err;
}

static void fill(struct sender_rig *rig, size_t count)
{
    for (size_t done = 0; done < count;) {
        struct filling filling = {.from = done, .count = count - done < 500 ? count - done : 500};

        assert_int_equal(sender_rig_write(rig, apply_fill, &filling), OK);
        done += filling.count;
    }
}

/* ---- the plain client ---- */

struct plain {
    struct loop *loop;
    struct http_client *client;
    struct http_client_request requests[ORIGINS_LIMIT];
    struct http_header headers[6];
    size_t started, ended, count;
    struct message begin;
    sem_t is_done;
};

static void plain_next(struct plain *plain);

static void plain_done(void *context, const struct http_result *result)
{
    struct plain *plain = context;

    REQUIRE(result->outcome == HTTP_ANSWERED && result->status == 200);
    if (++plain->ended == plain->count) {
        sem_post(&plain->is_done);
        return;
    }
    plain_next(plain);
}

static void plain_next(struct plain *plain)
{
    if (plain->started == plain->count)
        return;
    (void)http_client_send(plain->client, &plain->requests[plain->started++ % origin_count],
                           plain_done, plain);
}

static void plain_begin(struct message *message)
{
    struct plain *plain = CONTAINER_OF(message, struct plain, begin);

    for (int i = 0; i < IN_FLIGHT; i++)
        plain_next(plain);
}

static double run_plain(struct sender_rig *rig, size_t count, double *cpu_s)
{
    struct plain plain = {.count = count, .begin = {.deliver = plain_begin}};
    struct http_client_config config = {.policy = &rig->egress,
                                        .response_header_bytes_max = 16 * KIB,
                                        .response_body_bytes_max = 64 * KIB,
                                        .idle_connections_max = 256,
                                        .idle_ms = 30000};
    double started_s, took_s;

    plain.headers[0] = (struct http_header){STR("User-Agent"), STR("Runbell/" RUNBELL_VERSION)};
    plain.headers[1] = (struct http_header){STR("Content-Type"), STR("application/json")};
    plain.headers[2] =
        (struct http_header){STR("webhook-id"), STR("msg_01a1fd3001f47e8ba5c876a33c4a816b")};
    plain.headers[3] = (struct http_header){STR("webhook-timestamp"), STR("1795240800")};
    plain.headers[4] = (struct http_header){STR("webhook-signature"),
                                            STR("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")};
    plain.headers[5] = (struct http_header){STR("webhook-attempt"), STR("1")};
    for (size_t i = 0; i < origin_count; i++)
        plain.requests[i] = (struct http_client_request){.host = STR("127.0.0.1"),
                                                         .port = inboxes[i].port,
                                                         .method = STR("POST"),
                                                         .target = STR("/hook"),
                                                         .headers = plain.headers,
                                                         .header_count = ARRAY_LEN(plain.headers),
                                                         .body = body,
                                                         .budget = http_budget_default};
    sem_init(&plain.is_done, 0, 0);
    plain.loop = world_loop_new(rig->world, "plain");
    config.loop = plain.loop;
    plain.client = http_client_new(&config);
    started_s = seconds_of(CLOCK_MONOTONIC);
    *cpu_s = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    loop_start(plain.loop);
    loop_post(plain.loop, &plain.begin);
    sem_wait(&plain.is_done);
    took_s = seconds_of(CLOCK_MONOTONIC) - started_s;
    *cpu_s = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - *cpu_s;
    loop_stop(plain.loop);
    loop_free(plain.loop);
    return took_s;
}

/* ---- the sender ---- */

static double run_sender(struct sender_rig *rig, size_t count, double *cpu_s)
{
    double started_s;

    fill(rig, count);
    started_s = seconds_of(CLOCK_MONOTONIC);
    *cpu_s = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    sender_rig_start(rig);
    while (received() < count)
        sender_rig_sleep(1);
    while (sender_rig_count(rig, DELIVERY_SENDING) > 0)
        sender_rig_sleep(1);
    *cpu_s = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - *cpu_s;
    return seconds_of(CLOCK_MONOTONIC) - started_s;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

/* Milliseconds from asking the store to add it until the receiver has it. */
static void run_singles(struct sender_rig *rig, double *p50_ms, double *p99_ms)
{
    static double took_ms[SINGLES];

    for (size_t i = 0; i < SINGLES; i++) {
        size_t before = received();
        double started_s = seconds_of(CLOCK_MONOTONIC);

        fill(rig, 1);
        while (received() == before)
            (void)nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
        took_ms[i] = (seconds_of(CLOCK_MONOTONIC) - started_s) * 1e3;
        sender_rig_sleep(5);
    }
    qsort(took_ms, SINGLES, sizeof(double), compare);
    *p50_ms = took_ms[SINGLES / 2];
    *p99_ms = took_ms[SINGLES * 99 / 100];
}

static size_t argument(int argc, char **argv, int index, size_t fallback)
{
    int64_t value = 0;

    if (argc <= index || str_to_i64(str_of(argv[index]), &value) || value < 1)
        return fallback;
    return (size_t)value;
}

int main(int argc, char **argv)
{
    static const struct str secrets[] = {{SECRET, sizeof(SECRET) - 1}};
    struct sender_rig rig;
    size_t count = argument(argc, argv, 1, 50000), body_bytes = argument(argc, argv, 2, 1024);
    double plain_cpu_s = 0, cpu_s = 0, p50_ms = 0, p99_ms = 0, plain_s, durable_s;
    char *bytes = mem_alloc(body_bytes);

    origin_count = argument(argc, argv, 3, 1);
    REQUIRE(origin_count <= ORIGINS_LIMIT);
    memset(bytes, 'x', body_bytes);
    body = str_range(bytes, body_bytes);
    sender_rig_open(&rig, getenv("RUNBELL_TEST_POSTGRES"));
    rig.config.signing_secrets = secrets;
    rig.config.secret_count = 1;
    rig.config.tuning.policy = NULL;
    for (size_t i = 0; i < origin_count; i++) {
        inboxes[i].keeps_nothing = true;
        inbox_open(&inboxes[i], rig.world);
    }
    durable_s = run_sender(&rig, count, &cpu_s);
    run_singles(&rig, &p50_ms, &p99_ms);
    plain_s = run_plain(&rig, count, &plain_cpu_s);
    printf(
        "{\"deliveries\": %zu, \"body_bytes\": %zu, \"origins\": %zu, \"durable_per_s\": %.0f,"
        " \"plain_per_s\": %.0f, \"ratio\": %.3f, \"durable_cpu_us\": %.1f, \"plain_cpu_us\": %.1f,"
        " \"single_p50_ms\": %.2f, \"single_p99_ms\": %.2f}\n",
        count, body_bytes, origin_count, (double)count / durable_s, (double)count / plain_s,
        plain_s / durable_s, cpu_s * 1e6 / (double)count, plain_cpu_s * 1e6 / (double)count, p50_ms,
        p99_ms);
    for (size_t i = 0; i < origin_count; i++)
        inbox_close(&inboxes[i]);
    sender_rig_close(&rig);
    mem_free(bytes);
    return 0;
}
