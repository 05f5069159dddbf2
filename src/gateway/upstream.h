/* upstream.h -- the LangGraph-compatible server that Runbell stands in front of. */
#ifndef GATEWAY_UPSTREAM_H
#define GATEWAY_UPSTREAM_H

#include <stdatomic.h>

#include "http/fetch.h"

/* The member of a run's metadata that says which intent (store/intents.h) it is of. */
#define UPSTREAM_MARKER "runbell_intent"

/* From the configuration; immutable. */
struct upstream {
    struct fetch_origin origin;
    struct str base;                   /* what its paths begin with: "" or "/prefix" */
    struct str url;                    /* as it was written */
    const struct http_header *headers; /* that requests to it get; they replace a client's own */
    size_t header_count;
};

/* How it stands, as seen last; any thread. */
struct upstream_state {
    atomic_bool is_up;
    atomic_bool is_known; /* something has been seen */
};

static inline void upstream_saw(struct upstream_state *state, bool is_up)
{
    atomic_store(&state->is_up, is_up);
    atomic_store(&state->is_known, true);
}

#endif
