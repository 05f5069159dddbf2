/* plugins.h -- what of the user's own code runs in worker processes besides graphs: the parts that
 * langgraph.json names by path, each in one language. */
#ifndef AGENT_PLUGINS_H
#define AGENT_PLUGINS_H

#include "agent/graphs.h"

struct plugin {
    struct str path; /* as in langgraph.json; STR_NONE: there is none */
    enum graph_kind language;
};

struct plugins {
    struct plugin auth; /* auth.path: who calls, and what he may (api/access.h) */
    struct plugin app;  /* http.app: routes and middleware of his own (api/user_app.h) */
};

static inline bool plugin_is_there(const struct plugin *plugin)
{
    return !str_is_none(plugin->path);
}

#endif
