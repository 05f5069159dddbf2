/* delivery_target.h -- the verdict on a URL that a caller wants something sent to. */
#ifndef API_DELIVERY_TARGET_H
#define API_DELIVERY_TARGET_H

#include "api/call.h"

/* The rules are those of the kind of event, as at its sending. ERR_INVALID: the reply is filled
 * with the rule that refused; it calls the URL `field`. */
enum err delivery_target_check(struct call *call, struct str kind, struct str field,
                               struct str url) MUST_USE;

#endif
