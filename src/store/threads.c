/* The table threads. */
#include "store/thread_totals.h"
#include "store/threads_priv.h"

static const struct db_statement select_one = {
    "threads_get", "SELECT " THREAD_COLUMNS " FROM threads WHERE tenant = $1 AND thread_id = $2",
    NULL};
static const struct db_statement select_metadata = {
    "threads_get_metadata", "SELECT metadata FROM threads WHERE tenant = $1 AND thread_id = $2",
    NULL};
static const struct db_statement select_locked = {
    "threads_get_for_update",
    "SELECT " THREAD_COLUMNS " FROM threads WHERE tenant = $1 AND thread_id = $2",
    "SELECT " THREAD_COLUMNS " FROM threads WHERE tenant = $1 AND thread_id = $2 FOR UPDATE"};
static const struct db_statement insert_one = {
    "threads_insert",
    "INSERT INTO threads (" THREAD_COLUMNS
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    NULL};
static const struct db_statement update_one = {
    "threads_update",
    "UPDATE threads SET status = $3, metadata = $4, config = $5, graph_id = $6, error = $7, "
    "updated_us = $8, ttl_us = $9, ttl_strategy = $10, expires_us = CAST($8 AS BIGINT) + $9"
    " WHERE tenant = $1 AND thread_id = $2",
    NULL};
static const struct db_statement update_head = {
    "threads_update_head",
    "UPDATE threads SET head_values = $3, interrupts = $4, head_state = $5, updated_us = $6,"
    " state_updated_us = $6, expires_us = CAST($6 AS BIGINT) + ttl_us"
    " WHERE tenant = $1 AND thread_id = $2",
    NULL};
static const struct db_statement expire_one = {
    "threads_expire", "UPDATE threads SET expires_us = NULL WHERE tenant = $1 AND thread_id = $2",
    NULL};
static const struct db_statement select_expired = {
    "threads_expired",
    "SELECT tenant, thread_id, ttl_strategy FROM threads t WHERE expires_us IS NOT NULL"
    " AND expires_us <= $1 AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.tenant = t.tenant"
    " AND r.thread_id = t.thread_id AND r.status IN ('pending', 'running'))"
    " ORDER BY expires_us LIMIT CAST($2 AS BIGINT)",
    NULL};
#define OF_THREAD " WHERE tenant = $1 AND thread_id = $2"
#define SQLITE_BYTES(text) "COALESCE(LENGTH(CAST(" text " AS BLOB)), 0)"
#define POSTGRES_BYTES(text) "COALESCE(OCTET_LENGTH(" text "), 0)"
#define SUM(expression) "CAST(COALESCE(SUM(" expression "), 0) AS BIGINT)"
#define ROW_BYTES(BYTES)                                                                           \
    BYTES("metadata")                                                                              \
    " + " BYTES("config") " + " BYTES("interrupts") " + " BYTES("head_values") " + " BYTES(        \
        "head_state")
#define CHECKPOINT_BYTES(BYTES)                                                                    \
    "(SELECT " SUM("LENGTH(body) + " BYTES("metadata")) " FROM checkpoints" OF_THREAD ")"
#define WRITE_BYTES "(SELECT " SUM("LENGTH(body)") " FROM checkpoint_writes" OF_THREAD ")"
#define RUN_BYTES(BYTES)                                                                           \
    "(SELECT " SUM(BYTES("kwargs") " + " BYTES("result")) " FROM runs" OF_THREAD ")"
#define EVENT_BYTES(BYTES)                                                                         \
    "(SELECT " SUM(BYTES("e.data")) " FROM runs r JOIN run_events e"                               \
                                    " ON e.tenant = r.tenant AND e.run_id = r.run_id WHERE "       \
                                    "r.tenant = $1 AND r.thread_id = $2)"
#define MEASURE(BYTES)                                                                             \
    "SELECT " ROW_BYTES(BYTES) ", " CHECKPOINT_BYTES(BYTES) ", " WRITE_BYTES ", " RUN_BYTES(       \
        BYTES) ", " EVENT_BYTES(BYTES) " FROM threads" OF_THREAD
