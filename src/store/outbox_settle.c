/* Writes down what became of attempts, and what that tells of their endpoints; gives back what
 * nobody sends any more. */
#include "store/outbox_priv.h"

#include "store/outbox_notice.h"
#include "store/store_metrics.h"

/* A failing endpoint rests for as long as it has failed already, within these. */
#define REST_US_MIN (5 * US_PER_SECOND)
#define REST_US_MAX (300 * US_PER_SECOND)

static const struct db_statement endpoint_failed = {
    "endpoints_failed",
    "UPDATE endpoints SET failures = failures + $3,"
    " failing_since_us = COALESCE(failing_since_us, CAST($4 AS BIGINT))"
    " WHERE tenant = $1 AND endpoint_id = $2 RETURNING failures, failing_since_us",
    NULL};
static const struct db_statement endpoint_rest = {
    "endpoints_rest",
    "UPDATE endpoints SET rest_until_us = CAST($3 AS BIGINT) WHERE tenant = $1 AND endpoint_id = $2"
    " AND (rest_until_us IS NULL OR rest_until_us < $3)",
    NULL};
static const struct db_statement endpoint_well = {
    "endpoints_well",
    "UPDATE endpoints SET failures = 0, failing_since_us = NULL, rest_until_us = NULL,"
    " told_us = NULL WHERE tenant = $1 AND endpoint_id = $2",
    NULL};
static const struct db_statement endpoint_told = {
    "endpoints_told", "UPDATE endpoints SET told_us = $3 WHERE tenant = $1 AND endpoint_id = $2",
    NULL};
static const struct db_statement endpoint_was_told = {
    "endpoints_was_told", "SELECT told_us FROM endpoints WHERE tenant = $1 AND endpoint_id = $2",
    NULL};

static struct endpoint_key key_of(const struct outbox_claimed *row)
{
    return (struct endpoint_key){row->tenant, row->endpoint_id};
}

/* ---- what is said of endpoints ---- */

static enum err disable(struct tx *tx, const struct outbox_rules *rules,
                        const struct outbox_claimed *row, struct str reason)
{
    struct endpoint_row endpoint;
    enum err err = endpoint_get(tx, row->tenant, row->endpoint_id, tx->arena, &endpoint);

    if (err || endpoint.state == ENDPOINT_DISABLED)
        return err == ERR_NOT_FOUND ? OK : err;
    err = endpoint_set_state(tx, row->tenant, row->endpoint_id, ENDPOINT_DISABLED, reason);
    if (!err)
        err = db_run(tx->db, &endpoint_told,
                     DB_ARGS(db_text(row->tenant), db_text(row->endpoint_id), db_int(tx->now_us)),
                     NULL);
    endpoint.state = ENDPOINT_DISABLED;
    endpoint.state_reason = reason;
    return err ? err : notice_of_endpoint(tx, rules, NOTICE_ENDPOINT_DISABLED, &endpoint);
}

static enum err rest(struct tx *tx, const struct outbox_claimed *row, int64_t until_us)
{
    return db_run(tx->db, &endpoint_rest,
                  DB_ARGS(db_text(row->tenant), db_text(row->endpoint_id), db_int(until_us)), NULL);
}

static enum err note_failures(struct tx *tx, const struct outbox_rules *rules,
                              const struct outbox_claimed *row, int64_t count, int64_t hard)
{
    struct db_rows rows = {0};
    int64_t failures, failed_us;
    enum err err = db_query_one(
        tx->db, &endpoint_failed,
        DB_ARGS(db_text(row->tenant), db_text(row->endpoint_id), db_int(count), db_int(tx->now_us)),
        &rows);

    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    failures = db_get_int(&rows, 0);
    failed_us = tx->now_us - db_get_int(&rows, 1);
    err = db_rows_end(&rows);
    if (!err && rules->rest_after && hard && failures >= rules->rest_after) {
        int64_t rest_us = failed_us < REST_US_MIN ? REST_US_MIN : failed_us;

        err = rest(tx, row, tx->now_us + (rest_us < REST_US_MAX ? rest_us : REST_US_MAX));
    }
    if (!err && rules->disable_after_us && failed_us >= rules->disable_after_us)
        err = disable(tx, rules, row, STR("failing"));
    return err;
}

static enum err note_well(struct tx *tx, const struct outbox_rules *rules,
                          const struct outbox_claimed *row)
{
    const struct db_value args[] = {db_text(row->tenant), db_text(row->endpoint_id)};
    struct endpoint_row endpoint;
    struct db_rows rows = {0};
    bool was_told;
    enum err err = db_query_one(tx->db, &endpoint_was_told, args, 2, &rows);

    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    was_told = !db_is_null(&rows, 0);
    err = db_rows_end(&rows);
    if (!err)
        err = db_run(tx->db, &endpoint_well, args, 2, NULL);
    if (!err && was_told)
        err = endpoint_get(tx, row->tenant, row->endpoint_id, tx->arena, &endpoint);
    if (!err && was_told)
        err = notice_of_endpoint(tx, rules, NOTICE_ENDPOINT_RECOVERED, &endpoint);
    return err;
}

