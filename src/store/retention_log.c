/* Retention of the log: by age, and by its size, the oldest first. */
#include "store/retention_priv.h"

#include "store/log_size.h"
#include "store/outbox_body.h"

#define LOG_AT_ONCE 64

static const struct db_statement old_attempts = {
    "retention_attempts",
    "DELETE FROM attempts WHERE started_us < $1 AND attempt_id IN (SELECT attempt_id FROM attempts"
    " ORDER BY attempt_id LIMIT $2) RETURNING " LOG_BYTES_ATTEMPT,
    NULL};
#define OLD_INSPECTED                                                                              \
    "DELETE FROM inspector_requests WHERE (tenant, inspector_id, request_id) IN"                   \
    " (SELECT tenant, inspector_id, request_id FROM inspector_requests WHERE received_us < $1"     \
    " ORDER BY received_us LIMIT $2) RETURNING "
static const struct db_statement old_inspected = {"retention_inspected",
                                                  OLD_INSPECTED LOG_BYTES_INSPECTED,
                                                  OLD_INSPECTED LOG_BYTES_INSPECTED_POSTGRES};
static const struct db_statement ended_deliveries = {
    "retention_ended_deliveries",
    "SELECT d.delivery_id, d.tenant, " BODY_NO
    ", d.ended_us FROM deliveries d WHERE d.ended_us IS NOT NULL"
    " AND d.ended_us < $1 ORDER BY d.ended_us LIMIT $2",
    "SELECT d.delivery_id, d.tenant, " BODY_NO ", d.ended_us FROM delivery_ends e"
    " JOIN deliveries d ON d.delivery_id = e.delivery_id WHERE e.ended_us < $1"
    " ORDER BY e.ended_us, e.delivery_id LIMIT $2"};
static const struct db_statement oldest_inspected = {
    "retention_oldest_inspected", "SELECT MIN(received_us) FROM inspector_requests", NULL};
/* One node at a time: two would each take away what is too much. */
static const struct db_statement one_of_us = {
    "retention_one_of_us", "SELECT 1",
    "SELECT CASE WHEN pg_try_advisory_xact_lock(7248391151) THEN 1 ELSE 0 END"};

static enum err delete_old(struct sweep *sweep, enum log_what what,
                           const struct db_statement *statement, int64_t age_us)
{
    int64_t gone = 0;
    enum err err;

    if (age_us == 0 || sweep->rows_left <= 0)
        return OK;
    err = log_delete(sweep->tx, &(struct log_delete){what, LOG_AGE, statement},
                     DB_ARGS(db_int(sweep->now_us - age_us), db_int(sweep->rows_left)), &gone);
    sweep->rows_left -= gone;
    return err;
}

/* ---- deliveries ---- */

struct ended_delivery {
    struct log_entry entry;
    int64_t ended_us;
};

/* Those that ended before, the oldest first; at most *count. */
static enum err find_ended(struct sweep *sweep, int64_t before_us, struct ended_delivery *found,
                           size_t *count)
{
    struct arena *arena = sweep->tx->arena;
    size_t most = *count;
    struct db_rows rows = {0};
    enum err err = db_query(sweep->tx->db, &ended_deliveries,
                            DB_ARGS(db_int(before_us), db_int((int64_t)most)), &rows);

    *count = 0;
    if (err)
        return err;
    while (*count < most && db_next(&rows))
        found[(*count)++] = (struct ended_delivery){
            .entry = {.tenant = db_get_keep(&rows, 1, arena),
                      .delivery_id = db_get_int(&rows, 0),
                      .body_no = db_get_int(&rows, 2)},
            .ended_us = db_get_int(&rows, 3),
        };
    return db_rows_end(&rows);
}

static enum err delete_delivery(struct sweep *sweep, enum log_reason reason,
                                const struct log_entry *entry)
{
    int64_t gone = 0;
    enum err err = log_delete_delivery(sweep->tx, reason, entry, &gone);

    sweep->rows_left -= gone;
    return err;
}

