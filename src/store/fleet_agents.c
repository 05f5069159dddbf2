/* The table fleet_agents. */
#include "store/fleet_agents.h"

#define COLUMNS                                                                                    \
    "tenant, agent_id, name, description, owner_id, owner_email, visibility, access, metadata, "   \
    "created_us, updated_us"
#define SELECTED                                                                                   \
    "SELECT a.tenant, a.agent_id, a.name, a.description, a.owner_id, a.owner_email, a.visibility," \
    " a.access, a.metadata, a.created_us, a.updated_us, v.version, v.commit_hash"                  \
    " FROM fleet_agents a JOIN trees t ON t.tenant = a.tenant AND t.tree_id = a.agent_id"          \
    " JOIN tree_versions v ON v.tenant = t.tenant AND v.tree_id = t.tree_id"                       \
    " AND v.version = t.version"
static const struct db_statement insert_one = {
    "fleet_agents_insert",
    "INSERT INTO fleet_agents (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    NULL};
static const struct db_statement select_one = {
    "fleet_agents_get", SELECTED " WHERE a.tenant = $1 AND a.agent_id = $2", NULL};
static const struct db_statement select_name = {
    "fleet_agents_by_name",
    SELECTED " WHERE a.tenant = $1 AND a.name = $2 AND (a.owner_id = $3 OR a.visibility = 'tenant')"
             " ORDER BY CASE WHEN a.owner_id = $3 THEN 0 ELSE 1 END, a.created_us, a.agent_id"
             " LIMIT 1",
    NULL};
static const struct db_statement update_one = {
    "fleet_agents_update",
    "UPDATE fleet_agents SET name = $3, description = $4, owner_id = $5, owner_email = $6,"
    " visibility = $7, access = $8, metadata = $9, updated_us = $10"
    " WHERE tenant = $1 AND agent_id = $2",
    NULL};
static const struct db_statement delete_one = {
    "fleet_agents_delete", "DELETE FROM fleet_agents WHERE tenant = $1 AND agent_id = $2", NULL};

#define VISIBLE                                                                                    \
    " AND (CAST($2 AS TEXT) IS NULL OR a.owner_id = $2 OR (CAST($3 AS BIGINT) = 0"                 \
    " AND a.visibility = 'tenant'))"                                                               \
    " AND (CAST($4 AS BIGINT) = 0 OR a.visibility = 'tenant')"
#define NAMED " AND (CAST($5 AS TEXT) IS NULL OR LOWER(a.name) LIKE $5 ESCAPE '\\')"
#define OLDER                                                                                      \
    " AND (CAST($6 AS BIGINT) = 0 OR a.created_us < $6 OR (a.created_us = $6 AND a.agent_id < "    \
    "$7))"
static const struct db_statement list = {
    "fleet_agents_list",
    SELECTED " WHERE a.tenant = $1" VISIBLE NAMED OLDER
             " ORDER BY a.created_us DESC, a.agent_id DESC LIMIT CAST($8 AS BIGINT)",
    NULL};

static struct fleet_agent row_of(const struct db_rows *rows, struct arena *arena)
{
    return (struct fleet_agent){
        .tenant = db_get_keep(rows, 0, arena),
        .agent_id = db_get_keep(rows, 1, arena),
        .name = db_get_keep(rows, 2, arena),
        .description = db_get_keep(rows, 3, arena),
        .owner_id = db_get_keep(rows, 4, arena),
        .owner_email = db_get_keep(rows, 5, arena),
        .visibility = db_get_keep(rows, 6, arena),
        .access = db_get_keep(rows, 7, arena),
        .metadata = db_get_keep(rows, 8, arena),
        .created_us = db_get_int(rows, 9),
        .updated_us = db_get_int(rows, 10),
        .version = db_get_int(rows, 11),
        .commit_hash = db_get_keep(rows, 12, arena),
    };
}

enum err fleet_agent_insert(struct tx *tx, const struct fleet_agent *a)
{
    return db_run(tx->db, &insert_one,
                  DB_ARGS(db_text(a->tenant), db_text(a->agent_id), db_text(a->name),
                          db_text(a->description), db_text(a->owner_id), db_text(a->owner_email),
                          db_text(a->visibility), db_text(a->access), db_text(a->metadata),
                          db_int(a->created_us), db_int(a->updated_us)),
                  NULL);
}

static enum err find_with(struct tx *tx, const struct db_statement *statement,
                          const struct db_value *args, size_t arg_count, struct arena *arena,
                          struct fleet_agent *agent)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, statement, args, arg_count, &rows);

    if (err)
        return err;
    *agent = row_of(&rows, arena);
    return db_rows_end(&rows);
}

