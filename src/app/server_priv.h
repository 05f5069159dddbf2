/* server_priv.h -- the parts of a running server: server.c (start and stop) and wire.c (what is
 * connected with what). */
#ifndef APP_SERVER_PRIV_H
#define APP_SERVER_PRIV_H

#include "agent/builtin.h"
#include "agent/cron_clock.h"
#include "agent/dispatch.h"
#include "agent/quota_clock.h"
#include "agent/worker_executor.h"
#include "alert/alert_clock.h"
#include "api/api.h"
#include "app/blob_upkeep.h"
#include "app/erasure_upkeep.h"
#include "app/key_ring.h"
#include "app/secret_upkeep.h"
#include "app/server.h"
#include "base/failure_log.h"
#include "delivery/sender.h"
#include "gateway/follower.h"
#include "http/tls.h"
#include "rule/rule_clock.h"

#define EXECUTORS_MAX 4
#define NET_MAX 16

/* One thread that serves clients. */
struct net {
    struct server *server;
    struct loop *loop;
    struct http_server *http;
    struct api *api;
    struct message drain; /* to its loop */
    struct message done;  /* back to the main loop */
};

/* A language whose workers run. */
struct language {
    struct server *server;
    const char *argv[3];

    struct str init;
    bool is_loaded;
};

struct server {
    struct world *world;
    struct loop *loop;
    const struct config *config;
    struct server_events events;
    void *context;
    struct arena arena; /* what the parts borrow */
    struct agent_config agent;
    struct egress_policy egress;
    struct listen_socket *socket;
    struct address bound;
    struct str self_url;
    struct str public_url; /* as others reach us, with the mount prefix */
    struct loopback loopback;
    struct store *store;
    struct blob_store *blobs;
    struct blob_upkeep *blob_upkeep;
    struct erasure_upkeep *erasure_upkeep;
    struct secret_file secret_file;
    struct keyring *keyring; /* seals secrets */
    struct secret_upkeep *secret_upkeep;
    struct key_ring *keys;
    struct peers *peers;
    struct hub *hub;
    struct executor *executors[EXECUTORS_MAX];
    size_t executor_count;
    struct executor *native; /* one of them */
    struct language languages[2];
    size_t language_count, loads_open;
    struct dispatch *dispatch;
    struct cron_clock *crons;
    struct alert_clock *alerts;
    struct rule_clock *rules;
    struct quota_clock *quotas;
    struct upstream_state upstream_state;
    struct follower *follower; /* NULL: no gateway */
    struct gateway gateway;
    struct tls_client *tls_client;
    struct tls_server *tls_server;
    struct delivery *delivery;
    struct api_setup api;
    struct gate ingest;
    const struct str *public_keys; /* of the signing secrets */
    size_t public_key_count;
    struct net nets[NET_MAX];
    unsigned net_count, nets_open;
    struct timer retention;
    const struct retention_limits *retention_limits;
    struct store_work retention_work;
    enum retention_pace retention_pace;
    struct failure_log retention_failures;
    struct message delivery_stopped;
    size_t stops_open;
    bool is_stopping, is_failed;
};

/* wire.c: makes the parts; each is called once, in this order, and may be given up by server_free
 * after any of them. */
enum err wire_store(struct server *server, const char **why) MUST_USE;
void wire_executors(struct server *server);
void wire_dispatch(struct server *server);
enum err wire_delivery(struct server *server, const char **why) MUST_USE;
enum err wire_net(struct server *server, const char **why) MUST_USE;

/* What each key may by default. */
struct limits wire_limits(const struct config *config);

/* What the api is told of inspectors. */
void wire_inspector(struct api_setup *setup, const struct config *config);

/* server.c */
void server_fail(struct server *server, const char *why);
void server_on_loaded(void *context, unsigned graphs_failed, const char *why);
void server_on_keys(void *context, enum err err, size_t count);

#endif
