/* The outbox's rows: how they come to be, and the one function that changes a delivery's state. */
#include "store/outbox.h"

#include "base/uuid.h"
#include "store/delivery_feed.h"
#include "store/endpoints.h"
#include "store/outbox_priv.h"
#include "store/sequence.h"
#include "store/store_metrics.h"

static const struct db_statement body_insert = {
    "bodies_insert",
    "INSERT INTO bodies (tenant, body_id, content_type, bytes, created_us) VALUES ($1, $2, $3, $4, "
    "$5)",
    NULL};
static const struct db_statement delivery_insert = {
    "deliveries_insert",
    "INSERT INTO deliveries (delivery_id, tenant, endpoint_id, origin, webhook_id, kind, "
    "object_id, body_id,"
    " policy, state, state_reason, attempts, next_us, created_us, updated_us, resend_of, sequence,"
    " ordering_key, class, expires_us)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $13, $13, $14, $15, $16, $17,"
    " $18)",
    NULL};
static const struct db_statement delivery_update = {
    "deliveries_move",
    "UPDATE deliveries SET state = $4, state_reason = $5, attempts = $6, next_us = $7, lease_node "
    "= $8,"
    " lease_until_us = $9, attempt_id = $10, updated_us = $11, ended_us = $12,"
    " last_result = COALESCE($13, last_result),"
    " last_status = CASE WHEN $13 IS NULL THEN last_status ELSE $14 END"
    " WHERE delivery_id = $1 AND state = $2 AND COALESCE(attempt_id, 0) = $3",
    NULL};
static const struct db_statement delivery_select = {
    "deliveries_for_resend",
    "SELECT endpoint_id, webhook_id, kind, object_id, body_id, policy, class, state, resend_of"
    " FROM deliveries WHERE tenant = $1 AND delivery_id = $2",
    NULL};

/* ---- states ---- */

static const char *const state_names[DELIVERY_STATE_COUNT] = {"due", "sending", "held", "done",
                                                              "dead"};

/* The arrows of src/delivery/README.md; from D5 (done) and D6 (dead) there are none. */
static const bool is_legal[DELIVERY_STATE_COUNT][DELIVERY_STATE_COUNT] = {
    [DELIVERY_DUE] = {[DELIVERY_SENDING] = true, [DELIVERY_HELD] = true, [DELIVERY_DEAD] = true},
    [DELIVERY_SENDING] = {[DELIVERY_DUE] = true, [DELIVERY_DONE] = true, [DELIVERY_DEAD] = true},
    [DELIVERY_HELD] = {[DELIVERY_DUE] = true, [DELIVERY_DEAD] = true},
};

struct str delivery_state_name(enum delivery_state state)
{
    REQUIRE(state < DELIVERY_STATE_COUNT);
    return str_of(state_names[state]);
}

enum err delivery_state_parse(struct str name, enum delivery_state *state)
{
    for (int i = 0; i < DELIVERY_STATE_COUNT; i++) {
        if (!str_eq(name, str_of(state_names[i])))
            continue;
        *state = (enum delivery_state)i;
        return OK;
    }
    return ERR_INVALID;
}

static const char *const class_names[DELIVERY_CLASS_COUNT] = {"live", "replay", "system"};

struct str delivery_class_name(enum delivery_class class)
{
    REQUIRE(class < DELIVERY_CLASS_COUNT);
    return str_of(class_names[class]);
}

enum err delivery_class_parse(struct str name, enum delivery_class *class)
{
    for (int i = 0; i < DELIVERY_CLASS_COUNT; i++) {
        if (!str_eq(name, str_of(class_names[i])))
            continue;
        *class = (enum delivery_class)i;
        return OK;
    }
    return ERR_INVALID;
}

#define MOVE_ARGS 14

static void move_check(const struct delivery_move *move)
{
    REQUIRE(move->from < DELIVERY_STATE_COUNT && move->to < DELIVERY_STATE_COUNT);
    REQUIRE(is_legal[move->from][move->to]);
    REQUIRE((move->from == DELIVERY_SENDING) == (move->from_attempt_id != 0));
    REQUIRE(move->to != DELIVERY_DUE || move->next_us > 0);
    REQUIRE(move->to != DELIVERY_SENDING ||
            (move->attempt_id > 0 && move->lease_until_us > 0 && move->lease_node.len > 0));
    REQUIRE(move->attempts >= 0);
}

