/* The lines in which endpoints wait for their turn, and the order of deliveries of one key. The law
 * stands in outbox_priv.h. */
#include "store/outbox_priv.h"

/* The deliveries of an endpoint that is no longer active are to be held. */
#define FOLLOW "moving = CASE WHEN state = 'active' THEN moving ELSE 'hold' END"
#define SET(column, value)                                                                         \
    "UPDATE endpoints SET " column " = CASE WHEN state = 'active' THEN " value " END, " FOLLOW     \
    " WHERE tenant = $1 AND endpoint_id = $2"
/* PostgreSQL writes the row in any case, for its lock: a claim that does not see yet what is due
 * would otherwise take the endpoint out of the line. */
#define ENTER(column)                                                                              \
    SET(column, "$3")                                                                              \
    " AND (" column " IS NULL OR " column " > $3)",                                                \
        SET(column, "LEAST(COALESCE(" column ", $3), $3)")
#define FIRST_DUE(line)                                                                            \
    "(SELECT MIN(q.at_us) FROM delivery_queue q WHERE q.line = " line                              \
    " AND q.endpoint_no = endpoints.endpoint_no AND endpoints.state = 'active')"
#define KEY(condition) " FROM deliveries WHERE tenant = $1 AND endpoint_id = $2 AND " condition
#define OPEN_KEY KEY("ordering_key = $3 AND ended_us IS NULL")
#define OPEN_KEY_POSTGRES KEY("open_key = $3")

static const struct db_statement enter[OUTBOX_LINES] = {
    [OUTBOX_FRESH] = {"endpoints_enter_fresh", ENTER("fresh_us")},
    [OUTBOX_RETRY] = {"endpoints_enter_retry", ENTER("retry_us")},
    [OUTBOX_REPLAY] = {"endpoints_enter_replay", ENTER("replay_us")},
};
#define FIRST_FRESH FIRST_DUE("0")
#define FIRST_RETRY FIRST_DUE("1")
#define FIRST_REPLAY FIRST_DUE("2")
#define UP                                                                                         \
    "UPDATE endpoints SET fresh_us = " FIRST_FRESH ", retry_us = " FIRST_RETRY                     \
    ", replay_us = " FIRST_REPLAY ", " FOLLOW " WHERE tenant = $1 AND endpoint_id = $2"
static const struct db_statement up = {"endpoints_line_up", UP, NULL};
#define IS_BUSY(key) "SELECT 1" key " LIMIT 1"
#define HEAD(key)                                                                                  \
    "SELECT delivery_id, attempts, class, state, state_reason" key " ORDER BY sequence LIMIT 1"
static const struct db_statement key_is_busy = {"deliveries_key_is_busy", IS_BUSY(OPEN_KEY),
                                                IS_BUSY(OPEN_KEY_POSTGRES)};
static const struct db_statement key_head = {"deliveries_key_head", HEAD(OPEN_KEY),
                                             HEAD(OPEN_KEY_POSTGRES)};
static const struct db_statement endpoint_now = {
    "endpoints_now", "SELECT state, lane FROM endpoints WHERE tenant = $1 AND endpoint_id = $2",
    "SELECT state, lane FROM endpoints WHERE tenant = $1 AND endpoint_id = $2 FOR UPDATE"};
/* It is held as before, only for another reason. */
static const struct db_statement held_for = {
    "deliveries_held_for",
    "UPDATE deliveries SET state_reason = $2 WHERE delivery_id = $1 AND state = 'held'", NULL};

enum outbox_line outbox_line_of(enum delivery_class class, int64_t attempts)
{
    if (class == DELIVERY_REPLAY)
        return OUTBOX_REPLAY;
    return attempts > 0 ? OUTBOX_RETRY : OUTBOX_FRESH;
}

static bool is_said(const struct line_entry *entries, size_t count)
{
    const struct line_entry *entry = &entries[count];

    for (size_t i = 0; i < count; i++)
        if (entries[i].line == entry->line && entries[i].at_us <= entry->at_us &&
            str_eq(entries[i].endpoint.endpoint_id, entry->endpoint.endpoint_id) &&
            str_eq(entries[i].endpoint.tenant, entry->endpoint.tenant))
            return true;
    return false;
}

