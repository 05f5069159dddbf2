/* runs_priv.h -- the handlers of run_actions.c, for the table of routes in runs.c. */
#ifndef API_RUNS_PRIV_H
#define API_RUNS_PRIV_H

#include "api/route.h"

/* The request's headers that become members of config.configurable, as a JSON object. */
struct str call_headers(struct call *call);

enum err run_list_prepare(struct call *call);
enum err run_get_prepare(struct call *call);
enum err run_delete_prepare(struct call *call);
enum err run_join_prepare(struct call *call);
enum err run_join_stream_prepare(struct call *call);
enum err run_cancel_prepare(struct call *call);
enum err run_cancel_many_prepare(struct call *call);

#endif
