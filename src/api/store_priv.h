/* store_priv.h -- what store.c shares with whoever has to know a call's namespace before it. */
#ifndef API_STORE_PRIV_H
#define API_STORE_PRIV_H

#include "api/call.h"

/* The labels of the query's `namespace`: "a.b" once, or one label each time, or a JSON array; or
 * what auth handlers have made of them. NULL: none. ERR_INVALID: the reply is filled. */
enum err store_query_labels(struct call *call, const struct json **labels) MUST_USE;

#endif
