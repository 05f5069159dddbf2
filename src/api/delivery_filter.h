/* delivery_filter.h -- the filters that lists, live tails and replays of deliveries share:
 *
 *   object_id, endpoint_id, webhook_id, replay_id, kind, state, result, status ("404", "4xx"), url
 * (a part of it), text (in reasons and failures), since, until (a time, or how long ago: "15m",
 * "24h", "7d")
 */
#ifndef API_DELIVERY_FILTER_H
#define API_DELIVERY_FILTER_H

#include "api/call.h"
#include "store/outbox_query.h"

/* A search reads the query string. A replay reads the members of call->body; its state is dead
 * (default), done or any. ERR_INVALID: the reply is filled. */
enum delivery_filter_use { DELIVERY_FILTER_SEARCH, DELIVERY_FILTER_REPLAY };
enum err delivery_filter_read(struct call *call, enum delivery_filter_use use,
                              struct delivery_filter *filter) MUST_USE;

#endif