enum err fleet_agent_get(struct tx *tx, struct str tenant, struct str agent_id, struct arena *arena,
                         struct fleet_agent *agent)
{
    return find_with(tx, &select_one, DB_ARGS(db_text(tenant), db_text(agent_id)), arena, agent);
}

enum err fleet_agent_by_name(struct tx *tx, const struct fleet_agent *wanted, struct arena *arena,
                             struct fleet_agent *agent)
{
    return find_with(
        tx, &select_name,
        DB_ARGS(db_text(wanted->tenant), db_text(wanted->name), db_text(wanted->owner_id)), arena,
        agent);
}

/* What must have touched a row. */
static enum err changed_one(enum err err, int64_t changed)
{
    return !err && changed == 0 ? ERR_NOT_FOUND : err;
}

enum err fleet_agent_update(struct tx *tx, const struct fleet_agent *a)
{
    int64_t changed = 0;
    enum err err = db_run(tx->db, &update_one,
                          DB_ARGS(db_text(a->tenant), db_text(a->agent_id), db_text(a->name),
                                  db_text(a->description), db_text(a->owner_id),
                                  db_text(a->owner_email), db_text(a->visibility),
                                  db_text(a->access), db_text(a->metadata), db_int(a->updated_us)),
                          &changed);

    return changed_one(err, changed);
}

enum err fleet_agent_delete(struct tx *tx, struct str tenant, struct str agent_id)
{
    int64_t changed = 0;
    enum err err =
        db_run(tx->db, &delete_one, DB_ARGS(db_text(tenant), db_text(agent_id)), &changed);

    return changed_one(err, changed);
}

/* %part%, lower case, what has a meaning in LIKE escaped. */
static struct str like_part(struct arena *arena, struct str part)
{
    char *text, *at;

    if (str_is_none(part))
        return STR_NONE;
    text = at = arena_alloc(arena, 2 * part.len + 2);
    *at++ = '%';
    for (size_t i = 0; i < part.len; i++) {
        char c = part.data[i];

        if (c == '%' || c == '_' || c == '\\')
            *at++ = '\\';
        *at++ = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    *at++ = '%';
    return str_range(text, (size_t)(at - text));
}

enum err fleet_agent_list(struct tx *tx, const struct fleet_agent_filter *f, struct arena *arena,
                          struct fleet_agent **found, size_t *count)
{
    struct fleet_agent *rows_found;
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err;

    REQUIRE(f->limit >= 1 && f->limit <= FLEET_AGENTS_LIST_MAX);
    rows_found = ARENA_ARRAY(arena, struct fleet_agent, (size_t)f->limit);
    err = db_query(tx->db, &list,
                   DB_ARGS(db_text(f->tenant), db_text(f->user_id), db_int(f->only_own),
                           db_int(f->only_shared), db_text(like_part(tx->arena, f->name)),
                           db_int(f->before_us), db_text(f->before_id), db_int(f->limit)),
                   &rows);
    if (err)
        return err;
    while (n < (size_t)f->limit && db_next(&rows))
        rows_found[n++] = row_of(&rows, arena);
    if ((err = db_rows_end(&rows)))
        return err;
    *found = rows_found;
    *count = n;
    return OK;
}