static void move_args(const struct tx *tx, const struct delivery_move *move, struct db_value *args)
{
    bool is_sending = move->to == DELIVERY_SENDING;
    bool has_ended = move->to == DELIVERY_DONE || move->to == DELIVERY_DEAD;

    args[0] = db_int(move->delivery_id);
    args[1] = db_text(delivery_state_name(move->from));
    args[2] = db_int(move->from_attempt_id);
    args[3] = db_text(delivery_state_name(move->to));
    args[4] = db_text(move->reason);
    args[5] = db_int(move->attempts);
    args[6] = move->to == DELIVERY_DUE ? db_int(move->next_us) : db_null();
    args[7] = is_sending ? db_text(move->lease_node) : db_null();
    args[8] = is_sending ? db_int(move->lease_until_us) : db_null();
    args[9] = is_sending ? db_int(move->attempt_id) : db_null();
    args[10] = db_int(tx->now_us);
    args[11] = has_ended ? db_int(tx->now_us) : db_null();
    args[12] = db_text(move->result);
    args[13] = db_int_or_null(move->status);
}

/* Who follows the log hears of what has happened, not of claims and what they gave back. */
static bool is_told(const struct delivery_move *move)
{
    return move->from == DELIVERY_SENDING ? !str_is_none(move->result)
                                          : move->to != DELIVERY_SENDING;
}

enum err delivery_move(struct tx *tx, const struct delivery_move *moves, size_t count)
{
    struct delivery_change *changes;
    struct db_value *args;
    size_t told = 0;
    enum err err;

    REQUIRE(tx->is_write);
    if (count == 0)
        return OK;
    args = ARENA_ARRAY(tx->arena, struct db_value, count * MOVE_ARGS);
    changes = ARENA_ARRAY(tx->arena, struct delivery_change, count);
    for (size_t i = 0; i < count; i++) {
        move_check(&moves[i]);
        move_args(tx, &moves[i], &args[i * MOVE_ARGS]);
        if (is_told(&moves[i]))
            changes[told++] =
                (struct delivery_change){moves[i].delivery_id, moves[i].from_attempt_id};
        if (moves[i].to == DELIVERY_DONE || moves[i].to == DELIVERY_DEAD)
            tx_count(
                tx, &store_deliveries_ended,
                deliveries_ended_series(moves[i].to == DELIVERY_DONE ? STR_NONE : moves[i].reason,
                                        moves[i].status),
                1);
    }
    err = db_run_many(tx->db, &delivery_update, args, MOVE_ARGS, count);
    return err ? err : delivery_feed_add(tx, changes, told);
}

/* ---- new rows ---- */

struct delivery_new {
    struct str tenant, webhook_id, kind, object_id, body_id, policy, ordering_key;
    enum delivery_class class;
    struct endpoint_turn endpoint;
    int64_t resend_of; /* 0: none */
};

/* Why it must wait; STR_NONE: it need not. */
static enum err find_hold(struct tx *tx, const struct delivery_new *new, struct str *reason)
{
    struct endpoint_key key = {new->tenant, new->endpoint.endpoint_id};
    bool is_busy = false;
    enum err err = OK;

    if (!str_is_none(new->ordering_key))
        err = order_is_busy(tx, key, new->ordering_key, &is_busy);
    if (is_busy)
        *reason = HELD_ORDER;
    else if (new->endpoint.state != ENDPOINT_ACTIVE)
        *reason = endpoint_state_name(new->endpoint.state);
    return err;
}

/* Most find their endpoint in the line already. */
static enum err enter(struct tx *tx, const struct delivery_new *new)
{
    enum outbox_line line = outbox_line_of(new->class, 0);
    int64_t stands_us = line == OUTBOX_REPLAY ? new->endpoint.replay_us : new->endpoint.fresh_us;
    struct line_entry entry = {{new->tenant, new->endpoint.endpoint_id}, line, tx->now_us};

    tx_notify(tx, TOPIC_DELIVERY_DUE, new->endpoint.lane);
    return stands_us ? OK : line_enter(tx, &entry, 1);
}

static enum err insert_delivery(struct tx *tx, struct delivery_new *new, int64_t *delivery_id)
{
    const struct endpoint_turn *endpoint = &new->endpoint;
    int64_t lives_us = endpoint->expires_after_s * US_PER_SECOND;
    struct str held_for = STR_NONE;
    bool is_held;
    enum err err = sequence_next(tx, STR("delivery"), 1, delivery_id);

    /* Only what happens now goes in order: what is sent once more is out of it already. */
    if (!endpoint->is_fifo || new->resend_of)
        new->ordering_key = STR_NONE;
    else if (str_is_none(new->ordering_key))
        new->ordering_key = STR("");
    if (!err)
        err = find_hold(tx, new, &held_for);
    if (err)
        return err;
    is_held = !str_is_none(held_for);
    err = db_run(tx->db, &delivery_insert,
                 DB_ARGS(db_int(*delivery_id), db_text(new->tenant), db_text(endpoint->endpoint_id),
                         db_text(endpoint->origin), db_text(new->webhook_id), db_text(new->kind),
                         db_text(new->object_id), db_text(new->body_id), db_text(new->policy),
                         db_text(delivery_state_name(is_held ? DELIVERY_HELD : DELIVERY_DUE)),
                         db_text(held_for), is_held ? db_null() : db_int(tx->now_us),
                         db_int(tx->now_us), db_int_or_null(new->resend_of),
                         db_int(endpoint->sequence), db_text(new->ordering_key),
                         db_text(delivery_class_name(new->class)),
                         lives_us ? db_int(tx->now_us + lives_us) : db_null()),
                 NULL);
    if (!new->resend_of)
        tx_count(tx, &store_ingest_events,
                 ingest_series(new->tenant, is_held ? INGEST_HELD : INGEST_ACCEPTED), 1);
    if (!err && !is_held)
        err = enter(tx, new);
    return err ? err : delivery_feed_add(tx, &(struct delivery_change){*delivery_id, 0}, 1);
}

