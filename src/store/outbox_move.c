/* The one file that changes a delivery's state. Rows that go the same way go in one statement.
 *
 * A move begins in the queue (outbox_queue.h): who takes a delivery from its place there has it.
 * Then the wide row is written, and at last the new place, if it is due again. */
#include "store/delivery_feed.h"
#include "store/id_list.h"
#include "store/outbox_marks.h"
#include "store/outbox_priv.h"
#include "store/outbox_queue.h"
#include "store/store_metrics.h"

/* ---- the queue ---- */

#define OF_ENDPOINT " JOIN endpoints e ON e.tenant = d.tenant AND e.endpoint_id = d.endpoint_id"
static const struct db_statement leave_sending = {
    "delivery_sending_leave",
    "DELETE FROM delivery_sending WHERE delivery_id = $1 AND attempt_id = $2",
    "DELETE FROM delivery_sending s"
    " USING UNNEST(CAST($1 AS BIGINT[]), CAST($2 AS BIGINT[])) WITH ORDINALITY u(id, attempt, n)"
    " WHERE s.delivery_id = u.id AND s.attempt_id = u.attempt RETURNING u.n"};
static const struct db_statement leave_line = {
    "delivery_queue_leave",
    "DELETE FROM delivery_queue WHERE (line, endpoint_no, at_us, delivery_id) = (SELECT " QUEUE_LINE
    ", e.endpoint_no, d.next_us, d.delivery_id FROM deliveries d" OF_ENDPOINT
    " WHERE d.delivery_id = $1)",
    "DELETE FROM delivery_queue q USING UNNEST(CAST($1 AS BIGINT[])) WITH ORDINALITY u(id, n)"
    " WHERE q.delivery_id = u.id RETURNING u.n"};
/* Where its wide row says, which has just been written. */
static const struct db_statement queue_enter = {
    "delivery_queue_enter",
    "INSERT INTO delivery_queue (delivery_id, endpoint_no, line, at_us)"
    " SELECT d.delivery_id, e.endpoint_no, " QUEUE_LINE
    ", d.next_us FROM deliveries d" OF_ENDPOINT SENDING_JOIN
    " WHERE d.delivery_id = $1 AND d.state = 'due' AND s.delivery_id IS NULL"
    " ON CONFLICT DO NOTHING",
    NULL};
#define TAKE_ARGS 4
static const struct db_statement take = {
    "delivery_queue_take",
    "DELETE FROM delivery_queue WHERE line = $2 AND endpoint_no = $3 AND at_us = $4"
    " AND delivery_id = $1",
    "DELETE FROM delivery_queue q USING UNNEST(CAST($1 AS BIGINT[]), CAST($2 AS BIGINT[]),"
    " CAST($3 AS BIGINT[]), CAST($4 AS BIGINT[])) WITH ORDINALITY u(id, line, endpoint, at, n)"
    " WHERE q.delivery_id = u.id RETURNING u.n"};
#define SEND_ARGS 7
#define SEND                                                                                       \
    "INSERT INTO delivery_sending (delivery_id, attempt_id, endpoint_no, taken_us, until_us,"      \
    " node, is_limited) "
static const struct db_statement send = {
    "delivery_sending_enter", SEND "VALUES ($1, $2, $3, $4, $5, $6, $7)",
    SEND
    "SELECT * FROM UNNEST(CAST($1 AS BIGINT[]), CAST($2 AS BIGINT[]), CAST($3 AS BIGINT[]),"
    " CAST($4 AS BIGINT[]), CAST($5 AS BIGINT[]), CAST($6 AS TEXT[]), CAST($7 AS BIGINT[])) u"};

/* ---- the wide rows ---- */

/* Found by its id, never by an index on the state: so the state is not compared as it is. */
#define MOVE(update, room)                                                                         \
    update " deliveries SET state = $3, state_reason = $4, attempts = attempts + $5,"              \
           " updated_us = $6, ended_us = $7, last_result = COALESCE($8, last_result),"             \
           " last_status = CASE WHEN $8 IS NULL THEN last_status ELSE $9 END, next_us = $10" room  \
           " WHERE COALESCE(state, '') = $2 AND delivery_id "
/* OR FAIL: an error undoes the whole transaction anyway, so SQLite need not keep each page as it
 * was before the statement. */
