/* outbox_notice.h -- operational events: what the house tells of its own deliveries, as deliveries
 * of kind and class "system", in the transaction of the fact.
 *
 *   {"type": "delivery.dead", "timestamp": "…", "data": {…}}
 *
 * Nothing is told of what is told: a delivery of class system makes no notice, nor does the
 * endpoint that it goes to. */
#ifndef STORE_OUTBOX_NOTICE_H
#define STORE_OUTBOX_NOTICE_H

#include "store/endpoints.h"
#include "store/outbox_claim.h"

#define NOTICE_KIND STR("system")
#define NOTICE_ENDPOINT_DISABLED "endpoint.disabled"
#define NOTICE_ENDPOINT_RECOVERED "endpoint.recovered"
#define NOTICE_DELIVERY_DEAD "delivery.dead"

enum err notice_of_endpoint(struct tx *tx, const struct outbox_rules *rules, const char *type,
                            const struct endpoint_row *endpoint) MUST_USE;
/* It is dead. */
enum err notice_of_delivery(struct tx *tx, const struct outbox_rules *rules,
                            const struct outbox_outcome *outcome) MUST_USE;

#endif
