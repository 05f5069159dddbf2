/* The tables api_keys and api_key_workspaces. */
#include "store/keys.h"

#include "store/workspaces.h"

#define COLUMNS                                                                                    \
    "k.key_id, k.tenant, k.name, k.key_hash, k.role, k.created_us, k.expires_us, k.used_us, "      \
    "w.tenant, k.email, k.limits"
/* One row per workspace; those of a key stand together, its own first. */
#define SELECT_LIVE                                                                                \
    "SELECT " COLUMNS " FROM api_keys k JOIN api_key_workspaces w ON w.key_id = k.key_id"          \
    " WHERE k.revoked_us IS NULL"
#define IN_ORDER                                                                                   \
    " ORDER BY k.created_us, k.key_id, CASE WHEN w.tenant = k.tenant THEN 0 ELSE 1 END, w.tenant"

static const struct db_statement key_insert = {
    "api_keys_insert",
    "INSERT INTO api_keys (tenant, key_id, name, key_hash, role, created_us, expires_us,"
    " email, limits) VALUES ($1, $2, $3, $4, $5, $6, CAST($7 AS BIGINT), $8, CAST($9 AS TEXT))",
    NULL};
static const struct db_statement key_opens = {
    "api_key_workspaces_insert", "INSERT INTO api_key_workspaces (key_id, tenant) VALUES ($1, $2)",
    NULL};
static const struct db_statement key_count = {
    "api_keys_count", "SELECT COUNT(*) FROM api_keys WHERE revoked_us IS NULL", NULL};
static const struct db_statement key_list = {"api_keys_list", SELECT_LIVE IN_ORDER, NULL};
static const struct db_statement key_get = {"api_keys_get",
                                            SELECT_LIVE " AND k.key_id = $1" IN_ORDER, NULL};
static const struct db_statement key_change = {
    "api_keys_change",
    "UPDATE api_keys SET name = $2, limits = CAST($3 AS TEXT)"
    " WHERE key_id = $1 AND revoked_us IS NULL",
    NULL};
static const struct db_statement key_revoke = {
    "api_keys_revoke",
    "UPDATE api_keys SET revoked_us = $2 WHERE key_id = $1 AND revoked_us IS NULL", NULL};
static const struct db_statement key_expire = {
    "api_keys_expire",
    "UPDATE api_keys SET expires_us = $2 WHERE key_id = $1 AND revoked_us IS NULL", NULL};
static const struct db_statement key_touch = {
    "api_keys_touch",
    "UPDATE api_keys SET used_us = $2 WHERE key_id = $1 AND (used_us IS NULL OR used_us < $2)",
    NULL};
static const struct db_statement revoke_lonely = {
    "api_keys_leave_revoke",
    "UPDATE api_keys SET revoked_us = $2 WHERE revoked_us IS NULL AND key_id IN"
    " (SELECT key_id FROM api_key_workspaces WHERE tenant = $1)"
    " AND NOT EXISTS (SELECT 1 FROM api_key_workspaces w WHERE w.key_id = api_keys.key_id"
    " AND w.tenant <> $1)",
    NULL};
static const struct db_statement leave = {"api_keys_leave",
                                          "DELETE FROM api_key_workspaces WHERE tenant = $1", NULL};

/* ---- what a key opens ---- */

bool api_key_opens_all(const struct api_key_row *key)
{
    return key->workspace_count == 1 && str_eq(key->workspaces[0], WORKSPACE_EVERY);
}

static bool opens(const struct api_key_row *key, struct str tenant)
{
    for (size_t i = 0; i < key->workspace_count; i++)
        if (str_eq(key->workspaces[i], tenant))
            return true;
    return false;
}

bool api_key_covers(const struct api_key_row *key, const struct api_key_row *other)
{
    if (api_key_opens_all(key))
        return true;
    for (size_t i = 0; i < other->workspace_count; i++)
        if (!opens(key, other->workspaces[i]))
            return false;
    return true;
}

/* ---- making ---- */

static enum err is_there_room(struct tx *tx)
{
    struct db_rows rows = {0};
    int64_t count;
    enum err err = db_query_one(tx->db, &key_count, DB_NO_ARGS, &rows);

    if (err)
        return err;
    count = db_get_int(&rows, 0);
    err = db_rows_end(&rows);
    return err ? err : count < API_KEYS_MAX ? OK : ERR_LIMIT;
}

enum err api_key_insert(struct tx *tx, const struct api_key_row *key)
{
    enum err err = is_there_room(tx);

    REQUIRE(key->workspace_count > 0 && key->workspace_count <= API_KEY_WORKSPACES_MAX);
    if (!err)
        err = db_run(tx->db, &key_insert,
                     DB_ARGS(db_text(key->tenant), db_text(key->key_id), db_text(key->name),
                             db_text(key->key_hash), db_text(key->role), db_int(tx->now_us),
                             db_int_or_null(key->expires_us), db_text(key->email),
                             db_text(key->limits)),
                     NULL);
    for (size_t i = 0; !err && i < key->workspace_count; i++)
        err = db_run(tx->db, &key_opens, DB_ARGS(db_text(key->key_id), db_text(key->workspaces[i])),
                     NULL);
    return err;
}