#define MOVE_SQLITE MOVE("UPDATE OR FAIL", ", room = CASE WHEN $8 IS NULL THEN room END")
#define MOVE_POSTGRES MOVE("UPDATE", "")
static const struct db_statement move_one = {"deliveries_move", MOVE_SQLITE "= $1",
                                             MOVE_POSTGRES "= $1"};
static const struct db_statement move_many = {"deliveries_move_many", MOVE_SQLITE ID_IN("$1"),
                                              MOVE_POSTGRES ID_IN_POSTGRES("$1")};
/* PostgreSQL's alone (outbox_marks.h). */
static const struct db_statement ends = {
    "delivery_ends_add", NULL,
    "INSERT INTO delivery_ends (ended_us, delivery_id) SELECT ended_us, delivery_id FROM deliveries"
    " WHERE ended_us IS NOT NULL AND delivery_id " ID_IN_POSTGRES("$1") " ON CONFLICT DO NOTHING"};
#define STATES                                                                                     \
    "SELECT d.delivery_id, " SENDING_STATE " FROM deliveries d" SENDING_JOIN " WHERE "             \
    "d.delivery_id "
static const struct db_statement select_states = {"deliveries_states", STATES ID_IN("$1"),
                                                  STATES ID_IN_POSTGRES("$1")};

/* The arrows of src/delivery/README.md; from D5 (done) and D6 (dead) there are none. */
static const bool is_legal[DELIVERY_STATE_COUNT][DELIVERY_STATE_COUNT] = {
    [DELIVERY_DUE] = {[DELIVERY_SENDING] = true, [DELIVERY_HELD] = true, [DELIVERY_DEAD] = true},
    [DELIVERY_SENDING] = {[DELIVERY_DUE] = true, [DELIVERY_DONE] = true, [DELIVERY_DEAD] = true},
    [DELIVERY_HELD] = {[DELIVERY_DUE] = true, [DELIVERY_DEAD] = true},
};

/* ---- moves ---- */

#define MOVE_ARGS 10

struct moving {
    struct tx *tx;
    const struct delivery_move *moves;
    size_t count;
    bool *is_done;          /* of each; or it is too late for it */
    struct db_value *alone; /* arguments of those that go a way of their own */
    size_t alone_count;
    bool all_moved; /* as far as is known */
};

static void move_check(const struct delivery_move *move)
{
    REQUIRE(move->from < DELIVERY_STATE_COUNT && move->to < DELIVERY_STATE_COUNT);
    REQUIRE(is_legal[move->from][move->to] && move->to != DELIVERY_SENDING);
    REQUIRE((move->from == DELIVERY_SENDING) == (move->from_attempt_id != 0));
    REQUIRE(move->to != DELIVERY_DUE || move->next_us > 0);
    REQUIRE(move->from == DELIVERY_SENDING || !move->is_untried);
}

/* ---- moves: out of the queue ---- */

/* Takes those in this state from their places; those that are not there are somebody else's. */
static enum err unqueue(struct moving *m, enum delivery_state from,
                        const struct db_statement *statement, size_t arg_count)
{
    struct db_value *args = ARENA_ARRAY(m->tx->arena, struct db_value, m->count * arg_count);
    size_t *index = ARENA_ARRAY(m->tx->arena, size_t, m->count), n = 0;
    bool *is_found;
    enum err err;

    for (size_t i = 0; i < m->count; i++) {
        if (m->moves[i].from != from)
            continue;
        args[n * arg_count] = db_int(m->moves[i].delivery_id);
        if (from == DELIVERY_SENDING)
            args[n * arg_count + 1] = db_int(m->moves[i].from_attempt_id);
        index[n++] = i;
    }
    is_found = ARENA_ARRAY(m->tx->arena, bool, n);
    err = db_run_rows(m->tx->db, statement, args, arg_count, n, is_found);
    for (size_t i = 0; !err && i < n; i++) {
        m->is_done[index[i]] = !is_found[i];
        m->all_moved = m->all_moved && is_found[i];
    }
    return err;
}

static enum err unqueue_all(struct moving *m)
{
    enum err err = unqueue(m, DELIVERY_SENDING, &leave_sending, 2);

    return err ? err : unqueue(m, DELIVERY_DUE, &leave_line, 1);
}

/* ---- moves: the wide rows ---- */

static bool has_ended(const struct delivery_move *move)
{
    return move->to == DELIVERY_DONE || move->to == DELIVERY_DEAD;
}

