/* retention.c -- one piece of deleting, table after table while the budget lasts. */
#include "store/retention_priv.h"

#include "store/delivery_feed.h"
#include "store/rules.h"
#include "store/span_delete.h"
#include "store/threads.h"
#include "store/usage.h"

#define DAY_US (24 * 3600 * US_PER_SECOND)
/* A look at an instant without anything to delete costs too. */
#define INSTANTS_MAX 200
#define RUNS_AT_ONCE 32
#define NAMESPACES_AT_ONCE 32

const struct retention_limits retention_defaults = {
    .idempotency_us = 1 * DAY_US,
    .attempts_us = 30 * DAY_US,
    .deliveries_us = 90 * DAY_US,
    .run_events_us = 7 * DAY_US,
    .temporary_runs_us = 1 * DAY_US,
    .runs_us = 90 * DAY_US,
    .checkpoints_us = 90 * DAY_US,
    .checkpoints_keep = 10,
    .inspected_us = 7 * DAY_US,
    .inspectors_us = 30 * DAY_US,
    .traces_us = 90 * DAY_US,
    .traces_extended_us = 400 * DAY_US,
};

/* Deletes at most $2 rows older than $1. */
static const struct db_statement old_idempotency = {
    "retention_idempotency",
    "DELETE FROM idempotency WHERE (tenant, idempotency_key) IN (SELECT tenant, idempotency_key"
    " FROM idempotency WHERE created_us < $1 ORDER BY created_us LIMIT $2)",
    NULL};
static const struct db_statement expired_items = {
    "retention_items",
    "DELETE FROM items WHERE (tenant, namespace, item_key) IN (SELECT tenant, namespace, item_key"
    " FROM items WHERE expires_us IS NOT NULL AND expires_us < $1 LIMIT $2)",
    NULL};
static const struct db_statement ended_feedback_tokens = {
    "retention_feedback_tokens",
    "DELETE FROM feedback_tokens WHERE token_id IN (SELECT token_id FROM feedback_tokens"
    " WHERE expires_us < $1 ORDER BY expires_us LIMIT $2)",
    NULL};
static const struct db_statement old_rule_log = {
    "retention_rule_log",
    "DELETE FROM rule_log WHERE (rule_no, span_no) IN (SELECT rule_no, span_no FROM rule_log"
    " WHERE applied_us < $1 ORDER BY applied_us LIMIT $2)",
    NULL};

/* What it has sent stands in the log for as long, so its id means something while it does. */
static const struct db_statement ended_replays = {
    "retention_replays",
    "DELETE FROM replays WHERE (tenant, replay_id) IN (SELECT tenant, replay_id FROM replays"
    " WHERE ended_us IS NOT NULL AND ended_us < $1 ORDER BY ended_us LIMIT $2)",
    NULL};
/* One that still has requests waits until those are gone. */
static const struct db_statement unused_inspectors = {
    "retention_inspectors",
    "DELETE FROM inspectors WHERE (tenant, inspector_id) IN (SELECT i.tenant, i.inspector_id"
    " FROM inspectors i WHERE i.used_us < $1 AND NOT EXISTS (SELECT 1 FROM inspector_requests r"
    " WHERE r.tenant = i.tenant AND r.inspector_id = i.inspector_id)"
    " ORDER BY i.used_us LIMIT $2)",
    NULL};

enum err sweep_older(struct sweep *sweep, const struct db_statement *statement, int64_t age_us)
{
    int64_t changed = 0;
    enum err err;

    if (sweep->rows_left <= 0)
        return OK;
    err = db_run(sweep->tx->db, statement,
                 DB_ARGS(db_int(sweep->now_us - age_us), db_int(sweep->rows_left)), &changed);
    if (!err)
        sweep->rows_left -= changed;
    return err;
}

/* ---- walks: instant after instant, each finished before the next ---- */

static const struct db_statement next_end = {
    "retention_next_end",
    "SELECT MIN(ended_us) FROM runs WHERE ended_us IS NOT NULL AND ended_us > $1 AND ended_us < $2",
    NULL};
static const struct db_statement next_checkpoint = {
    "retention_next_checkpoint",
    "SELECT MIN(created_us) FROM checkpoints WHERE created_us > $1 AND created_us < $2", NULL};
static const struct db_statement cursor_get = {
    "retention_cursor_get", "SELECT next_value FROM sequences WHERE name = $1", NULL};
static const struct db_statement cursor_set = {
    "retention_cursor_set",
    "INSERT INTO sequences (name, next_value) VALUES ($1, $2)"
    " ON CONFLICT (name) DO UPDATE SET next_value = $2",
    NULL};
