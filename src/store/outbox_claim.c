/* What the sender asks of the outbox: what is due where, take it, write down what became of it, and
 * give back what nobody sends any more. */
#include "store/outbox_claim.h"

#include "store/outbox_priv.h"
#include "store/sequence.h"

/* Bodies up to this size come with their row; larger ones are fetched once it is sure that they are
 * taken. */
#define SMALL_BODY "16384"

/* ---- survey ---- */

/* A walk over the distinct origins of a partial index, one seek each, and the first due time of
 * each. */
#define SURVEY(condition)                                                                          \
    "WITH RECURSIVE o(origin) AS (SELECT MIN(origin) FROM deliveries WHERE state = 'due' "         \
    "AND " condition " AND origin > $1 UNION ALL SELECT (SELECT MIN(d.origin) FROM deliveries d "  \
    "WHERE d.state = 'due'"                                                                        \
    " AND d." condition " AND d.origin > o.origin) FROM o WHERE o.origin IS NOT NULL)"             \
    " SELECT o.origin, (SELECT MIN(d.next_us) FROM deliveries d WHERE d.state = 'due' AND "        \
    "d." condition                                                                                 \
    " AND d.origin = o.origin) FROM o WHERE o.origin IS NOT NULL LIMIT CAST($2 AS BIGINT)"

static const struct db_statement survey_half[] = {
    [OUTBOX_FRESH] = {"deliveries_survey_fresh", SURVEY("attempts = 0"), NULL},
    [OUTBOX_RETRY] = {"deliveries_survey_retry", SURVEY("attempts > 0"), NULL},
};
static const struct db_statement first_lease = {
    "deliveries_first_lease", "SELECT MIN(lease_until_us) FROM deliveries WHERE state = 'sending'",
    NULL};

enum err outbox_survey(struct tx *tx, struct outbox_survey *survey, struct arena *arena)
{
    struct outbox_origin *list = ARENA_ARRAY(arena, struct outbox_origin, survey->limit + 1);
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err = db_query(tx->db, &survey_half[survey->half],
                            DB_ARGS(db_text(survey->after), db_int((int64_t)survey->limit)), &rows);

    if (err)
        return err;
    while (n < survey->limit && db_next(&rows)) {
        list[n].origin = db_get_keep(&rows, 0, arena);
        list[n++].next_us = db_get_int(&rows, 1);
    }
    survey->found = list;
    survey->count = n;
    return db_rows_end(&rows);
}

enum err outbox_first_lease(struct tx *tx, int64_t *lease_until_us)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &first_lease, DB_NO_ARGS, &rows);

    if (err)
        return err;
    *lease_until_us = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

/* ---- claim ---- */

#define CLAIM(condition)                                                                           \
    "SELECT d.delivery_id, d.attempts, d.created_us, d.tenant, d.endpoint_id, d.webhook_id, "      \
    "d.kind,"                                                                                      \
    " d.object_id, d.body_id, d.policy, e.url, b.content_type, LENGTH(b.bytes),"                   \
    " CASE WHEN LENGTH(b.bytes) <= " SMALL_BODY " THEN b.bytes END, d.sequence, d.class,"          \
    " e.secrets_version, e.kind"                                                                   \
    " FROM deliveries d"                                                                           \
    " JOIN endpoints e ON e.tenant = d.tenant AND e.endpoint_id = d.endpoint_id"                   \
    " JOIN bodies b ON b.tenant = d.tenant AND b.body_id = d.body_id"                              \
    " WHERE d.state = 'due' AND d." condition " AND d.origin = $1 AND d.next_us <= $2"             \
    " ORDER BY d.next_us, d.delivery_id LIMIT CAST($3 AS BIGINT) OFFSET CAST($4 AS BIGINT)"
#define LOCKED " FOR UPDATE OF d SKIP LOCKED"

static const struct db_statement select_due[] = {
    [OUTBOX_FRESH] = {"deliveries_claim_fresh", CLAIM("attempts = 0"),
                      CLAIM("attempts = 0") LOCKED},
    [OUTBOX_RETRY] = {"deliveries_claim_retry", CLAIM("attempts > 0"),
                      CLAIM("attempts > 0") LOCKED},
};
static const struct db_statement select_body = {
    "bodies_get", "SELECT bytes FROM bodies WHERE tenant = $1 AND body_id = $2", NULL};
