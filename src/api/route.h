/* route.h -- the table of routes: what requests are matched against, and what openapi.json is made
 * from. */
#ifndef API_ROUTE_H
#define API_ROUTE_H

#include "api/call.h"

enum route_flags {
    ROUTE_PUBLIC = 1,     /* no key needed */
    ROUTE_IDEMPOTENT = 2, /* honours Idempotency-Key */
    ROUTE_AT_ROOT = 4,    /* answers also without the mount prefix */
    ROUTE_META = 8,       /* goes with http.disable_meta */
    ROUTE_DEV = 16,       /* only with --dev */
    ROUTE_TRACES = 32,    /* of the tracing API: answers below /api and /api/v1 too */
    ROUTE_STREAMED = 64   /* its body is taken as it comes (traces_multipart.c) */
};

struct route {
    enum http_method method;
    const char *path; /* "/threads/{thread_id}/runs"; a leading /threads also answers as /thread */
    call_step prepare;
    unsigned flags;
    const char *summary; /* one line for openapi.json */
};

struct route_list {
    const struct route *routes;
    size_t count;
};

/* One list per resource file. */
extern const struct route_list routes_system, routes_assistants, routes_threads, routes_state,
    routes_runs, routes_crons, routes_protocol, routes_protocol, routes_store, routes_deliveries,
    routes_endpoints, routes_inspectors, routes_inspected, routes_endpoint_headers,
    routes_endpoint_credentials, routes_signing_keys, routes_traces_ingest, routes_traces_read,
    routes_traces_projects, routes_traces_boot, routes_metrics;

/* Does a server with this setup have it? */
bool route_is_served(const struct route *route, const struct api_setup *setup);
/* All lists, in order. */
size_t route_count(void);
const struct route *route_at(size_t index);
/* The served route of method and path (without query); its parameters, still encoded, go to
 * `params`. NULL: none; *path_exists says if another method would do. */
const struct route *route_find(const struct api_setup *setup, const struct http_request *request,
                               struct str *params, bool *path_exists);

#endif
