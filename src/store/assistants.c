/* The tables assistants and assistant_versions. */
#include "store/assistants.h"

#include "base/json.h"
#include "store/search.h"

#define COLUMNS                                                                                    \
    "tenant, assistant_id, graph_id, name, description, config, context, metadata, version, "      \
    "created_us, updated_us"

static const struct db_statement select_one = {
    "assistants_get", "SELECT " COLUMNS " FROM assistants WHERE tenant = $1 AND assistant_id = $2",
    NULL};
static const struct db_statement insert_one = {
    "assistants_insert",
    "INSERT INTO assistants (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    NULL};
static const struct db_statement insert_version = {
    "assistant_versions_insert",
    "INSERT INTO assistant_versions (tenant, assistant_id, version, graph_id, name, description, "
    "config,"
    " context, metadata, created_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    NULL};
static const struct db_statement update_one = {
    "assistants_update",
    "UPDATE assistants SET graph_id = $3, name = $4, description = $5, config = $6, context = $7,"
    " metadata = $8, version = $9, updated_us = $10 WHERE tenant = $1 AND assistant_id = $2",
    NULL};
static const struct db_statement max_version = {
    "assistant_versions_max",
    "SELECT COALESCE(MAX(version), 0) FROM assistant_versions WHERE tenant = $1 AND assistant_id = "
    "$2",
    NULL};
#define VERSION_COLUMNS                                                                            \
    "tenant, assistant_id, graph_id, name, description, config, context, metadata, version, "      \
    "created_us, 0"
#define VERSION_WHERE " FROM assistant_versions WHERE tenant = $1 AND assistant_id = $2"
#define VERSION_PAGE " ORDER BY version DESC LIMIT CAST($4 AS BIGINT) OFFSET CAST($5 AS BIGINT)"
static const struct db_statement select_version = {
    "assistant_versions_get", "SELECT " VERSION_COLUMNS VERSION_WHERE " AND version = $3", NULL};
static const struct db_statement select_versions = {
    "assistant_versions_list",
    "SELECT " VERSION_COLUMNS VERSION_WHERE
    " AND (CAST($3 AS TEXT) IS NULL OR json_contains(metadata, $3))" VERSION_PAGE,
    "SELECT " VERSION_COLUMNS VERSION_WHERE
    " AND (CAST($3 AS TEXT) IS NULL OR metadata::jsonb @> CAST($3 AS jsonb))" VERSION_PAGE};
static const struct db_statement delete_one = {
    "assistants_delete", "DELETE FROM assistants WHERE tenant = $1 AND assistant_id = $2", NULL};
static const struct db_statement delete_versions = {
    "assistant_versions_delete",
    "DELETE FROM assistant_versions WHERE tenant = $1 AND assistant_id = $2", NULL};

#define WHERE                                                                                      \
    " FROM assistants WHERE tenant = $3 AND (CAST($4 AS TEXT) IS NULL OR graph_id = $4)"           \
    " AND (CAST($6 AS TEXT) IS NULL OR LOWER(name) LIKE $6 ESCAPE '!')"
#define SQLITE_WHERE                                                                               \
    WHERE " AND (CAST($5 AS TEXT) IS NULL OR json_contains(metadata, $5))" SQLITE_ADMITS("$7")
#define POSTGRES_WHERE                                                                             \
    WHERE                                                                                          \
    " AND (CAST($5 AS TEXT) IS NULL OR metadata::jsonb @> CAST($5 AS jsonb))" POSTGRES_ADMITS("$"  \
                                                                                              "7")
#define SQLITE_TEXT "SELECT " COLUMNS SQLITE_WHERE
#define POSTGRES_TEXT "SELECT " COLUMNS POSTGRES_WHERE

static const struct search_order orders[] = {
    SEARCH_ORDER("assistants_search", "created_at", "created_us", "assistant_id", SQLITE_TEXT,
                 POSTGRES_TEXT),
    SEARCH_ORDER("assistants_search", "updated_at", "updated_us", "assistant_id", SQLITE_TEXT,
                 POSTGRES_TEXT),
    SEARCH_ORDER("assistants_search", "name", "name", "assistant_id", SQLITE_TEXT, POSTGRES_TEXT),
    SEARCH_ORDER("assistants_search", "graph_id", "graph_id", "assistant_id", SQLITE_TEXT,
                 POSTGRES_TEXT),
    SEARCH_ORDER("assistants_search", "assistant_id", "assistant_id", "created_us", SQLITE_TEXT,
                 POSTGRES_TEXT),
};

/* $1 and $2 are the family's limit and offset: always 1 and 0 here, so that both share one argument
 * list. */
#define COUNT_TAIL " AND CAST($1 AS BIGINT) >= CAST($2 AS BIGINT)"
static const struct db_statement count_all = {"assistants_count",
                                              "SELECT COUNT(*)" SQLITE_WHERE COUNT_TAIL,
                                              "SELECT COUNT(*)" POSTGRES_WHERE COUNT_TAIL};

static void row_read(const struct db_rows *rows, struct arena *arena, struct assistant *assistant)
{
    *assistant = (struct assistant){
        .tenant = db_get_keep(rows, 0, arena),
        .assistant_id = db_get_keep(rows, 1, arena),
        .graph_id = db_get_keep(rows, 2, arena),
        .name = db_get_keep(rows, 3, arena),
        .description = db_get_keep(rows, 4, arena),
        .config = db_get_keep(rows, 5, arena),
        .context = db_get_keep(rows, 6, arena),
        .metadata = db_get_keep(rows, 7, arena),
        .version = db_get_int(rows, 8),
        .created_us = db_get_int(rows, 9),
        .updated_us = db_get_int(rows, 10),
    };
}

bool assistant_is_paused(const struct assistant *assistant, struct arena *arena)
{
    const struct json *metadata;

    return !json_parse(arena, assistant->metadata, &metadata, NULL) &&
           json_bool(json_get(metadata, "triggers_paused"), false);
}

enum err assistant_get(struct tx *tx, struct str tenant, struct str assistant_id,
                       struct arena *arena, struct assistant *assistant)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &select_one, DB_ARGS(db_text(tenant), db_text(assistant_id)), &rows);

    if (err)
        return err;
    row_read(&rows, arena, assistant);
    return db_rows_end(&rows);
}

