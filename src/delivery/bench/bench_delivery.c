/* bench_delivery -- how many durable, signed deliveries a second the sender makes.
 *
 *   bench_http_server 9000 &    bench_delivery http://127.0.0.1:9000 [COUNT [BODY_BYTES
 * [ENDPOINTS]]]
 *
 * A store is filled with COUNT deliveries to ENDPOINTS paths of that server, then the sender is
 * started and timed until all of them are settled. Prints "filled", then one JSON object; CPU is
 * that of this process alone, without the receiver's. `bench/run --only deliveries` puts wrk beside
 * it, which posts the same bytes to the same server. RUNBELL_BENCH_CA names the CA file of an https
 * server; RUNBELL_TEST_POSTGRES uses that database. */
#include <stdlib.h>

#include "base/mem.h"
#include "delivery/bench/bench_rig.h"
#include "http/tls.h"

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

struct figures {
    double took_s, cpu_s, fill_cpu_s;
    size_t dead, rss_bytes;
};

static void measure(struct sender_rig *rig, const struct bench_fill *fill, struct figures *figures)
{
    double started_s, cpu_s = bench_seconds(CLOCK_PROCESS_CPUTIME_ID);

    bench_fill(rig, fill);
    figures->fill_cpu_s = bench_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_s;
    printf("filled\n"); /* who measures the database's part begins here */
    fflush(stdout);
    cpu_s = bench_seconds(CLOCK_PROCESS_CPUTIME_ID);
    started_s = bench_seconds(CLOCK_MONOTONIC);
    sender_rig_start(rig);
    do
        sender_rig_sleep(50); /* to look is work for the store, too */
    while (!sender_rig_is_done(rig));
    figures->took_s = bench_seconds(CLOCK_MONOTONIC) - started_s;
    figures->cpu_s = bench_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_s;
    figures->rss_bytes = bench_rss_bytes();
    figures->dead = sender_rig_count(rig, DELIVERY_DEAD);
}

int main(int argc, char **argv)
{
    static const struct str secrets[] = {{SECRET, sizeof(SECRET) - 1}};
    struct bench_fill fill = {.count = bench_argument(argc, argv, 2, 50000),
                              .endpoints = bench_argument(argc, argv, 4, 1)};
    const char *ca_file = getenv("RUNBELL_BENCH_CA"), *why = "";
    size_t body_bytes = bench_argument(argc, argv, 3, 1024);
    struct figures figures;
    struct sender_rig rig;

    if (argc < 2 || fill.endpoints == 0) {
        fprintf(stderr, "usage: bench_delivery URL [COUNT [BODY_BYTES [ENDPOINTS]]]\n");
        return 2;
    }
    fill.url = argv[1];
    fill.body = bench_body(body_bytes);
    sender_rig_open(&rig, getenv("RUNBELL_TEST_POSTGRES"));
    rig.config.signing_secrets = secrets;
    rig.config.secret_count = 1;
    rig.config.tuning.policy = NULL;
    if (ca_file && tls_client_new(ca_file, &rig.config.tls, &why)) {
        fprintf(stderr, "%s: %s\n", ca_file, why);
        return 1;
    }
    measure(&rig, &fill, &figures);
    printf("{\"deliveries\": %zu, \"body_bytes\": %zu, \"endpoints\": %zu, \"per_s\": %.0f,"
           " \"cpu_us\": %.1f, \"fill_cpu_us\": %.1f, \"rss_bytes\": %zu, \"dead\": %zu}\n",
           fill.count, body_bytes, fill.endpoints, (double)fill.count / figures.took_s,
           figures.cpu_s * 1e6 / (double)fill.count, figures.fill_cpu_s * 1e6 / (double)fill.count,
           figures.rss_bytes, figures.dead);
    sender_rig_close(&rig);
    tls_client_free(rig.config.tls);
    mem_free((void *)(uintptr_t)fill.body.data);
    return figures.dead > 0;
}