static const struct db_statement attempt_insert = {
    "attempts_insert",
    "INSERT INTO attempts (attempt_id, tenant, delivery_id, number, started_us)"
    " VALUES ($1, $2, $3, $4, $5)",
    NULL};
static const struct db_statement next_of_origin = {
    "deliveries_next_of_origin",
    "SELECT (SELECT MIN(next_us) FROM deliveries WHERE state = 'due' AND attempts = 0 AND origin = "
    "$1),"
    " (SELECT MIN(next_us) FROM deliveries WHERE state = 'due' AND attempts > 0 AND origin = $1)",
    NULL};

struct claiming {
    struct tx *tx;
    struct outbox_claim *claim;
    struct arena *arena;
    struct outbox_claimed *list;
    size_t count, bytes;
    bool is_full; /* of bytes */
};

static enum err row_read(const struct db_rows *rows, struct arena *arena,
                         struct outbox_claimed *row)
{
    *row = (struct outbox_claimed){
        .delivery_id = db_get_int(rows, 0),
        .attempts = db_get_int(rows, 1) + 1,
        .created_us = db_get_int(rows, 2),
        .tenant = db_get_keep(rows, 3, arena),
        .endpoint_id = db_get_keep(rows, 4, arena),
        .webhook_id = db_get_keep(rows, 5, arena),
        .kind = db_get_keep(rows, 6, arena),
        .object_id = db_get_keep(rows, 7, arena),
        .body_id = db_get_keep(rows, 8, arena),
        .policy = db_get_keep(rows, 9, arena),
        .url = db_get_keep(rows, 10, arena),
        .content_type = db_get_keep(rows, 11, arena),
        .body = db_get_keep(rows, 13, arena),
        .sequence = db_get_int(rows, 14),
        .secrets_version = db_get_int(rows, 16),
        .is_elsewhere = str_eq(db_get_str(rows, 17), OUTBOX_KIND_RESEND),
    };
    return delivery_class_parse(db_get_str(rows, 15), &row->class);
}

/* Up to `limit` more of one half; `offset` of it are taken already. *got says how many. */
static enum err take(struct claiming *c, size_t origin_index, enum outbox_half half, unsigned limit,
                     unsigned offset, unsigned *got)
{
    struct outbox_claim_origin *origin = &c->claim->origins[origin_index];
    struct db_rows rows = {0};
    enum err err, ended;

    *got = 0;
    if (limit == 0 || c->is_full)
        return OK;
    err = db_query(
        c->tx->db, &select_due[half],
        DB_ARGS(db_text(origin->origin), db_int(c->tx->now_us), db_int(limit), db_int(offset)),
        &rows);
    if (err)
        return err;
    while (!err && *got < limit && db_next(&rows)) {
        size_t bytes = (size_t)db_get_int(&rows, 12);

        c->is_full = c->count > 0 && c->bytes + bytes > c->claim->bytes_max;
        if (c->is_full)
            break;
        err = row_read(&rows, c->arena, &c->list[c->count]);
        c->list[c->count++].origin_index = origin_index;
        c->bytes += bytes;
        origin->taken++;
        ++*got;
    }
    ended = db_rows_end(&rows);
    return err ? err : ended;
}

/* First tries get all places but the retries' share, retries what is then left, first tries the
 * rest. */
static enum err take_origin(struct claiming *c, size_t index)
{
    struct outbox_claim_origin *origin = &c->claim->origins[index];
    unsigned for_fresh = origin->room - origin->retry_share;
    unsigned fresh = 0, retries = 0, more = 0;
    enum err err;

    REQUIRE(origin->retry_share <= origin->room);
    origin->taken = 0;
    err = take(c, index, OUTBOX_FRESH, for_fresh, 0, &fresh);
    if (!err)
        err = take(c, index, OUTBOX_RETRY, origin->room - fresh, 0, &retries);
    if (!err && fresh == for_fresh)
        err = take(c, index, OUTBOX_FRESH, origin->room - fresh - retries, fresh, &more);
    return err;
}

