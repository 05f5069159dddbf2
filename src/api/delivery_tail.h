/* delivery_tail.h -- the live tail of deliveries, see delivery_tail.c. */
#ifndef API_DELIVERY_TAIL_H
#define API_DELIVERY_TAIL_H

#include "api/call_priv.h"

enum err delivery_tail_prepare(struct call *call);

#endif
