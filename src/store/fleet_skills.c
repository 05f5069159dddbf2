/* The table fleet_skills. */
#include "store/fleet_skills.h"

#define TREE_PREFIX "skill:"

static const struct db_statement insert_one = {
    "fleet_skills_insert",
    "INSERT INTO fleet_skills (tenant, name, description, owner_id, owner_email, visibility,"
    " created_us, updated_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    NULL};
#define SELECTED                                                                                   \
    "SELECT s.tenant, s.name, s.description, s.owner_id, s.owner_email, s.visibility,"             \
    " s.created_us, s.updated_us, v.version, v.commit_hash"                                        \
    " FROM fleet_skills s JOIN trees t ON t.tenant = s.tenant"                                     \
    " AND t.tree_id = '" TREE_PREFIX "' || s.name"                                                 \
    " JOIN tree_versions v ON v.tenant = t.tenant AND v.tree_id = t.tree_id"                       \
    " AND v.version = t.version"
static const struct db_statement select_one = {
    "fleet_skills_get", SELECTED " WHERE s.tenant = $1 AND s.name = $2", NULL};
static const struct db_statement update_one = {
    "fleet_skills_update",
    "UPDATE fleet_skills SET description = $3, visibility = $4, updated_us = $5"
    " WHERE tenant = $1 AND name = $2",
    NULL};
static const struct db_statement delete_one = {
    "fleet_skills_delete", "DELETE FROM fleet_skills WHERE tenant = $1 AND name = $2", NULL};
static const struct db_statement list = {
    "fleet_skills_list",
    SELECTED " WHERE s.tenant = $1 AND (CAST($2 AS TEXT) IS NULL OR s.owner_id = $2"
             " OR s.visibility = 'workspace')"
             " AND (CAST($3 AS BIGINT) = 0 OR s.created_us < $3"
             " OR (s.created_us = $3 AND s.name < $4))"
             " ORDER BY s.created_us DESC, s.name DESC LIMIT CAST($5 AS BIGINT)",
    NULL};

struct tree_key fleet_skill_tree(struct arena *arena, struct str tenant, struct str name)
{
    return (struct tree_key){tenant, arena_printf(arena, TREE_PREFIX "%.*s", STR_ARG(name))};
}

static struct fleet_skill row_of(const struct db_rows *rows, struct arena *arena)
{
    return (struct fleet_skill){
        .tenant = db_get_keep(rows, 0, arena),
        .name = db_get_keep(rows, 1, arena),
        .description = db_get_keep(rows, 2, arena),
        .owner_id = db_get_keep(rows, 3, arena),
        .owner_email = db_get_keep(rows, 4, arena),
        .visibility = db_get_keep(rows, 5, arena),
        .created_us = db_get_int(rows, 6),
        .updated_us = db_get_int(rows, 7),
        .version = db_get_int(rows, 8),
        .commit_hash = db_get_keep(rows, 9, arena),
    };
}

enum err fleet_skill_insert(struct tx *tx, const struct fleet_skill *s)
{
    return db_run(tx->db, &insert_one,
                  DB_ARGS(db_text(s->tenant), db_text(s->name), db_text(s->description),
                          db_text(s->owner_id), db_text(s->owner_email), db_text(s->visibility),
                          db_int(s->created_us), db_int(s->updated_us)),
                  NULL);
}

enum err fleet_skill_get(struct tx *tx, struct str tenant, struct str name, struct arena *arena,
                         struct fleet_skill *skill)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &select_one, DB_ARGS(db_text(tenant), db_text(name)), &rows);

    if (err)
        return err;
    *skill = row_of(&rows, arena);
    return db_rows_end(&rows);
}

/* What must have touched a row. */
static enum err changed_one(enum err err, int64_t changed)
{
    return !err && changed == 0 ? ERR_NOT_FOUND : err;
}

enum err fleet_skill_update(struct tx *tx, const struct fleet_skill *s)
{
    int64_t changed = 0;
    enum err err = db_run(tx->db, &update_one,
                          DB_ARGS(db_text(s->tenant), db_text(s->name), db_text(s->description),
                                  db_text(s->visibility), db_int(s->updated_us)),
                          &changed);

    return changed_one(err, changed);
}

enum err fleet_skill_delete(struct tx *tx, struct str tenant, struct str name)
{
    int64_t changed = 0;
    enum err err = db_run(tx->db, &delete_one, DB_ARGS(db_text(tenant), db_text(name)), &changed);

    return changed_one(err, changed);
}

enum err fleet_skill_list(struct tx *tx, struct str tenant, struct str owner_id,
                          const struct fleet_place *place, struct arena *arena,
                          struct fleet_skills *found)
{
    struct fleet_skills skills = {.count = 0};
    struct db_rows rows = {0};
    enum err err;

    REQUIRE(place->limit >= 1 && place->limit <= FLEET_WEBHOOKS_LIST_MAX);
    skills.list = ARENA_ARRAY(arena, struct fleet_skill, (size_t)place->limit);
    err = db_query(tx->db, &list,
                   DB_ARGS(db_text(tenant), db_text(owner_id), db_int(place->before_us),
                           db_text(place->before_id), db_int(place->limit)),
                   &rows);
    if (err)
        return err;
    while (skills.count < (size_t)place->limit && db_next(&rows))
        skills.list[skills.count++] = row_of(&rows, arena);
    if ((err = db_rows_end(&rows)))
        return err;
    *found = skills;
    return OK;
}
