/* Calling a delivery off. One that is being sent is only marked: its attempt goes on, and the move
 * that would make it due again makes it dead. */
#include "store/outbox_marks.h"
#include "store/outbox_priv.h"

#define REASON STR("cancelled")

#define SENDING "SELECT 1 FROM delivery_sending WHERE delivery_id = $1"
static const struct db_statement select_sending = {"delivery_sending_get", SENDING,
                                                   SENDING " FOR UPDATE"};
static const struct db_statement select_state = {
    "deliveries_for_cancel",
    "SELECT state, endpoint_id, ordering_key FROM deliveries WHERE tenant = $1 AND "
    "delivery_id = $2",
    "SELECT state, endpoint_id, ordering_key FROM deliveries WHERE tenant = $1 AND "
    "delivery_id = $2 FOR UPDATE"};
static const struct db_statement mark = {
    "deliveries_cancel",
    "UPDATE deliveries SET cancelled_us = $2 WHERE delivery_id = $1 AND state = 'due'", NULL};
#define MARKED "SELECT delivery_id FROM deliveries WHERE "
static const struct db_statement select_marked = {"deliveries_cancelled", MARKED MARK_CANCELLED(""),
                                                  MARKED MARK_CANCELLED_POSTGRES("")};

/* Its attempt, locked, before its row: as who settles it does. */
static enum err find_sending(struct tx *tx, int64_t delivery_id, bool *is_sending)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &select_sending, DB_ARGS(db_int(delivery_id)), &rows);

    *is_sending = false;
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    *is_sending = true;
    return db_rows_end(&rows);
}

enum err outbox_cancel(struct tx *tx, struct str tenant, int64_t delivery_id)
{
    struct delivery_move move = {.delivery_id = delivery_id, .to = DELIVERY_DEAD, .reason = REASON};
    struct endpoint_key endpoint = {.tenant = tenant};
    struct str ordering_key;
    struct db_rows rows = {0};
    bool is_sending, is_moved = false;
    enum err err = find_sending(tx, delivery_id, &is_sending), ended;

    REQUIRE(tx->is_write);
    if (err)
        return err;
    err = db_query_one(tx->db, &select_state, DB_ARGS(db_text(tenant), db_int(delivery_id)), &rows);
    if (err)
        return err;
    err = delivery_state_parse(db_get_str(&rows, 0), &move.from);
    endpoint.endpoint_id = db_get_keep(&rows, 1, tx->arena);
    ordering_key = db_get_keep(&rows, 2, tx->arena);
    ended = db_rows_end(&rows);
    if (err || ended)
        return err ? err : ended;
    if (move.from == DELIVERY_DONE || move.from == DELIVERY_DEAD)
        return ERR_CONFLICT;
    if (is_sending)
        return db_run(tx->db, &mark, DB_ARGS(db_int(delivery_id), db_int(tx->now_us)), NULL);
    err = delivery_move_all(tx, &move, 1, &is_moved);
    if (!err && move.from == DELIVERY_DUE && !is_moved)
        return ERR_AGAIN; /* it was held, became due and was claimed just now */
    return err || str_is_none(ordering_key) ? err : order_pass(tx, endpoint, ordering_key);
}

enum err cancelled_move(struct tx *tx, struct delivery_move *moves, size_t count)
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &select_marked, DB_NO_ARGS, &rows);

    if (err)
        return err;
    while (db_next(&rows)) {
        int64_t delivery_id = db_get_int(&rows, 0);

        for (size_t i = 0; i < count; i++) {
            if (moves[i].delivery_id != delivery_id || moves[i].to != DELIVERY_DUE)
                continue;
            moves[i].to = DELIVERY_DEAD;
            moves[i].reason = REASON;
        }
    }
    return db_rows_end(&rows);
}
