/* The table examples: versions that are valid from from_us until until_us. See datasets.h. */
#include "store/datasets.h"
#include "store/example_attachments.h"

#define FOR_EVER "9223372036854775807" /* until_us of what is valid now */
#define COLUMNS                                                                                    \
    "tenant, example_id, dataset_id, name, inputs, outputs, metadata, source_run_id, created_us, " \
    "from_us, attachments"
#define AT "from_us <= CAST($2 AS BIGINT) AND until_us > CAST($2 AS BIGINT)"

static const struct db_statement select_one = {
    "examples_get",
    "SELECT " COLUMNS " FROM examples WHERE tenant = $1 AND " AT " AND example_id = $3", NULL};
static const struct db_statement select_any = {
    "examples_any", "SELECT 1 FROM examples WHERE tenant = $1 AND example_id = $2 LIMIT 1", NULL};
static const struct db_statement select_run = {
    "examples_of_run",
    "SELECT 1 FROM examples WHERE tenant = $1 AND source_run_id = $2 AND until_us = " FOR_EVER
    " LIMIT 1",
    NULL};
static const struct db_statement close_one = {
    "examples_close",
    "UPDATE examples SET until_us = $3 WHERE tenant = $1 AND example_id = $2 AND"
    " until_us = " FOR_EVER,
    NULL};
/* What was made at this instant was never valid. */
static const struct db_statement delete_empty = {
    "examples_delete_empty",
    "DELETE FROM examples WHERE tenant = $1 AND example_id = $2 AND until_us <= from_us", NULL};
static const struct db_statement delete_all = {
    "examples_delete", "DELETE FROM examples WHERE tenant = $1 AND example_id = $2", NULL};
static const struct db_statement put_one = {"examples_put",
                                            "INSERT INTO examples (" COLUMNS
                                            ", until_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8,"
                                            " $9, $10, $11, " FOR_EVER ")",
                                            NULL};
static const struct db_statement count_more = {
    "datasets_count",
    "UPDATE datasets SET example_count = example_count + $3, modified_us = $4"
    " WHERE tenant = $1 AND dataset_id = $2 AND example_count + $3 <= CAST($5 AS BIGINT)",
    NULL};

#define WHERE                                                                                      \
    " FROM examples e WHERE tenant = $1 AND " AT " AND (CAST($3 AS TEXT) IS NULL OR "              \
    "dataset_id = $3)"
#define PAGE                                                                                       \
    " ORDER BY created_us DESC, example_id LIMIT CAST($7 AS BIGINT) OFFSET CAST($8 AS BIGINT)"
static const struct db_statement search_all = {
    "examples_search",
    "SELECT " COLUMNS WHERE
    " AND (CAST($4 AS TEXT) IS NULL OR example_id IN (SELECT value FROM json_each($4)))"
    " AND (CAST($5 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM json_each(e.metadata,"
    " '$.dataset_split') s WHERE s.value IN (SELECT value FROM json_each($5))))"
    " AND (CAST($6 AS TEXT) IS NULL OR json_contains(metadata, $6))" PAGE,
    "SELECT " COLUMNS WHERE
    " AND (CAST($4 AS TEXT) IS NULL OR example_id IN (SELECT jsonb_array_elements_text("
    "CAST($4 AS jsonb))))"
    " AND (CAST($5 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM jsonb_array_elements_text("
    "metadata::jsonb -> 'dataset_split') s WHERE s IN (SELECT jsonb_array_elements_text("
    "CAST($5 AS jsonb)))))"
    " AND (CAST($6 AS TEXT) IS NULL OR metadata::jsonb @> CAST($6 AS jsonb))" PAGE};
static const struct db_statement select_splits = {
    "examples_splits",
    "SELECT DISTINCT s.value FROM examples e, json_each(e.metadata, '$.dataset_split') s"
    " WHERE tenant = $1 AND " AT " AND dataset_id = $3 ORDER BY 1 LIMIT $4",
    "SELECT DISTINCT s COLLATE \"C\" FROM examples e, jsonb_array_elements_text(e.metadata::jsonb"
    " -> 'dataset_split') s WHERE tenant = $1 AND " AT " AND dataset_id = $3 ORDER BY 1 LIMIT $4"};
