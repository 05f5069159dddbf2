/* What follows an endpoint's state, and what expires: in pieces. */
#include "store/outbox_upkeep.h"

#include "store/outbox_marks.h"
#include "store/outbox_notice.h"
#include "store/outbox_priv.h"
#include "store/outbox_queue.h"

#define FOLLOWING                                                                                  \
    "SELECT tenant, endpoint_id, state, lane, endpoint_no FROM endpoints WHERE moving IS NOT "     \
    "NULL LIMIT 1"
#define DUE                                                                                        \
    "SELECT d.delivery_id, d.attempts, d.class, d.ordering_key FROM delivery_queue q"              \
    " JOIN deliveries d ON d.delivery_id = q.delivery_id"                                          \
    " WHERE q.endpoint_no = $1 AND q.line = "
#define HELD(mark)                                                                                 \
    "SELECT delivery_id, attempts, class, ordering_key FROM deliveries WHERE tenant = $1 AND "     \
    "endpoint_id = $2 AND " mark " ORDER BY sequence LIMIT CAST($3 AS BIGINT)"
#define EXPIRED(mark, expires_us)                                                                  \
    "SELECT d.delivery_id, d.attempts, d.state, d.class, d.tenant, d.endpoint_id, d.webhook_id,"   \
    " d.kind, d.object_id, d.ordering_key, e.url FROM deliveries d JOIN endpoints e"               \
    " ON e.tenant = d.tenant AND e.endpoint_id = d.endpoint_id WHERE " mark " AND " expires_us     \
    " <= $1 AND NOT EXISTS (SELECT 1 FROM delivery_sending s"                                      \
    " WHERE s.delivery_id = d.delivery_id)"                                                        \
    " ORDER BY " expires_us " LIMIT CAST($2 AS BIGINT)"

static const struct db_statement select_moving = {"endpoints_following", FOLLOWING,
                                                  FOLLOWING " FOR UPDATE SKIP LOCKED"};
static const struct db_statement stop_moving = {
    "endpoints_followed",
    "UPDATE endpoints SET moving = NULL WHERE tenant = $1 AND endpoint_id = $2", NULL};
static const struct db_statement select_due[OUTBOX_LINES] = {
    [OUTBOX_FRESH] = {"deliveries_hold_fresh", DUE "0 LIMIT CAST($2 AS BIGINT)", NULL},
    [OUTBOX_RETRY] = {"deliveries_hold_retry", DUE "1 LIMIT CAST($2 AS BIGINT)", NULL},
    [OUTBOX_REPLAY] = {"deliveries_hold_replay", DUE "2 LIMIT CAST($2 AS BIGINT)", NULL},
};
static const struct db_statement select_held = {"deliveries_release", HELD(MARK_FOLLOWING("")),
                                                HELD(MARK_FOLLOWING_POSTGRES(""))};
static const struct db_statement select_expired = {
    "deliveries_expired", EXPIRED(MARK_EXPIRING("d."), "d.expires_us"),
    EXPIRED(MARK_EXPIRING_POSTGRES("d."), "d.open_expires_us") " FOR UPDATE OF d SKIP LOCKED"};

struct shifting {
    struct tx *tx;
    struct endpoint_key endpoint;
    int64_t endpoint_no;
    struct str state, lane;
    enum delivery_state to; /* where its rows go: due, held, or, if it is deleted, dead */
    struct delivery_move *moves;
    struct line_entry *entries;
    struct str *ordering_keys;
    size_t count, limit;
};

/* ---- shift ---- */

/* Adds to the moves those that the statement finds. */
static enum err find_moves(struct shifting *s, const struct db_statement *statement,
                           const struct db_value *args, size_t arg_count, enum delivery_state from)
{
    struct db_rows rows = {0};
    enum delivery_class class = DELIVERY_LIVE;
    enum err ended, err = db_query(s->tx->db, statement, args, arg_count, &rows);

    if (err)
        return err;
    for (; !err && s->count < s->limit && db_next(&rows); s->count++) {
        int64_t attempts = db_get_int(&rows, 1);

        s->moves[s->count] = (struct delivery_move){
            .delivery_id = db_get_int(&rows, 0),
            .from = from,
            .to = s->to,
            .reason = s->to == DELIVERY_DUE ? STR_NONE : s->state,
            .next_us = s->tx->now_us,
        };
        s->ordering_keys[s->count] = db_get_keep(&rows, 3, s->tx->arena);
        err = delivery_class_parse(db_get_str(&rows, 2), &class);
        s->entries[s->count] =
            (struct line_entry){s->endpoint, outbox_line_of(class, attempts), s->tx->now_us};
    }
    ended = db_rows_end(&rows);
    return err ? err : ended;
}

static enum err find_all(struct shifting *s)
{
    enum err err = OK;

    for (int line = 0; !err && s->to != DELIVERY_DUE && line < OUTBOX_LINES; line++)
        err = find_moves(s, &select_due[line],
                         DB_ARGS(db_int(s->endpoint_no), db_int((int64_t)(s->limit - s->count))),
                         DELIVERY_DUE);
    if (!err && s->to != DELIVERY_HELD)
        err = find_moves(s, &select_held,
                         DB_ARGS(db_text(s->endpoint.tenant), db_text(s->endpoint.endpoint_id),
                                 db_int((int64_t)(s->limit - s->count))),
                         DELIVERY_HELD);
    return err;
}