static const struct db_statement events_at = {
    "retention_events_at",
    "DELETE FROM run_events WHERE (tenant, run_id, event_id) IN (SELECT e.tenant, e.run_id,"
    " e.event_id FROM runs r JOIN run_events e ON e.tenant = r.tenant AND e.run_id = r.run_id"
    " WHERE r.ended_us = $1 AND r.temporary >= $3 LIMIT $2)",
    NULL};
static const struct db_statement runs_at = {
    "retention_runs_at",
    "SELECT tenant, thread_id, run_id FROM runs WHERE ended_us = $1 AND temporary >= $3 LIMIT $2",
    NULL};
static const struct db_statement thread_is_live = {
    "retention_thread_is_live",
    "SELECT 1 FROM runs WHERE tenant = $1 AND thread_id = $2 AND status IN ('pending', 'running')",
    NULL};
static const struct db_statement thread_is_temporary = {
    "retention_thread_is_temporary",
    "SELECT 1 FROM threads WHERE tenant = $1 AND thread_id = $2 AND temporary = 1", NULL};
static const struct db_statement run_delete_one = {
    "retention_run", "DELETE FROM runs WHERE tenant = $1 AND run_id = $2", NULL};

/* What is walked over, how old it must be, and what happens at each instant: deletes what it has,
 * and leaves the budget above 0 when it is finished with it. */
struct path {
    struct str cursor_name;
    const struct db_statement *next;
    int64_t age_us;
    enum err (*visit)(struct sweep *sweep, int64_t instant_us);
};

static enum err read_int(struct db *db, const struct db_statement *statement,
                         const struct db_value *args, size_t arg_count, int64_t *value)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(db, statement, args, arg_count, &rows);

    if (err)
        return err;
    if (db_is_null(&rows, 0)) {
        err = db_rows_end(&rows);
        return err ? err : ERR_NOT_FOUND;
    }
    *value = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

static enum err walk(struct sweep *sweep, const struct path *path)
{
    struct db *db = sweep->tx->db;
    int64_t horizon_us = sweep->now_us - path->age_us, cursor_us = 0, started_us, instant_us;
    enum err err;

    if (path->age_us == 0)
        return OK;
    err = read_int(db, &cursor_get, DB_ARGS(db_text(path->cursor_name)), &cursor_us);
    if (err && err != ERR_NOT_FOUND)
        return err;
    started_us = cursor_us;
    err = OK;
    while (!err && sweep->rows_left > 0 && sweep->instants_left > 0) {
        err = read_int(db, path->next, DB_ARGS(db_int(cursor_us), db_int(horizon_us)), &instant_us);
        if (!err)
            err = path->visit(sweep, instant_us);
        if (!err && sweep->rows_left > 0)
            cursor_us = instant_us;
        sweep->instants_left -= !err;
    }
    if (err && err != ERR_NOT_FOUND)
        return err;
    if (cursor_us == started_us)
        return OK;
    return db_run(db, &cursor_set, DB_ARGS(db_text(path->cursor_name), db_int(cursor_us)), NULL);
}

static enum err delete_events(struct sweep *sweep, int64_t ended_us, int64_t temporary_min)
{
    int64_t changed = 0;
    enum err err = db_run(
        sweep->tx->db, &events_at,
        DB_ARGS(db_int(ended_us), db_int(sweep->rows_left), db_int(temporary_min)), &changed);

    sweep->rows_left -= changed;
    return err;
}

static enum err visit_events(struct sweep *sweep, int64_t ended_us)
{
    return delete_events(sweep, ended_us, 0);
}

static enum err exists(struct db *db, const struct db_statement *statement,
                       const struct db_value *key, bool *yes)
{
    int64_t one;
    enum err err = read_int(db, statement, key, 2, &one);

    if (err && err != ERR_NOT_FOUND)
        return err;
    *yes = !err;
    return OK;
}

/* Its end has deleted the thread; this is for what a crash or a failed deletion left over. */
static enum err delete_thread(struct sweep *sweep, struct str tenant, struct str thread_id)
{
    const struct db_value key[] = {db_text(tenant), db_text(thread_id)};
    bool is_temporary = false, is_live = false;
    enum err err = exists(sweep->tx->db, &thread_is_temporary, key, &is_temporary);

