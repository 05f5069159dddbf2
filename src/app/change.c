/* change.c -- a running server gets a new configuration: what can change does, each part on its own
 * thread. What the parts are given here lives as long as the server, since calls may hold it. */
#include "app/server_priv.h"

#include "base/log.h"
#include "base/mem.h"
#include "native/native.h"

struct net_change {
    struct message message;
    struct net *net;
    const struct api_setup *setup;
    struct http_limits limits;
};

/* On the net's loop. */
static void on_net_change(struct message *message)
{
    struct net_change *change = CONTAINER_OF(message, struct net_change, message);

    api_change(change->net->api, change->setup);
    http_server_set_limits(change->net->http, &change->limits);
    mem_free(change);
}

static const struct egress_policy *egress_make(struct server *server, const struct config *config)
{
    struct egress_policy *egress = ARENA_NEW(&server->arena, struct egress_policy);

    *egress = server->egress; /* --dev is more than this; it stays as it was */
    egress->entries = config->egress.entries;
    return egress;
}

static void change_nets(struct server *server, const struct config *config,
                        const struct egress_policy *egress)
{
    struct api_setup *setup = ARENA_NEW(&server->arena, struct api_setup);

    *setup = server->api;
    setup->webhook_rules = &config->webhooks.rules;
    setup->egress = egress;
    setup->heartbeat_ms = config->heartbeat_ms;
    setup->log_requests = config->log_requests;
    setup->cors = &config->cors;
    setup->body_bytes_max = config->http_limits.body_bytes_max;
    wire_inspector(setup, config);
    for (unsigned i = 0; i < server->net_count; i++) {
        struct net_change *change = MEM_NEW(struct net_change);

        change->message.deliver = on_net_change;
        change->net = &server->nets[i];
        change->setup = setup;
        change->limits = config->http_limits;
        loop_post(server->nets[i].loop, &change->message);
    }
}

static void change_certificate(struct server *server, const struct config *config)
{
    const char *why = "";

    if (!server->tls_server || !config->tls_cert || !config->tls_key)
        return;
    if (tls_server_change(server->tls_server, config->tls_cert, config->tls_key, &why))
        log_error("app", "SIGHUP: the certificate %s cannot be used (%s); the old one stays",
                  config->tls_cert, why);
}

void server_change(struct server *server, const struct config *config)
{
    const struct egress_policy *egress;
    struct limits limits;

    if (server->is_stopping || server->net_count == 0) /* it is not there yet, or not any more */
        return;
    egress = egress_make(server, config);
    log_set_level(config->log_level);
    log_set_format(config->log_format);
    server->retention_limits = &config->retention;
    limits = wire_limits(config);
    key_ring_set_limits(server->keys, &limits);
    change_certificate(server, config);
    change_nets(server, config, egress);
    delivery_change(server->delivery, &config->webhooks, egress);
    native_set_egress(server->native, egress);
}