static enum err shift_one(struct shifting *s)
{
    enum err err = find_all(s);

    if (!err)
        err = delivery_move(s->tx, s->moves, s->count);
    if (!err && s->to == DELIVERY_DUE)
        err = line_enter(s->tx, s->entries, s->count);
    for (size_t i = 0; !err && s->to == DELIVERY_DEAD && i < s->count; i++)
        if (!str_is_none(s->ordering_keys[i]))
            err = order_pass(s->tx, s->endpoint, s->ordering_keys[i]);
    if (!err && s->count && s->to == DELIVERY_DUE)
        tx_notify(s->tx, TOPIC_DELIVERY_DUE, s->lane);
    /* The end of one that is ordered brings up the next: until there is none. */
    if (!err && s->count < s->limit && (s->to != DELIVERY_DEAD || s->count == 0))
        err = db_run(s->tx->db, &stop_moving,
                     DB_ARGS(db_text(s->endpoint.tenant), db_text(s->endpoint.endpoint_id)), NULL);
    return err;
}

static enum delivery_state where_to(struct str state)
{
    if (str_eq(state, endpoint_state_name(ENDPOINT_ACTIVE)))
        return DELIVERY_DUE;
    return str_eq(state, endpoint_state_name(ENDPOINT_DELETED)) ? DELIVERY_DEAD : DELIVERY_HELD;
}

enum err outbox_shift(struct tx *tx, size_t limit, size_t *count)
{
    struct shifting s = {.tx = tx, .limit = limit};
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &select_moving, DB_NO_ARGS, &rows);

    REQUIRE(tx->is_write && limit > 0);
    *count = 0;
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    s.endpoint.tenant = db_get_keep(&rows, 0, tx->arena);
    s.endpoint.endpoint_id = db_get_keep(&rows, 1, tx->arena);
    s.state = db_get_keep(&rows, 2, tx->arena);
    s.lane = db_get_keep(&rows, 3, tx->arena);
    s.endpoint_no = db_get_int(&rows, 4);
    err = db_rows_end(&rows);
    if (err)
        return err;
    s.moves = ARENA_ARRAY(tx->arena, struct delivery_move, limit);
    s.entries = ARENA_ARRAY(tx->arena, struct line_entry, limit);
    s.ordering_keys = ARENA_ARRAY(tx->arena, struct str, limit);
    s.to = where_to(s.state);
    err = shift_one(&s);
    *count = s.count;
    return err;
}

/* ---- expire ---- */

struct expired {
    struct outbox_claimed row;
    enum delivery_state state;
};

static enum err expired_read(const struct db_rows *rows, struct arena *arena, struct expired *e)
{
    enum err err = delivery_state_parse(db_get_str(rows, 2), &e->state);

    e->row = (struct outbox_claimed){
        .delivery_id = db_get_int(rows, 0),
        .attempts = db_get_int(rows, 1),
        .tenant = db_get_keep(rows, 4, arena),
        .endpoint_id = db_get_keep(rows, 5, arena),
        .webhook_id = db_get_keep(rows, 6, arena),
        .kind = db_get_keep(rows, 7, arena),
        .object_id = db_get_keep(rows, 8, arena),
        .ordering_key = db_get_keep(rows, 9, arena),
        .url = db_get_keep(rows, 10, arena),
    };
    return err ? err : delivery_class_parse(db_get_str(rows, 3), &e->row.class);
}

static enum err end_one(struct tx *tx, const struct outbox_rules *rules, const struct expired *e)
{
    const struct outbox_outcome outcome = {
        .row = &e->row, .to = DELIVERY_DEAD, .reason = STR("expired")};
    const struct delivery_move move = {.delivery_id = e->row.delivery_id,
                                       .from = e->state,
                                       .to = DELIVERY_DEAD,
                                       .reason = outcome.reason};
    bool is_moved = false;
    enum err err = delivery_move_all(tx, &move, 1, &is_moved);

    if (!err && e->state == DELIVERY_DUE && !is_moved)
        return OK; /* another node has just claimed it */
    if (!err && !str_is_none(e->row.ordering_key))
        err = order_pass(tx, (struct endpoint_key){e->row.tenant, e->row.endpoint_id},
                         e->row.ordering_key);
    return err ? err : notice_of_delivery(tx, rules, &outcome);
}

enum err outbox_expire(struct tx *tx, const struct outbox_rules *rules, size_t limit, size_t *count)
{
    struct expired *list = ARENA_ARRAY(tx->arena, struct expired, limit);
    struct db_rows rows = {0};
    size_t n = 0;
    enum err ended, err = db_query(tx->db, &select_expired,
                                   DB_ARGS(db_int(tx->now_us), db_int((int64_t)limit)), &rows);

    REQUIRE(tx->is_write && limit > 0);
    if (err)
        return err;
    while (!err && n < limit && db_next(&rows))
        err = expired_read(&rows, tx->arena, &list[n++]);
    ended = db_rows_end(&rows);
    err = err ? err : ended;
    for (size_t i = 0; !err && i < n; i++)
        err = end_one(tx, rules, &list[i]);
    *count = n;
    return err;
}
