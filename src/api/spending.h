/* spending.h -- what the caller may keep, asked where something is stored, in that transaction.
 *
 * ERR_LIMIT: the limit is reached, and the reply (429) is filled. */
#ifndef API_SPENDING_H
#define API_SPENDING_H

#include "api/call.h"

/* Before a thread is made; its bytes are asked for too. */
enum err spending_thread(struct tx *tx, struct call *call) MUST_USE;
/* Before anything else is stored. */
enum err spending_bytes(struct tx *tx, struct call *call) MUST_USE;

#endif
