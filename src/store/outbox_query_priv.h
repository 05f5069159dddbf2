/* outbox_query_priv.h -- what the files that read deliveries share: the columns of a row. */
#ifndef STORE_OUTBOX_QUERY_PRIV_H
#define STORE_OUTBOX_QUERY_PRIV_H

#include "store/outbox_body.h"
#include "store/outbox_query.h"
#include "store/outbox_queue.h"

/* Which policy its attempts follow (outbox_claim.c): its endpoint's own, but for tests. */
#define OUTBOX_POLICY                                                                              \
    "CASE WHEN e.policy IS NULL OR d.object_id LIKE 'test-%' THEN d.policy ELSE e.policy END"
/* $1 is the tenant; conditions on d, e and b follow. */
#define OUTBOX_ROW_COLUMNS                                                                         \
    "SELECT d.delivery_id, d.tenant, d.endpoint_id, e.url, d.origin, d.webhook_id, d.kind,"        \
    " d.object_id, " OUTBOX_POLICY ", " SENDING_STATE ", " SENDING_REASON ", " SENDING_ATTEMPTS    \
    ", " SENDING_NEXT ", d.created_us, " SENDING_UPDATED                                           \
    ", d.ended_us, d.resend_of, d.last_result, d.last_status, d.cancelled_us,"                     \
    " b.content_type, LENGTH(b.bytes), d.replay_id"                                                \
    " FROM deliveries d" SENDING_JOIN                                                              \
    " JOIN endpoints e ON e.tenant = d.tenant AND e.endpoint_id = d.endpoint_id" BODY_JOIN         \
    " WHERE d.tenant = $1"

enum err outbox_row_read(const struct db_rows *rows, struct arena *arena,
                         struct delivery_row *row) MUST_USE;
/* Ends the rows in any case; the first error counts. */
enum err outbox_rows_end(struct db_rows *rows, enum err err) MUST_USE;
/* "%part%" in lower case, for LIKE … ESCAPE '\\'; STR_NONE stays. */
struct str outbox_pattern(struct arena *arena, struct str part);

#endif