static const struct db_statement select_versions = {
    "examples_versions",
    "SELECT from_us FROM examples WHERE tenant = $1 AND dataset_id = $2 UNION SELECT until_us FROM"
    " examples WHERE tenant = $1 AND dataset_id = $2 AND until_us < " FOR_EVER
    " ORDER BY 1 DESC LIMIT CAST($3 AS BIGINT) OFFSET CAST($4 AS BIGINT)",
    NULL};

/* The version that was valid at each of two times. */
#define VALID_AT(time)                                                                             \
    "MAX(CASE WHEN from_us <= CAST(" time " AS BIGINT) AND until_us > CAST(" time                  \
    " AS BIGINT) THEN from_us END)"
static const struct db_statement compare_all = {
    "examples_compare",
    "SELECT example_id, " VALID_AT("$3") ", " VALID_AT(
        "$4") " FROM examples WHERE tenant = $1 AND dataset_id = $2 GROUP BY example_id"
              " ORDER BY example_id",
    NULL};

static void row_read(const struct db_rows *rows, struct arena *arena, struct example_row *e)
{
    *e = (struct example_row){
        .tenant = db_get_keep(rows, 0, arena),
        .example_id = db_get_keep(rows, 1, arena),
        .dataset_id = db_get_keep(rows, 2, arena),
        .name = db_get_keep(rows, 3, arena),
        .inputs = db_get_keep(rows, 4, arena),
        .outputs = db_get_keep(rows, 5, arena),
        .metadata = db_get_keep(rows, 6, arena),
        .source_run_id = db_get_keep(rows, 7, arena),
        .created_us = db_get_int(rows, 8),
        .modified_us = db_get_int(rows, 9),
        .attachments = db_get_keep(rows, 10, arena),
    };
}

static int64_t instant(int64_t as_of_us)
{
    return as_of_us ? as_of_us : INT64_MAX - 1;
}

enum err examples_get(struct tx *tx, struct str tenant, struct str example_id, int64_t as_of_us,
                      struct arena *arena, struct example_row *example)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(
        tx->db, &select_one,
        DB_ARGS(db_text(tenant), db_int(instant(as_of_us)), db_text(example_id)), &rows);

    if (err)
        return err;
    row_read(&rows, arena, example);
    return db_rows_end(&rows);
}

static enum err has_row(struct tx *tx, const struct db_statement *statement, struct str tenant,
                        struct str id, bool *known)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, statement, DB_ARGS(db_text(tenant), db_text(id)), &rows);

    *known = !err;
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    return db_rows_end(&rows);
}

enum err examples_have_run(struct tx *tx, struct str tenant, struct str run_id, bool *have)
{
    return has_row(tx, &select_run, tenant, run_id, have);
}

/* Also keeps other nodes out of the dataset until the commit. */
static enum err count(struct tx *tx, struct str tenant, struct str dataset_id, int64_t more)
{
    int64_t changed = 0;
    enum err err =
        db_run(tx->db, &count_more,
               DB_ARGS(db_text(tenant), db_text(dataset_id), db_int(more), db_int(tx->now_us),
                       db_int(more > 0 ? EXAMPLES_OF_DATASET_MAX : INT64_MAX)),
               &changed);

    return !err && changed == 0 ? ERR_LIMIT : err;
}

static enum err put(struct tx *tx, const struct example_row *e)
{
    return db_run(tx->db, &put_one,
                  DB_ARGS(db_text(e->tenant), db_text(e->example_id), db_text(e->dataset_id),
                          db_text(e->name), db_text(e->inputs), db_text(e->outputs),
                          db_text(e->metadata), db_text(e->source_run_id),
                          db_int(e->created_us ? e->created_us : tx->now_us), db_int(tx->now_us),
                          db_text(e->attachments)),
                  NULL);
}

enum err examples_insert(struct tx *tx, const struct example_row *example)
{
    bool known = false;
    enum err err;

    REQUIRE(tx->is_write);
    if ((err = count(tx, example->tenant, example->dataset_id, 1)) ||
        (err = has_row(tx, &select_any, example->tenant, example->example_id, &known)))
        return err;
    return known ? ERR_CONFLICT : put(tx, example);
}