static void move_args(const struct tx *tx, const struct delivery_move *move, struct db_value *args)
{
    bool is_tried = move->from == DELIVERY_SENDING && !move->is_untried;

    args[0] = db_int(move->delivery_id);
    args[1] = db_text(move->from == DELIVERY_HELD ? STR("held") : STR("due"));
    args[2] = db_text(delivery_state_name(move->to));
    args[3] = db_text(move->reason);
    args[4] = db_int(is_tried);
    args[5] = db_int(tx->now_us);
    args[6] = has_ended(move) ? db_int(tx->now_us) : db_null();
    args[7] = db_text(move->result);
    args[8] = db_int_or_null(move->status);
    args[9] = move->to == DELIVERY_DUE ? db_int(move->next_us) : db_null();
}

static bool is_same_way(const struct delivery_move *a, const struct delivery_move *b)
{
    return a->from == b->from && a->to == b->to && a->is_untried == b->is_untried &&
           a->status == b->status && (a->to != DELIVERY_DUE || a->next_us == b->next_us) &&
           str_is_none(a->result) == str_is_none(b->result) && str_eq(a->result, b->result) &&
           str_is_none(a->reason) == str_is_none(b->reason) && str_eq(a->reason, b->reason);
}

/* The move at `first` and all behind it that go its way. */
static enum err move_group(struct moving *m, size_t first)
{
    const struct delivery_move *move = &m->moves[first];
    struct db_value args[MOVE_ARGS];
    int64_t count = 0, moved = 0;
    struct buf ids;
    enum err err;

    id_list_begin(&ids);
    for (size_t i = first; i < m->count; i++) {
        if (m->is_done[i] || !is_same_way(move, &m->moves[i]))
            continue;
        m->is_done[i] = true;
        id_list_add(&ids, m->moves[i].delivery_id);
        count++;
    }
    move_args(m->tx, move, args);
    args[0] = id_list_end(&ids, m->tx->arena);
    if (count == 1) {
        move_args(m->tx, move, &m->alone[MOVE_ARGS * m->alone_count++]);
        m->all_moved = m->all_moved && move->from != DELIVERY_HELD;
        return OK;
    }
    err = db_run(m->tx->db, &move_many, args, MOVE_ARGS, &moved);
    m->all_moved = m->all_moved && moved == count;
    return err;
}

static enum err move_wide(struct moving *m)
{
    enum err err = OK;

    for (size_t i = 0; !err && i < m->count; i++)
        if (!m->is_done[i])
            err = move_group(m, i);
    if (!err && m->alone_count)
        err = db_run_many(m->tx->db, &move_one, m->alone, MOVE_ARGS, m->alone_count);
    return err;
}

static enum err note_ends(struct moving *m)
{
    size_t count = 0;
    struct db_value list;
    struct buf ids;

    id_list_begin(&ids);
    for (size_t i = 0; i < m->count; i++) {
        if (!has_ended(&m->moves[i]))
            continue;
        id_list_add(&ids, m->moves[i].delivery_id);
        count++;
    }
    list = id_list_end(&ids, m->tx->arena);
    return count ? db_run(m->tx->db, &ends, &list, 1, NULL) : OK;
}

/* ---- moves: into the queue ---- */

/* `is_dropped` of each: its move was too late. */
static enum err enqueue(const struct moving *m, const bool *is_dropped)
{
    struct db_value *ids = ARENA_ARRAY(m->tx->arena, struct db_value, m->count);
    size_t n = 0;

    for (size_t i = 0; i < m->count; i++)
        if (m->moves[i].to == DELIVERY_DUE && !is_dropped[i])
            ids[n++] = db_int(m->moves[i].delivery_id);
    return n ? db_run_many(m->tx->db, &queue_enter, ids, 1, n) : OK;
}

/* Who follows the log hears of what has happened, not of what was given back. */
static bool is_told(const struct delivery_move *move)
{
    return move->from != DELIVERY_SENDING || !str_is_none(move->result);
}

/* A change that was too late to be made is told as what is. */
static enum err states_read(struct tx *tx, struct delivery_change *changes, size_t count)
{
    struct db_rows rows = {0};
    struct buf ids;
    enum err ended, err;

    id_list_begin(&ids);
    for (size_t i = 0; i < count; i++)
        id_list_add(&ids, changes[i].delivery_id);
    err = db_query(tx->db, &select_states, DB_ARGS(id_list_end(&ids, tx->arena)), &rows);
    if (err)
        return err;
    while (!err && db_next(&rows)) {
        int64_t delivery_id = db_get_int(&rows, 0);

        for (size_t i = 0; !err && i < count; i++)
            if (changes[i].delivery_id == delivery_id)
                err = delivery_state_parse(db_get_str(&rows, 1), &changes[i].state);
    }
    ended = db_rows_end(&rows);
    return err ? err : ended;
}

