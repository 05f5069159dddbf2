/* bench_server.c -- the smallest server, to be measured with wrk; prints the CPU time per request
 * at its end.
 *
 *   bench_http_server [port [certificate key]] &
 *   wrk -t1 -c64 -d5 http://127.0.0.1:port/    kill -INT %1
 *
 * /live is a stream that stays open: for the memory of many idle ones. */
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "http/server.h"
#include "http/tls.h"
#include "io/real_world.h"

static void on_request(void *context, struct http_exchange *exchange)
{
    static const struct http_header type = {{"Content-Type", 12}, {"application/json", 16}};

    (void)context;
    if (str_eq(http_exchange_request(exchange)->path, STR("/live"))) {
        http_begin(exchange, 200, NULL, 0);
        http_write(exchange, STR(": open\n\n"));
        http_exchange_shed(exchange);
        http_exchange_on_gone(exchange, http_end);
        return;
    }
    http_reply(exchange, 200, &type, 1, STR("{\"ok\": true}"));
}

static void on_signal(void *context, int signal)
{
    (void)signal;
    loop_stop(context);
}

static double cpu_us(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
    struct address address = {.family = ADDRESS_IPV4, .bytes = {127, 0, 0, 1}};
    struct world *world = real_world_new();
    struct loop *loop = world_loop_new(world, "bench");
    struct http_server_config config = {
        .loop = loop, .limits = http_limits_default, .handler = {.on_request = on_request}};
    const char *why = "";
    struct address bound;
    int64_t port = 0;

    if (argc > 1 && (str_to_i64(str_of(argv[1]), &port) != OK || port < 0 || port > UINT16_MAX))
        return 2;
    address.port = (uint16_t)port;
    if (argc > 3 && tls_server_new(argv[2], argv[3], &config.tls, &why)) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    if (listen_socket_open(world, address, &config.socket, &bound, &why) != OK) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    printf("listening on 127.0.0.1:%u\n", bound.port);
    fflush(stdout);
    struct http_server *server = http_server_new(&config);
    loop_on_signal(loop, SIGINT, on_signal, loop);
    loop_on_signal(loop, SIGTERM, on_signal, loop);
    loop_run(loop);
    uint64_t requests = http_server_stats(server).requests;
    printf("%llu requests, %.2f us of CPU each\n", (unsigned long long)requests,
           requests ? cpu_us() / (double)requests : 0.0);
    http_server_free(server);
    tls_server_free(config.tls);
    loop_free(loop);
    listen_socket_close(config.socket);
    real_world_free(world);
    return 0;
}