/* All that the outcomes say of this one's endpoint; a success weighs more than failures. */
static enum err hear(struct tx *tx, const struct outbox_rules *rules,
                     const struct outbox_outcome *outcomes, size_t count,
                     const struct outbox_claimed *row)
{
    int64_t failed = 0, hard = 0, rest_until_us = 0;
    bool is_well = false, is_gone = false, was_unwell = false;
    enum err err = OK;

    for (size_t i = 0; i < count; i++) {
        const struct outbox_outcome *o = &outcomes[i];

        if (!str_eq(o->row->endpoint_id, row->endpoint_id) || !str_eq(o->row->tenant, row->tenant))
            continue;
        failed += o->news == ENDPOINT_FAILED;
        hard += o->news == ENDPOINT_FAILED && o->is_hard;
        is_well = is_well || o->news == ENDPOINT_WELL;
        is_gone = is_gone || o->news == ENDPOINT_GONE;
        was_unwell = was_unwell || o->row->is_unwell;
        if (o->rest_until_us > rest_until_us)
            rest_until_us = o->rest_until_us;
    }
    if (is_well && was_unwell)
        err = note_well(tx, rules, row);
    else if (failed && !is_well)
        err = note_failures(tx, rules, row, failed, hard);
    if (!err && rest_until_us)
        err = rest(tx, row, rest_until_us);
    if (!err && is_gone)
        err = disable(tx, rules, row, STR("gone"));
    return err;
}

static bool has_news(const struct outbox_outcome *outcome)
{
    return outcome->news == ENDPOINT_FAILED || outcome->news == ENDPOINT_GONE ||
           outcome->rest_until_us || (outcome->news == ENDPOINT_WELL && outcome->row->is_unwell);
}

static bool is_heard(const struct outbox_outcome *outcomes, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (has_news(&outcomes[i]) &&
            str_eq(outcomes[i].row->endpoint_id, outcomes[index].row->endpoint_id) &&
            str_eq(outcomes[i].row->tenant, outcomes[index].row->tenant))
            return true;
    return false;
}

static enum err hear_all(struct tx *tx, const struct outbox_rules *rules,
                         const struct outbox_outcome *outcomes, size_t count)
{
    enum err err = OK;

    for (size_t i = 0; !err && i < count; i++) {
        if (has_news(&outcomes[i]) && !is_heard(outcomes, i))
            err = hear(tx, rules, outcomes, count, outcomes[i].row);
        if (!err && outcomes[i].to == DELIVERY_DEAD)
            err = notice_of_delivery(tx, rules, &outcomes[i]);
    }
    return err;
}

/* ---- who goes next ---- */

/* What is due again stands in line; who waited for this one's end, or for its place, may go. */
static enum err let_go(struct tx *tx, const struct outbox_outcome *outcomes,
                       const struct delivery_move *moves, size_t count)
{
    struct line_entry *entries = ARENA_ARRAY(tx->arena, struct line_entry, count + 1);
    size_t n = 0;
    enum err err;

    for (size_t i = 0; i < count; i++)
        if (moves[i].to == DELIVERY_DUE)
            entries[n++] = (struct line_entry){
                key_of(outcomes[i].row),
                outbox_line_of(outcomes[i].row->class,
                               outcomes[i].row->attempts - outcomes[i].is_untried),
                moves[i].next_us};
    err = line_enter(tx, entries, n);
    for (size_t i = 0; !err && i < count; i++) {
        const struct outbox_claimed *row = outcomes[i].row;

        if (moves[i].to != DELIVERY_DUE && !str_is_none(row->ordering_key))
            err = order_pass(tx, key_of(row), row->ordering_key);
        if (!err && row->is_limited)
            err = line_up(tx, key_of(row));
    }
    return err;
}

/* ---- settle ---- */

static struct delivery_move move_of(const struct outbox_outcome *outcome)
{
    return (struct delivery_move){.delivery_id = outcome->row->delivery_id,
                                  .from = DELIVERY_SENDING,
                                  .from_attempt_id = outcome->row->attempt_id,
                                  .to = outcome->to,
                                  .is_untried = outcome->is_untried,
                                  .reason = outcome->reason,
                                  .next_us = outcome->next_us,
                                  .result = outcome->is_untried ? STR_NONE : outcome->result,
                                  .status = outcome->status};
}

