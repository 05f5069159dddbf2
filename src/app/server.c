/* The server's start and stop. */
#include "app/server_priv.h"

#include "base/log.h"
#include "base/mem.h"

#define RETENTION_FIRST_MS 1000 /* goes on where it was stopped */
#define RETENTION_MS 60000
#define RETENTION_PAUSE_MS 100 /* between two pieces */
#define RETENTION_PRESSED_MS 5 /* while the log is larger than it may be */
#define RETENTION_LOG_MS 5000  /* where the log has a size, which it reaches at any time */
#define DRAIN_MS 10000

/* ---- retention: small pieces, between other work ---- */

static enum err retention_apply(struct tx *tx, struct store_work *work)
{
    struct server *server = CONTAINER_OF(work, struct server, retention_work);

    return retention_step(tx, tx->now_us, server->retention_limits, &server->retention_pace);
}

static void retention_done(struct store_work *work, enum err err)
{
    struct server *server = CONTAINER_OF(work, struct server, retention_work);
    const int64_t pauses_ms[] = {
        [RETENTION_DONE] = server->retention_limits->log_bytes ? RETENTION_LOG_MS : RETENTION_MS,
        [RETENTION_MORE] = RETENTION_PAUSE_MS,
        [RETENTION_PRESSED] = RETENTION_PRESSED_MS};

    failure_log_note(&server->retention_failures, loop_mono_ms(server->loop), err, LOG_ERROR, "app",
                     "old rows could not be deleted");
    if (!server->is_stopping)
        timer_start(&server->retention, pauses_ms[err ? RETENTION_DONE : server->retention_pace]);
}

static void on_retention(struct timer *timer)
{
    struct server *server = CONTAINER_OF(timer, struct server, retention);

    server->retention_work.apply = retention_apply;
    server->retention_work.done = retention_done;
    server->retention_work.reply_to = server->loop;
    server->retention_work.class = STORE_BULK;
    store_write(server->store, &server->retention_work);
}

/* ---- start ---- */

void server_fail(struct server *server, const char *why)
{
    if (server->is_failed || server->is_stopping)
        return;
    server->is_failed = true;
    server->events.on_failed(server->context, why);
}

/* The last step: all parts stand, clients may come. */
static void open_doors(struct server *server)
{
    const char *why;

    wire_dispatch(server);
    if (wire_delivery(server, &why) || wire_net(server, &why)) {
        server_fail(server, why);
        return;
    }
    timer_start(&server->retention, RETENTION_FIRST_MS);
    server->events.on_listening(server->context, &server->bound);
}

void server_on_loaded(void *context, unsigned graphs_failed, const char *why)
{
    struct server *server = context;

    server->loads_open--;
    if (server->is_failed || server->is_stopping)
        return;
    if (why && !server->config->dev) {
        server_fail(server, why);
        return;
    }
    if (graphs_failed > 0 && !server->config->dev) {
        server_fail(server,
                    "a part of langgraph.json did not load; the lines above say which and why. "
                    "With --dev the rest is served");
        return;
    }
    if (server->loads_open == 0)
        open_doors(server);
}

void server_on_keys(void *context, enum err err, size_t count)
{
    struct server *server = context;

    if (server->is_stopping)
        return;
    if (err) {
        server_fail(server, "the API keys could not be read from the store");
        return;
    }
    if (count == 0 && config_listens_publicly(server->config) &&
        !plugin_is_there(&server->config->plugins.auth)) {
        server_fail(server,
                    "it would listen on an address that others can reach, without any API key; "
                    "make one first with: runbell keys create");
        return;
    }
    wire_executors(server);
}

/* "http://127.0.0.1:8123", as ourselves can reach it. */
static struct str self_url_make(struct server *server)
{
    struct address reachable = server->bound;
    struct address_text text;
    static const uint8_t any[16] = {0};

    if (memcmp(reachable.bytes, any, sizeof(any)) == 0) {
        reachable.bytes[reachable.family == ADDRESS_IPV4 ? 0 : 15] =
            reachable.family == ADDRESS_IPV4 ? 127 : 1;
        if (reachable.family == ADDRESS_IPV4)
            reachable.bytes[3] = 1;
    }
    return arena_printf(&server->arena, "%s://%.*s", server->config->tls_cert ? "https" : "http",
                        STR_ARG(address_write(&reachable, &text)));
}

/* Every machine has loopback; who is not told of it is told of nothing. */
static void warn_if_unknown(const struct server *server)
{
    static const struct address loopback = {.family = ADDRESS_IPV4, .bytes = {127, 0, 0, 1}};

    if (config_listens_publicly(server->config) && !world_has_address(server->world, &loopback))
        log_warn("app",
                 "the addresses of this machine cannot be listed, so only loopback is known as our "
                 "own and webhooks may be sent to the others: allow AF_NETLINK, or listen on one "
                 "address");
}

static enum err listen_open(struct server *server, const char **why)
{
    struct address_text text;
    enum err err = listen_socket_open(server->world, server->config->listen, &server->socket,
                                      &server->bound, why);

    if (err) {
        struct str said =
            arena_printf(&server->arena, "%.*s: %s",
                         STR_ARG(address_write(&server->config->listen, &text)), *why);

        *why = arena_cstr(&server->arena, said);
        return err;
    }
    server->self_url = self_url_make(server);
    server->public_url = server->config->public_url
                             ? str_of(server->config->public_url)
                             : arena_printf(&server->arena, "%.*s%.*s", STR_ARG(server->self_url),
                                            STR_ARG(server->config->mount_prefix));
    loopback_init(&server->loopback);
    server->egress = config_egress(server->config, server->world, &server->bound, &server->arena);
    warn_if_unknown(server);
    return OK;
}

