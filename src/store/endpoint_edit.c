/* Changing the table endpoints: how rows come to be, by hand or at the first delivery to a URL,
 * what they are told, and their states. */
#include "store/endpoints.h"

#include "base/uuid.h"
#include "format/url.h"
#include "store/outbox_priv.h"
#include "store/sequence.h"

#define ORIGIN_BYTES_MAX 512
#define TURN                                                                                       \
    " RETURNING endpoint_id, origin, lane, state, ordering, expires_after_s, next_sequence - 1, "  \
    "fresh_us, replay_us, endpoint_no"

/* Its id is made of its URL, so that the primary key finds it. */
static const struct uuid endpoint_name_space = {.bytes = {0x8e, 0x1c, 0x5b, 0x40, 0x2f, 0x6d, 0x4a,
                                                          0x37, 0x9b, 0x10, 0x7d, 0xc2, 0x53, 0xe8,
                                                          0x04, 0xa6}};

static const struct db_statement insert_one = {
    "endpoints_insert",
    "INSERT INTO endpoints (tenant, endpoint_id, kind, url, origin, lane, state, created_us,"
    " updated_us, name, policy, rate_limit, rate_burst, in_flight_max, ordering, expires_after_s,"
    " endpoint_no)"
    " VALUES ($1, $2, $3, $4, $5, $6, 'active', $7, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
    " ON CONFLICT (tenant, endpoint_id) DO UPDATE SET state = 'active', created_us = $7,"
    " updated_us = $7, name = $8, policy = $9, rate_limit = $10, rate_burst = $11,"
    " in_flight_max = $12, ordering = $13, expires_after_s = $14 WHERE endpoints.state = 'deleted'",
    NULL};
static const struct db_statement update_one = {
    "endpoints_update",
    "UPDATE endpoints SET name = $3, policy = $4, rate_limit = $5, rate_burst = $6,"
    " in_flight_max = $7, ordering = $8, expires_after_s = $9, updated_us = $10"
    " WHERE tenant = $1 AND endpoint_id = $2",
    NULL};
/* What is being sent counts from now on, if it did not. */
static const struct db_statement limit_sending = {
    "delivery_sending_limit",
    "UPDATE delivery_sending SET is_limited = 1 WHERE is_limited = 0 AND endpoint_no ="
    " (SELECT endpoint_no FROM endpoints WHERE tenant = $1 AND endpoint_id = $2)",
    NULL};
static const struct db_statement set_active = {
    "endpoints_set_active",
    "UPDATE endpoints SET state = 'active', state_reason = $3, state_since_us = $4, updated_us = "
    "$4,"
    " failing_since_us = NULL, failures = 0, rest_until_us = NULL, moving = 'release'"
    " WHERE tenant = $1 AND endpoint_id = $2",
    NULL};
static const struct db_statement set_inactive = {
    "endpoints_set_inactive",
    "UPDATE endpoints SET state = $3, state_reason = $4, state_since_us = $5, updated_us = $5,"
    " moving = 'hold', fresh_us = NULL, retry_us = NULL, replay_us = NULL"
    " WHERE tenant = $1 AND endpoint_id = $2",
    NULL};
static const struct db_statement has_backlog = {
    "endpoints_has_backlog",
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM deliveries WHERE tenant = $1 AND endpoint_id = $2 AND"
    " state IN ('due', 'held')) THEN 1 ELSE 0 END FROM endpoints"
    " WHERE tenant = $1 AND endpoint_id = $2 AND state <> 'deleted'",
    NULL};
static const struct db_statement forget = {
    "endpoints_forget",
    "UPDATE endpoints SET name = NULL, policy = NULL, rate_limit = NULL, rate_burst = NULL,"
    " in_flight_max = NULL, ordering = 'none', expires_after_s = NULL, failing_since_us = NULL,"
    " failures = 0, rest_until_us = NULL, rate_next_us = NULL, told_us = NULL,"
    " secrets_version = CASE WHEN secrets_version > 0 THEN secrets_version + 1 ELSE 0 END"
    " WHERE tenant = $1 AND endpoint_id = $2",
    NULL};
static const struct db_statement forget_secrets = {
    "secrets_forget", "DELETE FROM secrets WHERE tenant = $1 AND endpoint_id = $2", NULL};
static const struct db_statement turn_or_insert = {
    "endpoints_turn_or_insert",
    "INSERT INTO endpoints (tenant, endpoint_id, kind, url, origin, lane, state, created_us,"
    " updated_us, endpoint_no, next_sequence)"
    " VALUES ($1, $2, $3, $4, $5, $6, 'active', $7, $7, $8, 2)"
    " ON CONFLICT (tenant, endpoint_id) DO UPDATE SET next_sequence = endpoints.next_sequence + 1,"
    " state = CASE WHEN endpoints.state = 'deleted' THEN 'active' ELSE endpoints.state END" TURN,
    NULL};
