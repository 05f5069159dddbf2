/* The table projects. */
#include "store/projects.h"

#include "base/uuid.h"
#include "store/sequence.h"
#include "store/span_delete.h"

#define COLUMNS                                                                                    \
    "tenant, project_id, project_no, name, description, extra, start_us, end_us, "                 \
    "reference_dataset_id, default_dataset_id, trace_tier, keep_us, created_us, modified_us"

static const struct db_statement select_one = {
    "projects_get", "SELECT " COLUMNS " FROM projects WHERE tenant = $1 AND project_id = $2", NULL};
static const struct db_statement select_by_name = {
    "projects_find", "SELECT " COLUMNS " FROM projects WHERE tenant = $1 AND name = $2", NULL};
static const struct db_statement select_by_no = {
    "projects_get_by_no", "SELECT " COLUMNS " FROM projects WHERE project_no = $1", NULL};
static const struct db_statement insert_one = {
    "projects_insert",
    "INSERT INTO projects (" COLUMNS
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
    " ON CONFLICT DO NOTHING",
    NULL};
/* Names are unique: a taken one is found before, so that the transaction goes on. */
static const struct db_statement update_one = {
    "projects_update",
    "UPDATE projects SET name = $3, description = $4, extra = $5, start_us = $6, end_us = $7,"
    " reference_dataset_id = $8, default_dataset_id = $9, trace_tier = $10, keep_us = $11,"
    " modified_us = $12 WHERE tenant = $1 AND project_id = $2 AND NOT EXISTS (SELECT 1 FROM"
    " projects p WHERE p.tenant = $1 AND p.name = $3 AND p.project_id <> $2)",
    NULL};
static const struct db_statement delete_one = {
    "projects_delete", "DELETE FROM projects WHERE tenant = $1 AND project_id = $2", NULL};

#define WHERE                                                                                      \
    "SELECT " COLUMNS " FROM projects WHERE tenant = $3"                                           \
    " AND (CAST($4 AS TEXT) IS NULL OR name = $4)"                                                 \
    " AND (CAST($5 AS TEXT) IS NULL OR LOWER(name) LIKE LOWER($5) ESCAPE '\\')"                    \
    " AND (CAST($6 AS TEXT) IS NULL OR COALESCE(reference_dataset_id, '') = $6)"
#define SQLITE_WHERE                                                                               \
    WHERE " AND (CAST($7 AS TEXT) IS NULL OR json_contains(COALESCE(extra, '{}'), $7))"
#define POSTGRES_WHERE                                                                             \
    WHERE " AND (CAST($7 AS TEXT) IS NULL OR COALESCE(extra, '{}')::jsonb @> CAST($7 AS jsonb))"
#define PAGE(order, direction)                                                                     \
    " ORDER BY " order " " direction ", project_no " direction                                     \
    " LIMIT CAST($1 AS BIGINT) OFFSET CAST($2 AS BIGINT)"
#define SEARCH(name, order, direction)                                                             \
    {                                                                                              \
        "projects_search_" name, SQLITE_WHERE PAGE(order, direction),                              \
            POSTGRES_WHERE PAGE(order, direction)                                                  \
    }
#define LAST_SPAN                                                                                  \
    "COALESCE((SELECT MAX(s.start_us) FROM spans s WHERE s.project_no = projects.project_no), 0)"
static const struct db_statement searches[][2] = {
    [PROJECTS_BY_START] = {SEARCH("start_down", "start_us", "DESC"),
                           SEARCH("start_up", "start_us", "ASC")},
    [PROJECTS_BY_NAME] = {SEARCH("name_down", "name", "DESC"), SEARCH("name_up", "name", "ASC")},
    [PROJECTS_BY_LAST_SPAN] = {SEARCH("last_down", LAST_SPAN, "DESC"),
                               SEARCH("last_up", LAST_SPAN, "ASC")},
};
static const struct db_statement count_experiments = {
    "projects_count_experiments",
    "SELECT COUNT(*) FROM projects WHERE tenant = $1 AND reference_dataset_id = $2"
    " AND (start_us, project_no) <= (CAST($3 AS BIGINT), CAST($4 AS BIGINT))",
    NULL};

static void row_read(const struct db_rows *rows, struct arena *arena, struct project_row *project)
{
    *project = (struct project_row){
        .tenant = db_get_keep(rows, 0, arena),
        .project_id = db_get_keep(rows, 1, arena),
        .project_no = db_get_int(rows, 2),
        .name = db_get_keep(rows, 3, arena),
        .description = db_get_keep(rows, 4, arena),
        .extra = db_get_keep(rows, 5, arena),
        .start_us = db_get_int(rows, 6),
        .end_us = db_get_int(rows, 7),
        .reference_dataset_id = db_get_keep(rows, 8, arena),
        .default_dataset_id = db_get_keep(rows, 9, arena),
        .trace_tier = db_get_keep(rows, 10, arena),
        .keep_us = db_get_int(rows, 11),
        .created_us = db_get_int(rows, 12),
        .modified_us = db_get_int(rows, 13),
    };
}

static enum err read_one(struct tx *tx, const struct db_statement *statement,
                         const struct db_value *args, size_t arg_count, struct arena *arena,
                         struct project_row *project)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, statement, args, arg_count, &rows);

    if (err)
        return err;
    row_read(&rows, arena, project);
    return db_rows_end(&rows);
}

