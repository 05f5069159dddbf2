/* How much a workspace may hold. */
#include "store/quota.h"

#include "store/threads.h"

#define WANTED_US (10 * US_PER_SECOND) /* how often it is said that somebody wants to know */
#define FULL_REST_US (20 * US_PER_SECOND)
#define PIECE_THREADS 100
#define PIECE_ITEMS 1000

static const struct db_statement count_threads = {
    "quota_threads",
    "SELECT COUNT(*) FROM (SELECT 1 FROM threads WHERE tenant = $1"
    " LIMIT CAST($2 AS BIGINT)) AS held",
    NULL};
static const struct db_statement get = {
    "quota_get", "SELECT bytes, wanted_us FROM holdings WHERE tenant = $1", NULL};
static const struct db_statement want = {
    "quota_want",
    "INSERT INTO holdings (tenant, limit_bytes, bytes, measured_us, wanted_us)"
    " VALUES ($1, $2, 0, 0, $3) ON CONFLICT (tenant) DO UPDATE SET limit_bytes = $2, wanted_us = "
    "$3",
    NULL};
static const struct db_statement wanted = {
    "quota_wanted",
    "SELECT tenant FROM holdings WHERE (wanted_us > measured_us AND measured_us <= $1)"
    " OR (bytes >= limit_bytes AND measured_us <= $2) ORDER BY measured_us LIMIT 1",
    NULL};
static const struct db_statement measured = {
    "quota_measured", "UPDATE holdings SET bytes = $2, measured_us = $3 WHERE tenant = $1", NULL};
static const struct db_statement next_threads = {
    "quota_next_threads",
    "SELECT thread_id FROM threads WHERE tenant = $1 AND thread_id > $2 ORDER BY thread_id"
    " LIMIT CAST($3 AS BIGINT)",
    NULL};
static const struct db_statement next_items = {
    "quota_next_items",
    "SELECT namespace, item_key, LENGTH(CAST(value AS BLOB)) FROM items WHERE tenant = $1"
    " AND (namespace, item_key) > ($2, $3) ORDER BY namespace, item_key LIMIT CAST($4 AS BIGINT)",
    "SELECT namespace, item_key, OCTET_LENGTH(value) FROM items WHERE tenant = $1"
    " AND (namespace, item_key) > ($2, $3) ORDER BY namespace, item_key LIMIT CAST($4 AS BIGINT)"};

/* ---- may it be? ---- */

static enum err refuse(struct usage_refusal *refusal, const struct usage_payer *payer,
                       const char *limit, int64_t max)
{
    *refusal = (struct usage_refusal){.limit = limit,
                                      .max = max,
                                      .retry_after_s = QUOTA_RETRY_S,
                                      .is_workspace = !str_is_none(payer->tenant)};
    return ERR_LIMIT;
}

enum err quota_admit_thread(struct tx *tx, const struct usage_payers *payers,
                            struct usage_refusal *refusal)
{
    for (size_t i = 0; i < payers->count; i++) {
        const struct usage_payer *payer = &payers->list[i];
        struct db_rows rows = {0};
        enum err err;

        if (payer->threads == 0)
            continue;
        /* Its row is locked, so that two nodes do not both make the last one. */
        if ((err = usage_lock(tx, payer->workspace)) ||
            (err = db_query_one(tx->db, &count_threads,
                                DB_ARGS(db_text(payer->workspace), db_int(payer->threads)), &rows)))
            return err;
        if (db_get_int(&rows, 0) >= payer->threads)
            err = refuse(refusal, payer, "threads", payer->threads);
        if (err)
            return db_rows_end(&rows) ? ERR_IO : err;
        if ((err = db_rows_end(&rows)))
            return err;
    }
    return OK;
}

