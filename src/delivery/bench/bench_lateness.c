/* bench_lateness -- how late a delivery is when much else stands in the outbox.
 *
 *   bench_lateness [SCHEDULED [HOSTILE]]
 *
 * The outbox holds SCHEDULED deliveries that are due in some days, of 1,000 endpoints; 100,000 have
 * bodies of their own. First,
 * deliveries that fall due one after another, 20 ms apart: the milliseconds from the due time to
 * their arrival. Then single ones on the idle sender: from the producer's commit to the arrival.
 * Then the same beside HOSTILE endpoints, each an origin's path that hangs, resets, refuses or
 * answers 503, each with a delivery due. Prints one JSON object. */
#include <stdlib.h>

#include "base/mem.h"
#include "delivery/bench/bench_rig.h"

#define SINGLES 300
#define SPACING_US 20000
#define DAYS_US (5 * INT64_C(86400) * US_PER_SECOND)
#define HOSTILE_INBOXES 32
#define ENDPOINTS 1000
#define TEMPLATE 100000 /* made one by one; those beyond are copies of them */
#define BODY_BYTES 1024

static struct inbox good, bad[HOSTILE_INBOXES];

struct spread {
    double p50_ms, p99_ms;
};

static struct spread spread_of(double *values_ms)
{
    return (struct spread){.p50_ms = bench_percentile(values_ms, SINGLES, 0.5),
                           .p99_ms = bench_percentile(values_ms, SINGLES, 0.99)};
}

static void await_arrivals(size_t count)
{
    while (inbox_count(&good) < count)
        (void)nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
}

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

static struct spread due_lateness(struct sender_rig *rig, struct bench_fill fill)
{
    static double late_ms[SINGLES];
    size_t before = inbox_count(&good);
    int64_t first_us = 0;

    fill.count = SINGLES;
    fill.endpoints = 50;
    fill.due_in_us = 500000;
    fill.due_spacing_us = SPACING_US;
    fill.first_due_us = &first_us;
    bench_fill(rig, &fill);
    for (size_t i = 0; i < SINGLES; i++) {
        await_arrivals(before + i + 1);
        late_ms[i] = (double)(now_us() - first_us - (int64_t)i * SPACING_US) / 1000.0;
    }
    return spread_of(late_ms);
}

static struct spread singles(struct sender_rig *rig, struct bench_fill fill)
{
    static double took_ms[SINGLES];

    fill.count = 1;
    fill.endpoints = 1;
    for (size_t i = 0; i < SINGLES; i++) {
        size_t before = inbox_count(&good);
        double started_s = bench_seconds(CLOCK_MONOTONIC);

        bench_fill(rig, &fill);
        await_arrivals(before + 1);
        took_ms[i] = (bench_seconds(CLOCK_MONOTONIC) - started_s) * 1e3;
        sender_rig_sleep(5);
    }
    return spread_of(took_ms);
}

static void open_hostile(struct sender_rig *rig)
{
    static const struct inbox_reply replies[] = {
        {.act = INBOX_HANG},
        {.act = INBOX_RESET},
        {.act = INBOX_CLOSE},
        {.act = INBOX_ANSWER, .status = 503, .headers = "Retry-After: 3\r\n"},
        {.act = INBOX_ANSWER, .status = 500, .delay_ms = 2000}};

    for (size_t i = 0; i < HOSTILE_INBOXES; i++) {
        bad[i].keeps_nothing = true;
        bad[i].reply = replies[i % ARRAY_LEN(replies)];
        inbox_open(&bad[i], rig->world);
    }
}

static void fill_hostile(struct sender_rig *rig, size_t count)
{
    struct str body = bench_body(BODY_BYTES);
    char url[64];

    for (size_t i = 0; i < HOSTILE_INBOXES; i++) {
        struct bench_fill fill = {.url = inbox_url(&bad[i], "", url, sizeof(url)),
                                  .count = count / HOSTILE_INBOXES,
                                  .endpoints = count / HOSTILE_INBOXES,
                                  .body = body};

        bench_fill(rig, &fill);
    }
    mem_free((void *)(uintptr_t)body.data);
}

int main(int argc, char **argv)
{
    size_t scheduled = bench_argument(argc, argv, 1, 100000);
    size_t hostile = bench_argument(argc, argv, 2, 0);
    struct bench_fill fill = {.body = bench_body(BODY_BYTES), .first_endpoint = 1000000};
    struct spread late, idle, beside = {0, 0};
    struct sender_rig rig;
    double start_s, fill_s;
    char url[64];

    if (scheduled % ENDPOINTS || (scheduled > TEMPLATE && scheduled % TEMPLATE)) {
        fprintf(stderr, "SCHEDULED must be a multiple of 1000, above 100000 of that\n");
        return 2;
    }
    sender_rig_open(&rig, getenv("RUNBELL_TEST_POSTGRES"));
    rig.config.tuning.policy = NULL;
    good.keeps_nothing = true;
    inbox_open(&good, rig.world);
    open_hostile(&rig);
    fill.url = inbox_url(&good, "", url, sizeof(url));
    fill_s = bench_seconds(CLOCK_MONOTONIC);
    bench_fill_much(&rig,
                    &(struct bench_fill){.url = fill.url,
                                         .count = scheduled,
                                         .endpoints = ENDPOINTS,
                                         .body = fill.body,
                                         .due_in_us = DAYS_US},
                    TEMPLATE);
    fill_s = bench_seconds(CLOCK_MONOTONIC) - fill_s;
    start_s = bench_seconds(CLOCK_MONOTONIC);
    sender_rig_start(&rig);
    fill.count = fill.endpoints = 1;
    bench_fill(&rig, &fill);
    await_arrivals(1);
    start_s = bench_seconds(CLOCK_MONOTONIC) - start_s;
    late = due_lateness(&rig, fill);
    idle = singles(&rig, fill);
    if (hostile > 0) {
        fill_hostile(&rig, hostile);
        sender_rig_sleep(2000);
        beside = singles(&rig, fill);
    }
    printf("{\"scheduled\": %zu, \"hostile\": %zu, \"fill_s\": %.1f, \"start_s\": %.3f, "
           "\"late_p50_ms\": %.2f,"
           " \"late_p99_ms\": %.2f, \"idle_p50_ms\": %.2f, \"idle_p99_ms\": %.2f,"
           " \"beside_p50_ms\": %.2f, \"beside_p99_ms\": %.2f, \"rss_bytes\": %zu}\n",
           scheduled, hostile, fill_s, start_s, late.p50_ms, late.p99_ms, idle.p50_ms, idle.p99_ms,
           beside.p50_ms, beside.p99_ms, bench_rss_bytes());
    inbox_close(&good);
    for (size_t i = 0; i < HOSTILE_INBOXES; i++)
        inbox_close(&bad[i]);
    sender_rig_close(&rig);
    mem_free((void *)(uintptr_t)fill.body.data);
    return 0;
}
