/* The table unclaimed_blobs. */
#include "store/blobs.h"

static const struct db_statement insert_one = {
    "blobs_insert",
    "INSERT INTO unclaimed_blobs (blob_key, due_us) VALUES ($1, $2)"
    " ON CONFLICT (blob_key) DO UPDATE SET due_us = EXCLUDED.due_us",
    NULL};
static const struct db_statement delete_one = {
    "blobs_delete", "DELETE FROM unclaimed_blobs WHERE blob_key = $1", NULL};
static const struct db_statement select_due = {
    "blobs_due",
    "SELECT blob_key FROM unclaimed_blobs WHERE due_us <= $1 ORDER BY due_us, blob_key"
    " LIMIT CAST($2 AS BIGINT)",
    NULL};

static enum err insert(struct tx *tx, struct str key, int64_t due_us)
{
    return db_run(tx->db, &insert_one, DB_ARGS(db_text(key), db_int(due_us)), NULL);
}

enum err blobs_reserve(struct tx *tx, struct str key)
{
    return insert(tx, key, tx->now_us + BLOBS_UNCLAIMED_US);
}

enum err blobs_discard(struct tx *tx, struct str key)
{
    return insert(tx, key, tx->now_us);
}

enum err blobs_claim(struct tx *tx, struct str key)
{
    int64_t changed = 0;
    enum err err = db_run(tx->db, &delete_one, DB_ARGS(db_text(key)), &changed);

    return !err && changed == 0 ? ERR_NOT_FOUND : err;
}

enum err blobs_forget(struct tx *tx, struct str key)
{
    return db_run(tx->db, &delete_one, DB_ARGS(db_text(key)), NULL);
}

enum err blobs_list_due(struct tx *tx, int64_t limit, struct arena *arena, struct str **keys,
                        size_t *count)
{
    struct str *list = ARENA_ARRAY(arena, struct str, (size_t)limit + 1);
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err = db_query(tx->db, &select_due, DB_ARGS(db_int(tx->now_us), db_int(limit)), &rows);

    while (!err && db_next(&rows))
        list[n++] = db_get_keep(&rows, 0, arena);
    *keys = list;
    *count = n;
    return err ? err : db_rows_end(&rows);
}
