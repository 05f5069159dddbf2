/* The table kept_traces. */
#include "store/kept_traces.h"

#include "store/uuid_column.h"

#define LOOKED_AT_ONCE 100

static const struct db_statement add_one = {
    "kept_traces_add",
    "INSERT INTO kept_traces (tenant, trace_id, kept_us) VALUES ($1, $2, $3)"
    " ON CONFLICT (tenant, trace_id) DO UPDATE SET kept_us = EXCLUDED.kept_us",
    NULL};
static const struct db_statement has_one = {
    "kept_traces_has", "SELECT 1 FROM kept_traces WHERE tenant = $1 AND trace_id = $2", NULL};
static const struct db_statement kept_until = {
    "kept_traces_until",
    "SELECT tenant, trace_id FROM kept_traces WHERE kept_us < $1 ORDER BY kept_us LIMIT $2", NULL};
static const struct db_statement keep_on = {
    "kept_traces_keep_on",
    "UPDATE kept_traces SET kept_us = $3 WHERE tenant = $1 AND trace_id = $2", NULL};
static const struct db_statement keep_no_more = {
    "kept_traces_no_more", "DELETE FROM kept_traces WHERE tenant = $1 AND trace_id = $2", NULL};
/* The root, or else the span that changed last, and what its project says. */
static const struct db_statement age_of_one = {
    "kept_traces_age",
    "SELECT s.modified_us, p.trace_tier, p.keep_us FROM spans s"
    " JOIN projects p ON p.project_no = s.project_no WHERE s.tenant = $1 AND s.trace_id = $2"
    " ORDER BY CASE WHEN s.span_id = s.trace_id THEN 0 ELSE 1 END, s.modified_us DESC LIMIT 1",
    NULL};

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

enum err kept_traces_remove(struct tx *tx, struct str tenant, struct uuid trace_id)
{
    return db_run(tx->db, &keep_no_more, DB_ARGS(db_text(tenant), db_uuid(&trace_id)), NULL);
}

/* ---- kept long enough ---- */

struct kept_trace {
    struct str tenant;
    struct uuid trace_id;
};

static enum err list_ended(struct tx *tx, int64_t before_us, struct kept_trace *list, size_t *count)
{
    struct db_rows rows = {0};
    enum err err =
        db_query(tx->db, &kept_until, DB_ARGS(db_int(before_us), db_int(LOOKED_AT_ONCE)), &rows);

    *count = 0;
    while (!err && *count < LOOKED_AT_ONCE && db_next(&rows))
        list[(*count)++] =
            (struct kept_trace){db_get_keep(&rows, 0, tx->arena), db_get_uuid(&rows, 1)};
    return err ? err : db_rows_end(&rows);
}

/* Until when its project keeps the trace anyway; INT64_MAX: for ever. Without a project, or without
 * spans, it may go. */
static enum err project_keeps(struct tx *tx, const struct kept_trace *trace,
                              const struct trace_ages *ages, int64_t *until_us)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &age_of_one,
                                DB_ARGS(db_text(trace->tenant), db_uuid(&trace->trace_id)), &rows);
    int64_t age_us;

    *until_us = 0;
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    age_us = trace_age_read(&rows, 1, ages);
    *until_us = age_us > 0 ? db_get_int(&rows, 0) + age_us : INT64_MAX;
    return db_rows_end(&rows);
}

static enum err end_one(struct tx *tx, const struct kept_trace *trace, int64_t now_us,
                        const struct trace_ages *ages)
{
    const struct db_value key[] = {db_text(trace->tenant), db_uuid(&trace->trace_id)};
    int64_t until_us;
    enum err err = project_keeps(tx, trace, ages, &until_us);

    if (err)
        return err;
    if (until_us == INT64_MAX) /* looked at again later: a project may change its mind */
        return db_run(tx->db, &keep_on, DB_ARGS(key[0], key[1], db_int(now_us)), NULL);
    if (until_us >= now_us)
        return db_run(tx->db, &keep_on,
                      DB_ARGS(key[0], key[1], db_int(until_us - ages->extended_us)), NULL);
    err = trace_note(tx, trace->tenant, &trace->trace_id, now_us);
    return err ? err : kept_traces_remove(tx, trace->tenant, trace->trace_id);
}

enum err kept_traces_end(struct tx *tx, int64_t now_us, const struct trace_ages *ages, bool *more)
{
    struct kept_trace *list = ARENA_ARRAY(tx->arena, struct kept_trace, LOOKED_AT_ONCE);
    size_t count;
    enum err err;

    REQUIRE(tx->is_write);
    *more = false;
    if (ages->extended_us <= 0)
        return OK;
    err = list_ended(tx, now_us - ages->extended_us, list, &count);
    for (size_t i = 0; !err && i < count; i++)
        err = end_one(tx, &list[i], now_us, ages);
    *more = count == LOOKED_AT_ONCE;
    return err;
}