enum err server_start(const struct server_setup *setup, struct server **out, const char **why)
{
    struct server *server = MEM_NEW(struct server);
    enum err err;

    server->world = setup->world;
    server->loop = setup->loop;
    server->config = setup->config;
    server->retention_limits = &setup->config->retention;
    server->events = setup->events;
    server->context = setup->context;
    arena_init(&server->arena);
    timer_init(&server->retention, setup->loop, on_retention);
    *out = server;
    err = listen_open(server, why);
    return err ? err : wire_store(server, why);
}

/* ---- stop: doors, runs, workers, deliveries, store ---- */

static void stopped(struct server *server)
{
    server->events.on_stopped(server->context);
}

static void on_delivery_stopped_here(struct message *message)
{
    struct server *server = CONTAINER_OF(message, struct server, delivery_stopped);

    blob_upkeep_stop(server->blob_upkeep);
    erasure_upkeep_stop(server->erasure_upkeep);
    blob_store_stop(server->blobs);
    key_ring_stop(server->keys);
    secret_upkeep_stop(server->secret_upkeep);
    hub_leave_store(server->hub);
    store_close(server->store);
    server->store = NULL;
    stopped(server);
}

/* On the delivery's loop. */
static void on_delivery_stopped(void *context)
{
    struct server *server = context;

    server->delivery_stopped.deliver = on_delivery_stopped_here;
    loop_post(server->loop, &server->delivery_stopped);
}

static void stop_delivery(struct server *server)
{
    if (server->delivery)
        delivery_stop(server->delivery, on_delivery_stopped, server);
    else
        on_delivery_stopped(server);
}

static void on_dispatch_stopped(void *context)
{
    stop_delivery(context);
}

static void stop_dispatch(struct server *server)
{
    if (server->dispatch)
        dispatch_stop(server->dispatch, on_dispatch_stopped, server);
    else
        stop_delivery(server);
}

static void on_executor_stopped(void *context)
{
    struct server *server = context;

    if (--server->stops_open == 0)
        stop_dispatch(server);
}

static void stop_executors(struct server *server)
{
    server->stops_open++; /* this function itself */
    if (server->dispatch)
        dispatch_close(server->dispatch);
    if (server->crons)
        cron_clock_close(server->crons);
    if (server->alerts)
        alert_clock_close(server->alerts);
    if (server->rules)
        rule_clock_close(server->rules);
    if (server->quotas)
        quota_clock_close(server->quotas);
    if (server->follower)
        follower_close(server->follower);
    for (size_t i = 0; i < server->executor_count; i++) {
        server->stops_open++;
        server->executors[i]->ops->stop(server->executors[i], on_executor_stopped, server);
    }
    on_executor_stopped(server);
}

static void on_net_done(struct message *message)
{
    struct net *net = CONTAINER_OF(message, struct net, done);
    struct server *server = net->server;

    if (--server->nets_open == 0)
        stop_executors(server);
}

/* On the net's loop. */
static void on_drained(void *context)
{
    struct net *net = context;

    net->done.deliver = on_net_done;
    loop_post(net->server->loop, &net->done);
}

static void on_drain(struct message *message)
{
    struct net *net = CONTAINER_OF(message, struct net, drain);

    api_drain(net->api);
    http_server_drain(net->http, DRAIN_MS, on_drained, net);
}

void server_stop(struct server *server)
{
    if (server->is_stopping)
        return;
    server->is_stopping = true;
    timer_stop(&server->retention);
    if (!server->store) {
        stopped(server);
        return;
    }
    server->nets_open = server->net_count;
    for (unsigned i = 0; i < server->net_count; i++) {
        server->nets[i].drain.deliver = on_drain;
        loop_post(server->nets[i].loop, &server->nets[i].drain);
    }
    if (server->net_count == 0)
        stop_executors(server);
}

void server_free(struct server *server)
{
    for (unsigned i = 0; i < server->net_count; i++) {
        loop_stop(server->nets[i].loop);
        api_close(server->nets[i].api);
        http_server_free(server->nets[i].http);
        loop_free(server->nets[i].loop);
        api_free(server->nets[i].api); /* nudges may have come until now */
    }
    if (server->delivery)
        delivery_free(server->delivery);
    if (server->crons)
        cron_clock_free(server->crons);
    if (server->alerts)
        alert_clock_free(server->alerts);
    if (server->rules)
        rule_clock_free(server->rules);
    if (server->quotas)
        quota_clock_free(server->quotas);
    follower_free(server->follower);
    if (server->dispatch)
        dispatch_free(server->dispatch);
    for (size_t i = 0; i < server->executor_count; i++)
        server->executors[i]->ops->free(server->executors[i]);
    if (server->hub)
        hub_free(server->hub);
    if (server->keys)
        key_ring_free(server->keys);
    peers_free(server->peers);
    secret_upkeep_free(server->secret_upkeep);
    keyring_free(server->keyring);
    if (server->tls_client)
        tls_client_free(server->tls_client);
    if (server->tls_server)
        tls_server_free(server->tls_server);
    if (server->socket)
        listen_socket_close(server->socket);
    blob_upkeep_free(server->blob_upkeep);
    erasure_upkeep_free(server->erasure_upkeep);
    blob_store_free(server->blobs);
    arena_release(&server->arena);
    mem_free(server);
}
