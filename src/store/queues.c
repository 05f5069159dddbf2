/* The tables queues and queue_items. */
#include "store/queues.h"

#include "store/sequence.h"
#include "store/uuid_column.h"

#define COLUMNS "tenant, queue_id, name, body, created_us, updated_us"

static const struct db_statement select_one = {
    "queues_get", "SELECT " COLUMNS " FROM queues WHERE tenant = $1 AND queue_id = $2", NULL};
static const struct db_statement insert_one = {
    "queues_insert",
    "INSERT INTO queues (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT DO NOTHING",
    NULL};
static const struct db_statement update_one = {
    "queues_update",
    "UPDATE queues SET name = $3, body = $4, updated_us = $5 WHERE tenant = $1 AND queue_id = $2"
    " AND NOT EXISTS (SELECT 1 FROM queues q WHERE q.tenant = $1 AND q.name = $3 AND"
    " q.queue_id <> $2)",
    NULL};
static const struct db_statement delete_one = {
    "queues_delete", "DELETE FROM queues WHERE tenant = $1 AND queue_id = $2", NULL};
static const struct db_statement delete_items = {
    "queues_delete_items", "DELETE FROM queue_items WHERE tenant = $1 AND queue_id = $2", NULL};

#define SEARCH "SELECT " COLUMNS " FROM queues WHERE " NAMED_IS
#define PAGE NAMED_PAGE("queue_id", "$5", "$6")
static const struct db_statement search_all = {"queues_search",
                                               SEARCH NAMED_IN_SQLITE("queue_id") PAGE,
                                               SEARCH NAMED_IN_POSTGRES("queue_id") PAGE};

static const struct db_statement add_item = {
    "queue_items_add",
    "INSERT INTO queue_items (tenant, queue_id, item_id, item_no, span_id, added_us)"
    " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, queue_id, span_id) DO NOTHING",
    NULL};
static const struct db_statement list_items = {
    "queue_items_list",
    "SELECT item_id, span_id, added_us FROM queue_items WHERE tenant = $1 AND queue_id = $2"
    " ORDER BY item_no LIMIT CAST($3 AS BIGINT) OFFSET CAST($4 AS BIGINT)",
    NULL};
static const struct db_statement count_items = {
    "queue_items_count", "SELECT COUNT(*) FROM queue_items WHERE tenant = $1 AND queue_id = $2",
    NULL};
static const struct db_statement delete_item = {"queue_items_delete",
                                                "DELETE FROM queue_items WHERE tenant = $1 AND "
                                                "queue_id = $2 AND (item_id = $3 OR span_id = $4)",
                                                NULL};

static void row_read(const struct db_rows *rows, struct arena *arena, struct queue_row *q)
{
    *q = (struct queue_row){
        .tenant = db_get_keep(rows, 0, arena),
        .queue_id = db_get_keep(rows, 1, arena),
        .name = db_get_keep(rows, 2, arena),
        .body = db_get_keep(rows, 3, arena),
        .created_us = db_get_int(rows, 4),
        .updated_us = db_get_int(rows, 5),
    };
}

enum err queues_get(struct tx *tx, struct str tenant, struct str queue_id, struct arena *arena,
                    struct queue_row *queue)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &select_one, DB_ARGS(db_text(tenant), db_text(queue_id)), &rows);

    if (err)
        return err;
    row_read(&rows, arena, queue);
    return db_rows_end(&rows);
}

enum err queues_insert(struct tx *tx, struct queue_row *q)
{
    q->created_us = q->updated_us = tx->now_us;
    return named_insert(tx, &insert_one,
                        DB_ARGS(db_text(q->tenant), db_text(q->queue_id), db_text(q->name),
                                db_text(q->body), db_int(tx->now_us)));
}

enum err queues_update(struct tx *tx, const struct queue_row *q)
{
    struct queue_row found;
    enum err err = named_change(tx, &update_one,
                                DB_ARGS(db_text(q->tenant), db_text(q->queue_id), db_text(q->name),
                                        db_text(q->body), db_int(tx->now_us)));

    if (err != ERR_NOT_FOUND)
        return err;
    err = queues_get(tx, q->tenant, q->queue_id, tx->arena, &found);
    return err ? err : ERR_CONFLICT;
}

enum err queues_delete(struct tx *tx, struct str tenant, struct str queue_id)
{
    enum err err = db_run(tx->db, &delete_items, DB_ARGS(db_text(tenant), db_text(queue_id)), NULL);

    return err ? err : named_change(tx, &delete_one, DB_ARGS(db_text(tenant), db_text(queue_id)));
}

enum err queues_search(struct tx *tx, const struct named_filter *f, struct arena *arena,
                       struct queue_rows *found)
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &search_all,
                            DB_ARGS(db_text(f->tenant), db_text(f->ids), db_text(f->name),
                                    db_text(f->name_contains), db_int(f->limit), db_int(f->offset)),
                            &rows);

    *found = (struct queue_rows){0};
    if (err)
        return err;
    found->list = ARENA_ARRAY(arena, struct queue_row, (size_t)f->limit + 1);
    while (db_next(&rows))
        row_read(&rows, arena, &found->list[found->count++]);
    return db_rows_end(&rows);
}

/* ---- items ---- */

enum err queue_items_add(struct tx *tx, struct str tenant, struct str queue_id, struct uuid span_id,
                         bool *is_new)
{
    struct uuid_text id;
    int64_t item_no = 0, changed = 0;
    enum err err = sequence_next(tx, STR("queue_items"), 1, &item_no);

    REQUIRE(tx->is_write);
    if (err)
        return err;
    err = db_run(tx->db, &add_item,
                 DB_ARGS(db_text(tenant), db_text(queue_id),
                         db_text(uuid_write(uuid_v4(tx->rng), &id)), db_int(item_no),
                         db_uuid(&span_id), db_int(tx->now_us)),
                 &changed);
    *is_new = changed > 0;
    return err;
}

enum err queue_items_list(struct tx *tx, const struct queue_row *queue, int64_t limit,
                          int64_t offset, struct arena *arena, struct queue_items *found)
{
    struct db_rows rows = {0};
    enum err err = db_query(
        tx->db, &list_items,
        DB_ARGS(db_text(queue->tenant), db_text(queue->queue_id), db_int(limit), db_int(offset)),
        &rows);

    *found = (struct queue_items){0};
    if (err)
        return err;
    found->list = ARENA_ARRAY(arena, struct queue_item, (size_t)limit + 1);
    while (db_next(&rows))
        found->list[found->count++] = (struct queue_item){.item_id = db_get_keep(&rows, 0, arena),
                                                          .span_id = db_get_uuid(&rows, 1),
                                                          .added_us = db_get_int(&rows, 2)};
    return db_rows_end(&rows);
}

enum err queue_items_count(struct tx *tx, const struct queue_row *queue, int64_t *count)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &count_items,
                                DB_ARGS(db_text(queue->tenant), db_text(queue->queue_id)), &rows);

    if (err)
        return err;
    *count = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

enum err queue_items_delete(struct tx *tx, struct str tenant, struct str queue_id, struct uuid id)
{
    struct uuid_text text;

    return named_change(
        tx, &delete_item,
        DB_ARGS(db_text(tenant), db_text(queue_id), db_text(uuid_write(id, &text)), db_uuid(&id)));
}