/* "msg_" and 32 hex digits: rises with time, and 62 bits of it are chance. */
static struct str webhook_id_make(struct tx *tx)
{
    struct uuid_text text;
    struct str uuid = uuid_write(uuid_v7(tx->rng, tx->now_us), &text);
    struct str rest = uuid, part;
    struct str parts[6] = {STR("msg_")};
    size_t count = 1;

    while (count < ARRAY_LEN(parts) && str_split(&rest, '-', &part))
        parts[count++] = part;
    return arena_concat(tx->arena, parts, count);
}

static enum err add(struct tx *tx, const struct outbox_event *event, struct delivery_new *new,
                    int64_t *delivery_id)
{
    struct uuid_text text;
    enum err err;

    REQUIRE(tx->is_write && event->tenant.data && event->body.data);
    *new = (struct delivery_new){.tenant = event->tenant,
                                 .kind = event->kind,
                                 .object_id = event->object_id,
                                 .policy = event->policy,
                                 .ordering_key = event->ordering_key,
                                 .class = event->class};
    new->body_id = arena_str(tx->arena, uuid_write(uuid_v7(tx->rng, tx->now_us), &text));
    new->webhook_id = webhook_id_make(tx);
    if (str_is_none(event->endpoint_id))
        err = endpoint_take_turn(tx, event->tenant, event->kind, event->url, &new->endpoint);
    else
        err = endpoint_take_turn_of(tx, event->tenant, event->endpoint_id, &new->endpoint);
    if (!err)
        err =
            db_run(tx->db, &body_insert,
                   DB_ARGS(db_text(event->tenant), db_text(new->body_id),
                           db_text(event->content_type), db_blob(event->body), db_int(tx->now_us)),
                   NULL);
    return err ? err : insert_delivery(tx, new, delivery_id);
}

enum err outbox_add(struct tx *tx, const struct outbox_event *event, struct str *webhook_id)
{
    struct delivery_new new;
    int64_t delivery_id;
    enum err err = add(tx, event, &new, &delivery_id);

    if (!err && webhook_id)
        *webhook_id = new.webhook_id;
    return err;
}

enum err outbox_add_one(struct tx *tx, const struct outbox_event *event, int64_t *delivery_id)
{
    struct delivery_new new;

    return add(tx, event, &new, delivery_id);
}

static enum err resend_read(struct tx *tx, int64_t delivery_id, struct delivery_new *new,
                            enum delivery_state *state)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &delivery_select,
                                DB_ARGS(db_text(new->tenant), db_int(delivery_id)), &rows);
    enum err ended;

    if (err)
        return err;
    new->endpoint.endpoint_id = db_get_keep(&rows, 0, tx->arena);
    new->webhook_id = db_get_keep(&rows, 1, tx->arena);
    new->kind = db_get_keep(&rows, 2, tx->arena);
    new->object_id = db_get_keep(&rows, 3, tx->arena);
    new->body_id = db_get_keep(&rows, 4, tx->arena);
    new->policy = db_get_keep(&rows, 5, tx->arena);
    err = delivery_class_parse(db_get_str(&rows, 6), &new->class);
    if (!err)
        err = delivery_state_parse(db_get_str(&rows, 7), state);
    new->resend_of = db_is_null(&rows, 8) ? delivery_id : db_get_int(&rows, 8);
    ended = db_rows_end(&rows);
    return err ? err : ended;
}

enum err outbox_resend(struct tx *tx, const struct outbox_again *again, int64_t *new_id)
{
    struct delivery_new new = {.tenant = again->tenant};
    enum delivery_state state = DELIVERY_DUE;
    enum err err = resend_read(tx, again->delivery_id, &new, &state);

    REQUIRE(tx->is_write);
    if (err)
        return err;
    if (state != DELIVERY_DONE && state != DELIVERY_DEAD)
        return ERR_CONFLICT;
    if (new.class != DELIVERY_SYSTEM)
        new.class = again->class;
    if (str_is_none(again->url))
        err = endpoint_take_turn_of(tx, again->tenant, new.endpoint.endpoint_id, &new.endpoint);
    else
        err = endpoint_take_turn(tx, again->tenant, OUTBOX_KIND_RESEND, again->url, &new.endpoint);
    return err ? err : insert_delivery(tx, &new, new_id);
}