static enum err load_large_bodies(struct claiming *c)
{
    for (size_t i = 0; i < c->count; i++) {
        struct outbox_claimed *row = &c->list[i];
        struct db_rows rows = {0};
        enum err err;

        if (!str_is_none(row->body))
            continue;
        err = db_query_one(c->tx->db, &select_body,
                           DB_ARGS(db_text(row->tenant), db_text(row->body_id)), &rows);
        if (err)
            return err;
        row->body = db_get_keep(&rows, 0, c->arena);
        err = db_rows_end(&rows);
        if (err)
            return err;
    }
    return OK;
}

/* The rows of the attempts first, then the move: both before the commit, the commit before the
 * first byte. */
static enum err begin_attempts(struct claiming *c)
{
    struct tx *tx = c->tx;
    struct delivery_move *moves = ARENA_ARRAY(tx->arena, struct delivery_move, c->count + 1);
    struct db_value *args = ARENA_ARRAY(tx->arena, struct db_value, c->count * 5 + 1);
    int64_t attempt_id = 0;
    enum err err = sequence_next(tx, STR("attempt"), (int64_t)c->count, &attempt_id);

    if (err)
        return err;
    for (size_t i = 0; i < c->count; i++, attempt_id++) {
        struct outbox_claimed *row = &c->list[i];

        row->attempt_id = attempt_id;
        args[i * 5] = db_int(attempt_id);
        args[i * 5 + 1] = db_text(row->tenant);
        args[i * 5 + 2] = db_int(row->delivery_id);
        args[i * 5 + 3] = db_int(row->attempts);
        args[i * 5 + 4] = db_int(tx->now_us);
        moves[i] = (struct delivery_move){.delivery_id = row->delivery_id,
                                          .from = DELIVERY_DUE,
                                          .to = DELIVERY_SENDING,
                                          .attempts = row->attempts,
                                          .lease_node = c->claim->node,
                                          .lease_until_us = tx->now_us + c->claim->lease_us,
                                          .attempt_id = attempt_id};
    }
    err = db_run_many(tx->db, &attempt_insert, args, 5, c->count);
    return err ? err : delivery_move(tx, moves, c->count);
}

static enum err find_next(struct tx *tx, struct outbox_claim_origin *origin)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &next_of_origin, DB_ARGS(db_text(origin->origin)), &rows);

    if (err)
        return err;
    origin->next_us[OUTBOX_FRESH] = db_get_int(&rows, 0);
    origin->next_us[OUTBOX_RETRY] = db_get_int(&rows, 1);
    return db_rows_end(&rows);
}

enum err outbox_claim(struct tx *tx, struct outbox_claim *claim, struct arena *arena,
                      struct outbox_claimed **claimed, size_t *count)
{
    struct claiming c = {.tx = tx, .claim = claim, .arena = arena};
    size_t room = 0;
    enum err err = OK;

    REQUIRE(tx->is_write && claim->node.len > 0 && claim->lease_us > 0);
    arena_reset(arena);
    for (size_t i = 0; i < claim->origin_count; i++)
        room += claim->origins[i].room;
    c.list = ARENA_ARRAY(arena, struct outbox_claimed, room + 1);
    for (size_t i = 0; !err && i < claim->origin_count; i++)
        err = take_origin(&c, i);
    if (!err)
        err = load_large_bodies(&c);
    if (!err)
        err = claimed_open_secrets(tx, arena, c.list, c.count);
    if (!err && c.count)
        err = begin_attempts(&c);
    for (size_t i = 0; !err && i < claim->origin_count; i++)
        err = find_next(tx, &claim->origins[i]);
    *claimed = c.list;
    *count = c.count;
    return err;
}

/* ---- settle ---- */

#define OUTCOME_ARGS 12

static const struct db_statement attempt_end = {
    "attempts_end",
    "UPDATE attempts SET ended_us = $2, result = $3, status = $4, detail = $5, address = $6, "
    "dns_us = $7,"
    " connect_us = $8, tls_us = $9, first_byte_us = $10, total_us = $11, response_excerpt = $12"
    " WHERE attempt_id = $1",
    NULL};
static const struct db_statement attempt_delete = {
    "attempts_delete", "DELETE FROM attempts WHERE attempt_id = $1", NULL};

static struct db_value phase(int64_t duration_us)
{
    return duration_us < 0 ? db_null() : db_int(duration_us);
}

