/* inspected_keys.h -- with which secrets a request that came to an inspector may have been signed.
 *
 * The server's own; and, if its webhook-id is that of a delivery of the inspector's tenant, those
 * of the endpoint that it went to. Opened for one answer, and wiped. */
#ifndef API_INSPECTED_KEYS_H
#define API_INSPECTED_KEYS_H

#include "api/call.h"
#include "crypto/webhook_check.h"
#include "store/secrets.h"

#define INSPECTED_ENDPOINTS_MAX 4 /* a delivery may have been sent again elsewhere */

struct inspected_keys {
    struct webhook_secret list[WEBHOOK_SECRETS_MAX];
    size_t count;
    struct secrets opened[INSPECTED_ENDPOINTS_MAX];
    size_t opened_count;
};

/* `webhook_id` as the request had it; STR_NONE: it had none. */
enum err inspected_keys_find(struct tx *tx, struct call *call, struct str webhook_id,
                             struct inspected_keys *keys) MUST_USE;
void inspected_keys_wipe(struct inspected_keys *keys);

#endif
