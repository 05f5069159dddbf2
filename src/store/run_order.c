/* The runs of a thread in the order in which they started. */
#include "store/run_order.h"

static const struct db_statement select_started = {
    "runs_started",
    "SELECT run_id FROM runs WHERE tenant = $1 AND thread_id = $2 AND started_us > $3"
    " ORDER BY started_us LIMIT 1",
    NULL};

static const struct db_statement last_started = {
    "runs_last_started", "SELECT MAX(started_us) FROM runs WHERE tenant = $1 AND thread_id = $2",
    NULL};

enum err run_last_started(struct tx *tx, const struct thread *of, int64_t *started_us)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &last_started,
                                DB_ARGS(db_text(of->tenant), db_text(of->thread_id)), &rows);

    if (err)
        return err;
    *started_us = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

enum err run_get_started(struct tx *tx, const struct thread *of, int64_t after_us,
                         struct arena *arena, struct run *run)
{
    struct db_rows rows = {0};
    struct str run_id;
    enum err err =
        db_query_one(tx->db, &select_started,
                     DB_ARGS(db_text(of->tenant), db_text(of->thread_id), db_int(after_us)), &rows);

    if (err)
        return err;
    run_id = db_get_keep(&rows, 0, tx->arena);
    err = db_rows_end(&rows);
    return err ? err : run_get(tx, of->tenant, of->thread_id, run_id, arena, run);
}
