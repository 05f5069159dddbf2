/* The table shares. */
#include "store/shares.h"

#include "store/uuid_column.h"

static const struct db_statement delete_one = {
    "shares_delete", "DELETE FROM shares WHERE tenant = $1 AND span_id = $2", NULL};
static const struct db_statement put_one = {
    "shares_put",
    "INSERT INTO shares (token, tenant, span_id, created_us) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT DO NOTHING",
    NULL};
static const struct db_statement select_span = {
    "shares_of_span",
    "SELECT tenant, span_id, token FROM shares WHERE tenant = $1 AND span_id = $2", NULL};
static const struct db_statement select_token = {
    "shares_of_token", "SELECT tenant, span_id, token FROM shares WHERE token = $1", NULL};

static enum err read_one(struct tx *tx, const struct db_statement *statement,
                         const struct db_value *args, size_t arg_count, struct arena *arena,
                         struct share *share)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, statement, args, arg_count, &rows);

    if (err)
        return err;
    *share = (struct share){.tenant = db_get_keep(&rows, 0, arena),
                            .id = db_get_uuid(&rows, 1),
                            .token = db_get_keep(&rows, 2, arena)};
    return db_rows_end(&rows);
}

enum err shares_of(struct tx *tx, struct str tenant, struct uuid id, struct arena *arena,
                   struct share *share)
{
    return read_one(tx, &select_span, DB_ARGS(db_text(tenant), db_uuid(&id)), arena, share);
}

enum err shares_of_token(struct tx *tx, struct str token, struct arena *arena, struct share *share)
{
    return read_one(tx, &select_token, DB_ARGS(db_text(token)), arena, share);
}

enum err shares_delete(struct tx *tx, struct str tenant, struct uuid id)
{
    int64_t changed = 0;
    enum err err = db_run(tx->db, &delete_one, DB_ARGS(db_text(tenant), db_uuid(&id)), &changed);

    return !err && changed == 0 ? ERR_NOT_FOUND : err;
}

enum err shares_put(struct tx *tx, const struct share *share)
{
    int64_t changed = 0;
    enum err err = shares_delete(tx, share->tenant, share->id);

    REQUIRE(tx->is_write);
    if (!err || err == ERR_NOT_FOUND)
        err = db_run(tx->db, &put_one,
                     DB_ARGS(db_text(share->token), db_text(share->tenant), db_uuid(&share->id),
                             db_int(tx->now_us)),
                     &changed);
    return !err && changed == 0 ? ERR_CONFLICT : err;
}