static enum err write_down(struct tx *tx, const struct outbox_outcome *outcomes,
                           struct delivery_move *moves, size_t count)
{
    bool all_moved = false;
    enum err err;

    for (size_t i = 0; i < count; i++) {
        REQUIRE(!outcomes[i].is_untried || outcomes[i].to == DELIVERY_DUE);
        moves[i] = move_of(&outcomes[i]);
    }
    err = cancelled_move(tx, moves, count);
    if (!err)
        err = delivery_move_all(tx, moves, count, &all_moved);
    return err ? err : attempts_end(tx, outcomes, count, all_moved);
}

enum err outbox_settle(struct tx *tx, const struct outbox_rules *rules,
                       const struct outbox_outcome *outcomes, size_t count)
{
    struct delivery_move *moves = ARENA_ARRAY(tx->arena, struct delivery_move, count + 1);
    enum err err = write_down(tx, outcomes, moves, count);

    if (!err)
        err = let_go(tx, outcomes, moves, count);
    if (!err)
        err = lock_endpoints(tx, outcomes, count);
    return err ? err : hear_all(tx, rules, outcomes, count);
}

/* ---- recover ---- */

#define LOST                                                                                       \
    "SELECT d.delivery_id, s.attempt_id, d.tenant, d.endpoint_id, d.ordering_key"                  \
    " FROM delivery_sending s JOIN deliveries d ON d.delivery_id = s.delivery_id"                  \
    " WHERE s.node = $1 OR (CAST($1 AS TEXT) IS NULL AND s.until_us < $2)"                         \
    " ORDER BY s.until_us LIMIT CAST($3 AS BIGINT)"

static const struct db_statement select_lost = {"deliveries_lost", LOST,
                                                LOST " FOR UPDATE OF s SKIP LOCKED"};
/* One that was cancelled meanwhile is dead: then the next of its key may go. */
static enum err pass_all(struct tx *tx, const struct delivery_move *moves,
                         const struct endpoint_key *keys, const struct str *ordering_keys,
                         size_t count)
{
    enum err err = OK;

    for (size_t i = 0; !err && i < count; i++)
        if (moves[i].to == DELIVERY_DEAD && !str_is_none(ordering_keys[i]))
            err = order_pass(tx, keys[i], ordering_keys[i]);
    return err;
}

static enum err line_up_all(struct tx *tx, const struct endpoint_key *keys, size_t count)
{
    enum err err = OK;

    for (size_t i = 0; !err && i < count; i++) {
        bool is_done = false;

        for (size_t j = 0; j < i && !is_done; j++)
            is_done = str_eq(keys[i].endpoint_id, keys[j].endpoint_id) &&
                      str_eq(keys[i].tenant, keys[j].tenant);
        if (!is_done)
            err = line_up(tx, keys[i]);
    }
    return err;
}

enum err outbox_recover(struct tx *tx, struct str node, size_t limit, size_t *count)
{
    struct delivery_move *moves = ARENA_ARRAY(tx->arena, struct delivery_move, limit + 1);
    struct endpoint_key *keys = ARENA_ARRAY(tx->arena, struct endpoint_key, limit + 1);
    struct str *ordering_keys = ARENA_ARRAY(tx->arena, struct str, limit + 1);
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err =
        db_query(tx->db, &select_lost,
                 DB_ARGS(db_text(node), db_int(tx->now_us), db_int((int64_t)limit)), &rows);

    REQUIRE(tx->is_write);
    if (err)
        return err;
    for (; n < limit && db_next(&rows); n++) {
        moves[n] = (struct delivery_move){.delivery_id = db_get_int(&rows, 0),
                                          .from = DELIVERY_SENDING,
                                          .from_attempt_id = db_get_int(&rows, 1),
                                          .to = DELIVERY_DUE,
                                          .next_us = tx->now_us,
                                          .result = STR("unknown")};
        keys[n] = (struct endpoint_key){db_get_keep(&rows, 2, tx->arena),
                                        db_get_keep(&rows, 3, tx->arena)};
        ordering_keys[n] = db_get_keep(&rows, 4, tx->arena);
    }
    err = db_rows_end(&rows);
    if (!err)
        err = attempts_lose(tx, moves, n);
    if (!err)
        err = cancelled_move(tx, moves, n);
    if (!err)
        err = delivery_move(tx, moves, n);
    if (!err)
        err = pass_all(tx, moves, keys, ordering_keys, n);
    if (!err)
        err = line_up_all(tx, keys, n);
    if (!err && n)
        tx_notify(tx, TOPIC_DELIVERY_DUE, STR_NONE);
    tx_count(tx, &store_duplicates, DUPLICATE_LEASE, n);
    *count = n;
    return err;
}
