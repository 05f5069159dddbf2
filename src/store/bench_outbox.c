/* bench_outbox.c -- see bench_outbox.h. */
#include "store/bench_outbox.h"

#include "base/buf.h"
#include "store/log_size.h"
#include "store/sequence.h"

/* Webhook-ids rise with time, as those of events do, and are as long. */
static const struct db_statement copy_rows = {
    "bench_outbox_copy",
    "INSERT INTO deliveries (delivery_id, tenant, endpoint_id, origin, webhook_id, kind, object_id,"
    " resend_of, policy, state, attempts, created_us, updated_us, sequence, class, next_us)"
    " SELECT CAST($1 AS BIGINT) + delivery_id, tenant, endpoint_id, origin,"
    " 'msg_0199f0e2c0007000b000' || CAST(100000000000 + $1 + delivery_id AS TEXT), kind, object_id,"
    " COALESCE(resend_of, delivery_id), policy, state, attempts, created_us, updated_us, sequence "
    "+ CAST($2 AS BIGINT),"
    " class, next_us + CAST($5 AS BIGINT) FROM deliveries"
    " WHERE delivery_id >= $3 AND delivery_id < $4 AND state = 'due' ORDER BY delivery_id",
    NULL};
static const struct db_statement copy_queue = {
    "bench_outbox_copy_queue",
    "INSERT INTO delivery_queue (delivery_id, endpoint_no, line, at_us)"
    " SELECT CAST($1 AS BIGINT) + delivery_id, endpoint_no, line, at_us + CAST($2 AS BIGINT)"
    " FROM delivery_queue WHERE delivery_id >= $3 AND delivery_id < $4 ORDER BY delivery_id",
    NULL};
static const struct db_statement number_on = {
    "bench_outbox_number",
    "UPDATE endpoints SET next_sequence = next_sequence + $2 WHERE tenant = $1", NULL};

static const struct db_statement index_list = {
    "bench_outbox_indexes",
    "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    " AND tbl_name IN ('deliveries', 'delivery_queue')",
    "SELECT '', '' WHERE FALSE"};

enum err bench_outbox_unindex(struct tx *tx, struct bench_indexes *taken, struct arena *arena)
{
    struct db_rows rows = {0};
    struct buf drops;
    enum err err = db_query(tx->db, &index_list, DB_NO_ARGS, &rows);

    if (err)
        return err;
    buf_init(&drops, 64 * KIB);
    taken->count = 0;
    while (db_next(&rows)) {
        REQUIRE(taken->count < BENCH_INDEXES_MAX);
        buf_addf(&drops, "DROP INDEX %.*s;", STR_ARG(db_get_str(&rows, 0)));
        taken->made_by[taken->count++] = arena_cstr(arena, db_get_str(&rows, 1));
    }
    err = db_rows_end(&rows);
    if (!err && taken->count)
        err = db_script(tx->db, buf_cstr(&drops));
    buf_release(&drops);
    return err;
}

enum err bench_outbox_index(struct tx *tx, const char *made_by)
{
    return db_script(tx->db, made_by);
}

enum err bench_outbox_copy(struct tx *tx, const struct bench_copy *copy)
{
    int64_t first_id = 0, made = 0;
    enum err err = sequence_next(tx, STR("delivery"), copy->count, &first_id);

    if (!err)
        err = db_run(tx->db, &copy_rows,
                     DB_ARGS(db_int(first_id - copy->first_id),
                             db_int(copy->number * copy->of_endpoint), db_int(copy->first_id),
                             db_int(copy->first_id + copy->count), db_int(copy->later_us)),
                     &made);
    if (!err)
        err = db_run(tx->db, &copy_queue,
                     DB_ARGS(db_int(first_id - copy->first_id), db_int(copy->later_us),
                             db_int(copy->first_id), db_int(copy->first_id + copy->count)),
                     NULL);
    if (err)
        return err;
    REQUIRE(made == copy->count);
    log_grow(tx, LOG_DELIVERY, made, 0);
    return db_run(tx->db, &number_on, DB_ARGS(db_text(copy->tenant), db_int(copy->of_endpoint)),
                  NULL);
}
