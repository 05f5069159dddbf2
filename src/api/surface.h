/* surface.h -- what `http` of langgraph.json says about the API: which groups of routes there are,
 * and which request headers reach the configuration of runs. */
#ifndef API_SURFACE_H
#define API_SURFACE_H

#include "base/str.h"

/* What http.disable_… can take away. */
enum route_group {
    ROUTE_GROUP_NONE,
    ROUTE_GROUP_ASSISTANTS,
    ROUTE_GROUP_THREADS,
    ROUTE_GROUP_RUNS,
    ROUTE_GROUP_STORE,
    ROUTE_GROUP_META,
    ROUTE_GROUP_MCP
};

/* http.configurable_headers: patterns in lower case, in which "*" stands for any text. Without
 * includes: the headers that start with x-, and user-agent. */
struct api_copied_headers {
    const struct str *includes, *excludes;
    size_t include_count, exclude_count;
};

#endif
