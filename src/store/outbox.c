/* The outbox's rows: how they come to be, and the one function that changes a delivery's state. */
#include "store/outbox.h"

#include "base/uuid.h"
#include "format/url.h"
#include "store/outbox_priv.h"
#include "store/sequence.h"

#define ENDPOINT_ACTIVE STR("active")
#define ORIGIN_BYTES_MAX 512

/* Endpoints that come from a URL alone have an id made of it, so that the primary key finds them.
 */
static const struct uuid endpoint_name_space = {.bytes = {0x8e, 0x1c, 0x5b, 0x40, 0x2f, 0x6d, 0x4a,
                                                          0x37, 0x9b, 0x10, 0x7d, 0xc2, 0x53, 0xe8,
                                                          0x04, 0xa6}};

static const struct db_statement body_insert = {
    "bodies_insert",
    "INSERT INTO bodies (tenant, body_id, content_type, bytes, created_us) VALUES ($1, $2, $3, $4, "
    "$5)",
    NULL};
static const struct db_statement endpoint_state = {
    "endpoints_state", "SELECT state FROM endpoints WHERE tenant = $1 AND endpoint_id = $2", NULL};
static const struct db_statement endpoint_insert = {
    "endpoints_insert",
    "INSERT INTO endpoints (tenant, endpoint_id, kind, url, origin, state, created_us, updated_us)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $7) ON CONFLICT (tenant, endpoint_id) DO NOTHING",
    NULL};
static const struct db_statement delivery_insert = {
    "deliveries_insert",
    "INSERT INTO deliveries (delivery_id, tenant, endpoint_id, origin, webhook_id, kind, "
    "object_id, body_id,"
    " policy, state, state_reason, attempts, next_us, created_us, updated_us, resend_of)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $13, $13, $14)",
    NULL};
static const struct db_statement delivery_update = {
    "deliveries_move",
    "UPDATE deliveries SET state = $4, state_reason = $5, attempts = $6, next_us = $7, lease_node "
    "= $8,"
    " lease_until_us = $9, attempt_id = $10, updated_us = $11, ended_us = $12"
    " WHERE delivery_id = $1 AND state = $2 AND COALESCE(attempt_id, 0) = $3",
    NULL};
static const struct db_statement delivery_select = {
    "deliveries_for_resend",
    "SELECT endpoint_id, origin, webhook_id, kind, object_id, body_id, policy, state, resend_of"
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

#define MOVE_ARGS 12

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
}

enum err delivery_move(struct tx *tx, const struct delivery_move *moves, size_t count)
{
    struct db_value *args;

    REQUIRE(tx->is_write);
    if (count == 0)
        return OK;
    args = ARENA_ARRAY(tx->arena, struct db_value, count * MOVE_ARGS);
    for (size_t i = 0; i < count; i++) {
        move_check(&moves[i]);
        move_args(tx, &moves[i], &args[i * MOVE_ARGS]);
    }
    return db_run_many(tx->db, &delivery_update, args, MOVE_ARGS, count);
}

/* ---- new rows ---- */

struct delivery_new {
    struct str tenant, endpoint_id, origin, webhook_id, kind, object_id, body_id, policy;
    struct str endpoint_state;
    int64_t resend_of; /* 0: none */
};

static enum err insert_delivery(struct tx *tx, const struct delivery_new *new, int64_t *delivery_id)
{
    bool is_held = !str_eq(new->endpoint_state, ENDPOINT_ACTIVE);
    enum delivery_state state = is_held ? DELIVERY_HELD : DELIVERY_DUE;
    enum err err = sequence_next(tx, STR("delivery"), 1, delivery_id);

    if (err)
        return err;
    err = db_run(tx->db, &delivery_insert,
                 DB_ARGS(db_int(*delivery_id), db_text(new->tenant), db_text(new->endpoint_id),
                         db_text(new->origin), db_text(new->webhook_id), db_text(new->kind),
                         db_text(new->object_id), db_text(new->body_id), db_text(new->policy),
                         db_text(delivery_state_name(state)),
                         db_text(is_held ? new->endpoint_state : STR_NONE),
                         is_held ? db_null() : db_int(tx->now_us), db_int(tx->now_us),
                         db_int_or_null(new->resend_of)),
                 NULL);
    if (!err && !is_held)
        tx_notify(tx, TOPIC_DELIVERY_DUE, new->origin);
    return err;
}

static struct str origin_of(struct arena *arena, struct str url_text)
{
    struct str origin = OUTBOX_ORIGIN_NONE;
    const char *why = NULL;
    struct url url = {0};
    struct buf text;

