/* native.h -- runs Fleet agents: an executor that is the agent itself.
 *
 *   load ─▶ MCP servers ─▶ ┌─▶ model ──answer──▶ approvals ─▶ tools ─┐
 *                          └──────────── checkpoint ◀───────────────┘   no call: success
 *
 * The state is what LangGraph's clients know (messages, files, todos), and what comes next follows
 * from it alone: after a crash, an approval or a new message a run goes on from the last
 * checkpoint. Everything happens on the main loop but reading and writing the store. */
#ifndef NATIVE_NATIVE_H
#define NATIVE_NATIVE_H

#include "agent/executor.h"
#include "http/client.h"

struct native_setup {
    struct loop *loop;
    struct store *store;
    const struct egress_policy *egress; /* borrowed */
    struct tls_client *tls;             /* borrowed */
    const struct http_proxy *proxy;     /* borrowed; NULL: none */
    unsigned runs_max;
    bool traces; /* runs tell spans of themselves */
};

struct executor *native_new(const struct native_setup *setup);
/* For requests that start from now on; borrowed. */
void native_set_egress(struct executor *executor, const struct egress_policy *egress);

#endif
