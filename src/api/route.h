/* route.h -- the table of routes: what requests are matched against, and what openapi.json is made
 * from. */
#ifndef API_ROUTE_H
#define API_ROUTE_H

#include "api/call.h"

enum route_flags {
    ROUTE_SERVER = 1,     /* concerns all workspaces: only keys that open all of them */
    ROUTE_IDEMPOTENT = 2, /* honours Idempotency-Key */
    ROUTE_AT_ROOT = 4,    /* answers also without the mount prefix */
    ROUTE_META = 8,       /* goes with http.disable_meta */
    ROUTE_DEV = 16,       /* only with --dev */
    ROUTE_TRACES = 32,    /* of the tracing API: answers below /api and /api/v1 too */
    ROUTE_STREAMED = 64,  /* its body is taken as it comes (traces_multipart.c) */
    ROUTE_PROBLEM = 128,  /* errors say type, code and status too, as Fleet's clients read them */
    ROUTE_AGAIN = 256,    /* what the server failed to do may be sent again: 503, not 500 */
    ROUTE_FOLLOWS = 512,  /* its answer goes on for long: a stream, or a wait for a run's end */
    ROUTE_LARGE = 1024,   /* its body may have LARGE_BODY_BYTES_MAX */
    ROUTE_ERROR = 2048, /* errors stand under "error", not "detail", as clients of alerts and ingest
                           read them */
    ROUTE_BAD = 4096    /* what is asked wrongly is 400 throughout, never 422 */
    /* from 1 << 16 on: ROUTE_ASKS(…), what auth handlers are asked (access.h) */
};

#define LARGE_BODY_BYTES_MAX (32 * MIB) /* also unpacked */

struct route {
    enum http_method method;
    const char *path; /* "/threads/{thread_id}/runs"; a leading /threads also answers as /thread */
    call_step prepare;
    enum permission permission; /* that the caller's role must have */
    unsigned flags;
    const char *summary; /* one line for openapi.json */
};

struct route_list {
    const struct route *routes;
    size_t count;
};

/* One list per resource file. */
extern const struct route_list routes_system;
extern const struct route_list routes_assistants;
extern const struct route_list routes_threads;
extern const struct route_list routes_state;
extern const struct route_list routes_runs;
extern const struct route_list routes_crons;
extern const struct route_list routes_protocol;
extern const struct route_list routes_mcp;
extern const struct route_list routes_store;
extern const struct route_list routes_deliveries;
extern const struct route_list routes_endpoints;
extern const struct route_list routes_inspectors;
extern const struct route_list routes_inspected;
extern const struct route_list routes_endpoint_headers;
extern const struct route_list routes_endpoint_credentials;
extern const struct route_list routes_signing_keys;
extern const struct route_list routes_metrics;
extern const struct route_list routes_keys;
extern const struct route_list routes_workspaces;
extern const struct route_list routes_traces_ingest;
extern const struct route_list routes_traces_otlp;
extern const struct route_list routes_traces_read;
extern const struct route_list routes_traces_projects;
extern const struct route_list routes_traces_boot;
extern const struct route_list routes_traces_blob;
extern const struct route_list routes_fleet_agents;
extern const struct route_list routes_fleet_bundles;
extern const struct route_list routes_fleet_auth_providers;
extern const struct route_list routes_fleet_models;
extern const struct route_list routes_fleet_schedules;
extern const struct route_list routes_fleet_skills;
extern const struct route_list routes_fleet_tools;
extern const struct route_list routes_fleet_secrets;
extern const struct route_list routes_fleet_servers;
extern const struct route_list routes_fleet_versions;
extern const struct route_list routes_fleet_webhooks;
extern const struct route_list routes_traces_runs;
extern const struct route_list routes_alerts;
extern const struct route_list routes_links;
extern const struct route_list routes_rules;
extern const struct route_list routes_traces_feedback;
extern const struct route_list routes_traces_feedback_configs;
extern const struct route_list routes_traces_feedback_tokens;
extern const struct route_list routes_traces_stats;
extern const struct route_list routes_traces_group;
extern const struct route_list routes_traces_thread;
extern const struct route_list routes_traces_metadata;
extern const struct route_list routes_datasets;
extern const struct route_list routes_dataset_files;
extern const struct route_list routes_dataset_upload;
extern const struct route_list routes_dataset_runs;
extern const struct route_list routes_dataset_splits;
extern const struct route_list routes_dataset_versions;
extern const struct route_list routes_dataset_shares;
extern const struct route_list routes_examples;
extern const struct route_list routes_queues;
extern const struct route_list routes_traces_prices;
extern const struct route_list routes_shares;
extern const struct route_list routes_shares_v2;
extern const struct route_list routes_traces_delete;
extern const struct route_list routes_traces_v2;
extern const struct route_list routes_traces_v2_threads;
extern const struct route_list routes_traces_v2_turns;
extern const struct route_list routes_replays;
extern const struct route_list routes_erasures;
extern const struct route_list routes_endpoint_events;

/* Does a server with this setup have it? */
bool route_is_served(const struct route *route, const struct api_setup *setup);
/* Of the Agent Server's API: what an upstream answers, where there is one. */
bool route_is_of_agents(const struct route *route);
/* All lists, in order. */
size_t route_count(void);
const struct route *route_at(size_t index);
/* The served route of method and path (without query); its parameters, still encoded, go to
 * `params`. NULL: none; *path_exists says if another method would do. */
const struct route *route_find(const struct api_setup *setup, const struct http_request *request,
                               struct str *params, bool *path_exists);
/* The methods that this path takes, as in `Allow`, in the arena. *one, unless NULL: a route of it.
 */
struct str route_methods(const struct api_setup *setup, const struct http_request *request,
                         struct arena *arena, const struct route **one);

#endif
