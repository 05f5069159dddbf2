/* store_index.h -- calls that need vectors of the user's embedding function (store.index) before
 * they read or write. */
#ifndef API_STORE_INDEX_H
#define API_STORE_INDEX_H

#include "agent/embedding.h"
#include "api/call.h"

static inline bool store_has_index(const struct call *call)
{
    return plugin_is_there(&call->setup->agent->item_index.embed);
}

/* The body's "index": *wanted is false for `false`; *paths STR_NONE for null, or none. */
enum err store_index_read(struct call *call, bool *wanted, struct str *paths) MUST_USE;
/* Asks; `then` runs with the answer, which it gives to store_index_take. */
enum err store_index_ask(struct call *call, struct embedding *embedding, call_step then);
/* On an error the reply is filled. */
enum err store_index_take(struct call *call, struct embedding *embedding) MUST_USE;

#endif
