/* agent_config.h -- what the agent module is told once, at start. Immutable; any thread reads it.
 */
#ifndef AGENT_AGENT_CONFIG_H
#define AGENT_AGENT_CONFIG_H

#include "agent/graphs.h"

struct agent_config {
    struct graphs graphs;
    struct str node_id;      /* stable over restarts of this server */
    bool webhooks_disabled;  /* http.disable_webhooks: runs execute, webhooks are dropped */
    int64_t run_timeout_ms;  /* deadline of each attempt's run */
    int64_t cancel_grace_ms; /* from asking an executor to cancel to ending it by force */
    int64_t lease_ms;        /* how long a running run stays ours without a sign of life */
    unsigned runs_max;       /* executed at the same time by this node */
    unsigned attempts_max;   /* of one run, when its executor is lost */
};

#endif
