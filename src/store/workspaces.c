/* The table workspaces. */
#include "store/workspaces.h"

#include "store/keys.h"

#define COLUMNS "tenant, name, created_us, updated_us, closed_us, limits"

static const struct db_statement insert_one = {
    "workspaces_insert",
    "INSERT INTO workspaces (tenant, name, created_us, updated_us, limits)"
    " VALUES ($1, $2, $3, $3, CAST($4 AS TEXT))"
    " ON CONFLICT (tenant) DO NOTHING",
    NULL};
static const struct db_statement count_all = {"workspaces_count", "SELECT COUNT(*) FROM workspaces",
                                              NULL};
static const struct db_statement select_one = {
    "workspaces_get", "SELECT " COLUMNS " FROM workspaces WHERE tenant = $1", NULL};
static const struct db_statement select_open = {
    "workspaces_list",
    "SELECT " COLUMNS " FROM workspaces WHERE closed_us IS NULL"
    " ORDER BY created_us, tenant LIMIT CAST($1 AS BIGINT)",
    NULL};
static const struct db_statement change_one = {
    "workspaces_change",
    "UPDATE workspaces SET name = $2, updated_us = $3, limits = CAST($4 AS TEXT)"
    " WHERE tenant = $1 AND closed_us IS NULL",
    NULL};
static const struct db_statement close_one = {
    "workspaces_close",
    "UPDATE workspaces SET closed_us = $2, updated_us = $2 WHERE tenant = $1 AND closed_us IS NULL",
    NULL};

bool workspace_id_is_valid(struct str id)
{
    static const char others[] = "._-";

    for (size_t i = 0; i < id.len; i++) {
        char c = id.data[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            !memchr(others, c, sizeof(others) - 1))
            return false;
    }
    return id.len > 0 && id.len <= WORKSPACE_ID_BYTES_MAX;
}

static enum err insert_unless_there(struct tx *tx, const struct workspace *workspace,
                                    int64_t *changed)
{
    return db_run(tx->db, &insert_one,
                  DB_ARGS(db_text(workspace->tenant), db_text(workspace->name), db_int(tx->now_us),
                          db_text(workspace->limits)),
                  changed);
}

static enum err count_all_rows(struct tx *tx, int64_t *count)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &count_all, DB_NO_ARGS, &rows);

    if (err)
        return err;
    *count = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

enum err workspace_insert(struct tx *tx, const struct workspace *workspace)
{
    int64_t count = 0, changed = 0;
    enum err err = count_all_rows(tx, &count);

    if (!err && count >= WORKSPACES_MAX)
        return ERR_LIMIT;
    if (!err)
        err = insert_unless_there(tx, workspace, &changed);
    return err ? err : changed == 1 ? OK : ERR_CONFLICT;
}

enum err workspace_ensure(struct tx *tx, struct str tenant)
{
    return insert_unless_there(tx, &(struct workspace){.tenant = tenant, .name = tenant}, NULL);
}

static struct workspace read_row(const struct db_rows *rows, struct arena *arena)
{
    return (struct workspace){
        .tenant = db_get_keep(rows, 0, arena),
        .name = db_get_keep(rows, 1, arena),
        .created_us = db_get_int(rows, 2),
        .updated_us = db_get_int(rows, 3),
        .closed_us = db_get_int(rows, 4),
        .limits = db_get_keep(rows, 5, arena),
    };
}

enum err workspace_get(struct tx *tx, struct str tenant, struct arena *arena,
                       struct workspace *workspace)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &select_one, DB_ARGS(db_text(tenant)), &rows);

    if (err)
        return err;
    *workspace = read_row(&rows, arena);
    return db_rows_end(&rows);
}

enum err workspace_list(struct tx *tx, struct arena *arena, struct workspaces *found)
{
    struct workspace *list;
    struct db_rows rows = {0};
    int64_t room;
    size_t n = 0;
    enum err err = count_all_rows(tx, &room);

    if (err || (err = db_query(tx->db, &select_open, DB_ARGS(db_int(room)), &rows)))
        return err;
    list = ARENA_ARRAY(arena, struct workspace, (size_t)room + 1);
    while (n < (size_t)room && db_next(&rows))
        list[n++] = read_row(&rows, arena);
    *found = (struct workspaces){list, n};
    return db_rows_end(&rows);
}

enum err workspace_change(struct tx *tx, const struct workspace *workspace)
{
    int64_t changed = 0;
    enum err err = db_run(tx->db, &change_one,
                          DB_ARGS(db_text(workspace->tenant), db_text(workspace->name),
                                  db_int(tx->now_us), db_text(workspace->limits)),
                          &changed);

    return err ? err : changed == 1 ? OK : ERR_NOT_FOUND;
}

enum err workspace_close(struct tx *tx, struct str tenant)
{
    int64_t changed = 0;
    enum err err =
        db_run(tx->db, &close_one, DB_ARGS(db_text(tenant), db_int(tx->now_us)), &changed);

    if (err || changed == 0)
        return err ? err : ERR_NOT_FOUND;
    return api_keys_leave(tx, tenant);
}