static enum err tell(const struct moving *m, bool all_moved)
{
    struct delivery_change *changes =
        ARENA_ARRAY(m->tx->arena, struct delivery_change, m->count + 1);
    size_t told = 0;
    enum err err = OK;

    for (size_t i = 0; i < m->count; i++) {
        const struct delivery_move *move = &m->moves[i];

        if (has_ended(move))
            tx_count(m->tx, &store_deliveries_ended,
                     deliveries_ended_series(move->to == DELIVERY_DONE ? STR_NONE : move->reason,
                                             move->status),
                     1);
        if (is_told(move))
            changes[told++] =
                (struct delivery_change){move->delivery_id, move->from_attempt_id, move->to};
    }
    if (told && !all_moved)
        err = states_read(m->tx, changes, told);
    return err ? err : delivery_feed_add(m->tx, changes, told);
}

enum err delivery_move(struct tx *tx, const struct delivery_move *moves, size_t count)
{
    bool ignored;

    return delivery_move_all(tx, moves, count, &ignored);
}

static enum err move_all(struct moving *m)
{
    bool *is_dropped = ARENA_ARRAY(m->tx->arena, bool, m->count);
    enum err err = unqueue_all(m);

    memcpy(is_dropped, m->is_done, m->count * sizeof(bool));
    if (!err)
        err = move_wide(m);
    if (!err && db_dialect(m->tx->db) == DB_POSTGRES)
        err = note_ends(m);
    return err ? err : enqueue(m, is_dropped);
}

enum err delivery_move_all(struct tx *tx, const struct delivery_move *moves, size_t count,
                           bool *all_moved)
{
    struct moving m = {.tx = tx, .moves = moves, .count = count, .all_moved = true};
    enum err err;

    REQUIRE(tx->is_write);
    *all_moved = true;
    if (count == 0)
        return OK;
    m.is_done = ARENA_ARRAY(tx->arena, bool, count);
    m.alone = ARENA_ARRAY(tx->arena, struct db_value, count * MOVE_ARGS);
    for (size_t i = 0; i < count; i++)
        move_check(&moves[i]);
    err = move_all(&m);
    *all_moved = m.all_moved;
    return err ? err : tell(&m, m.all_moved);
}

/* ---- taking ---- */

static void take_args(const struct tx *tx, const struct delivery_take *t, size_t index,
                      struct db_value *take_row, struct db_value *send_row)
{
    const struct outbox_claimed *row = &t->rows[index];

    REQUIRE(row->attempt_id > 0);
    take_row[0] = send_row[0] = db_int(row->delivery_id);
    take_row[1] = db_int((int64_t)outbox_line_of(row->class, row->attempts - 1));
    take_row[2] = send_row[2] = db_int(row->endpoint_no);
    take_row[3] = db_int(row->due_us);
    send_row[1] = db_int(row->attempt_id);
    send_row[3] = db_int(tx->now_us);
    send_row[4] = db_int(t->lease_until_us);
    send_row[5] = db_text(t->node);
    send_row[6] = db_int(row->is_limited);
}

enum err delivery_take(struct tx *tx, const struct delivery_take *t)
{
    struct db_value *takes = ARENA_ARRAY(tx->arena, struct db_value, t->count * TAKE_ARGS);
    struct db_value *sends = ARENA_ARRAY(tx->arena, struct db_value, t->count * SEND_ARGS);
    bool *is_taken = ARENA_ARRAY(tx->arena, bool, t->count);
    enum err err;

    REQUIRE(tx->is_write && t->count > 0 && t->node.len > 0);
    REQUIRE(t->lease_until_us > 0);
    for (size_t i = 0; i < t->count; i++)
        take_args(tx, t, i, &takes[i * TAKE_ARGS], &sends[i * SEND_ARGS]);
    err = db_run_rows(tx->db, &take, takes, TAKE_ARGS, t->count, is_taken);
    for (size_t i = 0; !err && i < t->count; i++)
        REQUIRE(is_taken[i]); /* they are locked, and were due */
    return err ? err : db_run_rows(tx->db, &send, sends, SEND_ARGS, t->count, NULL);
}
