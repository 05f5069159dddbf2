/* The tables fleet_webhooks and fleet_publishes. */
#include "store/fleet_webhooks.h"

#define COLUMNS                                                                                    \
    "tenant, webhook_id, name, url, endpoint_id, form_schema, creator_id, creator_email, "         \
    "created_us, updated_us"
static const struct db_statement insert_one = {"fleet_webhooks_insert",
                                               "INSERT INTO fleet_webhooks (" COLUMNS
                                               ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                                               NULL};
static const struct db_statement select_one = {
    "fleet_webhooks_get",
    "SELECT " COLUMNS " FROM fleet_webhooks WHERE tenant = $1 AND webhook_id = $2", NULL};
static const struct db_statement update_one = {
    "fleet_webhooks_update",
    "UPDATE fleet_webhooks SET name = $3, url = $4, endpoint_id = $5, form_schema = $6,"
    " updated_us = $7 WHERE tenant = $1 AND webhook_id = $2",
    NULL};
static const struct db_statement delete_one = {
    "fleet_webhooks_delete", "DELETE FROM fleet_webhooks WHERE tenant = $1 AND webhook_id = $2",
    NULL};
#define OLDER(ID)                                                                                  \
    " AND (CAST($3 AS BIGINT) = 0 OR created_us < $3 OR (created_us = $3 AND " ID " < $4))"        \
    " ORDER BY created_us DESC, " ID " DESC LIMIT CAST($5 AS BIGINT)"
static const struct db_statement list_all = {
    "fleet_webhooks_list",
    "SELECT " COLUMNS " FROM fleet_webhooks WHERE tenant = $1"
    " AND (CAST($2 AS TEXT) IS NULL OR creator_id = $2)" OLDER("webhook_id"),
    NULL};

#define PUBLISH_COLUMNS                                                                            \
    "tenant, publish_id, webhook_id, webhook_name, agent_id, agent_name, agent_version, "          \
    "commit_hash, bundle_sha256, publisher_id, publisher_email, input, delivery_id, "              \
    "request_key, created_us"
static const struct db_statement insert_publish = {
    "fleet_publishes_insert",
    "INSERT INTO fleet_publishes (" PUBLISH_COLUMNS
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    NULL};
static const struct db_statement find_publish = {
    "fleet_publishes_find",
    "SELECT " PUBLISH_COLUMNS " FROM fleet_publishes WHERE tenant = $1 AND request_key = $2", NULL};
#define FILTERS                                                                                    \
    " AND (CAST($2 AS TEXT) IS NULL OR webhook_id = $2)"                                           \
    " AND (CAST($6 AS TEXT) IS NULL OR agent_id = $6)"                                             \
    " AND (CAST($7 AS TEXT) IS NULL OR publisher_id = $7)"
static const struct db_statement list_publishes = {
    "fleet_publishes_list",
    "SELECT " PUBLISH_COLUMNS " FROM fleet_publishes WHERE tenant = $1" FILTERS OLDER("publish_id"),
    NULL};

/* ---- webhooks ---- */

static struct fleet_webhook row_of(const struct db_rows *rows, struct arena *arena)
{
    return (struct fleet_webhook){
        .tenant = db_get_keep(rows, 0, arena),
        .webhook_id = db_get_keep(rows, 1, arena),
        .name = db_get_keep(rows, 2, arena),
        .url = db_get_keep(rows, 3, arena),
        .endpoint_id = db_get_keep(rows, 4, arena),
        .form_schema = db_get_keep(rows, 5, arena),
        .creator_id = db_get_keep(rows, 6, arena),
        .creator_email = db_get_keep(rows, 7, arena),
        .created_us = db_get_int(rows, 8),
        .updated_us = db_get_int(rows, 9),
    };
}

enum err fleet_webhook_insert(struct tx *tx, const struct fleet_webhook *w)
{
    return db_run(tx->db, &insert_one,
                  DB_ARGS(db_text(w->tenant), db_text(w->webhook_id), db_text(w->name),
                          db_text(w->url), db_text(w->endpoint_id), db_text(w->form_schema),
                          db_text(w->creator_id), db_text(w->creator_email), db_int(w->created_us),
                          db_int(w->updated_us)),
                  NULL);
}

enum err fleet_webhook_get(struct tx *tx, struct str tenant, struct str webhook_id,
                           struct arena *arena, struct fleet_webhook *webhook)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &select_one, DB_ARGS(db_text(tenant), db_text(webhook_id)), &rows);

    if (err)
        return err;
    *webhook = row_of(&rows, arena);
    return db_rows_end(&rows);
}

/* What must have touched a row. */
static enum err changed_one(enum err err, int64_t changed)
{
    return !err && changed == 0 ? ERR_NOT_FOUND : err;
}