    if (!err && is_temporary)
        err = exists(sweep->tx->db, &thread_is_live, key, &is_live);
    if (err || !is_temporary || is_live)
        return err;
    sweep->rows_left -= 3;
    return thread_delete_temporary(sweep->tx, tenant, thread_id);
}

/* Of temporary runs only, or of all. */
static enum err delete_runs(struct sweep *sweep, int64_t ended_us, int64_t temporary_min)
{
    struct {
        struct str tenant, thread_id, run_id;
    } found[RUNS_AT_ONCE];
    struct arena *arena = sweep->tx->arena;
    struct db *db = sweep->tx->db;
    struct db_rows rows = {0};
    size_t count = 0;
    enum err err = delete_events(sweep, ended_us, temporary_min);

    if (err || sweep->rows_left <= 0)
        return err;
    err = db_query(db, &runs_at,
                   DB_ARGS(db_int(ended_us), db_int(RUNS_AT_ONCE), db_int(temporary_min)), &rows);
    if (err)
        return err;
    for (; count < RUNS_AT_ONCE && db_next(&rows); count++) {
        found[count].tenant = db_get_keep(&rows, 0, arena);
        found[count].thread_id = db_get_keep(&rows, 1, arena);
        found[count].run_id = db_get_keep(&rows, 2, arena);
    }
    err = db_rows_end(&rows);
    for (size_t i = 0; i < count && !err; i++) {
        err = delete_thread(sweep, found[i].tenant, found[i].thread_id);
        if (!err)
            err = db_run(db, &run_delete_one,
                         DB_ARGS(db_text(found[i].tenant), db_text(found[i].run_id)), NULL);
        sweep->rows_left--;
    }
    /* There may be more at this instant: stay on it. */
    if (count == RUNS_AT_ONCE)
        sweep->rows_left = 0;
    return err;
}

static enum err visit_temporary(struct sweep *sweep, int64_t ended_us)
{
    return delete_runs(sweep, ended_us, 1);
}

static enum err visit_runs(struct sweep *sweep, int64_t ended_us)
{
    return delete_runs(sweep, ended_us, 0);
}

/* ---- checkpoints: where one has come of age, its namespace is looked through ---- */

static const struct db_statement namespaces_at = {
    "retention_namespaces_at",
    "SELECT DISTINCT tenant, thread_id, ns FROM checkpoints WHERE created_us = $1"
    " AND (tenant, thread_id, ns) > ($2, $3, $4) ORDER BY tenant, thread_id, ns LIMIT $5",
    NULL};
/* The oldest $6 of a namespace that are older than $4 and not among its $5 newest. */
#define OLD_CHECKPOINTS                                                                            \
    " WHERE tenant = $1 AND thread_id = $2 AND ns = $3 AND checkpoint_id IN (SELECT checkpoint_id" \
    " FROM checkpoints WHERE tenant = $1 AND thread_id = $2 AND ns = $3 AND created_us < $4"       \
    " AND checkpoint_id < (SELECT checkpoint_id FROM checkpoints WHERE tenant = $1"                \
    " AND thread_id = $2 AND ns = $3 ORDER BY checkpoint_id DESC LIMIT 1 OFFSET $5)"               \
    " ORDER BY checkpoint_id LIMIT $6)"
static const struct db_statement old_writes = {
    "retention_writes", "DELETE FROM checkpoint_writes" OLD_CHECKPOINTS, NULL};
static const struct db_statement old_checkpoints = {
    "retention_checkpoints", "DELETE FROM checkpoints" OLD_CHECKPOINTS, NULL};

struct namespace_key {
    struct str tenant, thread_id, ns;
};

/* Those behind `after`, at most NAMESPACES_AT_ONCE. */
static enum err namespaces_read(struct sweep *sweep, int64_t created_us, struct namespace_key after,
                                struct namespace_key *found, size_t *count)
{
    struct arena *arena = sweep->tx->arena;
    struct db_rows rows = {0};
    enum err err =
        db_query(sweep->tx->db, &namespaces_at,
                 DB_ARGS(db_int(created_us), db_text(after.tenant), db_text(after.thread_id),
                         db_text(after.ns), db_int(NAMESPACES_AT_ONCE)),
                 &rows);

    if (err)
        return err;
    for (*count = 0; *count < NAMESPACES_AT_ONCE && db_next(&rows); (*count)++)
        found[*count] = (struct namespace_key){.tenant = db_get_keep(&rows, 0, arena),
                                               .thread_id = db_get_keep(&rows, 1, arena),
                                               .ns = db_get_keep(&rows, 2, arena)};
    return db_rows_end(&rows);
}

