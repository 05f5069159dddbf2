/* The outbox's rows: how they come to be. outbox_move.c says what becomes of them. */
#include "store/outbox.h"

#include "base/uuid.h"
#include "store/delivery_feed.h"
#include "store/endpoints.h"
#include "store/log_size.h"
#include "store/outbox_priv.h"
#include "store/sequence.h"
#include "store/store_metrics.h"

static const struct db_statement body_insert = {
    "bodies_insert",
    "INSERT INTO bodies (delivery_id, tenant, content_type, bytes) VALUES ($1, $2, $3, $4)", NULL};
/* SQLite's rows have so much room from the start as their end takes: no page must be split for it.
 */
#define DELIVERY_INSERT(column, value)                                                             \
    "INSERT INTO deliveries (delivery_id, tenant, endpoint_id, origin, webhook_id, kind,"          \
    " object_id, policy, state, state_reason, attempts, created_us, updated_us, resend_of,"        \
    " sequence, ordering_key, class, expires_us, traceparent, replay_id, next_us" column           \
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $11, $12, $13, $14, $15, $16,"     \
    " $17, $18, $19" value ")"
static const struct db_statement delivery_insert = {
    "deliveries_insert", DELIVERY_INSERT(", room", ", x'000000000000000000000000'"),
    DELIVERY_INSERT("", "")};
static const struct db_statement queue_insert = {
    "delivery_queue_insert",
    "INSERT INTO delivery_queue (delivery_id, endpoint_no, line, at_us) VALUES ($1, $2, $3, $4)",
    NULL};
static const struct db_statement delivery_select = {
    "deliveries_for_resend",
    "SELECT d.endpoint_id, d.webhook_id, d.kind, d.object_id, d.policy, d.class,"
    " d.state, d.resend_of, d.traceparent, e.state FROM deliveries d JOIN endpoints e"
    " ON e.tenant = d.tenant AND e.endpoint_id = d.endpoint_id"
    " WHERE d.tenant = $1 AND d.delivery_id = $2",
    NULL};

/* ---- names ---- */

static const char *const state_names[DELIVERY_STATE_COUNT] = {"due", "sending", "held", "done",
                                                              "dead"};

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

/* ---- new rows ---- */

struct delivery_new {
    struct str tenant, webhook_id, kind, object_id, policy, ordering_key, traceparent;
    struct str replay_id;
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
static enum err enter(struct tx *tx, const struct delivery_new *new, int64_t delivery_id)
{
    enum outbox_line line = outbox_line_of(new->class, 0);
    int64_t stands_us = line == OUTBOX_REPLAY ? new->endpoint.replay_us : new->endpoint.fresh_us;
    struct line_entry entry = {{new->tenant, new->endpoint.endpoint_id}, line, tx->now_us};
    enum err err = db_run(tx->db, &queue_insert,
                          DB_ARGS(db_int(delivery_id), db_int(new->endpoint.endpoint_no),
                                  db_int(line), db_int(tx->now_us)),
                          NULL);

    tx_notify(tx, TOPIC_DELIVERY_DUE, new->endpoint.lane);
    return err || stands_us ? err : line_enter(tx, &entry, 1);
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
                         db_text(new->object_id), db_text(new->policy),
                         db_text(delivery_state_name(is_held ? DELIVERY_HELD : DELIVERY_DUE)),
                         db_text(held_for), db_int(tx->now_us), db_int_or_null(new->resend_of),
                         db_int(endpoint->sequence), db_text(new->ordering_key),
                         db_text(delivery_class_name(new->class)),
                         lives_us ? db_int(tx->now_us + lives_us) : db_null(),
                         db_text(new->traceparent), db_text(new->replay_id),
                         is_held ? db_null() : db_int(tx->now_us)),
                 NULL);
    log_grow(tx, LOG_DELIVERY, 1, 0);
    if (!new->resend_of)
        tx_count(tx, &store_ingest_events,
                 ingest_series(new->tenant, is_held ? INGEST_HELD : INGEST_ACCEPTED), 1);
    if (!err && !is_held)
        err = enter(tx, new, *delivery_id);
    if (err)
        return err;
    return delivery_feed_add(
        tx, &(struct delivery_change){*delivery_id, 0, is_held ? DELIVERY_HELD : DELIVERY_DUE}, 1);
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
    enum err err;

    REQUIRE(tx->is_write && event->tenant.data && event->body.data);
    *new = (struct delivery_new){.tenant = event->tenant,
                                 .kind = event->kind,
                                 .object_id = event->object_id,
                                 .policy = event->policy,
                                 .ordering_key = event->ordering_key,
                                 .traceparent = event->traceparent,
                                 .class = event->class};
    new->webhook_id = webhook_id_make(tx);
    if (str_is_none(event->endpoint_id))
        err = endpoint_take_turn(tx, event->tenant, event->kind, event->url, &new->endpoint);
    else
        err = endpoint_take_turn_of(tx, event->tenant, event->endpoint_id, &new->endpoint);
    if (!err)
        err = insert_delivery(tx, new, delivery_id);
    log_grow(tx, LOG_BODY, 1, (int64_t)event->body.len);
    return err ? err
               : db_run(tx->db, &body_insert,
                        DB_ARGS(db_int(*delivery_id), db_text(event->tenant),
                                db_text(event->content_type), db_blob(event->body)),
                        NULL);
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

/* ---- again ---- */

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
    new->policy = db_get_keep(&rows, 4, tx->arena);
    err = delivery_class_parse(db_get_str(&rows, 5), &new->class);
    if (!err)
        err = delivery_state_parse(db_get_str(&rows, 6), state);
    new->resend_of = db_is_null(&rows, 7) ? delivery_id : db_get_int(&rows, 7);
    new->traceparent = db_get_keep(&rows, 8, tx->arena);
    if (!err)
        err = endpoint_state_parse(db_get_str(&rows, 9), &new->endpoint.state);
    ended = db_rows_end(&rows);
    return err ? err : ended;
}

enum err outbox_resend(struct tx *tx, const struct outbox_again *again, int64_t *new_id)
{
    struct delivery_new new = {.tenant = again->tenant, .replay_id = again->replay_id};
    enum delivery_state state = DELIVERY_DUE;
    enum err err = resend_read(tx, again->delivery_id, &new, &state);

    REQUIRE(tx->is_write);
    if (err)
        return err;
    if (state != DELIVERY_DONE && state != DELIVERY_DEAD)
        return ERR_CONFLICT;
    if (str_is_none(again->url) && new.endpoint.state == ENDPOINT_DELETED)
        return ERR_DENIED;
    if (new.class != DELIVERY_SYSTEM)
        new.class = again->class;
    if (str_is_none(again->url))
        err = endpoint_take_turn_of(tx, again->tenant, new.endpoint.endpoint_id, &new.endpoint);
    else
        err = endpoint_take_turn(tx, again->tenant, OUTBOX_KIND_RESEND, again->url, &new.endpoint);
    return err ? err : insert_delivery(tx, &new, new_id);
}