static enum err deliveries_by_age(struct sweep *sweep)
{
    struct ended_delivery found[LOG_AT_ONCE];
    size_t count = LOG_AT_ONCE;
    enum err err = OK;

    while (!err && count == LOG_AT_ONCE && sweep->rows_left > 0) {
        err = find_ended(sweep, sweep->now_us - sweep->limits->deliveries_us, found, &count);
        for (size_t i = 0; i < count && !err && sweep->rows_left > 0; i++)
            err = delete_delivery(sweep, LOG_AGE, &found[i].entry);
    }
    return err;
}

/* ---- by size ---- */

/* 0: there is none. */
static enum err read_int(struct sweep *sweep, const struct db_statement *statement, int64_t *value)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(sweep->tx->db, statement, DB_NO_ARGS, &rows);

    if (err)
        return err;
    *value = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

/* Those that came before, and no more than that many. */
static enum err inspected_before(struct sweep *sweep, int64_t before_us, int64_t most)
{
    int64_t gone = 0;
    enum err err =
        log_delete(sweep->tx, &(struct log_delete){LOG_INSPECTED, LOG_SIZE, &old_inspected},
                   DB_ARGS(db_int(before_us), db_int(most)), &gone);

    sweep->rows_left -= gone;
    return err;
}

/* How much the log is larger than it may be, with what this transaction has done. */
static enum err read_excess(struct sweep *sweep, int64_t *bytes)
{
    enum err err = log_size_read(sweep->tx, bytes);

    *bytes -= sweep->limits->log_bytes;
    return err;
}

/* The oldest of what has ended, as long as it is too much; and what came to inspectors before that,
 * one by one, for a request may be large. *is_over: nothing is left that may go. */
static enum err shrink(struct sweep *sweep, int64_t *excess, bool *is_over)
{
    struct ended_delivery found[LOG_AT_ONCE];
    size_t count = LOG_AT_ONCE, done = 0;
    int64_t inspected_us = 0, size_before = *excess - sweep->tx->log_bytes;
    enum err err = find_ended(sweep, INT64_MAX, found, &count);

    if (!err)
        err = read_int(sweep, &oldest_inspected, &inspected_us);
    *is_over = !err && count == 0 && inspected_us == 0;
    while (!err && *excess > 0 && sweep->rows_left > 0 && (done < count || inspected_us)) {
        if (inspected_us && (done == count || inspected_us <= found[done].ended_us)) {
            if (done == count && count == LOG_AT_ONCE)
                break; /* there may be older deliveries than that */
            err = inspected_before(sweep, inspected_us + 1, 1);
            if (!err)
                err = read_int(sweep, &oldest_inspected, &inspected_us);
        } else {
            err = delete_delivery(sweep, LOG_SIZE, &found[done++].entry);
        }
        *excess = size_before + sweep->tx->log_bytes;
    }
    return err;
}

static enum err by_size(struct sweep *sweep)
{
    int64_t is_ours = 0, excess = 0;
    bool is_over = false;
    enum err err;

    if (sweep->limits->log_bytes == 0 || sweep->rows_left <= 0)
        return OK;
    err = read_int(sweep, &one_of_us, &is_ours);
    if (!err && is_ours)
        err = read_excess(sweep, &excess);
    while (!err && excess > 0 && !is_over && sweep->rows_left > 0)
        err = shrink(sweep, &excess, &is_over);
    sweep->is_pressed = excess > 0 && !is_over;
    return err;
}

enum err sweep_log(struct sweep *sweep)
{
    const struct retention_limits *limits = sweep->limits;
    enum err err = delete_old(sweep, LOG_INSPECTED, &old_inspected, limits->inspected_us);

    if (!err)
        err = delete_old(sweep, LOG_ATTEMPT, &old_attempts, limits->attempts_us);
    if (!err && limits->deliveries_us)
        err = deliveries_by_age(sweep);
    return err ? err : by_size(sweep);
}
