/* outbox_body.h -- what a delivery sends, in statements that have deliveries as d.
 *
 * A body stands in `bodies` under the number of the delivery it came with. What sends it once more
 * names that one in resend_of; the body stays as long as any of them is there. */
#ifndef STORE_OUTBOX_BODY_H
#define STORE_OUTBOX_BODY_H

#define BODY_NO "COALESCE(d.resend_of, d.delivery_id)"
#define BODY_JOIN " JOIN bodies b ON b.delivery_id = " BODY_NO

#endif