static const struct db_statement measure_one = {"threads_measure", MEASURE(SQLITE_BYTES),
                                                MEASURE(POSTGRES_BYTES)};

static const struct db_statement delete_row = {
    "threads_delete",
    "DELETE FROM threads WHERE tenant = $1 AND thread_id = $2 RETURNING temporary", NULL};
static const struct db_statement deletes[] = {
    {"threads_delete_writes", "DELETE FROM checkpoint_writes WHERE tenant = $1 AND thread_id = $2",
     NULL},
    {"threads_delete_checkpoints", "DELETE FROM checkpoints WHERE tenant = $1 AND thread_id = $2",
     NULL},
    {"threads_delete_events",
     "DELETE FROM run_events WHERE tenant = $1 AND run_id IN"
     " (SELECT run_id FROM runs WHERE tenant = $1 AND thread_id = $2)",
     NULL},
    {"threads_delete_runs", "DELETE FROM runs WHERE tenant = $1 AND thread_id = $2", NULL},
    {"threads_delete_crons", "DELETE FROM crons WHERE tenant = $1 AND thread_id = $2", NULL},
};
/* The first of `deletes` that leave the runs. */
#define DELETES_TEMPORARY 2

void thread_row_read(const struct db_rows *rows, struct arena *arena, struct thread *thread)
{
    *thread = (struct thread){
        .tenant = db_get_keep(rows, 0, arena),
        .thread_id = db_get_keep(rows, 1, arena),
        .status = db_get_keep(rows, 2, arena),
        .metadata = db_get_keep(rows, 3, arena),
        .config = db_get_keep(rows, 4, arena),
        .graph_id = db_get_keep(rows, 5, arena),
        .head_values = db_get_keep(rows, 6, arena),
        .interrupts = db_get_keep(rows, 7, arena),
        .error = db_get_keep(rows, 8, arena),
        .head_state = db_get_keep(rows, 9, arena),
        .temporary = db_get_int(rows, 10) != 0,
        .created_us = db_get_int(rows, 11),
        .updated_us = db_get_int(rows, 12),
        .state_updated_us = db_get_int(rows, 13),
        .ttl_us = db_get_int(rows, 14),
        .ttl_strategy = db_get_keep(rows, 15, arena),
        .expires_us = db_get_int(rows, 16),
    };
}

static enum err get(struct tx *tx, const struct db_statement *statement,
                    const struct db_value *args, struct arena *arena, struct thread *thread)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, statement, args, 2, &rows);

    if (err)
        return err;
    thread_row_read(&rows, arena, thread);
    return db_rows_end(&rows);
}

enum err thread_get(struct tx *tx, struct str tenant, struct str thread_id, struct arena *arena,
                    struct thread *thread)
{
    const struct db_value args[] = {db_text(tenant), db_text(thread_id)};

    return get(tx, &select_one, args, arena, thread);
}

enum err thread_get_for_update(struct tx *tx, struct str tenant, struct str thread_id,
                               struct arena *arena, struct thread *thread)
{
    const struct db_value args[] = {db_text(tenant), db_text(thread_id)};

    return get(tx, &select_locked, args, arena, thread);
}

enum err thread_get_metadata(struct tx *tx, struct str tenant, struct str thread_id,
                             struct arena *arena, struct str *metadata)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &select_metadata, DB_ARGS(db_text(tenant), db_text(thread_id)), &rows);

    if (err)
        return err;
    *metadata = db_get_keep(&rows, 0, arena);
    return db_rows_end(&rows);
}

