/* The table idempotency. */
#include "store/idempotency.h"

static const struct db_statement reply_find = {
    "idempotency_find",
    "SELECT request_hash, status, headers, body FROM idempotency WHERE tenant = $1 AND "
    "idempotency_key = $2",
    NULL};
static const struct db_statement reply_insert = {
    "idempotency_insert",
    "INSERT INTO idempotency (tenant, idempotency_key, request_hash, status, headers, body, "
    "created_us)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7)",
    NULL};

enum err idempotency_find(struct tx *tx, struct str tenant, struct str key, struct arena *arena,
                          struct idempotent_reply *reply)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &reply_find, DB_ARGS(db_text(tenant), db_text(key)), &rows);

    if (err)
        return err;
    *reply = (struct idempotent_reply){
        .request_hash = db_get_keep(&rows, 0, arena),
        .status = db_get_int(&rows, 1),
        .headers = db_get_keep(&rows, 2, arena),
        .body = db_get_keep(&rows, 3, arena),
    };
    return db_rows_end(&rows);
}

enum err idempotency_insert(struct tx *tx, struct str tenant, struct str key,
                            const struct idempotent_reply *reply)
{
    return db_run(tx->db, &reply_insert,
                  DB_ARGS(db_text(tenant), db_text(key), db_text(reply->request_hash),
                          db_int(reply->status), db_text(reply->headers), db_blob(reply->body),
                          db_int(tx->now_us)),
                  NULL);
}
