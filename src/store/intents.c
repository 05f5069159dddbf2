/* The table gateway_intents. */
#include "store/intents.h"

#define COLUMNS                                                                                    \
    "tenant, intent_id, url, thread_id, run_id, assistant_id, traceparent, drops_thread, "         \
    "is_ended, created_us, node, lease_until_us"
#define OF_ONE " WHERE tenant = $1 AND intent_id = $2"

static const struct db_statement insert_one = {
    "intents_insert",
    "INSERT INTO gateway_intents (" COLUMNS
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    NULL};
static const struct db_statement select_one = {
    "intents_get", "SELECT " COLUMNS " FROM gateway_intents" OF_ONE, NULL};
static const struct db_statement locate_one = {
    "intents_locate", "UPDATE gateway_intents SET run_id = $3" OF_ONE, NULL};
static const struct db_statement delete_one = {"intents_delete",
                                               "DELETE FROM gateway_intents" OF_ONE, NULL};
static const struct db_statement delete_open = {
    "intents_delete_open", "DELETE FROM gateway_intents" OF_ONE " AND is_ended = 0", NULL};
static const struct db_statement end_one = {
    "intents_end", "UPDATE gateway_intents SET is_ended = 1" OF_ONE " AND is_ended = 0", NULL};
static const struct db_statement select_due = {
    "intents_due",
    "SELECT " COLUMNS " FROM gateway_intents WHERE lease_until_us <= $1"
    " ORDER BY lease_until_us, created_us, intent_id LIMIT CAST($2 AS BIGINT)",
    NULL};
static const struct db_statement lease_one = {
    "intents_lease",
    "UPDATE gateway_intents SET node = $3, lease_until_us = $4" OF_ONE " AND lease_until_us = $5",
    NULL};
static const struct db_statement renew_all = {
    "intents_renew", "UPDATE gateway_intents SET lease_until_us = $2 WHERE node = $1", NULL};
static const struct db_statement release_all = {
    "intents_release", "UPDATE gateway_intents SET node = NULL, lease_until_us = 0 WHERE node = $1",
    NULL};
static const struct db_statement count_open = {
    "intents_count", "SELECT COUNT(*) FROM gateway_intents WHERE is_ended = 0", NULL};

enum err intent_insert(struct tx *tx, const struct intent *i)
{
    enum err err =
        db_run(tx->db, &insert_one,
               DB_ARGS(db_text(i->tenant), db_text(i->intent_id), db_text(i->url),
                       db_text(i->thread_id), db_text(i->run_id), db_text(i->assistant_id),
                       db_text(i->traceparent), db_int(i->drops_thread), db_int(i->is_ended),
                       db_int(i->created_us), db_text(i->node), db_int(i->lease_until_us)),
               NULL);

    if (!err)
        tx_notify(tx, TOPIC_INTENT, i->intent_id);
    return err;
}

enum err intent_locate(struct tx *tx, struct str tenant, struct str intent_id, struct str run_id)
{
    return db_run(tx->db, &locate_one,
                  DB_ARGS(db_text(tenant), db_text(intent_id), db_text(run_id)), NULL);
}

enum err intent_delete(struct tx *tx, struct str tenant, struct str intent_id)
{
    return db_run(tx->db, &delete_one, DB_ARGS(db_text(tenant), db_text(intent_id)), NULL);
}

/* What must have touched a row. */
static enum err changed_one(enum err err, int64_t changed)
{
    return !err && changed == 0 ? ERR_CONFLICT : err;
}

enum err intent_end(struct tx *tx, const struct intent *i)
{
    int64_t changed = 0;
    enum err err = db_run(tx->db, i->drops_thread ? &end_one : &delete_open,
                          DB_ARGS(db_text(i->tenant), db_text(i->intent_id)), &changed);

    return changed_one(err, changed);
}

enum err intent_lease(struct tx *tx, const struct intent *i, struct str node, int64_t until_us)
{
    int64_t changed = 0;
    enum err err = db_run(tx->db, &lease_one,
                          DB_ARGS(db_text(i->tenant), db_text(i->intent_id), db_text(node),
                                  db_int(until_us), db_int(i->lease_until_us)),
                          &changed);

    return changed_one(err, changed);
}

enum err intents_renew(struct tx *tx, struct str node, int64_t until_us)
{
    return db_run(tx->db, &renew_all, DB_ARGS(db_text(node), db_int(until_us)), NULL);
}

enum err intents_release(struct tx *tx, struct str node)
{
    return db_run(tx->db, &release_all, DB_ARGS(db_text(node)), NULL);
}

enum err intents_count(struct tx *tx, int64_t *open)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &count_open, DB_NO_ARGS, &rows);

    if (err)
        return err;
    *open = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

static struct intent row_of(const struct db_rows *rows, struct arena *arena)
{
    return (struct intent){
        .tenant = db_get_keep(rows, 0, arena),
        .intent_id = db_get_keep(rows, 1, arena),
        .url = db_get_keep(rows, 2, arena),
        .thread_id = db_get_keep(rows, 3, arena),
        .run_id = db_get_keep(rows, 4, arena),
        .assistant_id = db_get_keep(rows, 5, arena),
        .traceparent = db_get_keep(rows, 6, arena),
        .drops_thread = db_get_int(rows, 7) != 0,
        .is_ended = db_get_int(rows, 8) != 0,
        .created_us = db_get_int(rows, 9),
        .node = db_get_keep(rows, 10, arena),
        .lease_until_us = db_get_int(rows, 11),
    };
}

enum err intent_get(struct tx *tx, struct str tenant, struct str intent_id, struct arena *arena,
                    struct intent *intent)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &select_one, DB_ARGS(db_text(tenant), db_text(intent_id)), &rows);

    if (err)
        return err;
    *intent = row_of(&rows, arena);
    return db_rows_end(&rows);
}

enum err intents_due(struct tx *tx, int64_t limit, struct arena *arena, struct intents *found)
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &select_due, DB_ARGS(db_int(tx->now_us), db_int(limit)), &rows);

    found->list = ARENA_ARRAY(arena, struct intent, (size_t)limit + 1);
    found->count = 0;
    while (!err && db_next(&rows))
        found->list[found->count++] = row_of(&rows, arena);
    return err ? err : db_rows_end(&rows);
}
