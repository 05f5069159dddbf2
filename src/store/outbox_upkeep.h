/* outbox_upkeep.h -- what happens to deliveries without being sent, in pieces of at most `limit`
 * rows; *count says how many. */
#ifndef STORE_OUTBOX_UPKEEP_H
#define STORE_OUTBOX_UPKEEP_H

#include "store/outbox_claim.h"

/* The deliveries of an endpoint follow its state: due → held when it is no longer active, held →
 * due when it is again. Which endpoints have rows to move stands in their rows, so that a restart
 * goes on where it stopped. */
enum err outbox_shift(struct tx *tx, size_t limit, size_t *count) MUST_USE;
/* Deliveries past their time are dead. */
enum err outbox_expire(struct tx *tx, const struct outbox_rules *rules, size_t limit,
                       size_t *count) MUST_USE;

#endif
