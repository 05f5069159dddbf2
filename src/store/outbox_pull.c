/* outbox_pull.c -- see outbox_pull.h. */
#include "store/outbox_pull.h"

#include "store/outbox_body.h"
#include "store/outbox_query.h"
#include "store/outbox_queue.h"

/* Bodies up to this size come with their row, larger ones are fetched once it is sure that they
 * have room: PostgreSQL would send them all. */
#define SMALL_BODY "16384"

static const struct db_statement select_page = {
    "deliveries_pull",
    "SELECT d.delivery_id, d.sequence, " SENDING_ATTEMPTS
    ", d.created_us, d.resend_of, " SENDING_STATE ","
    " d.webhook_id, d.kind, d.object_id, b.content_type, d.traceparent, LENGTH(b.bytes),"
    " CASE WHEN LENGTH(b.bytes) <= " SMALL_BODY
    " THEN b.bytes END FROM deliveries d" SENDING_JOIN BODY_JOIN
    " WHERE d.tenant = $1 AND d.endpoint_id = $2 AND d.sequence > $3"
    " ORDER BY d.sequence LIMIT CAST($4 AS BIGINT)",
    NULL};

static enum err row_read(const struct db_rows *rows, struct arena *arena, struct outbox_pulled *row)
{
    *row = (struct outbox_pulled){
        .delivery_id = db_get_int(rows, 0),
        .sequence = db_get_int(rows, 1),
        .attempts = db_get_int(rows, 2),
        .created_us = db_get_int(rows, 3),
        .resend_of = db_get_int(rows, 4),
        .webhook_id = db_get_keep(rows, 6, arena),
        .kind = db_get_keep(rows, 7, arena),
        .object_id = db_get_keep(rows, 8, arena),
        .content_type = db_get_keep(rows, 9, arena),
        .traceparent = db_get_keep(rows, 10, arena),
        .body = db_get_keep(rows, 12, arena),
    };
    return delivery_state_parse(db_get_str(rows, 5), &row->state);
}

/* As many as have room. */
static enum err read_page(struct db_rows *rows, struct outbox_pull *pull, struct arena *arena)
{
    size_t bytes = 0;
    enum err err = OK, ended;

    while (!err && !pull->more && db_next(rows)) {
        bytes += (size_t)db_get_int(rows, 11);
        pull->more = pull->count == pull->limit || (pull->count > 0 && bytes > pull->bytes_max);
        if (!pull->more)
            err = row_read(rows, arena, &pull->found[pull->count++]);
    }
    ended = db_rows_end(rows);
    return err ? err : ended;
}

enum err outbox_pull(struct tx *tx, struct outbox_pull *pull, struct arena *arena)
{
    struct db_rows rows = {0};
    enum err err;

    REQUIRE(pull->limit > 0 && pull->limit <= OUTBOX_PULL_MAX);
    pull->count = 0;
    pull->more = false;
    err = db_query(tx->db, &select_page,
                   DB_ARGS(db_text(pull->tenant), db_text(pull->endpoint_id), db_int(pull->after),
                           db_int((int64_t)pull->limit + 1)),
                   &rows);
    if (err)
        return err;
    pull->found = ARENA_ARRAY(arena, struct outbox_pulled, pull->limit);
    err = read_page(&rows, pull, arena);
    for (size_t i = 0; !err && i < pull->count; i++)
        if (str_is_none(pull->found[i].body))
            err = delivery_get_body(tx, pull->tenant, pull->found[i].delivery_id, arena,
                                    &pull->found[i].body);
    return err;
}