enum err fleet_webhook_update(struct tx *tx, const struct fleet_webhook *w)
{
    int64_t changed = 0;
    enum err err = db_run(tx->db, &update_one,
                          DB_ARGS(db_text(w->tenant), db_text(w->webhook_id), db_text(w->name),
                                  db_text(w->url), db_text(w->endpoint_id), db_text(w->form_schema),
                                  db_int(w->updated_us)),
                          &changed);

    return changed_one(err, changed);
}

enum err fleet_webhook_delete(struct tx *tx, struct str tenant, struct str webhook_id)
{
    int64_t changed = 0;
    enum err err =
        db_run(tx->db, &delete_one, DB_ARGS(db_text(tenant), db_text(webhook_id)), &changed);

    return changed_one(err, changed);
}

enum err fleet_webhook_list(struct tx *tx, struct str tenant, struct str creator_id,
                            const struct fleet_place *place, struct arena *arena,
                            struct fleet_webhook_rows *found)
{
    struct fleet_webhook_rows all = {0};
    struct db_rows rows = {0};
    enum err err;

    REQUIRE(place->limit >= 1 && place->limit <= FLEET_WEBHOOKS_LIST_MAX);
    all.list = ARENA_ARRAY(arena, struct fleet_webhook, (size_t)place->limit);
    err = db_query(tx->db, &list_all,
                   DB_ARGS(db_text(tenant), db_text(creator_id), db_int(place->before_us),
                           db_text(place->before_id), db_int(place->limit)),
                   &rows);
    if (err)
        return err;
    while (all.count < (size_t)place->limit && db_next(&rows))
        all.list[all.count++] = row_of(&rows, arena);
    if ((err = db_rows_end(&rows)))
        return err;
    *found = all;
    return OK;
}

/* ---- publishes ---- */

static struct fleet_publish publish_of(const struct db_rows *rows, struct arena *arena)
{
    return (struct fleet_publish){
        .tenant = db_get_keep(rows, 0, arena),
        .publish_id = db_get_keep(rows, 1, arena),
        .webhook_id = db_get_keep(rows, 2, arena),
        .webhook_name = db_get_keep(rows, 3, arena),
        .agent_id = db_get_keep(rows, 4, arena),
        .agent_name = db_get_keep(rows, 5, arena),
        .agent_version = db_get_int(rows, 6),
        .commit_hash = db_get_keep(rows, 7, arena),
        .bundle_sha256 = db_get_keep(rows, 8, arena),
        .publisher_id = db_get_keep(rows, 9, arena),
        .publisher_email = db_get_keep(rows, 10, arena),
        .input = db_get_keep(rows, 11, arena),
        .delivery_id = db_get_int(rows, 12),
        .request_key = db_get_keep(rows, 13, arena),
        .created_us = db_get_int(rows, 14),
    };
}

enum err fleet_publish_insert(struct tx *tx, const struct fleet_publish *p)
{
    return db_run(tx->db, &insert_publish,
                  DB_ARGS(db_text(p->tenant), db_text(p->publish_id), db_text(p->webhook_id),
                          db_text(p->webhook_name), db_text(p->agent_id), db_text(p->agent_name),
                          db_int_or_null(p->agent_version), db_text(p->commit_hash),
                          db_text(p->bundle_sha256), db_text(p->publisher_id),
                          db_text(p->publisher_email), db_text(p->input), db_int(p->delivery_id),
                          db_text(p->request_key), db_int(p->created_us)),
                  NULL);
}

enum err fleet_publish_find(struct tx *tx, struct str tenant, struct str request_key,
                            struct arena *arena, struct fleet_publish *publish)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &find_publish, DB_ARGS(db_text(tenant), db_text(request_key)), &rows);

    if (err)
        return err;
    *publish = publish_of(&rows, arena);
    return db_rows_end(&rows);
}

enum err fleet_publish_list(struct tx *tx, const struct fleet_publish_filter *f,
                            struct arena *arena, struct fleet_publish_rows *found)
{
    struct fleet_publish_rows all = {0};
    struct db_rows rows = {0};
    enum err err;

    REQUIRE(f->place.limit >= 1 && f->place.limit <= FLEET_WEBHOOKS_LIST_MAX);
    all.list = ARENA_ARRAY(arena, struct fleet_publish, (size_t)f->place.limit);
    err = db_query(tx->db, &list_publishes,
                   DB_ARGS(db_text(f->tenant), db_text(f->webhook_id), db_int(f->place.before_us),
                           db_text(f->place.before_id), db_int(f->place.limit),
                           db_text(f->agent_id), db_text(f->publisher_id)),
                   &rows);
    if (err)
        return err;
    while (all.count < (size_t)f->place.limit && db_next(&rows))
        all.list[all.count++] = publish_of(&rows, arena);
    if ((err = db_rows_end(&rows)))
        return err;
    *found = all;
    return OK;
}