    if (url_parse(arena, url_text, &url, &why))
        return origin;
    if (url.is_relative)
        return OUTBOX_ORIGIN_SELF;
    buf_init(&text, ORIGIN_BYTES_MAX);
    url_write_origin(&text, &url);
    if (!text.failed)
        origin = arena_str(arena, buf_str(&text));
    buf_release(&text);
    return origin;
}

static struct str endpoint_id_of(struct arena *arena, const struct outbox_event *event)
{
    struct str parts[] = {event->tenant, STR("\n"), event->kind, STR("\n"), event->url};
    struct uuid id = uuid_v5(endpoint_name_space, arena_concat(arena, parts, ARRAY_LEN(parts)));
    struct uuid_text text;

    return arena_str(arena, uuid_write(id, &text));
}

static enum err find_state(struct tx *tx, struct str tenant, struct str endpoint_id,
                           struct str *state)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &endpoint_state,
                                DB_ARGS(db_text(tenant), db_text(endpoint_id)), &rows);

    if (err)
        return err;
    *state = db_get_keep(&rows, 0, tx->arena);
    return db_rows_end(&rows);
}

static enum err endpoint_find_or_add(struct tx *tx, const struct outbox_event *event,
                                     struct delivery_new *new)
{
    enum err err;

    new->endpoint_id = endpoint_id_of(tx->arena, event);
    new->origin = origin_of(tx->arena, event->url);
    err = find_state(tx, event->tenant, new->endpoint_id, &new->endpoint_state);
    if (err != ERR_NOT_FOUND)
        return err;
    new->endpoint_state = ENDPOINT_ACTIVE;
    return db_run(tx->db, &endpoint_insert,
                  DB_ARGS(db_text(event->tenant), db_text(new->endpoint_id), db_text(event->kind),
                          db_text(event->url), db_text(new->origin), db_text(ENDPOINT_ACTIVE),
                          db_int(tx->now_us)),
                  NULL);
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

enum err outbox_add(struct tx *tx, const struct outbox_event *event, struct str *webhook_id)
{
    struct delivery_new new = {.tenant = event->tenant,
                               .kind = event->kind,
                               .object_id = event->object_id,
                               .policy = event->policy};
    struct uuid_text text;
    int64_t delivery_id = 0;
    enum err err;

    REQUIRE(tx->is_write && event->tenant.data && event->body.data && event->url.len > 0);
    new.body_id = arena_str(tx->arena, uuid_write(uuid_v7(tx->rng, tx->now_us), &text));
    new.webhook_id = webhook_id_make(tx);
    err = endpoint_find_or_add(tx, event, &new);
    if (!err)
        err =
            db_run(tx->db, &body_insert,
                   DB_ARGS(db_text(event->tenant), db_text(new.body_id),
                           db_text(event->content_type), db_blob(event->body), db_int(tx->now_us)),
                   NULL);
    if (!err)
        err = insert_delivery(tx, &new, &delivery_id);
    if (!err && webhook_id)
        *webhook_id = new.webhook_id;
    return err;
}

enum err outbox_resend(struct tx *tx, struct str tenant, int64_t delivery_id, int64_t *new_id)
{
    struct delivery_new new = {.tenant = tenant};
    struct db_rows rows = {0};
    enum delivery_state state = DELIVERY_DUE;
    enum err err = db_query_one(tx->db, &delivery_select,
                                DB_ARGS(db_text(tenant), db_int(delivery_id)), &rows);

    REQUIRE(tx->is_write);
    if (err)
        return err;
    new.endpoint_id = db_get_keep(&rows, 0, tx->arena);
    new.origin = db_get_keep(&rows, 1, tx->arena);
    new.webhook_id = db_get_keep(&rows, 2, tx->arena);
    new.kind = db_get_keep(&rows, 3, tx->arena);
    new.object_id = db_get_keep(&rows, 4, tx->arena);
    new.body_id = db_get_keep(&rows, 5, tx->arena);
    new.policy = db_get_keep(&rows, 6, tx->arena);
    err = delivery_state_parse(db_get_str(&rows, 7), &state);
    new.resend_of = db_is_null(&rows, 8) ? delivery_id : db_get_int(&rows, 8);
    if (!err)
        err = db_rows_end(&rows);
    else
        (void)(db_rows_end(&rows) == OK);
    if (!err && state != DELIVERY_DONE && state != DELIVERY_DEAD)
        return ERR_CONFLICT;
    if (!err)
        err = find_state(tx, tenant, new.endpoint_id, &new.endpoint_state);
    return err ? err : insert_delivery(tx, &new, new_id);
}
