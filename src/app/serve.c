/* `runbell serve`: starts the server, says where it is, and ends it on SIGTERM or SIGINT. */
#include "app/serve.h"

#include <signal.h>
#include <stdlib.h>

#include "app/config.h"
#include "app/server.h"
#include "base/log.h"
#include "io/loop.h"
#include "io/real_world.h"

#define EXIT_STORE_LOST 70

struct serve {
    struct loop *loop;
    struct server *server;
    const struct config *config;
    int code;
};

static void on_listening(void *context, const struct address *bound)
{
    const struct serve *serve = context;
    struct address_text text;

    log_info("app", "runbell " RUNBELL_VERSION " listens on %s://%.*s, data in %s",
             serve->config->tls_cert ? "https" : "http", STR_ARG(address_write(bound, &text)),
             serve->config->store_url ? "PostgreSQL" : serve->config->data_dir);
}

static void on_failed(void *context, const char *why)
{
    struct serve *serve = context;

    log_error("app", "runbell cannot go on: %s", why);
    serve->code = 1;
    server_stop(serve->server);
}

/* Recovery is the next start; until then no answer is better than a wrong one. */
static void on_fatal(void *context, const char *why)
{
    (void)context;
    log_error("app", "the store is lost: %s; the process ends now", why);
    _Exit(EXIT_STORE_LOST);
}

static void on_stopped(void *context)
{
    struct serve *serve = context;

    loop_stop(serve->loop);
}

static void on_signal(void *context, int signal)
{
    struct serve *serve = context;

    log_info("app", "signal %d: answering what is under way, then stopping", signal);
    server_stop(serve->server);
}

int serve_run(const struct config *config)
{
    struct serve serve = {.config = config};
    struct server_setup setup = {
        .world = real_world_new(),
        .config = config,
        .events = {on_listening, on_failed, on_fatal, on_stopped},
        .context = &serve,
    };
    const char *why = "";

    log_set_level(config->log_level);
    serve.loop = world_loop_new(setup.world, "main");
    setup.loop = serve.loop;
    loop_on_signal(serve.loop, SIGTERM, on_signal, &serve);
    loop_on_signal(serve.loop, SIGINT, on_signal, &serve);
    if (server_start(&setup, &serve.server, &why)) {
        log_error("app", "runbell cannot start: %s", why);
        serve.code = 1;
    } else {
        loop_run(serve.loop);
    }
    server_free(serve.server);
    loop_free(serve.loop);
    real_world_free(setup.world);
    return serve.code;
}
