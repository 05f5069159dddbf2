/* The table kept_traces. */
#include "store/kept_traces.h"

#include "store/uuid_column.h"

static const struct db_statement add_one = {
    "kept_traces_add",
    "INSERT INTO kept_traces (tenant, trace_id, kept_us) VALUES ($1, $2, $3)"
    " ON CONFLICT (tenant, trace_id) DO UPDATE SET kept_us = EXCLUDED.kept_us",
    NULL};
static const struct db_statement has_one = {
    "kept_traces_has", "SELECT 1 FROM kept_traces WHERE tenant = $1 AND trace_id = $2", NULL};

enum err kept_traces_add(struct tx *tx, struct str tenant, struct uuid trace_id)
{
    REQUIRE(tx->is_write);
    return db_run(tx->db, &add_one,
                  DB_ARGS(db_text(tenant), db_uuid(&trace_id), db_int(tx->now_us)), NULL);
}

enum err kept_traces_has(struct tx *tx, struct str tenant, struct uuid trace_id, bool *has)
{
    struct db_rows rows = {0};
    enum err err =
        db_query_one(tx->db, &has_one, DB_ARGS(db_text(tenant), db_uuid(&trace_id)), &rows);

    *has = !err;
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    return db_rows_end(&rows);
}