/* ---- reading ---- */

static struct api_key_row read_row(const struct db_rows *rows, struct arena *arena)
{
    return (struct api_key_row){
        .key_id = db_get_keep(rows, 0, arena),
        .tenant = db_get_keep(rows, 1, arena),
        .name = db_get_keep(rows, 2, arena),
        .key_hash = db_get_keep(rows, 3, arena),
        .role = db_get_keep(rows, 4, arena),
        .created_us = db_get_int(rows, 5),
        .expires_us = db_get_int(rows, 6),
        .used_us = db_get_int(rows, 7),
        .email = db_get_keep(rows, 9, arena),
        .limits = db_get_keep(rows, 10, arena),
    };
}

/* The list being read: it doubles, and so do the workspaces of its last key. */
struct reading {
    struct arena *arena;
    struct api_keys *keys;
    struct str *workspaces;
    size_t room, workspace_room;
};

static void add_key(struct reading *reading, struct api_key_row key)
{
    struct api_keys *keys = reading->keys;

    keys->list =
        arena_more(reading->arena, keys->list, keys->count, &reading->room, sizeof(*keys->list));
    keys->list[keys->count++] = key;
    reading->workspace_room = 0;
}

static void add_workspace(struct reading *reading, struct str tenant)
{
    struct api_key_row *key = &reading->keys->list[reading->keys->count - 1];

    reading->workspaces = arena_more(reading->arena, reading->workspaces, key->workspace_count,
                                     &reading->workspace_room, sizeof(*reading->workspaces));
    reading->workspaces[key->workspace_count++] = tenant;
    key->workspaces = reading->workspaces;
}

static enum err read_keys(struct tx *tx, const struct db_statement *statement,
                          const struct db_value *args, size_t arg_count, struct reading *reading)
{
    struct api_keys *keys = reading->keys;
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, statement, args, arg_count, &rows);

    if (err)
        return err;
    while (db_next(&rows)) {
        if (keys->count == 0 || !str_eq(keys->list[keys->count - 1].key_id, db_get_str(&rows, 0)))
            add_key(reading, read_row(&rows, reading->arena));
        add_workspace(reading, db_get_keep(&rows, 8, reading->arena));
    }
    return db_rows_end(&rows);
}

enum err api_key_list(struct tx *tx, struct arena *arena, struct api_keys *found)
{
    struct reading reading = {.arena = arena, .keys = found};

    *found = (struct api_keys){0};
    return read_keys(tx, &key_list, DB_NO_ARGS, &reading);
}

enum err api_key_get(struct tx *tx, struct str key_id, struct arena *arena, struct api_key_row *key)
{
    struct api_keys found = {0};
    struct reading reading = {.arena = arena, .keys = &found};
    enum err err = read_keys(tx, &key_get, DB_ARGS(db_text(key_id)), &reading);

    if (err || found.count == 0)
        return err ? err : ERR_NOT_FOUND;
    *key = found.list[0];
    return OK;
}

enum err api_key_change(struct tx *tx, const struct api_key_row *key)
{
    int64_t changed = 0;
    enum err err =
        db_run(tx->db, &key_change,
               DB_ARGS(db_text(key->key_id), db_text(key->name), db_text(key->limits)), &changed);

    return err ? err : changed == 1 ? OK : ERR_NOT_FOUND;
}

/* ---- ending ---- */

static enum err change_one(struct tx *tx, const struct db_statement *statement, struct str key_id,
                           int64_t when_us)
{
    int64_t changed = 0;
    enum err err = db_run(tx->db, statement, DB_ARGS(db_text(key_id), db_int(when_us)), &changed);

    return err ? err : changed == 1 ? OK : ERR_NOT_FOUND;
}

enum err api_key_revoke(struct tx *tx, struct str key_id)
{
    return change_one(tx, &key_revoke, key_id, tx->now_us);
}

enum err api_key_expire(struct tx *tx, struct str key_id, int64_t expires_us)
{
    struct api_key_row key;
    enum err err = api_key_get(tx, key_id, tx->arena, &key);

    if (err || (key.expires_us && key.expires_us <= expires_us))
        return err;
    return change_one(tx, &key_expire, key_id, expires_us);
}

enum err api_keys_touch(struct tx *tx, const struct api_key_use *uses, size_t count)
{
    struct db_value *args;

    if (count == 0)
        return OK;
    args = ARENA_ARRAY(tx->arena, struct db_value, 2 * count);
    for (size_t i = 0; i < count; i++) {
        args[2 * i] = db_text(uses[i].key_id);
        args[2 * i + 1] = db_int(uses[i].used_us);
    }
    return db_run_many(tx->db, &key_touch, args, 2, count);
}

enum err api_keys_leave(struct tx *tx, struct str tenant)
{
    enum err err =
        db_run(tx->db, &revoke_lonely, DB_ARGS(db_text(tenant), db_int(tx->now_us)), NULL);

    return err ? err : db_run(tx->db, &leave, DB_ARGS(db_text(tenant)), NULL);
}
