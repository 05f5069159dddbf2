/* The questions people ask of the outbox. */
#include "store/outbox_query_priv.h"

static const struct db_statement select_one = {"deliveries_get",
                                               OUTBOX_ROW_COLUMNS " AND d.delivery_id = $2", NULL};
static const struct db_statement select_body = {"deliveries_get_body",
                                                "SELECT b.bytes FROM deliveries d" BODY_JOIN
                                                " WHERE d.tenant = $1 AND d.delivery_id = $2",
                                                NULL};
/* The ids of tests begin with their time, as UUIDs of version 7 do. */
static const struct db_statement count_tests = {
    "deliveries_unanswered_tests",
    "SELECT COUNT(*) FROM (SELECT 1 FROM deliveries WHERE tenant = $1 AND object_id >= $2"
    " AND object_id < 'test.' AND last_status IS NULL AND state <> 'held'"
    " LIMIT CAST($3 AS BIGINT)) x",
    NULL};
#define ATTEMPT_COLUMNS                                                                            \
    "SELECT attempt_id, number, started_us, ended_us, result, status, detail, address, dns_us,"    \
    " connect_us, tls_us, first_byte_us, total_us, response_excerpt, response_type FROM attempts"
/* What is under way has no row there yet. */
#define UNDER_WAY                                                                                  \
    " UNION ALL SELECT s.attempt_id, d.attempts + 1, s.taken_us, NULL, NULL, NULL, NULL, NULL,"    \
    " NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM deliveries d"                                  \
    " JOIN delivery_sending s ON s.delivery_id = d.delivery_id"                                    \
    " WHERE d.tenant = $1 AND d.delivery_id = $2"
static const struct db_statement select_attempts = {
    "attempts_list",
    ATTEMPT_COLUMNS " WHERE tenant = $1 AND delivery_id = $2" UNDER_WAY
                    " ORDER BY number, attempt_id LIMIT CAST($3 AS BIGINT)",
    NULL};
static const struct db_statement select_attempt = {"attempts_get",
                                                   ATTEMPT_COLUMNS " WHERE attempt_id = $1", NULL};

enum err outbox_row_read(const struct db_rows *rows, struct arena *arena, struct delivery_row *row)
{
    *row = (struct delivery_row){
        .delivery_id = db_get_int(rows, 0),
        .tenant = db_get_keep(rows, 1, arena),
        .endpoint_id = db_get_keep(rows, 2, arena),
        .url = db_get_keep(rows, 3, arena),
        .origin = db_get_keep(rows, 4, arena),
        .webhook_id = db_get_keep(rows, 5, arena),
        .kind = db_get_keep(rows, 6, arena),
        .object_id = db_get_keep(rows, 7, arena),
        .policy = db_get_keep(rows, 8, arena),
        .state_reason = db_get_keep(rows, 10, arena),
        .attempts = db_get_int(rows, 11),
        .next_us = db_get_int(rows, 12),
        .created_us = db_get_int(rows, 13),
        .updated_us = db_get_int(rows, 14),
        .ended_us = db_get_int(rows, 15),
        .resend_of = db_get_int(rows, 16),
        .last_result = db_get_keep(rows, 17, arena),
        .last_status = db_get_int(rows, 18),
        .is_cancelled = !db_is_null(rows, 19),
        .content_type = db_get_keep(rows, 20, arena),
        .body_bytes = db_get_int(rows, 21),
        .replay_id = db_get_keep(rows, 22, arena),
    };
    return delivery_state_parse(db_get_str(rows, 9), &row->state);
}

/* The first error counts; the rows are ended in any case. */
enum err outbox_rows_end(struct db_rows *rows, enum err err)
{
    enum err ended = db_rows_end(rows);

    return err ? err : ended;
}

enum err delivery_get(struct tx *tx, struct str tenant, int64_t delivery_id, struct arena *arena,
                      struct delivery_row *delivery)
{
    struct db_rows rows = {0};
    struct delivery_row row = {0};
    enum err err =
        db_query_one(tx->db, &select_one, DB_ARGS(db_text(tenant), db_int(delivery_id)), &rows);

    if (err)
        return err;
    err = outbox_rows_end(&rows, outbox_row_read(&rows, arena, &row));
    if (!err)
        *delivery = row;
    return err;
}

enum err delivery_count_unanswered_tests(struct tx *tx, struct str tenant, int64_t since_us,
                                         int64_t most, int64_t *count)
{
    uint64_t since_ms = (uint64_t)(since_us / US_PER_MS);
    struct db_rows rows = {0};
    struct str first =
        arena_printf(tx->arena, "%.*s%08llx-%04llx", STR_ARG(OUTBOX_TEST_PREFIX),
                     (unsigned long long)(since_ms >> 16), (unsigned long long)(since_ms & 0xffff));
    enum err err = db_query_one(tx->db, &count_tests,
                                DB_ARGS(db_text(tenant), db_text(first), db_int(most)), &rows);

    if (err)
        return err;
    *count = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

enum err delivery_get_body(struct tx *tx, struct str tenant, int64_t delivery_id,
                           struct arena *arena, struct str *body)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &select_body, DB_ARGS(db_text(tenant), db_int(delivery_id)), &rows);

    if (err)
        return err;
    *body = db_get_keep(&rows, 0, arena);
    return db_rows_end(&rows);
}

static int64_t phase(const struct db_rows *rows, int column)
{
    return db_is_null(rows, column) ? -1 : db_get_int(rows, column);
}

static struct attempt_row attempt_read(const struct db_rows *rows, struct arena *arena)
{
    return (struct attempt_row){
        .attempt_id = db_get_int(rows, 0),
        .number = db_get_int(rows, 1),
        .started_us = db_get_int(rows, 2),
        .ended_us = db_get_int(rows, 3),
        .result = db_get_keep(rows, 4, arena),
        .status = db_get_int(rows, 5),
        .detail = db_get_keep(rows, 6, arena),
        .address = db_get_keep(rows, 7, arena),
        .dns_us = phase(rows, 8),
        .connect_us = phase(rows, 9),
        .tls_us = phase(rows, 10),
        .first_byte_us = phase(rows, 11),
        .total_us = phase(rows, 12),
        .excerpt = db_get_keep(rows, 13, arena),
        .response_type = db_get_keep(rows, 14, arena),
    };
}

enum err attempt_list(struct tx *tx, struct str tenant, int64_t delivery_id, struct arena *arena,
                      struct attempt_row **found, size_t *count)
{
    struct attempt_row *list = ARENA_ARRAY(arena, struct attempt_row, OUTBOX_ATTEMPTS_MAX);
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err =
        db_query(tx->db, &select_attempts,
                 DB_ARGS(db_text(tenant), db_int(delivery_id), db_int(OUTBOX_ATTEMPTS_MAX)), &rows);

    if (err)
        return err;
    while (n < OUTBOX_ATTEMPTS_MAX && db_next(&rows))
        list[n++] = attempt_read(&rows, arena);
    err = db_rows_end(&rows);
    if (err)
        return err;
    *found = list;
    *count = n;
    return OK;
}

enum err attempt_get(struct tx *tx, int64_t attempt_id, struct arena *arena,
                     struct attempt_row *attempt)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &select_attempt, DB_ARGS(db_int(attempt_id)), &rows);

    if (err)
        return err;
    *attempt = attempt_read(&rows, arena);
    return db_rows_end(&rows);
}
