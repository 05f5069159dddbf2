/* The tables api_keys and idempotency. */
#include "store/keys.h"

#define KEYS_MAX 10000

static const struct db_statement ping = {"ping", "SELECT 1", NULL};
static const struct db_statement key_insert = {
    "api_keys_insert",
    "INSERT INTO api_keys (tenant, key_id, name, key_hash, created_us) VALUES ($1, $2, $3, $4, $5)",
    NULL};
static const struct db_statement key_list = {
    "api_keys_list",
    "SELECT tenant, key_id, name, key_hash, created_us FROM api_keys WHERE revoked_us IS NULL"
    " ORDER BY created_us LIMIT 10000",
    NULL};
static const struct db_statement key_revoke = {
    "api_keys_revoke",
    "UPDATE api_keys SET revoked_us = $3 WHERE tenant = $1 AND key_id = $2 AND revoked_us IS NULL",
    NULL};
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

enum err store_ping(struct tx *tx)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &ping, DB_NO_ARGS, &rows);

    return err ? err : db_rows_end(&rows);
}

enum err api_key_insert(struct tx *tx, const struct api_key_row *key)
{
    return db_run(tx->db, &key_insert,
                  DB_ARGS(db_text(key->tenant), db_text(key->key_id), db_text(key->name),
                          db_text(key->key_hash), db_int(key->created_us)),
                  NULL);
}

enum err api_key_list(struct tx *tx, struct arena *arena, struct api_key_row **found, size_t *count)
{
    struct api_key_row *list = ARENA_ARRAY(arena, struct api_key_row, KEYS_MAX);
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err = db_query(tx->db, &key_list, DB_NO_ARGS, &rows);

    if (err)
        return err;
    while (n < KEYS_MAX && db_next(&rows)) {
        list[n++] = (struct api_key_row){
            .tenant = db_get_keep(&rows, 0, arena),
            .key_id = db_get_keep(&rows, 1, arena),
            .name = db_get_keep(&rows, 2, arena),
            .key_hash = db_get_keep(&rows, 3, arena),
            .created_us = db_get_int(&rows, 4),
        };
    }
    *found = list;
    *count = n;
    return db_rows_end(&rows);
}

enum err api_key_revoke(struct tx *tx, struct str tenant, struct str key_id)
{
    int64_t changed = 0;
    enum err err = db_run(tx->db, &key_revoke,
                          DB_ARGS(db_text(tenant), db_text(key_id), db_int(tx->now_us)), &changed);

    return err ? err : changed == 1 ? OK : ERR_NOT_FOUND;
}

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