static const struct db_statement turn_here = {
    "endpoints_turn_here",
    "UPDATE endpoints SET next_sequence = next_sequence + 1,"
    " state = CASE WHEN state = 'deleted' THEN 'active' ELSE state END"
    " WHERE tenant = $1 AND endpoint_id = $2" TURN,
    NULL};
static const struct db_statement turn = {"endpoints_turn",
                                         "UPDATE endpoints SET next_sequence = next_sequence + 1"
                                         " WHERE tenant = $1 AND endpoint_id = $2" TURN,
                                         NULL};

/* ---- for the outbox ---- */

static struct str origin_of(struct arena *arena, struct str url_text)
{
    struct str origin;
    const char *why = NULL;
    struct url url = {0};
    struct buf text;

    if (url_parse(arena, url_text, &url, &why))
        return OUTBOX_ORIGIN_NONE;
    if (url.is_relative)
        return OUTBOX_ORIGIN_SELF;
    buf_init(&text, ORIGIN_BYTES_MAX);
    url_write_origin(&text, &url);
    origin = buf_keep(&text, arena);
    return str_is_none(origin) ? OUTBOX_ORIGIN_NONE : origin;
}

static struct str id_of(struct arena *arena, struct str tenant, struct str kind, struct str url,
                        struct str owner)
{
    struct str parts[] = {tenant, STR("\n"), kind, STR("\n"), url, STR("\n"), owner};
    size_t count = str_is_none(owner) ? ARRAY_LEN(parts) - 2 : ARRAY_LEN(parts);
    struct uuid id = uuid_v5(endpoint_name_space, arena_concat(arena, parts, count));
    struct uuid_text text;

    return arena_str(arena, uuid_write(id, &text));
}

static enum err endpoint_number(struct tx *tx, int64_t *endpoint_no)
{
    return sequence_next(tx, STR("endpoint"), 1, endpoint_no);
}

static enum err turn_read(struct tx *tx, struct db_rows *rows, struct endpoint_turn *found)
{
    struct endpoint_turn row = {
        .endpoint_id = db_get_keep(rows, 0, tx->arena),
        .origin = db_get_keep(rows, 1, tx->arena),
        .lane = db_get_keep(rows, 2, tx->arena),
        .is_fifo = str_eq(db_get_str(rows, 4), STR("fifo")),
        .expires_after_s = db_get_int(rows, 5),
        .sequence = db_get_int(rows, 6),
        .fresh_us = db_get_int(rows, 7),
        .replay_us = db_get_int(rows, 8),
        .endpoint_no = db_get_int(rows, 9),
    };
    enum err err = endpoint_state_parse(db_get_str(rows, 3), &row.state);
    enum err ended = db_rows_end(rows);

    if (!err && !ended)
        *found = row;
    return err ? err : ended;
}

static struct str lane_of(struct arena *arena, struct str origin, struct str tenant)
{
    struct str parts[] = {origin, STR(" "), tenant};

    return arena_concat(arena, parts, ARRAY_LEN(parts));
}

/* The first of its URL; another node may just have made it. */
static enum err make_and_turn(struct tx *tx, struct endpoint_key key, struct str kind,
                              struct str url, struct endpoint_turn *found)
{
    struct str origin = origin_of(tx->arena, url);
    struct db_rows rows = {0};
    int64_t endpoint_no;
    enum err err = endpoint_number(tx, &endpoint_no);

    if (!err)
        err = db_query_one(tx->db, &turn_or_insert,
                           DB_ARGS(db_text(key.tenant), db_text(key.endpoint_id), db_text(kind),
                                   db_text(url), db_text(origin),
                                   db_text(lane_of(tx->arena, origin, key.tenant)),
                                   db_int(tx->now_us), db_int(endpoint_no)),
                           &rows);
    return err ? err : turn_read(tx, &rows, found);
}

enum err endpoint_take_turn(struct tx *tx, struct str tenant, struct str kind, struct str url,
                            struct endpoint_turn *found)
{
    struct endpoint_key key = {tenant, id_of(tx->arena, tenant, kind, url, STR_NONE)};
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &turn_here, DB_ARGS(db_text(tenant), db_text(key.endpoint_id)), &rows);

    if (err == ERR_NOT_FOUND)
        return make_and_turn(tx, key, kind, url, found);
    return err ? err : turn_read(tx, &rows, found);
}

enum err endpoint_take_turn_of(struct tx *tx, struct str tenant, struct str endpoint_id,
                               struct endpoint_turn *found)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &turn, DB_ARGS(db_text(tenant), db_text(endpoint_id)), &rows);

    return err ? err : turn_read(tx, &rows, found);
}

/* ---- changing, by hand ---- */

static struct str ordering_of(const struct endpoint_row *endpoint)
{
    return endpoint->is_fifo ? STR("fifo") : STR("none");
}

