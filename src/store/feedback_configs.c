/* The table feedback_configs. */
#include "store/feedback_configs.h"

#define COLUMNS "key, config, is_lower_score_better, created_us, modified_us"

static const struct db_statement keep_one = {
    "feedback_configs_keep",
    "INSERT INTO feedback_configs (tenant, key, config, created_us, modified_us)"
    " VALUES ($1, $2, $3, $4, $4) ON CONFLICT DO NOTHING",
    NULL};
static const struct db_statement put_one = {
    "feedback_configs_put",
    "INSERT INTO feedback_configs (tenant, " COLUMNS ") VALUES ($1, $2, $3, $4, $5, $5)"
    " ON CONFLICT (tenant, key) DO UPDATE SET config = excluded.config,"
    " is_lower_score_better = excluded.is_lower_score_better, modified_us = excluded.modified_us",
    NULL};
static const struct db_statement get_one = {
    "feedback_configs_get",
    "SELECT " COLUMNS " FROM feedback_configs WHERE tenant = $1 AND key = $2", NULL};
static const struct db_statement delete_one = {
    "feedback_configs_delete", "DELETE FROM feedback_configs WHERE tenant = $1 AND key = $2", NULL};
static const struct db_statement list_all = {
    "feedback_configs_list",
    "SELECT " COLUMNS " FROM feedback_configs WHERE tenant = $1 ORDER BY key LIMIT 1000", NULL};
static_assert(FEEDBACK_CONFIGS_MAX == 1000, "as the list says");

static void row_read(const struct db_rows *rows, struct arena *arena,
                     struct feedback_config_row *row)
{
    *row = (struct feedback_config_row){
        .key = db_get_keep(rows, 0, arena),
        .config = db_get_keep(rows, 1, arena),
        .is_lower_score_better = db_is_null(rows, 2) ? -1 : (int)db_get_int(rows, 2),
        .created_us = db_get_int(rows, 3),
        .modified_us = db_get_int(rows, 4),
    };
}

enum err feedback_config_keep(struct tx *tx, struct str tenant, struct str key, struct str config)
{
    return db_run(tx->db, &keep_one,
                  DB_ARGS(db_text(tenant), db_text(key), db_text(config), db_int(tx->now_us)),
                  NULL);
}

enum err feedback_config_put(struct tx *tx, struct str tenant,
                             const struct feedback_config_row *row)
{
    struct db_value lower =
        row->is_lower_score_better < 0 ? db_null() : db_int(row->is_lower_score_better);

    return db_run(tx->db, &put_one,
                  DB_ARGS(db_text(tenant), db_text(row->key), db_text(row->config), lower,
                          db_int(tx->now_us)),
                  NULL);
}

enum err feedback_config_get(struct tx *tx, struct str tenant, struct str key, struct arena *arena,
                             struct feedback_config_row *row)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &get_one, DB_ARGS(db_text(tenant), db_text(key)), &rows);

    if (err)
        return err;
    row_read(&rows, arena, row);
    return db_rows_end(&rows);
}

enum err feedback_config_delete(struct tx *tx, struct str tenant, struct str key)
{
    int64_t changed = 0;
    enum err err = db_run(tx->db, &delete_one, DB_ARGS(db_text(tenant), db_text(key)), &changed);

    return !err && changed == 0 ? ERR_NOT_FOUND : err;
}

enum err feedback_config_list(struct tx *tx, struct str tenant, struct arena *arena,
                              struct feedback_config_rows *found)
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &list_all, DB_ARGS(db_text(tenant)), &rows);

    *found = (struct feedback_config_rows){
        .list = ARENA_ARRAY(arena, struct feedback_config_row, FEEDBACK_CONFIGS_MAX)};
    while (!err && db_next(&rows))
        row_read(&rows, arena, &found->list[found->count++]);
    return err ? err : db_rows_end(&rows);
}