enum err thread_insert(struct tx *tx, const struct thread *t)
{
    if (!t->temporary)
        thread_total_grow(tx, t->tenant, 1);
    return db_run(tx->db, &insert_one,
                  DB_ARGS(db_text(t->tenant), db_text(t->thread_id), db_text(t->status),
                          db_text(t->metadata), db_text(t->config), db_text(t->graph_id),
                          db_text(t->head_values), db_text(t->interrupts), db_text(t->error),
                          db_text(t->head_state), db_int(t->temporary), db_int(t->created_us),
                          db_int(t->updated_us), db_int_or_null(t->state_updated_us),
                          db_int_or_null(t->ttl_us), db_text(t->ttl_strategy),
                          db_int_or_null(t->ttl_us ? t->updated_us + t->ttl_us : 0)),
                  NULL);
}

enum err thread_update(struct tx *tx, const struct thread *t)
{
    return db_run(tx->db, &update_one,
                  DB_ARGS(db_text(t->tenant), db_text(t->thread_id), db_text(t->status),
                          db_text(t->metadata), db_text(t->config), db_text(t->graph_id),
                          db_text(t->error), db_int(t->updated_us), db_int_or_null(t->ttl_us),
                          db_text(t->ttl_strategy)),
                  NULL);
}

enum err thread_update_head(struct tx *tx, const struct thread *t)
{
    return db_run(tx->db, &update_head,
                  DB_ARGS(db_text(t->tenant), db_text(t->thread_id), db_text(t->head_values),
                          db_text(t->interrupts), db_text(t->head_state), db_int(tx->now_us)),
                  NULL);
}

enum err thread_expire(struct tx *tx, const struct thread *t)
{
    return db_run(tx->db, &expire_one, DB_ARGS(db_text(t->tenant), db_text(t->thread_id)), NULL);
}

enum err thread_list_expired(struct tx *tx, int64_t limit, struct arena *arena,
                             struct thread **found, size_t *count)
{
    struct thread *list = ARENA_ARRAY(arena, struct thread, (size_t)limit + 1);
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err =
        db_query(tx->db, &select_expired, DB_ARGS(db_int(tx->now_us), db_int(limit)), &rows);

    if (err)
        return err;
    while (db_next(&rows))
        list[n++] = (struct thread){.tenant = db_get_keep(&rows, 0, arena),
                                    .thread_id = db_get_keep(&rows, 1, arena),
                                    .ttl_strategy = db_get_keep(&rows, 2, arena)};
    *found = list;
    *count = n;
    return db_rows_end(&rows);
}

enum err thread_measure(struct tx *tx, struct str tenant, struct str thread_id,
                        struct thread_storage *storage)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &measure_one, DB_ARGS(db_text(tenant), db_text(thread_id)), &rows);

    if (err)
        return err;
    *storage = (struct thread_storage){
        .thread = db_get_int(&rows, 0),
        .checkpoints = db_get_int(&rows, 1),
        .writes = db_get_int(&rows, 2),
        .runs = db_get_int(&rows, 3),
        .events = db_get_int(&rows, 4),
    };
    return db_rows_end(&rows);
}

static enum err row_delete(struct tx *tx, struct str tenant, struct str thread_id)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &delete_row, DB_ARGS(db_text(tenant), db_text(thread_id)), &rows);

    if (err)
        return err;
    if (db_get_int(&rows, 0) == 0)
        thread_total_grow(tx, tenant, -1);
    return db_rows_end(&rows);
}

/* In the order in which locks are taken: the thread's row first. */
static enum err delete_first(struct tx *tx, struct str tenant, struct str thread_id, size_t count)
{
    const struct db_value args[] = {db_text(tenant), db_text(thread_id)};
    enum err err = row_delete(tx, tenant, thread_id);

    for (size_t i = 0; !err && i < count; i++)
        err = db_run(tx->db, &deletes[i], args, ARRAY_LEN(args), NULL);
    return err;
}

enum err thread_delete(struct tx *tx, struct str tenant, struct str thread_id)
{
    return delete_first(tx, tenant, thread_id, ARRAY_LEN(deletes));
}

enum err thread_delete_temporary(struct tx *tx, struct str tenant, struct str thread_id)
{
    return delete_first(tx, tenant, thread_id, DELETES_TEMPORARY);
}