static struct db_value rate_of(const struct endpoint_row *endpoint)
{
    return endpoint->rate_limit > 0 ? db_double(endpoint->rate_limit) : db_null();
}

enum err endpoint_add(struct tx *tx, struct endpoint_row *e)
{
    int64_t changed = 0, endpoint_no;
    enum err err = endpoint_number(tx, &endpoint_no);

    REQUIRE(tx->is_write && e->tenant.data && e->kind.data && e->url.len > 0);
    if (err)
        return err;
    e->endpoint_id = id_of(tx->arena, e->tenant, e->kind, e->url, e->owner);
    e->origin = origin_of(tx->arena, e->url);
    err = db_run(
        tx->db, &insert_one,
        DB_ARGS(db_text(e->tenant), db_text(e->endpoint_id), db_text(e->kind), db_text(e->url),
                db_text(e->origin), db_text(lane_of(tx->arena, e->origin, e->tenant)),
                db_int(tx->now_us), db_text(e->name), db_text(e->policy), rate_of(e),
                db_int_or_null(e->rate_burst), db_int_or_null(e->in_flight_max),
                db_text(ordering_of(e)), db_int_or_null(e->expires_after_s), db_int(endpoint_no)),
        &changed);
    if (err)
        return err;
    e->state = ENDPOINT_ACTIVE;
    e->next_sequence = 1;
    e->created_us = e->updated_us = tx->now_us;
    return changed ? OK : ERR_CONFLICT;
}

void endpoint_tell_alike(struct endpoint_row *endpoint, const struct endpoint_row *before)
{
    endpoint->policy = before->policy;
    endpoint->rate_limit = before->rate_limit;
    endpoint->rate_burst = before->rate_burst;
    endpoint->in_flight_max = before->in_flight_max;
    endpoint->is_fifo = before->is_fifo;
    endpoint->expires_after_s = before->expires_after_s;
}

enum err endpoint_update(struct tx *tx, const struct endpoint_row *e)
{
    const struct db_value key[] = {db_text(e->tenant), db_text(e->endpoint_id)};
    int64_t changed = 0;
    enum err err = db_run(tx->db, &update_one,
                          DB_ARGS(db_text(e->tenant), db_text(e->endpoint_id), db_text(e->name),
                                  db_text(e->policy), rate_of(e), db_int_or_null(e->rate_burst),
                                  db_int_or_null(e->in_flight_max), db_text(ordering_of(e)),
                                  db_int_or_null(e->expires_after_s), db_int(tx->now_us)),
                          &changed);

    REQUIRE(tx->is_write);
    if (err)
        return err;
    if (!changed)
        return ERR_NOT_FOUND;
    tx_notify(tx, TOPIC_DELIVERY_DUE, STR_NONE);
    if (e->in_flight_max)
        err = db_run(tx->db, &limit_sending, key, ARRAY_LEN(key), NULL);
    return err ? err : line_up(tx, (struct endpoint_key){e->tenant, e->endpoint_id});
}

enum err endpoint_set_state(struct tx *tx, struct str tenant, struct str endpoint_id,
                            enum endpoint_state state, struct str reason)
{
    int64_t changed = 0;
    enum err err;

    REQUIRE(tx->is_write && state < ENDPOINT_STATE_COUNT);
    if (state == ENDPOINT_ACTIVE)
        err = db_run(
            tx->db, &set_active,
            DB_ARGS(db_text(tenant), db_text(endpoint_id), db_text(reason), db_int(tx->now_us)),
            &changed);
    else
        err = db_run(tx->db, &set_inactive,
                     DB_ARGS(db_text(tenant), db_text(endpoint_id),
                             db_text(endpoint_state_name(state)), db_text(reason),
                             db_int(tx->now_us)),
                     &changed);
    if (err)
        return err;
    if (!changed)
        return ERR_NOT_FOUND;
    tx_notify(tx, TOPIC_DELIVERY_DUE, STR_NONE);
    return state == ENDPOINT_ACTIVE ? line_up(tx, (struct endpoint_key){tenant, endpoint_id}) : OK;
}

enum err endpoint_delete(struct tx *tx, struct str tenant, struct str endpoint_id, bool is_forced)
{
    const struct db_value args[] = {db_text(tenant), db_text(endpoint_id)};
    struct db_rows rows = {0};
    bool is_busy;
    enum err err = db_query_one(tx->db, &has_backlog, args, 2, &rows);

    REQUIRE(tx->is_write);
    if (err)
        return err;
    is_busy = db_get_int(&rows, 0) != 0;
    err = db_rows_end(&rows);
    if (!err && is_busy && !is_forced)
        return ERR_CONFLICT;
    if (!err)
        err = db_run(tx->db, &forget, args, 2, NULL);
    if (!err)
        err = db_run(tx->db, &forget_secrets, args, 2, NULL);
    return err ? err : endpoint_set_state(tx, tenant, endpoint_id, ENDPOINT_DELETED, STR_NONE);
}
