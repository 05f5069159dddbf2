/* The one file that changes a delivery's state. Rows that go the same way go in one statement. */
#include "store/delivery_feed.h"
#include "store/id_list.h"
#include "store/outbox_priv.h"
#include "store/store_metrics.h"

/* Compared as it is, `state` would have SQLite look at the value, for the partial indexes, and
 * prepare the statement anew in each call. */
#define MOVE                                                                                       \
    "UPDATE deliveries SET state = $4, state_reason = $5, attempts = attempts + $6, next_us = $7," \
    " lease_node = NULL, lease_until_us = NULL, attempt_id = NULL, updated_us = $8,"               \
    " ended_us = $9, last_result = COALESCE($10, last_result),"                                    \
    " last_status = CASE WHEN $10 IS NULL THEN last_status ELSE $11 END"                           \
    " WHERE COALESCE(state, '') = $3"
static const struct db_statement move_one = {
    "deliveries_move", MOVE " AND delivery_id = $1 AND COALESCE(attempt_id, 0) = $2", NULL};
/* An attempt is of one delivery only, so that the two lists need not be read side by side. */
static const struct db_statement move_many = {
    "deliveries_move_many",
    MOVE " AND delivery_id " ID_IN("$1") " AND COALESCE(attempt_id, 0) " ID_IN("$2"),
    MOVE
    " AND delivery_id " ID_IN_POSTGRES("$1") " AND COALESCE(attempt_id, 0) " ID_IN_POSTGRES("$2")};
#define TAKE(nth)                                                                                  \
    "UPDATE deliveries SET state = 'sending', state_reason = NULL, attempts = attempts + 1,"       \
    " next_us = NULL, lease_node = $3, lease_until_us = $4, attempt_id = $2 + " nth                \
    ", updated_us = $5 FROM "
static const struct db_statement take = {
    "deliveries_take",
    TAKE("j.key") "json_each($1) j WHERE delivery_id = j.value AND state = 'due'",
    TAKE("j.n - 1") "json_array_elements_text(CAST($1 AS JSON)) WITH ORDINALITY j(value, n)"
                    " WHERE delivery_id = CAST(j.value AS BIGINT) AND state = 'due'"};
#define STATES "SELECT delivery_id, state FROM deliveries WHERE delivery_id "
static const struct db_statement select_states = {"deliveries_states", STATES ID_IN("$1"),
                                                  STATES ID_IN_POSTGRES("$1")};

/* The arrows of src/delivery/README.md; from D5 (done) and D6 (dead) there are none. */
static const bool is_legal[DELIVERY_STATE_COUNT][DELIVERY_STATE_COUNT] = {
    [DELIVERY_DUE] = {[DELIVERY_SENDING] = true, [DELIVERY_HELD] = true, [DELIVERY_DEAD] = true},
    [DELIVERY_SENDING] = {[DELIVERY_DUE] = true, [DELIVERY_DONE] = true, [DELIVERY_DEAD] = true},
    [DELIVERY_HELD] = {[DELIVERY_DUE] = true, [DELIVERY_DEAD] = true},
};

/* ---- moves ---- */

#define MOVE_ARGS 11

struct moving {
    struct tx *tx;
    const struct delivery_move *moves;
    size_t count;
    bool *is_done;          /* of each */
    struct db_value *alone; /* arguments of those that go a way of their own */
    size_t alone_count;
    int64_t moved; /* of those in groups */
};

static void move_check(const struct delivery_move *move)
{
    REQUIRE(move->from < DELIVERY_STATE_COUNT && move->to < DELIVERY_STATE_COUNT);
    REQUIRE(is_legal[move->from][move->to] && move->to != DELIVERY_SENDING);
    REQUIRE((move->from == DELIVERY_SENDING) == (move->from_attempt_id != 0));
    REQUIRE(move->to != DELIVERY_DUE || move->next_us > 0);
    REQUIRE(move->from == DELIVERY_SENDING || !move->is_untried);
}

