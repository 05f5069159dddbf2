/* The table log_sizes, and the one way in which rows of the log go. */
#include "store/log_size.h"

#include "store/store_metrics.h"

static const char *const what_words[] = {"delivery", "attempt", "body", "inspected", NULL};
static_assert(ARRAY_LEN(what_words) == LOG_WHAT_COUNT + 1, "every part has a word");
static const char *const reason_words[] = {"age", "size", "erased", "trimmed", NULL};
static_assert(ARRAY_LEN(reason_words) == LOG_REASON_COUNT + 1, "every reason has a word");

struct metric store_log_deleted = {
    .name = "runbell_log_deleted_total",
    .help = "Rows of the log that were deleted, and why: their age, the size of the log, an "
            "erasure, an inspector's own limits.",
    .type = METRIC_COUNTER,
    .labels = {{"what", what_words, NULL}, {"reason", reason_words, NULL}},
};
struct metric store_log_deleted_bytes = {
    .name = "runbell_log_deleted_bytes_total",
    .help = "By how many bytes that made the log smaller.",
    .type = METRIC_COUNTER,
    .labels = {{"reason", reason_words, NULL}},
};

/* A row with its entries in indexes; measured with SQLite, whose pages are two thirds full. */
static const int64_t row_bytes[LOG_WHAT_COUNT] = {
    [LOG_DELIVERY] = 1024, [LOG_ATTEMPT] = 384, [LOG_BODY] = 256, [LOG_INSPECTED] = 256};

static const struct db_statement attempts_of = {
    "log_attempts_of",
    "DELETE FROM attempts WHERE tenant = $1 AND delivery_id = $2 RETURNING " LOG_BYTES_ATTEMPT,
    NULL};
#define DELIVERY_OF                                                                                \
    "DELETE FROM deliveries WHERE tenant = $1 AND delivery_id = $2 AND state IN ('done', 'dead')"  \
    " RETURNING 0"
static const struct db_statement delivery_of = {
    "log_delivery", DELIVERY_OF,
    "WITH ends AS (DELETE FROM delivery_ends e USING deliveries d WHERE d.tenant = $1"
    " AND d.delivery_id = $2 AND e.ended_us = d.ended_us AND e.delivery_id = d.delivery_id"
    ") " DELIVERY_OF};
static const struct db_statement orphan_body = {
    "log_body",
    "DELETE FROM bodies WHERE delivery_id = $1"
    " AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.delivery_id = $1)"
    " AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.resend_of = $1)"
    " RETURNING " LOG_BYTES_BODY,
    NULL};
static const struct db_statement size_read = {"log_size_read", "SELECT SUM(bytes) FROM log_sizes",
                                              "SELECT CAST(SUM(bytes) AS BIGINT) FROM log_sizes"};
static const struct db_statement size_write = {
    "log_size_write", "UPDATE log_sizes SET bytes = bytes + $1 WHERE shard = 0",
    "UPDATE log_sizes SET bytes = bytes + $1 WHERE shard = pg_backend_pid() % 8"};

void log_grow(struct tx *tx, enum log_what what, int64_t rows, int64_t bytes)
{
    REQUIRE(tx->is_write && what < LOG_WHAT_COUNT);
    tx->log_bytes += rows * row_bytes[what] + bytes;
}

enum err log_delete(struct tx *tx, const struct log_delete *delete, const struct db_value *args,
                    size_t arg_count, int64_t *gone)
{
    struct db_rows rows = {0};
    int64_t count = 0, bytes = 0;
    enum err err = db_query(tx->db, delete->statement, args, arg_count, &rows);

    if (err)
        return err;
    for (; db_next(&rows); count++)
        bytes += db_get_int(&rows, 0);
    err = db_rows_end(&rows);
    if (err || count == 0)
        return err;
    log_grow(tx, delete->what, -count, -bytes);
    tx_count(tx, &store_log_deleted,
             metric_series(&store_log_deleted, delete->what, delete->reason), (uint64_t)count);
    tx_count(tx, &store_log_deleted_bytes, delete->reason,
             (uint64_t)(count * row_bytes[delete->what] + bytes));
    *gone += count;
    return OK;
}

enum err log_delete_delivery(struct tx *tx, enum log_reason reason, const struct log_entry *entry,
                             int64_t *gone)
{
    const struct db_value key[] = {db_text(entry->tenant), db_int(entry->delivery_id)};
    const struct db_value body[] = {db_int(entry->body_no)};
    enum err err =
        log_delete(tx, &(struct log_delete){LOG_ATTEMPT, reason, &attempts_of}, key, 2, gone);

    if (!err)
        err =
            log_delete(tx, &(struct log_delete){LOG_DELIVERY, reason, &delivery_of}, key, 2, gone);
    if (!err)
        err = log_delete(tx, &(struct log_delete){LOG_BODY, reason, &orphan_body}, body, 1, gone);
    return err;
}

enum err log_size_read(struct tx *tx, int64_t *bytes)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &size_read, DB_NO_ARGS, &rows);

    if (err)
        return err;
    *bytes = db_get_int(&rows, 0) + tx->log_bytes;
    return db_rows_end(&rows);
}

enum err log_size_write(struct tx *tx)
{
    int64_t bytes = tx->log_bytes;

    tx->log_bytes = 0;
    return bytes ? db_run(tx->db, &size_write, DB_ARGS(db_int(bytes)), NULL) : OK;
}
