/* request_log.h -- the name of a request, and its line in the log.
 *
 * A client may name its request by X-Request-Id (up to 128 letters, digits and - _ . : + / = @);
 * any other gets a name of ours. The name comes back with the answer, and stands in every line that
 * is logged while the request is worked on. A request that is answered with 5xx has a line in the
 * log, and with runbell.log.requests every one has: of the path, never of the query, which may
 * hold secrets. */
#ifndef API_REQUEST_LOG_H
#define API_REQUEST_LOG_H

#include "api/call.h"

#define REQUEST_ID_BYTES_MAX 128

bool request_id_is_valid(struct str text);
/* Names the call. */
void request_log_begin(struct call *call);
/* The call's head goes out with call->status. */
void request_log_reply(const struct call *call);

#endif