/* What was measured last; 0 before the first time. */
static enum err bytes_get(struct tx *tx, const struct usage_payer *payer, int64_t *bytes)
{
    struct str tenant = payer->workspace;
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &get, DB_ARGS(db_text(tenant)), &rows);
    int64_t wanted_us = 0;

    *bytes = 0;
    if (!err) {
        *bytes = db_get_int(&rows, 0);
        wanted_us = db_get_int(&rows, 1);
        err = db_rows_end(&rows);
    } else if (err == ERR_NOT_FOUND) {
        err = OK;
    }
    if (err || !tx->is_write || tx->now_us - wanted_us < WANTED_US)
        return err;
    tx_notify(tx, TOPIC_HOLDINGS, tenant);
    return db_run(tx->db, &want,
                  DB_ARGS(db_text(tenant), db_int(payer->storage_bytes), db_int(tx->now_us)), NULL);
}

enum err quota_admit_bytes(struct tx *tx, const struct usage_payers *payers,
                           struct usage_refusal *refusal)
{
    for (size_t i = 0; i < payers->count; i++) {
        const struct usage_payer *payer = &payers->list[i];
        int64_t bytes;
        enum err err;

        if (payer->storage_bytes == 0)
            continue;
        if ((err = bytes_get(tx, payer, &bytes)))
            return err;
        if (bytes >= payer->storage_bytes)
            return refuse(refusal, payer, "storage_bytes", payer->storage_bytes);
    }
    return OK;
}

/* ---- how much there is ---- */

enum err quota_wanted(struct tx *tx, int64_t rest_us, struct arena *arena, struct str *tenant)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(
        tx->db, &wanted, DB_ARGS(db_int(tx->now_us - rest_us), db_int(tx->now_us - FULL_REST_US)),
        &rows);

    if (err)
        return err;
    *tenant = db_get_keep(&rows, 0, arena);
    return db_rows_end(&rows);
}

enum err quota_measured(struct tx *tx, struct str tenant, int64_t bytes)
{
    return db_run(tx->db, &measured, DB_ARGS(db_text(tenant), db_int(bytes), db_int(tx->now_us)),
                  NULL);
}

static enum err threads_step(struct tx *tx, struct quota_walk *walk, struct arena *arena)
{
    struct str ids[PIECE_THREADS];
    struct db_rows rows = {0};
    size_t count = 0;
    enum err err = db_query(
        tx->db, &next_threads,
        DB_ARGS(db_text(walk->tenant), db_text(walk->thread_id), db_int(PIECE_THREADS)), &rows);

    if (err)
        return err;
    while (count < PIECE_THREADS && db_next(&rows))
        ids[count++] = db_get_keep(&rows, 0, arena);
    err = db_rows_end(&rows);
    for (size_t i = 0; i < count && !err; i++) {
        struct thread_storage s;

        err = thread_measure(tx, walk->tenant, ids[i], &s);
        if (!err)
            walk->bytes += s.thread + s.checkpoints + s.writes + s.runs + s.events;
        else if (err == ERR_NOT_FOUND) /* it has gone */
            err = OK;
    }
    walk->is_past_threads = count < PIECE_THREADS;
    if (count > 0)
        walk->thread_id = ids[count - 1];
    return err;
}

static enum err items_step(struct tx *tx, struct quota_walk *walk, struct arena *arena)
{
    struct db_rows rows = {0};
    size_t count = 0;
    enum err err = db_query(tx->db, &next_items,
                            DB_ARGS(db_text(walk->tenant), db_text(walk->namespace),
                                    db_text(walk->item_key), db_int(PIECE_ITEMS)),
                            &rows);

    if (err)
        return err;
    for (; db_next(&rows); count++) {
        walk->namespace = db_get_keep(&rows, 0, arena);
        walk->item_key = db_get_keep(&rows, 1, arena);
        walk->bytes += db_get_int(&rows, 2);
    }
    walk->is_over = count < PIECE_ITEMS;
    return db_rows_end(&rows);
}

enum err quota_walk_step(struct tx *tx, struct quota_walk *walk, struct arena *arena)
{
    return walk->is_past_threads ? items_step(tx, walk, arena) : threads_step(tx, walk, arena);
}