enum err line_enter(struct tx *tx, const struct line_entry *entries, size_t count)
{
    struct db_value *args = ARENA_ARRAY(tx->arena, struct db_value, count * 3 + 1);
    enum err err = OK;

    REQUIRE(tx->is_write);
    for (int line = 0; !err && line < OUTBOX_LINES; line++) {
        size_t n = 0;

        for (size_t i = 0; i < count; i++) {
            if ((int)entries[i].line != line || is_said(entries, i))
                continue;
            args[n * 3] = db_text(entries[i].endpoint.tenant);
            args[n * 3 + 1] = db_text(entries[i].endpoint.endpoint_id);
            args[n++ * 3 + 2] = db_int(entries[i].at_us);
        }
        if (n)
            err = db_run_many(tx->db, &enter[line], args, 3, n);
    }
    return err;
}

enum err line_up(struct tx *tx, struct endpoint_key endpoint)
{
    REQUIRE(tx->is_write);
    return db_run(tx->db, &up, DB_ARGS(db_text(endpoint.tenant), db_text(endpoint.endpoint_id)),
                  NULL);
}

/* ---- order ---- */

enum err order_is_busy(struct tx *tx, struct endpoint_key endpoint, struct str ordering_key,
                       bool *is_busy)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(
        tx->db, &key_is_busy,
        DB_ARGS(db_text(endpoint.tenant), db_text(endpoint.endpoint_id), db_text(ordering_key)),
        &rows);

    *is_busy = err == OK;
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    return db_rows_end(&rows);
}

struct head {
    int64_t delivery_id, attempts;
    enum delivery_class class;
    bool waits; /* only for its turn */
};

static enum err head_find(struct tx *tx, struct endpoint_key endpoint, struct str ordering_key,
                          struct head *head)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(
        tx->db, &key_head,
        DB_ARGS(db_text(endpoint.tenant), db_text(endpoint.endpoint_id), db_text(ordering_key)),
        &rows);
    enum err ended;

    if (err)
        return err;
    head->delivery_id = db_get_int(&rows, 0);
    head->attempts = db_get_int(&rows, 1);
    err = delivery_class_parse(db_get_str(&rows, 2), &head->class);
    head->waits = str_eq(db_get_str(&rows, 3), delivery_state_name(DELIVERY_HELD)) &&
                  str_eq(db_get_str(&rows, 4), HELD_ORDER);
    ended = db_rows_end(&rows);
    return err ? err : ended;
}

static enum err head_release(struct tx *tx, struct endpoint_key endpoint, const struct head *head)
{
    struct delivery_move move = {.delivery_id = head->delivery_id,
                                 .from = DELIVERY_HELD,
                                 .to = DELIVERY_DUE,
                                 .next_us = tx->now_us};
    struct line_entry entry = {endpoint, outbox_line_of(head->class, head->attempts), tx->now_us};
    enum err err = delivery_move(tx, &move, 1);

    return err ? err : line_enter(tx, &entry, 1);
}

enum err order_pass(struct tx *tx, struct endpoint_key endpoint, struct str ordering_key)
{
    struct db_rows rows = {0};
    struct head head = {0};
    struct str state;
    enum err err;

    REQUIRE(tx->is_write);
    /* Its lock first: who adds one of this key right now must not overlook that this one ended. */
    err = db_query_one(tx->db, &endpoint_now,
                       DB_ARGS(db_text(endpoint.tenant), db_text(endpoint.endpoint_id)), &rows);
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    state = db_get_keep(&rows, 0, tx->arena);
    tx_notify(tx, TOPIC_DELIVERY_DUE, db_get_str(&rows, 1));
    err = db_rows_end(&rows);
    if (!err)
        err = head_find(tx, endpoint, ordering_key, &head);
    if (err || !head.waits)
        return err == ERR_NOT_FOUND ? OK : err;
    if (!str_eq(state, endpoint_state_name(ENDPOINT_ACTIVE)))
        return db_run(tx->db, &held_for, DB_ARGS(db_int(head.delivery_id), db_text(state)), NULL);
    return head_release(tx, endpoint, &head);
}
