/* outbox_queue.h -- the table delivery_queue: where each delivery stands that is to be sent.
 *
 * Its rows are narrow and have numbers only, because they change with every step of a delivery; the
 * wide row of `deliveries` is written when it comes to be, when it is held, and when an attempt of
 * it has ended. Their law: a delivery whose wide row says `due` has a row here, no other has one.
 * `line` is one of enum outbox_line while it waits, with at_us the time it is due; or
 * QUEUE_SENDING, with at_us the end of its lease, the attempt, since when, and the node. So what is
 * being sent says `due` in its wide row, with the attempts that have ended. Whoever takes a row
 * here out of its line has it: the wide row is changed after that, by nobody else.
 *
 * These texts are for statements that have deliveries as d. */
#ifndef STORE_OUTBOX_QUEUE_H
#define STORE_OUTBOX_QUEUE_H

#define QUEUE_SENDING "3"

#define QUEUE_JOIN " LEFT JOIN delivery_queue q ON q.delivery_id = d.delivery_id"
#define QUEUE_STATE "CASE WHEN q.line = " QUEUE_SENDING " THEN 'sending' ELSE d.state END"
#define QUEUE_REASON "CASE WHEN q.line = " QUEUE_SENDING " THEN NULL ELSE d.state_reason END"
#define QUEUE_ATTEMPTS "d.attempts + CASE WHEN q.line = " QUEUE_SENDING " THEN 1 ELSE 0 END"
#define QUEUE_NEXT "CASE WHEN q.line < " QUEUE_SENDING " THEN q.at_us END"
#define QUEUE_UPDATED "COALESCE(q.taken_us, d.updated_us)"

/* Where one stands that is due after so many attempts: outbox_line_of. */
#define QUEUE_LINE "CASE WHEN d.class = 'replay' THEN 2 WHEN d.attempts > 0 THEN 1 ELSE 0 END"

#endif