enum err projects_get(struct tx *tx, struct str tenant, struct str project_id, struct arena *arena,
                      struct project_row *project)
{
    return read_one(tx, &select_one, DB_ARGS(db_text(tenant), db_text(project_id)), arena, project);
}

enum err projects_find(struct tx *tx, struct str tenant, struct str name, struct arena *arena,
                       struct project_row *project)
{
    return read_one(tx, &select_by_name, DB_ARGS(db_text(tenant), db_text(name)), arena, project);
}

enum err projects_get_by_no(struct tx *tx, int64_t project_no, struct arena *arena,
                            struct project_row *project)
{
    return read_one(tx, &select_by_no, DB_ARGS(db_int(project_no)), arena, project);
}

enum err projects_insert(struct tx *tx, struct project_row *p)
{
    int64_t changed = 0;
    enum err err = sequence_next(tx, STR("projects"), 1, &p->project_no);

    if (err)
        return err;
    p->created_us = tx->now_us;
    p->modified_us = tx->now_us;
    err = db_run(tx->db, &insert_one,
                 DB_ARGS(db_text(p->tenant), db_text(p->project_id), db_int(p->project_no),
                         db_text(p->name), db_text(p->description), db_text(p->extra),
                         db_int(p->start_us), db_int_or_null(p->end_us),
                         db_text(p->reference_dataset_id), db_text(p->default_dataset_id),
                         db_text(p->trace_tier), db_int_or_null(p->keep_us), db_int(p->created_us),
                         db_int(p->modified_us)),
                 &changed);
    return !err && changed == 0 ? ERR_CONFLICT : err;
}

enum err projects_ensure(struct tx *tx, struct str tenant, struct str name, struct arena *arena,
                         struct project_row *project)
{
    struct project_row made = {.tenant = tenant, .name = name, .start_us = tx->now_us};
    struct uuid_text id;
    enum err err = projects_find(tx, tenant, name, arena, project);

    if (err != ERR_NOT_FOUND)
        return err;
    made.project_id = arena_str(arena, uuid_write(uuid_v4(tx->rng), &id));
    err = projects_insert(tx, &made);
    /* ERR_CONFLICT: another node has made it meanwhile. */
    return err && err != ERR_CONFLICT ? err : projects_find(tx, tenant, name, arena, project);
}

enum err projects_update(struct tx *tx, const struct project_row *p)
{
    struct project_row found;
    int64_t changed = 0;
    enum err err = db_run(tx->db, &update_one,
                          DB_ARGS(db_text(p->tenant), db_text(p->project_id), db_text(p->name),
                                  db_text(p->description), db_text(p->extra), db_int(p->start_us),
                                  db_int_or_null(p->end_us), db_text(p->reference_dataset_id),
                                  db_text(p->default_dataset_id), db_text(p->trace_tier),
                                  db_int_or_null(p->keep_us), db_int(tx->now_us)),
                          &changed);

    if (err || changed)
        return err;
    err = projects_get(tx, p->tenant, p->project_id, tx->arena, &found);
    return err ? err : ERR_CONFLICT;
}

enum err projects_delete(struct tx *tx, struct str tenant, struct str project_id)
{
    struct project_row project;
    enum err err = projects_get(tx, tenant, project_id, tx->arena, &project);

    if (!err)
        err = db_run(tx->db, &delete_one, DB_ARGS(db_text(tenant), db_text(project_id)), NULL);
    return err ? err : project_spans_forget(tx, project.project_no);
}

/* "%part%", with the signs of LIKE escaped. */
static struct str like_of(struct arena *arena, struct str part)
{
    char *text = arena_alloc(arena, 2 * part.len + 2);
    size_t len = 0;

    if (str_is_none(part))
        return STR_NONE;
    text[len++] = '%';
    for (size_t i = 0; i < part.len; i++) {
        if (strchr("%_\\", part.data[i]))
            text[len++] = '\\';
        text[len++] = part.data[i];
    }
    text[len++] = '%';
    return str_range(text, len);
}

/* extra must hold it as `metadata`. */
static struct str in_metadata(struct arena *arena, struct str metadata)
{
    if (str_is_none(metadata))
        return STR_NONE;
    return arena_concat(arena, (struct str[]){STR("{\"metadata\":"), metadata, STR("}")}, 3);
}

enum err projects_search(struct tx *tx, const struct project_filter *f, struct arena *arena,
                         struct project_rows *found)
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &searches[f->sort][f->ascending],
                            DB_ARGS(db_int(f->limit), db_int(f->offset), db_text(f->tenant),
                                    db_text(f->name), db_text(like_of(tx->arena, f->name_contains)),
                                    db_text(f->reference_dataset_id),
                                    db_text(in_metadata(tx->arena, f->metadata))),
                            &rows);

    if (err)
        return err;
    found->list = ARENA_ARRAY(arena, struct project_row, (size_t)f->limit + 1);
    found->count = 0;
    while (db_next(&rows))
        row_read(&rows, arena, &found->list[found->count++]);
    return db_rows_end(&rows);
}

enum err projects_experiment_number(struct tx *tx, const struct project_row *p, int64_t *number)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &count_experiments,
                                DB_ARGS(db_text(p->tenant), db_text(p->reference_dataset_id),
                                        db_int(p->start_us), db_int(p->project_no)),
                                &rows);

    if (err)
        return err;
    *number = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}
