/* The table example_attachments. */
#include "store/example_attachments.h"

static const struct db_statement insert_one = {
    "example_attachments_add",
    "INSERT INTO example_attachments (tenant, example_id, attachment_id, mime_type, bytes,"
    " created_us) VALUES ($1, $2, $3, $4, $5, $6)",
    NULL};
static const struct db_statement select_one = {
    "example_attachments_get",
    "SELECT mime_type, bytes FROM example_attachments WHERE tenant = $1 AND example_id = $2 AND"
    " attachment_id = $3",
    NULL};
static const struct db_statement delete_one = {
    "example_attachments_delete",
    "DELETE FROM example_attachments WHERE tenant = $1 AND example_id = $2", NULL};
static const struct db_statement delete_all = {
    "example_attachments_delete_all",
    "DELETE FROM example_attachments WHERE tenant = $1 AND example_id IN (SELECT example_id FROM"
    " examples WHERE tenant = $1 AND dataset_id = $2)",
    NULL};

enum err example_attachments_add(struct tx *tx, struct str tenant, struct str example_id,
                                 const struct example_attachment *a)
{
    REQUIRE(tx->is_write);
    return db_run(tx->db, &insert_one,
                  DB_ARGS(db_text(tenant), db_text(example_id), db_text(a->attachment_id),
                          db_text(a->mime_type), db_blob(a->bytes), db_int(tx->now_us)),
                  NULL);
}

enum err example_attachments_get(struct tx *tx, struct str tenant, struct str example_id,
                                 struct arena *arena, struct example_attachment *a)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(
        tx->db, &select_one,
        DB_ARGS(db_text(tenant), db_text(example_id), db_text(a->attachment_id)), &rows);

    if (err)
        return err;
    a->mime_type = db_get_keep(&rows, 0, arena);
    a->bytes = db_get_keep(&rows, 1, arena);
    return db_rows_end(&rows);
}

enum err example_attachments_delete(struct tx *tx, struct str tenant, struct str example_id)
{
    return db_run(tx->db, &delete_one, DB_ARGS(db_text(tenant), db_text(example_id)), NULL);
}

enum err example_attachments_delete_all(struct tx *tx, struct str tenant, struct str dataset_id)
{
    return db_run(tx->db, &delete_all, DB_ARGS(db_text(tenant), db_text(dataset_id)), NULL);
}
