/* The table run_events. */
#include "store/run_events.h"

static const struct db_statement insert_event = {
    "run_events_insert",
    "INSERT INTO run_events (tenant, run_id, event_id, event, data) VALUES ($1, $2, $3, $4, $5)"
    " ON CONFLICT (tenant, run_id, event_id) DO NOTHING",
    NULL};
static const struct db_statement select_events = {
    "run_events_list",
    "SELECT event_id, event, data FROM run_events WHERE tenant = $1 AND run_id = $2 AND event_id > "
    "$3"
    " ORDER BY event_id LIMIT CAST($4 AS BIGINT)",
    NULL};
static const struct db_statement delete_events = {
    "run_events_delete", "DELETE FROM run_events WHERE tenant = $1 AND run_id = $2", NULL};

enum err run_events_insert(struct tx *tx, struct str tenant, struct str run_id,
                           const struct run_event_row *events, size_t count)
{
    struct db_value *args = ARENA_ARRAY(tx->arena, struct db_value, count * 5 + 1);

    for (size_t i = 0; i < count; i++) {
        args[i * 5] = db_text(tenant);
        args[i * 5 + 1] = db_text(run_id);
        args[i * 5 + 2] = db_int(events[i].event_id);
        args[i * 5 + 3] = db_text(events[i].event);
        args[i * 5 + 4] = db_text(events[i].data);
    }
    return db_run_many(tx->db, &insert_event, args, 5, count);
}

enum err run_events_delete(struct tx *tx, struct str tenant, struct str run_id)
{
    return db_run(tx->db, &delete_events, DB_ARGS(db_text(tenant), db_text(run_id)), NULL);
}

enum err run_events_list(struct tx *tx, const struct run *of, int64_t after_id, struct arena *arena,
                         struct run_event_rows *events)
{
    struct run_event_row *list = ARENA_ARRAY(arena, struct run_event_row, RUN_EVENTS_READ_MAX);
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err = db_query(tx->db, &select_events,
                            DB_ARGS(db_text(of->tenant), db_text(of->run_id), db_int(after_id),
                                    db_int(RUN_EVENTS_READ_MAX)),
                            &rows);

    if (err)
        return err;
    while (n < RUN_EVENTS_READ_MAX && db_next(&rows)) {
        list[n].event_id = db_get_int(&rows, 0);
        list[n].event = db_get_keep(&rows, 1, arena);
        list[n++].data = db_get_keep(&rows, 2, arena);
    }
    *events = (struct run_event_rows){list, n};
    return db_rows_end(&rows);
}