static void move_args(const struct tx *tx, const struct delivery_move *move, struct db_value *args)
{
    bool has_ended = move->to == DELIVERY_DONE || move->to == DELIVERY_DEAD;

    args[0] = db_int(move->delivery_id);
    args[1] = db_int(move->from_attempt_id);
    args[2] = db_text(delivery_state_name(move->from));
    args[3] = db_text(delivery_state_name(move->to));
    args[4] = db_text(move->reason);
    args[5] = db_int(move->is_untried ? -1 : 0);
    args[6] = move->to == DELIVERY_DUE ? db_int(move->next_us) : db_null();
    args[7] = db_int(tx->now_us);
    args[8] = has_ended ? db_int(tx->now_us) : db_null();
    args[9] = db_text(move->result);
    args[10] = db_int_or_null(move->status);
}

static bool is_same_way(const struct delivery_move *a, const struct delivery_move *b)
{
    return a->from == b->from && a->to == b->to && a->is_untried == b->is_untried &&
           (a->to != DELIVERY_DUE || a->next_us == b->next_us) && a->status == b->status &&
           str_is_none(a->result) == str_is_none(b->result) && str_eq(a->result, b->result) &&
           str_is_none(a->reason) == str_is_none(b->reason) && str_eq(a->reason, b->reason);
}

/* The move at `first` and all behind it that go its way. */
static enum err move_group(struct moving *m, size_t first)
{
    const struct delivery_move *move = &m->moves[first];
    struct db_value args[MOVE_ARGS];
    struct buf ids, attempts;
    size_t count = 0;
    int64_t moved = 0;
    enum err err;

    id_list_begin(&ids);
    id_list_begin(&attempts);
    for (size_t i = first; i < m->count; i++) {
        if (m->is_done[i] || !is_same_way(move, &m->moves[i]))
            continue;
        m->is_done[i] = true;
        id_list_add(&ids, m->moves[i].delivery_id);
        id_list_add(&attempts, m->moves[i].from_attempt_id);
        count++;
    }
    move_args(m->tx, move, args);
    args[0] = id_list_end(&ids, m->tx->arena);
    args[1] = id_list_end(&attempts, m->tx->arena);
    if (count == 1) {
        move_args(m->tx, move, &m->alone[MOVE_ARGS * m->alone_count++]);
        return OK;
    }
    err = db_run(m->tx->db, &move_many, args, MOVE_ARGS, &moved);
    m->moved += moved;
    return err;
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

        if (move->to == DELIVERY_DONE || move->to == DELIVERY_DEAD)
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

enum err delivery_move_all(struct tx *tx, const struct delivery_move *moves, size_t count,
                           bool *all_moved)
{
    struct moving m = {.tx = tx, .moves = moves, .count = count};
    enum err err = OK;

    REQUIRE(tx->is_write);
    *all_moved = true;
    if (count == 0)
        return OK;
    m.is_done = ARENA_ARRAY(tx->arena, bool, count);
    m.alone = ARENA_ARRAY(tx->arena, struct db_value, count * MOVE_ARGS);
    for (size_t i = 0; i < count; i++)
        move_check(&moves[i]);
    for (size_t i = 0; !err && i < count; i++)
        if (!m.is_done[i])
            err = move_group(&m, i);
    if (!err && m.alone_count)
        err = db_run_many(tx->db, &move_one, m.alone, MOVE_ARGS, m.alone_count);
    *all_moved = m.alone_count == 0 && m.moved == (int64_t)m.count;
    return err ? err : tell(&m, *all_moved);
}

/* ---- taking ---- */

enum err delivery_take(struct tx *tx, const struct delivery_take *t)
{
    struct buf ids;
    int64_t taken = 0;
    enum err err;

    REQUIRE(tx->is_write && t->count > 0 && t->node.len > 0);
    REQUIRE(t->first_attempt_id > 0 && t->lease_until_us > 0);
    id_list_begin(&ids);
    for (size_t i = 0; i < t->count; i++)
        id_list_add(&ids, t->delivery_ids[i]);
    err = db_run(tx->db, &take,
                 DB_ARGS(id_list_end(&ids, tx->arena), db_int(t->first_attempt_id),
                         db_text(t->node), db_int(t->lease_until_us), db_int(tx->now_us)),
                 &taken);
    if (err)
        return err;
    REQUIRE(taken == (int64_t)t->count); /* they are locked, and were due */
    return OK;
}
