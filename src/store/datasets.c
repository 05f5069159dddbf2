/* The table datasets. */
#include "store/datasets.h"

#include "store/comparatives.h"
#include "store/example_attachments.h"
#include "store/shares.h"

#define COLUMNS                                                                                    \
    "tenant, dataset_id, name, data_type, description, metadata, inputs_schema, outputs_schema, "  \
    "tags, example_count, created_us, modified_us"

static const struct db_statement select_one = {
    "datasets_get", "SELECT " COLUMNS " FROM datasets WHERE tenant = $1 AND dataset_id = $2", NULL};
static const struct db_statement insert_one = {
    "datasets_insert",
    "INSERT INTO datasets (" COLUMNS
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $10) ON CONFLICT DO NOTHING",
    NULL};
static const struct db_statement update_one = {
    "datasets_update",
    "UPDATE datasets SET name = $3, data_type = $4, description = $5, metadata = $6,"
    " inputs_schema = $7, outputs_schema = $8, tags = $9, modified_us = $10"
    " WHERE tenant = $1 AND dataset_id = $2 AND NOT EXISTS (SELECT 1 FROM datasets d WHERE"
    " d.tenant = $1 AND d.name = $3 AND d.dataset_id <> $2)",
    NULL};
static const struct db_statement delete_one = {
    "datasets_delete", "DELETE FROM datasets WHERE tenant = $1 AND dataset_id = $2", NULL};
static const struct db_statement delete_examples = {
    "datasets_delete_examples", "DELETE FROM examples WHERE tenant = $1 AND dataset_id = $2", NULL};

#define SEARCH                                                                                     \
    "SELECT " COLUMNS " FROM datasets WHERE " NAMED_IS                                             \
    " AND (CAST($5 AS TEXT) IS NULL OR data_type = $5)"
#define PAGE NAMED_PAGE("dataset_id", "$7", "$8")
static const struct db_statement search_all = {
    "datasets_search",
    SEARCH NAMED_IN_SQLITE("dataset_id") " AND (CAST($6 AS TEXT) IS NULL OR json_contains(COALESCE("
                                         "metadata, '{}'), $6))" PAGE,
    SEARCH NAMED_IN_POSTGRES("dataset_id") " AND (CAST($6 AS TEXT) IS NULL OR COALESCE(metadata, "
                                           "'{}')::jsonb @> CAST($6 AS jsonb))" PAGE};

static void row_read(const struct db_rows *rows, struct arena *arena, struct dataset_row *d)
{
    *d = (struct dataset_row){
        .tenant = db_get_keep(rows, 0, arena),
        .dataset_id = db_get_keep(rows, 1, arena),
        .name = db_get_keep(rows, 2, arena),
        .data_type = db_get_keep(rows, 3, arena),
        .description = db_get_keep(rows, 4, arena),
        .metadata = db_get_keep(rows, 5, arena),
        .inputs_schema = db_get_keep(rows, 6, arena),
        .outputs_schema = db_get_keep(rows, 7, arena),
        .tags = db_get_keep(rows, 8, arena),
        .example_count = db_get_int(rows, 9),
        .created_us = db_get_int(rows, 10),
        .modified_us = db_get_int(rows, 11),
    };
}

enum err datasets_get(struct tx *tx, struct str tenant, struct str dataset_id, struct arena *arena,
                      struct dataset_row *dataset)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &select_one, DB_ARGS(db_text(tenant), db_text(dataset_id)), &rows);

    if (err)
        return err;
    row_read(&rows, arena, dataset);
    return db_rows_end(&rows);
}

enum err datasets_insert(struct tx *tx, struct dataset_row *d)
{
    d->created_us = d->modified_us = tx->now_us;
    return named_insert(tx, &insert_one,
                        DB_ARGS(db_text(d->tenant), db_text(d->dataset_id), db_text(d->name),
                                db_text(d->data_type), db_text(d->description),
                                db_text(d->metadata), db_text(d->inputs_schema),
                                db_text(d->outputs_schema), db_text(d->tags), db_int(tx->now_us)));
}

enum err datasets_update(struct tx *tx, const struct dataset_row *d)
{
    struct dataset_row found;
    enum err err = named_change(
        tx, &update_one,
        DB_ARGS(db_text(d->tenant), db_text(d->dataset_id), db_text(d->name), db_text(d->data_type),
                db_text(d->description), db_text(d->metadata), db_text(d->inputs_schema),
                db_text(d->outputs_schema), db_text(d->tags), db_int(tx->now_us)));

    if (err != ERR_NOT_FOUND)
        return err;
    err = datasets_get(tx, d->tenant, d->dataset_id, tx->arena, &found);
    return err ? err : ERR_CONFLICT;
}

enum err datasets_delete(struct tx *tx, struct str tenant, struct str dataset_id)
{
    struct uuid id;
    enum err err = example_attachments_delete_all(tx, tenant, dataset_id);

    if (!err)
        err = db_run(tx->db, &delete_examples, DB_ARGS(db_text(tenant), db_text(dataset_id)), NULL);
    if (!err)
        err = comparatives_delete_of(tx, tenant, dataset_id);
    if (!err && !uuid_parse_loose(dataset_id, &id) &&
        (err = shares_delete(tx, tenant, id)) == ERR_NOT_FOUND)
        err = OK;

    return err ? err : named_change(tx, &delete_one, DB_ARGS(db_text(tenant), db_text(dataset_id)));
}

enum err datasets_search(struct tx *tx, const struct dataset_filter *f, struct arena *arena,
                         struct dataset_rows *found)
{
    struct db_rows rows = {0};
    enum err err =
        db_query(tx->db, &search_all,
                 DB_ARGS(db_text(f->named.tenant), db_text(f->named.ids), db_text(f->named.name),
                         db_text(f->named.name_contains), db_text(f->data_type),
                         db_text(f->metadata), db_int(f->named.limit), db_int(f->named.offset)),
                 &rows);

    *found = (struct dataset_rows){0};
    if (err)
        return err;
    found->list = ARENA_ARRAY(arena, struct dataset_row, (size_t)f->named.limit + 1);
    while (db_next(&rows))
        row_read(&rows, arena, &found->list[found->count++]);
    return db_rows_end(&rows);
}
