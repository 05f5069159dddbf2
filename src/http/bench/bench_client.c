/* bench_client.c -- POSTs of 1 KiB over kept connections, as fast as answers come; prints the CPU
 * time of each.
 *
 *   bench_http_server 9000 &    bench_http_client 9000 [seconds] [at a time]    kill -INT %1 */
#include <stdio.h>
#include <sys/resource.h>

#include "http/client.h"
#include "io/real_world.h"

struct bench {
    struct loop *loop;
    struct http_client *client;
    struct http_client_request request;
    int64_t until_ms;
    uint64_t answered, failed;
    unsigned busy;
};

static void send_next(struct bench *bench);

static void on_done(void *context, const struct http_result *result)
{
    struct bench *bench = context;

    bench->busy--;
    if (result->outcome == HTTP_ANSWERED && result->status == 200)
        bench->answered++;
    else
        bench->failed++;
    if (loop_mono_ms(bench->loop) < bench->until_ms)
        send_next(bench);
    else if (bench->busy == 0)
        loop_stop(bench->loop);
}

static void send_next(struct bench *bench)
{
    bench->busy++;
    http_client_send(bench->client, &bench->request, on_done, bench);
}

static double cpu_us(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static int64_t number(int argc, char **argv, int at, int64_t fallback)
{
    int64_t value;

    return argc > at && str_to_i64(str_of(argv[at]), &value) == OK ? value : fallback;
}

static void set_request(struct bench *bench, uint16_t port)
{
    static char body[1024];
    static const struct http_header headers[] = {
        {{"Content-Type", 12}, {"application/json", 16}},
        {{"User-Agent", 10}, {"runbell", 7}},
        {{"webhook-id", 10}, {"msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", 31}},
        {{"webhook-timestamp", 17}, {"1674087231", 10}},
        {{"webhook-signature", 17}, {"v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=", 47}},
    };

    memset(body, 'b', sizeof(body));
    bench->request = (struct http_client_request){
        .host = STR("127.0.0.1"),
        .port = port,
        .method = STR("POST"),
        .target = STR("/hook"),
        .headers = headers,
        .header_count = ARRAY_LEN(headers),
        .body = str_range(body, sizeof(body)),
        .budget = http_budget_default,
    };
}

int main(int argc, char **argv)
{
    struct egress_policy policy = {.dev = true};
    struct world *world = real_world_new();
    struct bench bench = {.loop = world_loop_new(world, "bench")};
    int64_t port = number(argc, argv, 1, 0);
    int64_t seconds = number(argc, argv, 2, 5);
    int64_t at_a_time = number(argc, argv, 3, 64);
    struct http_client_config config = {
        .loop = bench.loop,
        .policy = &policy,
        .response_header_bytes_max = 16 * KIB,
        .response_body_bytes_max = 64 * KIB,
        .idle_connections_max = 256,
        .idle_ms = 30000,
    };

    if (port < 1 || port > UINT16_MAX)
        return 2;
    bench.client = http_client_new(&config);
    set_request(&bench, (uint16_t)port);
    bench.until_ms = loop_mono_ms(bench.loop) + seconds * MS_PER_SECOND;
    double before_us = cpu_us();
    for (int64_t i = 0; i < at_a_time; i++)
        send_next(&bench);
    loop_run(bench.loop);
    printf("%llu answered, %llu failed, %.0f/s, %.2f us of CPU each, %llu connections\n",
           (unsigned long long)bench.answered, (unsigned long long)bench.failed,
           (double)bench.answered / (double)seconds,
           (cpu_us() - before_us) / (double)(bench.answered + bench.failed),
           (unsigned long long)http_client_stats(bench.client).connections_opened);
    http_client_free(bench.client);
    loop_free(bench.loop);
    real_world_free(world);
    return bench.failed != 0;
}
