/* `runbell serve`: starts the server, says where it is, gives it a new configuration on SIGHUP, and
 * ends it on SIGTERM or SIGINT. */
#include "app/serve.h"

#include <signal.h>
#include <stdlib.h>

#include "app/config.h"
#include "app/reload.h"
#include "app/server.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/real_world.h"

#define EXIT_STORE_LOST 70

/* A configuration that was read later; the server may hold parts of it until it ends. */
struct later {
    struct later *next;
    struct config config;
};

struct serve {
    struct world *world;
    struct loop *loop;
    const struct serve_source *source;
    struct later *later; /* the newest first */
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

static void tell_difference(const struct config *start, const struct config *last,
                            const struct config *new)
{
    struct reload_difference difference;

    reload_compare(start, last, new, &difference);
    if (difference.live.len && difference.waiting.len)
        log_warn("app", "SIGHUP: in force now: %s; needs a restart: %s", buf_cstr(&difference.live),
                 buf_cstr(&difference.waiting));
    else if (difference.waiting.len)
        log_warn("app", "SIGHUP: needs a restart: %s", buf_cstr(&difference.waiting));
    else
        log_info("app", "SIGHUP: %s%s", difference.live.len ? "in force now: " : "",
                 difference.live.len ? buf_cstr(&difference.live)
                                     : "nothing has changed; certificates were read again");
    reload_difference_release(&difference);
}

/* What has been told needs a restart is told again at each SIGHUP: it still does. */
static void on_reload(void *context, int signal)
{
    struct serve *serve = context;
    struct later *later = MEM_NEW(struct later);
    const struct config *last = serve->later ? &serve->later->config : serve->config;
    struct str why;

    (void)signal;
    if (serve->source->read(serve->source->context, serve->world->disk, &later->config, &why)) {
        log_error("app", "SIGHUP: the old configuration stays in force: %.*s", STR_ARG(why));
        config_release(&later->config);
        mem_free(later);
        return;
    }
    later->next = serve->later;
    serve->later = later;
    server_change(serve->server, &later->config);
    tell_difference(serve->config, last, &later->config);
}

static void release_later(struct later *later)
{
    struct later *next;

    for (; later; later = next) {
        next = later->next;
        config_release(&later->config);
        mem_free(later);
    }
}

static void on_signal(void *context, int signal)
{
    struct serve *serve = context;

    log_info("app", "signal %d: answering what is under way, then stopping", signal);
    server_stop(serve->server);
}

int serve_run(const struct config *config, const struct serve_source *source)
{
    struct serve serve = {.config = config, .source = source};
    struct server_setup setup = {
        .world = real_world_new(),
        .config = config,
        .events = {on_listening, on_failed, on_fatal, on_stopped},
        .context = &serve,
    };
    const char *why = "";

    log_set_level(config->log_level);
    log_set_format(config->log_format);
    serve.world = setup.world;
    serve.loop = world_loop_new(setup.world, "main");
    setup.loop = serve.loop;
    loop_on_signal(serve.loop, SIGTERM, on_signal, &serve);
    loop_on_signal(serve.loop, SIGINT, on_signal, &serve);
    loop_on_signal(serve.loop, SIGHUP, on_reload, &serve);
    if (server_start(&setup, &serve.server, &why)) {
        log_error("app", "runbell cannot start: %s", why);
        serve.code = 1;
    } else {
        loop_run(serve.loop);
    }
    server_free(serve.server);
    release_later(serve.later);
    loop_free(serve.loop);
    real_world_free(setup.world);
    return serve.code;
}
