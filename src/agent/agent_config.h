/* agent_config.h -- what the agent module is told once, at start. Immutable; any thread reads it.
 */
#ifndef AGENT_AGENT_CONFIG_H
#define AGENT_AGENT_CONFIG_H

#include "agent/plugins.h"

/* checkpointer.ttl: what threads live by that were made without a ttl of their own. */
struct thread_life {
    int64_t ttl_us;      /* 0: for ever */
    struct str strategy; /* delete, keep_latest */
    int64_t sweep_interval_ms;
    int64_t sweep_limit; /* threads per sweep */
};

/* store.ttl: the same for items. */
struct item_life {
    int64_t ttl_us; /* 0: for ever */
    bool refresh_on_read;
};

/* store.index: items are found by meaning. */
struct item_index {
    struct plugin embed; /* "./file.py:function" or "provider:model"; without a path: no index */
    uint32_t dims;
    int64_t timeout_ms; /* for the vectors of one request */
};

struct agent_config {
    struct graphs graphs;
    struct plugins plugins;
    int64_t auth_timeout_ms;   /* for an answer of the auth handlers */
    int64_t app_timeout_ms;    /* for the beginning of an answer of the app */
    size_t app_body_bytes_max; /* of a request to it */
    bool app_is_guarded;       /* http.enable_custom_route_auth */
    struct str node_id;        /* stable over restarts of this server */
    bool webhooks_disabled;    /* http.disable_webhooks: runs execute, webhooks are dropped */
    struct str webhook_policy; /* of runs' webhooks; STR_NONE: durable */
    int64_t run_timeout_ms;    /* deadline of each attempt's run */
    int64_t cancel_grace_ms;   /* from asking an executor to cancel to ending it by force */
    int64_t lease_ms;          /* how long a running run stays ours without a sign of life */
    unsigned runs_max;         /* executed at the same time by this node */
    bool compat_js;            /* webhooks tell errors as the dev server does */
    struct thread_life thread_life;
    struct item_life item_life;
    struct item_index item_index;
    bool crons_skip_missed; /* firings missed while no server ran are left out */
    unsigned attempts_max;  /* of one run, when its executor is lost */
    /* How long runs wait for workers of which none comes up; then they end as error. */
    int64_t workers_down_ms;
};

#endif