static enum err version_insert(struct tx *tx, const struct assistant *a)
{
    return db_run(tx->db, &insert_version,
                  DB_ARGS(db_text(a->tenant), db_text(a->assistant_id), db_int(a->version),
                          db_text(a->graph_id), db_text(a->name), db_text(a->description),
                          db_text(a->config), db_text(a->context), db_text(a->metadata),
                          db_int(tx->now_us)),
                  NULL);
}

enum err assistant_insert(struct tx *tx, const struct assistant *a)
{
    enum err err = db_run(tx->db, &insert_one,
                          DB_ARGS(db_text(a->tenant), db_text(a->assistant_id),
                                  db_text(a->graph_id), db_text(a->name), db_text(a->description),
                                  db_text(a->config), db_text(a->context), db_text(a->metadata),
                                  db_int(a->version), db_int(a->created_us), db_int(a->updated_us)),
                          NULL);

    return err ? err : version_insert(tx, a);
}

enum err assistant_set_version(struct tx *tx, const struct assistant *a)
{
    return db_run(tx->db, &update_one,
                  DB_ARGS(db_text(a->tenant), db_text(a->assistant_id), db_text(a->graph_id),
                          db_text(a->name), db_text(a->description), db_text(a->config),
                          db_text(a->context), db_text(a->metadata), db_int(a->version),
                          db_int(a->updated_us)),
                  NULL);
}