static void outcome_args(const struct outbox_outcome *outcome, struct db_value *args)
{
    args[0] = db_int(outcome->attempt_id);
    args[1] = db_int(outcome->ended_us);
    args[2] = db_text(outcome->result);
    args[3] = db_int_or_null(outcome->status);
    args[4] = db_text(outcome->detail);
    args[5] = db_text(outcome->address);
    args[6] = phase(outcome->dns_us);
    args[7] = phase(outcome->connect_us);
    args[8] = phase(outcome->tls_us);
    args[9] = phase(outcome->first_byte_us);
    args[10] = phase(outcome->total_us);
    args[11] = db_blob(outcome->excerpt);
}

enum err outbox_settle(struct tx *tx, const struct outbox_outcome *outcomes, size_t count)
{
    struct delivery_move *moves = ARENA_ARRAY(tx->arena, struct delivery_move, count + 1);
    struct db_value *ended = ARENA_ARRAY(tx->arena, struct db_value, count * OUTCOME_ARGS + 1);
    struct db_value *untried = ARENA_ARRAY(tx->arena, struct db_value, count + 1);
    size_t ended_count = 0, untried_count = 0;
    enum err err;

    for (size_t i = 0; i < count; i++) {
        const struct outbox_outcome *outcome = &outcomes[i];

        REQUIRE(!outcome->is_untried || outcome->to == DELIVERY_DUE);
        if (outcome->is_untried)
            untried[untried_count++] = db_int(outcome->attempt_id);
        else
            outcome_args(outcome, &ended[OUTCOME_ARGS * ended_count++]);
        moves[i] =
            (struct delivery_move){.delivery_id = outcome->delivery_id,
                                   .from = DELIVERY_SENDING,
                                   .from_attempt_id = outcome->attempt_id,
                                   .to = outcome->to,
                                   .attempts = outcome->attempts - outcome->is_untried,
                                   .reason = outcome->reason,
                                   .next_us = outcome->next_us,
                                   .result = outcome->is_untried ? STR_NONE : outcome->result,
                                   .status = outcome->status};
    }
    err = cancelled_move(tx, moves, count);
    if (!err)
        err = delivery_move(tx, moves, count);
    if (!err && ended_count)
        err = db_run_many(tx->db, &attempt_end, ended, OUTCOME_ARGS, ended_count);
    if (!err && untried_count)
        err = db_run_many(tx->db, &attempt_delete, untried, 1, untried_count);
    return err;
}

/* ---- recover ---- */

#define LOST                                                                                       \
    "SELECT delivery_id, attempt_id, attempts, origin FROM deliveries WHERE state = 'sending'"     \
    " AND (lease_node = $1 OR (CAST($1 AS TEXT) IS NULL AND lease_until_us < $2))"                 \
    " ORDER BY lease_until_us LIMIT CAST($3 AS BIGINT)"

static const struct db_statement select_lost = {"deliveries_lost", LOST,
                                                LOST " FOR UPDATE SKIP LOCKED"};
static const struct db_statement attempt_lost = {
    "attempts_lost",
    "UPDATE attempts SET ended_us = $2, result = 'unknown',"
    " detail = 'the server stopped before the outcome was known'"
    " WHERE attempt_id = $1 AND ended_us IS NULL",
    NULL};

enum err outbox_recover(struct tx *tx, struct str node, size_t limit, size_t *count)
{
    struct delivery_move *moves = ARENA_ARRAY(tx->arena, struct delivery_move, limit + 1);
    struct db_value *args = ARENA_ARRAY(tx->arena, struct db_value, limit * 2 + 1);
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
                                          .attempts = db_get_int(&rows, 2),
                                          .next_us = tx->now_us,
                                          .result = STR("unknown")};
        args[n * 2] = db_int(moves[n].from_attempt_id);
        args[n * 2 + 1] = db_int(tx->now_us);
        tx_notify(tx, TOPIC_DELIVERY_DUE, db_get_str(&rows, 3));
    }
    err = db_rows_end(&rows);
    if (!err)
        err = cancelled_move(tx, moves, n);
    if (!err)
        err = delivery_move(tx, moves, n);
    if (!err && n)
        err = db_run_many(tx->db, &attempt_lost, args, 2, n);
    *count = n;
    return err;
}
