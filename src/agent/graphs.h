/* graphs.h -- which graphs this server runs: those of langgraph.json and the built-in ones.
 *
 * Made once at start, then immutable: any thread may read it. */
#ifndef AGENT_GRAPHS_H
#define AGENT_GRAPHS_H

#include "base/arena.h"

enum graph_kind {
    GRAPH_BUILTIN,
    GRAPH_NATIVE, /* Fleet agents: has no assistant of its own */
    GRAPH_PYTHON,
    GRAPH_JS
};

struct graph {
    struct str id;
    struct str description; /* STR_NONE: none */
    struct str path;        /* as in langgraph.json; STR_NONE for built-in ones */
    enum graph_kind kind;
    struct str config, context; /* JSON: what its own assistant is made with; STR_NONE: {} */
};

struct graphs {
    const struct graph *list;
    size_t count;
};

/* NULL if there is no graph of that name. */
const struct graph *graphs_find(const struct graphs *graphs, struct str id);
/* The id of the assistant that every graph has by itself. */
struct str graph_assistant_id(struct arena *arena, struct str graph_id);
/* The ids as a JSON array of strings. */
struct str graphs_ids_json(const struct graphs *graphs, struct arena *arena);

#endif
