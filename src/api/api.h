/* api.h -- the HTTP API: one per net loop, all sharing one immutable setup.
 *
 * A request becomes a call (call.h), a call runs through stages, each a plain function. */
#ifndef API_API_H
#define API_API_H

#include "agent/dispatch.h"
#include "api/gate.h"
#include "api/surface.h"
#include "auth/key_refresh.h"
#include "auth/loopback.h"
#include "auth/peers.h"
#include "auth/principal.h"
#include "blob/blob.h"
#include "delivery/policies.h"
#include "delivery/sender_view.h"
#include "delivery/target.h"
#include "http/cors.h"
#include "http/server.h"
#include "store/inspector.h"

struct follower;
struct upstream;
struct upstream_state;

/* Gateway mode: another server executes the runs. */
struct gateway {
    const struct upstream *upstream;
    struct upstream_state *state;
    struct follower *follower;
    struct tls_client *tls;
};

struct api_setup {
    const struct gateway *gateway; /* NULL: runs are our own */
    struct store *store;
    struct keyring *keyring;  /* makes links */
    struct gate *ingest;      /* for what ROUTE_AGAIN takes in */
    struct blob_store *blobs; /* NULL: large values stand in their rows */
    struct dispatch *dispatch;
    struct hub *hub;
    const struct agent_config *agent;
    const struct target_rules *webhook_rules;
    const struct egress_policy *egress;
    const struct str *public_keys; /* whpk_… of the server's own signing keys */
    size_t public_key_count;
    struct str mount_prefix;  /* "" or "/prefix" */
    unsigned disabled_groups; /* bit 1 << group */
    struct api_copied_headers copied_headers;
    const struct cors_rules *cors;
    bool compat_js; /* as the JavaScript dev server does it, where the two servers differ */
    bool dev;
    bool log_requests;                 /* a line for every one */
    bool studio_auth;                  /* LangGraph Studio may call as itself */
    int64_t heartbeat_ms;              /* of streams */
    struct delivery *delivery;         /* NULL: nothing is sent here */
    const struct policy_set *policies; /* of deliveries; NULL: the built-in ones */
    struct str public_url;             /* where others reach this server, with the mount prefix */
    size_t body_bytes_max;
    struct inspector_limits inspector;
    size_t inspector_body_bytes_max;
    unsigned inspector_per_s; /* requests that one takes, on one net thread; 0: any number */
    struct str self_url;      /* "http://127.0.0.1:8123" */
    const struct str *signing_secrets;
    size_t secret_count;
    /* The current keys; the caller gets a reference. Any thread. */
    struct key_set *(*keys)(void *context);
    void *keys_context;
    void (*refresh_keys)(void *context, struct key_refresh *refresh); /* the same context */
    struct peers *peers;                                              /* callers without a key */
    const struct loopback *loopback;                                  /* runs that call back */
};

struct api;

/* The setup is borrowed and must outlive the api, as the api must outlive the loop. */
struct api *api_new(const struct api_setup *setup, struct loop *loop);
struct http_handler api_handler(struct api *api);
/* On its loop: calls from now on see this setup; those under way keep theirs, so it must stay. */
void api_change(struct api *api, const struct api_setup *setup);
/* Ends streams that would go on for long, so that a drain can finish. */
void api_drain(struct api *api);
/* Gives up what is under way to the upstream: on its loop, or after that has ended. */
void api_close(struct api *api);
void api_free(struct api *api);

#endif
