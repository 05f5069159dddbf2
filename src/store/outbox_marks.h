/* outbox_marks.h -- how the wide rows of `deliveries` are found by what has become of them.
 *
 * In PostgreSQL a row that changes gets a new entry in every index of its table, unless nothing has
 * changed that any index names. Nearly all deliveries go from due to done, delivered: so no index
 * there names the state, the end or the last result, which change with that, but columns made from
 * them (step_delivery_marks), which are NULL before and after it:
 *
 *   halted             the state, of one that is held or dead
 *   failure            the last result, unless that is `delivered`
 *   replay_state       the state, of what a replay has made
 *   open_expires_us, open_key, open_cancelled_us
 *                      expires_us, ordering_key, cancelled_us, as long as it has not ended
 *
 * What has ended stands in the table delivery_ends, by the time of its end: a row there is written
 * with the move, and deleted with the delivery. SQLite touches only the indexes whose columns have
 * changed; there they name the columns themselves, and there is no such table.
 *
 * The macros are conditions on a row of deliveries: SQLite's, and _POSTGRES's for the same. */
#ifndef STORE_OUTBOX_MARKS_H
#define STORE_OUTBOX_MARKS_H

#define MARK_HELD(row) row "state = 'held'"
#define MARK_HELD_POSTGRES(row) row "halted = 'held'"
#define MARK_DEAD(row) row "state = 'dead'"
#define MARK_DEAD_POSTGRES(row) row "halted = 'dead'"
/* Held because of its endpoint's state. */
#define MARK_FOLLOWING(row) MARK_HELD(row) " AND " row "state_reason <> 'order'"
#define MARK_FOLLOWING_POSTGRES(row) MARK_HELD_POSTGRES(row) " AND " row "state_reason <> 'order'"

#define MARK_EXPIRING(row) row "expires_us IS NOT NULL AND " row "ended_us IS NULL"
#define MARK_EXPIRING_POSTGRES(row) row "open_expires_us IS NOT NULL"
#define MARK_CANCELLED(row) row "cancelled_us IS NOT NULL AND " row "ended_us IS NULL"
#define MARK_CANCELLED_POSTGRES(row) row "open_cancelled_us IS NOT NULL"

#endif