enum err assistant_update(struct tx *tx, const struct assistant *a)
{
    enum err err = assistant_set_version(tx, a);

    return err ? err : version_insert(tx, a);
}

enum err assistant_get_version(struct tx *tx, struct str tenant, struct str assistant_id,
                               int64_t version, struct arena *arena, struct assistant *assistant)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &select_version,
                     DB_ARGS(db_text(tenant), db_text(assistant_id), db_int(version)), &rows);

    if (err)
        return err;
    row_read(&rows, arena, assistant);
    return db_rows_end(&rows);
}

enum err assistant_list_versions(struct tx *tx, const struct assistant_versions *which,
                                 struct arena *arena, struct assistant **found, size_t *count)
{
    struct assistant *list = ARENA_ARRAY(arena, struct assistant, (size_t)which->limit + 1);
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err =
        db_query(tx->db, &select_versions,
                 DB_ARGS(db_text(which->tenant), db_text(which->assistant_id),
                         db_text(which->metadata), db_int(which->limit), db_int(which->offset)),
                 &rows);

    if (err)
        return err;
    while (db_next(&rows))
        row_read(&rows, arena, &list[n++]);
    *found = list;
    *count = n;
    return db_rows_end(&rows);
}

enum err assistant_next_version(struct tx *tx, struct str tenant, struct str assistant_id,
                                int64_t *version)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &max_version, DB_ARGS(db_text(tenant), db_text(assistant_id)), &rows);

    if (err)
        return err;
    *version = db_get_int(&rows, 0) + 1;
    return db_rows_end(&rows);
}

enum err assistant_delete(struct tx *tx, struct str tenant, struct str assistant_id)
{
    int64_t changed = 0;
    enum err err =
        db_run(tx->db, &delete_one, DB_ARGS(db_text(tenant), db_text(assistant_id)), &changed);

    if (!err && changed == 0)
        return ERR_NOT_FOUND;
    return err ? err
               : db_run(tx->db, &delete_versions, DB_ARGS(db_text(tenant), db_text(assistant_id)),
                        NULL);
}

/* %part% in lower case, with LIKE's own signs escaped by '!'. */
static struct str like_pattern(struct arena *arena, struct str part)
{
    char *out;
    size_t len = 0;

    if (str_is_none(part))
        return STR_NONE;
    out = arena_alloc(arena, part.len * 2 + 2);
    out[len++] = '%';
    for (size_t i = 0; i < part.len; i++) {
        char c = part.data[i];

        if (c == '%' || c == '_' || c == '!')
            out[len++] = '!';
        out[len++] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    out[len++] = '%';
    return str_range(out, len);
}

enum err assistant_search(struct tx *tx, const struct assistant_filter *filter, struct arena *arena,
                          struct assistant **found, size_t *count)
{
    struct assistant *list = ARENA_ARRAY(arena, struct assistant, (size_t)filter->limit + 1);
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err = db_query(
        tx->db, search_statement(orders, ARRAY_LEN(orders), filter->sort_by, filter->ascending),
        DB_ARGS(db_int(filter->limit), db_int(filter->offset), db_text(filter->tenant),
                db_text(filter->graph_id), db_text(filter->metadata),
                db_text(like_pattern(tx->arena, filter->name)), db_text(filter->admitted)),
        &rows);

    if (err)
        return err;
    while (db_next(&rows))
        row_read(&rows, arena, &list[n++]);
    *found = list;
    *count = n;
    return db_rows_end(&rows);
}

enum err assistant_count(struct tx *tx, const struct assistant_filter *filter, int64_t *count)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &count_all,
                                DB_ARGS(db_int(1), db_int(0), db_text(filter->tenant),
                                        db_text(filter->graph_id), db_text(filter->metadata),
                                        db_text(like_pattern(tx->arena, filter->name)),
                                        db_text(filter->admitted)),
                                &rows);

    if (err)
        return err;
    *count = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}