static enum err namespace_prune(struct sweep *sweep, const struct namespace_key *key)
{
    const struct db_value thread[] = {db_text(key->tenant), db_text(key->thread_id)};
    const struct db_value args[] = {
        thread[0],
        thread[1],
        db_text(key->ns),
        db_int(sweep->now_us - sweep->limits->checkpoints_us),
        db_int(sweep->limits->checkpoints_keep - 1),
        db_int(sweep->rows_left),
    };
    int64_t writes = 0, checkpoints = 0;
    bool is_live = false;
    enum err err = exists(sweep->tx->db, &thread_is_live, thread, &is_live);

    if (err || is_live)
        return err;
    err = db_run(sweep->tx->db, &old_writes, args, ARRAY_LEN(args), &writes);
    if (!err)
        err = db_run(sweep->tx->db, &old_checkpoints, args, ARRAY_LEN(args), &checkpoints);
    sweep->rows_left -= writes + checkpoints;
    return err;
}

/* With an exhausted budget the instant is visited again; what stays costs no budget, so it ends. */
static enum err visit_checkpoints(struct sweep *sweep, int64_t created_us)
{
    struct namespace_key found[NAMESPACES_AT_ONCE], last = {STR(""), STR(""), STR("")};
    size_t count;
    enum err err;

    do {
        err = namespaces_read(sweep, created_us, last, found, &count);
        for (size_t i = 0; !err && i < count && sweep->rows_left > 0; i++)
            err = namespace_prune(sweep, &found[i]);
        if (!err && count > 0)
            last = found[count - 1];
    } while (!err && count == NAMESPACES_AT_ONCE && sweep->rows_left > 0);
    return err;
}

static enum err walk_all(struct sweep *sweep)
{
    const struct path paths[] = {
        {STR("retention_temporary"), &next_end, sweep->limits->temporary_runs_us, visit_temporary},
        {STR("retention_events"), &next_end, sweep->limits->run_events_us, visit_events},
        {STR("retention_runs"), &next_end, sweep->limits->runs_us, visit_runs},
        {STR("retention_checkpoints"), &next_checkpoint, sweep->limits->checkpoints_us,
         visit_checkpoints},
    };
    enum err err = OK;

    for (size_t i = 0; i < ARRAY_LEN(paths) && !err; i++)
        err = walk(sweep, &paths[i]);
    return err;
}

static enum err sweep_traces(struct sweep *sweep)
{
    const struct trace_ages ages = {sweep->limits->traces_us, sweep->limits->traces_extended_us};

    return traces_delete_step(sweep->tx, sweep->now_us, &ages, &sweep->rows_left);
}

enum err retention_step(struct tx *tx, int64_t now_us, const struct retention_limits *limits,
                        enum retention_pace *pace)
{
    struct sweep sweep = {.tx = tx,
                          .limits = limits,
                          .now_us = now_us,
                          .rows_left = RETENTION_ROWS_MAX,
                          .instants_left = INSTANTS_MAX};
    enum err err = OK;

    REQUIRE(tx->is_write);
    if (limits->idempotency_us)
        err = sweep_older(&sweep, &old_idempotency, limits->idempotency_us);
    if (!err)
        err = sweep_older(&sweep, &expired_items, 0);
    if (!err)
        err = sweep_older(&sweep, &ended_feedback_tokens, 0);
    if (!err)
        err = sweep_older(&sweep, &old_rule_log, RULE_LOG_KEPT_US);
    if (!err)
        err = sweep_log(&sweep);
    if (!err && limits->inspectors_us)
        err = sweep_older(&sweep, &unused_inspectors, limits->inspectors_us);
    if (!err && limits->deliveries_us)
        err = sweep_older(&sweep, &ended_replays, limits->deliveries_us);
    if (!err && sweep.rows_left > 0) {
        int64_t trimmed = 0;

        err = delivery_feed_trim(tx, sweep.rows_left, &trimmed);
        sweep.rows_left -= trimmed;
    }
    if (!err && sweep.rows_left > 0) {
        int64_t forgotten = 0;

        err = usage_forget(tx, sweep.rows_left, &forgotten);
        sweep.rows_left -= forgotten;
    }
    if (!err)
        err = sweep_traces(&sweep);
    if (!err)
        err = walk_all(&sweep);
    if (!err)
        *pace = sweep.is_pressed                                   ? RETENTION_PRESSED
                : sweep.rows_left <= 0 || sweep.instants_left <= 0 ? RETENTION_MORE
                                                                   : RETENTION_DONE;
    return err;
}
