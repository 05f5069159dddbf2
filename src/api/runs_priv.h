/* runs_priv.h -- what the files about runs share: the handlers of run_actions.c for the table of
 * routes in runs.c, and what crons.c checks as runs.c does. */
#ifndef API_RUNS_PRIV_H
#define API_RUNS_PRIV_H

#include "api/route.h"

#include "store/runs.h"

/* The request's headers that become members of config.configurable, as a JSON object. */
struct str call_headers(struct call *call);
/* The trace that the request belongs to (W3C); STR_NONE: none, or not a valid one. */
struct str call_traceparent(struct call *call);
/* May this URL ever be called? 422 now rather than a dead delivery later. STR_NONE: none is. */
enum err run_webhook_check(struct call *call, struct str webhook) MUST_USE;

/* Paths that two APIs share (traces_ingest.c); the body may have been read. */
enum err runs_create_prepare(struct call *call);
enum err runs_batch_prepare(struct call *call);

/* A stateless run that is waited for, asked for by another protocol. `text`: the body of /runs/wait
 * that says the same. ERR_INVALID: the reply is filled. */
struct create_call;
enum err runs_tool_read(struct call *call, struct str text, struct create_call **create) MUST_USE;
/* In the transaction: makes it, with this assistant, and follows it. */
enum err runs_tool_create(struct tx *tx, struct call *call, struct create_call *create,
                          struct str assistant_id) MUST_USE;

enum err run_list_prepare(struct call *call);
enum err run_get_prepare(struct call *call);
enum err run_delete_prepare(struct call *call);
enum err run_join_prepare(struct call *call);
enum err run_join_stream_prepare(struct call *call);
enum err run_cancel_prepare(struct call *call);
enum err run_cancel_many_prepare(struct call *call);

/* Content-Location, and Location where the client may go on with the run (`follow`: stream, join;
 * NULL: nowhere). */
void run_locate(struct call *call, const struct run *run, const char *follow);

#endif
