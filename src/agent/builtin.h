/* builtin.h -- the agents that are always there, need no key, no network and no worker.
 *
 * `agent` reproduces the documented sample: "Hello!" is answered with "Hi there! How can I help you
 * today?". `script` does what its input says, step by step, for demos and tests:
 *
 *   {"messages": […], "script": [{"say": "text"}, {"delay_ms": 100}, {"large_bytes": 1000000},
 *                                {"interrupt": {"question": "continue?"}},
 *                                {"fail": {"error": "TimeoutError", "message": "…"}}]}
 *
 * A step `interrupt` stops the run until a run with command.resume goes on behind it. */
#ifndef AGENT_BUILTIN_H
#define AGENT_BUILTIN_H

#include "agent/executor.h"

#define BUILTIN_AGENT STR("agent")
#define BUILTIN_SCRIPT STR("script")

/* runs_max: executions at the same time. */
struct executor *builtin_new(struct loop *loop, struct store *store, unsigned runs_max);

#endif
