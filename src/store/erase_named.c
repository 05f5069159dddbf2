/* erase_named.c -- what names an object or a thread besides the log: its traces, requests that came
 * to inspectors, answers kept for an Idempotency-Key. */
#include "store/erasures_priv.h"
#include "store/log_size.h"
#include "store/span_delete.h"
#include "store/uuid_column.h"

#define TRACES_AT_ONCE 20
#define SPANS_AT_ONCE 500
#define REPLIES_AT_ONCE 200

static const struct db_statement traces_of_thread = {
    "erase_traces_of_thread",
    "SELECT DISTINCT trace_id FROM spans WHERE project_no IN (SELECT project_no FROM projects"
    " WHERE tenant = $1) AND thread_id = $2 AND tenant = $1 LIMIT CAST($3 AS BIGINT)",
    NULL};
static const struct db_statement trace_is_left = {
    "erase_trace_is_left", "SELECT 1 FROM spans WHERE tenant = $1 AND trace_id = $2 LIMIT 1", NULL};
static const struct db_statement nth_inspector = {
    "erase_nth_inspector",
    "SELECT inspector_id FROM inspectors WHERE tenant = $1 ORDER BY inspector_id LIMIT 1"
    " OFFSET CAST($2 AS BIGINT)",
    NULL};
#define NAMED_REQUESTS "DELETE FROM inspector_requests WHERE tenant = $1 AND inspector_id = $2 AND "
static const struct db_statement named_requests = {
    "erase_named_requests",
    NAMED_REQUESTS "(INSTR(head, $3) > 0 OR INSTR(body, $4) > 0) RETURNING " LOG_BYTES_INSPECTED,
    NAMED_REQUESTS "(POSITION($3 IN head) > 0 OR POSITION(CAST($4 AS BYTEA) IN body) > 0)"
                   " RETURNING " LOG_BYTES_INSPECTED_POSTGRES};
static const struct db_statement last_reply = {
    "erase_last_reply",
    "SELECT MAX(created_us) FROM (SELECT created_us FROM idempotency WHERE created_us > $1"
    " ORDER BY created_us LIMIT CAST($2 AS BIGINT)) x",
    NULL};
#define NAMED_REPLIES                                                                              \
    "DELETE FROM idempotency WHERE tenant = $1 AND created_us > $2 AND created_us <= $3 AND "
static const struct db_statement named_replies = {
    "erase_named_replies",
    NAMED_REPLIES
    "(INSTR(body, $5) > 0 OR INSTR(headers, $4) > 0 OR INSTR(idempotency_key, $4) > 0)",
    NAMED_REPLIES "(POSITION(CAST($5 AS BYTEA) IN body) > 0 OR POSITION($4 IN headers) > 0"
                  " OR POSITION($4 IN idempotency_key) > 0)"};

/* ---- traces ---- */

/* Those of the thread, or the one whose root is the object. */
static enum err find_traces(struct erasing *e, struct uuid *found, size_t *count)
{
    struct db_rows rows = {0};
    enum err err;

    *count = 0;
    if (e->erasure->scope == ERASURE_OBJECT) {
        if (uuid_parse(e->erasure->subject, &found[0]))
            return OK; /* what is no UUID has no trace */
        err = db_query_one(e->tx->db, &trace_is_left,
                           DB_ARGS(db_text(e->erasure->tenant), db_uuid(&found[0])), &rows);
        *count = err == OK;
        if (err)
            return err == ERR_NOT_FOUND ? OK : err;
        return db_rows_end(&rows);
    }
    err = db_query(
        e->tx->db, &traces_of_thread,
        DB_ARGS(db_text(e->erasure->tenant), db_text(e->erasure->subject), db_int(TRACES_AT_ONCE)),
        &rows);
    if (err)
        return err;
    while (*count < TRACES_AT_ONCE && db_next(&rows))
        found[(*count)++] = db_get_uuid(&rows, 0);
    return db_rows_end(&rows);
}

/* Its blobs become due with its rows. */
enum err erase_traces(struct erasing *e)
{
    struct uuid found[TRACES_AT_ONCE];
    int64_t rows_left = SPANS_AT_ONCE;
    size_t count;
    enum err err = find_traces(e, found, &count);

    e->is_over = !err && count == 0;
    for (size_t i = 0; !err && i < count && rows_left > 0; i++)
        err = trace_delete(e->tx, e->erasure->tenant, &found[i], &rows_left);
    e->erasure->rows += SPANS_AT_ONCE - rows_left;
    return err;
}

/* ---- requests to inspectors: one inspector after the other ---- */

enum err erase_inspected(struct erasing *e)
{
    const struct erasure_row *erasure = e->erasure;
    struct db_rows rows = {0};
    struct str inspector_id;
    enum err err =
        db_query_one(e->tx->db, &nth_inspector,
                     DB_ARGS(db_text(erasure->tenant), db_int(erasure->cursor_id)), &rows);

    e->is_over = err == ERR_NOT_FOUND;
    if (err)
        return e->is_over ? OK : err;
    inspector_id = db_get_keep(&rows, 0, e->tx->arena);
    err = db_rows_end(&rows);
    if (!err)
        err = log_delete(e->tx, &(struct log_delete){LOG_INSPECTED, LOG_ERASED, &named_requests},
                         DB_ARGS(db_text(erasure->tenant), db_text(inspector_id),
                                 db_text(erasure->subject), db_blob(erasure->subject)),
                         &e->erasure->rows);
    e->erasure->cursor_id++;
    return err;
}

/* ---- kept answers, in the order of their time ---- */

enum err erase_replies(struct erasing *e)
{
    struct erasure_row *erasure = e->erasure;
    struct db_rows rows = {0};
    int64_t until_us, gone = 0;
    enum err err =
        db_query_one(e->tx->db, &last_reply,
                     DB_ARGS(db_int(erasure->cursor_id), db_int(REPLIES_AT_ONCE)), &rows);

    if (err)
        return err;
    until_us = db_get_int(&rows, 0);
    err = db_rows_end(&rows);
    e->is_over = !err && until_us == 0;
    if (err || e->is_over)
        return err;
    err = db_run(e->tx->db, &named_replies,
                 DB_ARGS(db_text(erasure->tenant), db_int(erasure->cursor_id), db_int(until_us),
                         db_text(erasure->subject), db_blob(erasure->subject)),
                 &gone);
    erasure->rows += gone;
    erasure->cursor_id = until_us;
    return err;
}