static enum err close_version(struct tx *tx, struct str tenant, struct str example_id)
{
    enum err err = db_run(tx->db, &close_one,
                          DB_ARGS(db_text(tenant), db_text(example_id), db_int(tx->now_us)), NULL);

    return err ? err
               : db_run(tx->db, &delete_empty, DB_ARGS(db_text(tenant), db_text(example_id)), NULL);
}

enum err examples_update(struct tx *tx, const struct example_row *example)
{
    enum err err = count(tx, example->tenant, example->dataset_id, 0);

    if (!err)
        err = close_version(tx, example->tenant, example->example_id);
    return err ? err : put(tx, example);
}

enum err examples_delete(struct tx *tx, struct str tenant, struct str example_id, bool hard)
{
    struct example_row row;
    enum err err = examples_get(tx, tenant, example_id, 0, tx->arena, &row);

    if (err)
        return err;
    if ((err = count(tx, tenant, row.dataset_id, -1)))
        return err;
    if (hard) {
        err = example_attachments_delete(tx, tenant, example_id);
        return err ? err
                   : db_run(tx->db, &delete_all, DB_ARGS(db_text(tenant), db_text(example_id)),
                            NULL);
    }
    return close_version(tx, tenant, example_id);
}

enum err examples_search(struct tx *tx, const struct example_filter *f, struct arena *arena,
                         struct example_rows *found)
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &search_all,
                            DB_ARGS(db_text(f->tenant), db_int(instant(f->as_of_us)),
                                    db_text(f->dataset_id), db_text(f->ids), db_text(f->splits),
                                    db_text(f->metadata), db_int(f->limit), db_int(f->offset)),
                            &rows);

    *found = (struct example_rows){0};
    if (err)
        return err;
    found->list = ARENA_ARRAY(arena, struct example_row, (size_t)f->limit + 1);
    while (db_next(&rows))
        row_read(&rows, arena, &found->list[found->count++]);
    return db_rows_end(&rows);
}

enum err examples_versions(struct tx *tx, struct str tenant, struct str dataset_id,
                           const struct example_filter *page, int64_t *times_us, size_t *count_out)
{
    struct db_rows rows = {0};
    enum err err = db_query(
        tx->db, &select_versions,
        DB_ARGS(db_text(tenant), db_text(dataset_id), db_int(page->limit), db_int(page->offset)),
        &rows);

    *count_out = 0;
    while (!err && db_next(&rows))
        times_us[(*count_out)++] = db_get_int(&rows, 0);
    return err ? err : db_rows_end(&rows);
}

enum err examples_splits(struct tx *tx, const struct example_filter *f, struct arena *arena,
                         struct str *names, size_t max, size_t *count_out)
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &select_splits,
                            DB_ARGS(db_text(f->tenant), db_int(instant(f->as_of_us)),
                                    db_text(f->dataset_id), db_int((int64_t)max)),
                            &rows);

    *count_out = 0;
    while (!err && db_next(&rows))
        names[(*count_out)++] = db_get_keep(&rows, 0, arena);
    return err ? err : db_rows_end(&rows);
}

enum err examples_compare(struct tx *tx, struct str tenant, struct str dataset_id,
                          struct arena *arena, struct example_changes *changes)
{
    struct db_rows rows = {0};
    size_t capacity = 0;
    enum err err =
        db_query(tx->db, &compare_all,
                 DB_ARGS(db_text(tenant), db_text(dataset_id), db_int(instant(changes->from_us)),
                         db_int(instant(changes->to_us))),
                 &rows);

    changes->count = 0;
    while (!err && db_next(&rows)) {
        bool was = !db_is_null(&rows, 1), is = !db_is_null(&rows, 2);

        if ((!was && !is) || (was && is && db_get_int(&rows, 1) == db_get_int(&rows, 2)))
            continue;
        changes->list =
            arena_more(arena, changes->list, changes->count, &capacity, sizeof(*changes->list));
        changes->list[changes->count].example_id = db_get_keep(&rows, 0, arena);
        changes->list[changes->count++].change = !was  ? EXAMPLE_ADDED
                                                 : !is ? EXAMPLE_REMOVED
                                                       : EXAMPLE_MODIFIED;
    }
    return err ? err : db_rows_end(&rows);
}
