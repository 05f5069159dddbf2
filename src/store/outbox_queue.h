/* outbox_queue.h -- the tables delivery_queue and delivery_sending: where each delivery stands that
 * is to be sent.
 *
 * Their law: a delivery whose wide row says `due` has a row in one of the two, no other has one.
 * Their rows are narrow and have numbers only, because they come and go with every step of a
 * delivery; the wide row of `deliveries` is written when it comes to be, when it is held, and when
 * an attempt of it has ended.
 *
 *   delivery_queue    waits: in this line (enum outbox_line) of its endpoint, due at at_us, as the
 *                     wide row's next_us says too. In SQLite the table itself is in that order, so
 *                     that a delivery is found there by all four; PostgreSQL has it by its number,
 *                     and an index in that order.
 *   delivery_sending  is being sent: in that attempt, since taken_us, by that node, whose lease
 * ends at until_us. So its wide row says `due`, with the attempts that have ended. There are no
 * more of these than the nodes have under way. is_limited: its endpoint counts them
 * (in_flight_max).
 *
 * Whoever deletes a row in one of them has that delivery: the wide row is changed after that, by
 * nobody else.
 *
 * These texts are for statements that have deliveries as d. */
#ifndef STORE_OUTBOX_QUEUE_H
#define STORE_OUTBOX_QUEUE_H

#define SENDING_JOIN " LEFT JOIN delivery_sending s ON s.delivery_id = d.delivery_id"
#define SENDING_IS "s.delivery_id IS NOT NULL"
#define SENDING_STATE "CASE WHEN " SENDING_IS " THEN 'sending' ELSE d.state END"
#define SENDING_REASON "CASE WHEN " SENDING_IS " THEN NULL ELSE d.state_reason END"
#define SENDING_ATTEMPTS "d.attempts + CASE WHEN " SENDING_IS " THEN 1 ELSE 0 END"
#define SENDING_NEXT "CASE WHEN d.state = 'due' AND s.delivery_id IS NULL THEN d.next_us END"
#define SENDING_UPDATED "COALESCE(s.taken_us, d.updated_us)"

/* Where one stands that is due after so many attempts: outbox_line_of. */
#define QUEUE_LINE "CASE WHEN d.class = 'replay' THEN 2 WHEN d.attempts > 0 THEN 1 ELSE 0 END"

#endif
