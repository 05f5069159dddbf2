/* assistants_priv.h -- what assistants.c (rows) and assistant_graph.c (what is behind them) share.
 */
#ifndef API_ASSISTANTS_PRIV_H
#define API_ASSISTANTS_PRIV_H

#include "api/route.h"

#include "agent/run_create.h"

/* The one named in the path, by id or by graph. ERR_NOT_FOUND: the reply is filled. */
enum err assistant_of_path(struct tx *tx, struct call *call, struct assistant *assistant) MUST_USE;

enum err assistant_graph_prepare(struct call *call);
enum err assistant_schemas_prepare(struct call *call);
enum err assistant_subgraphs_prepare(struct call *call);

#endif
