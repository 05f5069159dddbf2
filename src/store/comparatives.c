/* The table comparatives. */
#include "store/comparatives.h"

static const struct db_statement insert_one = {
    "comparatives_insert",
    "INSERT INTO comparatives (tenant, comparative_id, dataset_id, body, created_us)"
    " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    NULL};
static const struct db_statement select_all = {
    "comparatives_list",
    "SELECT comparative_id, body, created_us FROM comparatives WHERE tenant = $1 AND"
    " dataset_id = $2 ORDER BY created_us DESC, comparative_id LIMIT $3",
    NULL};
static const struct db_statement delete_one = {
    "comparatives_delete", "DELETE FROM comparatives WHERE tenant = $1 AND comparative_id = $2",
    NULL};
static const struct db_statement delete_of = {
    "comparatives_delete_of", "DELETE FROM comparatives WHERE tenant = $1 AND dataset_id = $2",
    NULL};

enum err comparatives_insert(struct tx *tx, struct comparative_row *row)
{
    row->created_us = tx->now_us;
    return named_insert(tx, &insert_one,
                        DB_ARGS(db_text(row->tenant), db_text(row->comparative_id),
                                db_text(row->dataset_id), db_text(row->body),
                                db_int(row->created_us)));
}

enum err comparatives_list(struct tx *tx, struct str tenant, struct str dataset_id,
                           struct arena *arena, struct comparative_rows *found)
{
    struct db_rows rows = {0};
    enum err err = db_query(
        tx->db, &select_all,
        DB_ARGS(db_text(tenant), db_text(dataset_id), db_int(COMPARATIVES_LIST_MAX)), &rows);

    *found = (struct comparative_rows){
        .list = ARENA_ARRAY(arena, struct comparative_row, COMPARATIVES_LIST_MAX)};
    while (!err && db_next(&rows))
        found->list[found->count++] =
            (struct comparative_row){.tenant = tenant,
                                     .comparative_id = db_get_keep(&rows, 0, arena),
                                     .dataset_id = dataset_id,
                                     .body = db_get_keep(&rows, 1, arena),
                                     .created_us = db_get_int(&rows, 2)};
    return err ? err : db_rows_end(&rows);
}

enum err comparatives_delete(struct tx *tx, struct str tenant, struct str comparative_id)
{
    return named_change(tx, &delete_one, DB_ARGS(db_text(tenant), db_text(comparative_id)));
}

enum err comparatives_delete_of(struct tx *tx, struct str tenant, struct str dataset_id)
{
    return db_run(tx->db, &delete_of, DB_ARGS(db_text(tenant), db_text(dataset_id)), NULL);
}
