/* The table feedback_tokens. */
#include "store/feedback_tokens.h"

#include "store/uuid_column.h"

#define COLUMNS "token_id, tenant, span_id, key, config, created_us, expires_us"

static const struct db_statement add_one = {
    "feedback_tokens_add",
    "INSERT INTO feedback_tokens (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7)", NULL};
static const struct db_statement get_one = {
    "feedback_tokens_get",
    "SELECT " COLUMNS " FROM feedback_tokens WHERE token_id = $1 AND expires_us > $2", NULL};
static const struct db_statement list_all = {
    "feedback_tokens_list",
    "SELECT " COLUMNS " FROM feedback_tokens WHERE tenant = $1 AND span_id = $2"
    " AND expires_us > $3 ORDER BY created_us DESC, token_id LIMIT CAST($4 AS BIGINT)",
    NULL};
static void row_read(const struct db_rows *rows, struct arena *arena,
                     struct feedback_token_row *row)
{
    *row = (struct feedback_token_row){
        .token_id = db_get_keep(rows, 0, arena),
        .tenant = db_get_keep(rows, 1, arena),
        .span_id = db_get_uuid(rows, 2),
        .key = db_get_keep(rows, 3, arena),
        .config = db_get_keep(rows, 4, arena),
        .created_us = db_get_int(rows, 5),
        .expires_us = db_get_int(rows, 6),
    };
}

enum err feedback_token_add(struct tx *tx, const struct feedback_token_row *row)
{
    return db_run(tx->db, &add_one,
                  DB_ARGS(db_text(row->token_id), db_text(row->tenant), db_uuid(&row->span_id),
                          db_text(row->key), db_text(row->config), db_int(tx->now_us),
                          db_int(row->expires_us)),
                  NULL);
}

enum err feedback_token_get(struct tx *tx, struct str token_id, struct arena *arena,
                            struct feedback_token_row *row)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &get_one, DB_ARGS(db_text(token_id), db_int(tx->now_us)), &rows);

    if (err)
        return err;
    row_read(&rows, arena, row);
    return db_rows_end(&rows);
}

enum err feedback_token_list(struct tx *tx, struct str tenant, struct uuid span_id, int64_t limit,
                             struct arena *arena, struct feedback_token_rows *found)
{
    struct db_rows rows = {0};
    enum err err = db_query(
        tx->db, &list_all,
        DB_ARGS(db_text(tenant), db_uuid(&span_id), db_int(tx->now_us), db_int(limit)), &rows);

    REQUIRE(limit >= 1 && limit <= 1000);
    *found = (struct feedback_token_rows){
        .list = ARENA_ARRAY(arena, struct feedback_token_row, (size_t)limit)};
    while (!err && db_next(&rows))
        row_read(&rows, arena, &found->list[found->count++]);
    return err ? err : db_rows_end(&rows);
}
